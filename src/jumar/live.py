"""The calls of an engine that have not ended: single flight, counts, and waiting until there are none."""

from __future__ import annotations

import threading
from collections.abc import Set as AbstractSet
from typing import Any

from jumar.errors import JumarError
from jumar.events import Counts
from jumar.future import Future
from jumar.graph.call import NEW, NOTHING, RUNNING, Call
from jumar.latch import Latch


class Live:
    """The table of calls that have not ended, by their keys. Equal calls are one.

    Methods whose text says so are called with the latch held.
    """

    def __init__(self) -> None:
        self.latch = Latch()
        self.calls: dict[bytes, Call] = {}
        self.is_closed = False
        self.computed = self.restored = self.failed = self.cancelled = 0
        self.expected = 0
        """How many runs wait for their turn to make calls here."""
        self.never_run = 0
        """Calls that were skipped to the end."""
        self.skipped: AbstractSet[Call] = frozenset()
        """Those of the table that are skipped; the scheduler's."""
        self._drainers: list[threading.Event] = []

    def join(self, call: Call, future: Future[Any]) -> bool:
        """Give the future to an equal call under way, if there is one, else enter this one. The latch is held.

        Raises:
            JumarError: No more calls are taken.
        """
        if self.is_closed:
            raise JumarError(
                f"the session is closed and takes no more calls (task {call.task.name!r}). "
                "Make the call inside its `with` block, or open another Session."
            )
        twin = self.calls.get(call.key)
        if twin is None:
            self.calls[call.key] = call
            call.entered = True
            call.future = future
            return False
        call.twin = twin
        _keep_for(call, twin)
        future._call = twin  # noqa: SLF001  (a future and its engine are one thing in two files)
        twin.follow(future)
        return True

    def enter(self, lazy: Call) -> bool:
        """Whether the call was entered just now; else it was before, or an equal one is, which it gives way to."""
        with self.latch:
            twin = self.calls.setdefault(lazy.key, lazy)
            if twin is not lazy:
                lazy.twin = twin
                twin.stands_in = True
                _keep_for(lazy, twin)
            is_new = twin is lazy and not lazy.entered
            lazy.entered = True
        return is_new

    def leave(self, call: Call) -> None:
        """Take an ended call from the table. The latch is held."""
        if call.run is not None:  # before the run can be found to have no calls under way
            call.run.ends(call)
        if self.calls.get(call.key) is call:
            del self.calls[call.key]
        if self._drainers:
            self.look_again()

    def expect(self, runs: int) -> None:
        """Expect the calls of so many runs more; a negative number says that they have come, or will not."""
        with self.latch:
            self.expected += runs
            self._wake_drainers()

    def look_again(self) -> None:
        """Wake those who wait until no call is unfinished, if none is. The latch is held."""
        if len(self.calls) == len(self.skipped):
            self._wake_drainers()

    def _wake_drainers(self) -> None:
        for drainer in self._drainers:
            drainer.set()
        self._drainers.clear()

    def forget(self, call: Call) -> None:
        """Forget a call whose making was interrupted (Ctrl-C between two steps), so that it can be made again."""
        with self.latch:
            if call.state is NEW and self.calls.get(call.key) is call:
                self.leave(call)

    def counts(self) -> Counts:
        """What became of the calls so far."""
        with self.latch:
            skipped = sum(call.counted for call in self.skipped)
            unfinished = len(self.calls) - len(self.skipped)
            ended = self.computed, self.restored, self.failed, self.cancelled
            return Counts(*ended, unfinished, self.never_run + skipped)

    def drain(self, *, also_expected: bool = False) -> None:
        """Wait until no call is unfinished, and with ``also_expected`` none is expected either. What is skipped is finished."""
        while True:
            quiet = threading.Event()
            with self.latch:
                if len(self.calls) == len(self.skipped) and not (also_expected and self.expected):
                    return
                self._drainers.append(quiet)
            quiet.wait()


def _keep_for(call: Call, twin: Call) -> None:
    """Let a call that has not begun be kept if somebody wants that; once it runs it is what it was begun as."""
    if call.keep and not twin.keep and twin.state is not RUNNING and twin.tail is NOTHING:
        twin.keep = True
