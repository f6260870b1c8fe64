"""The vigil: what runs of this process wait for, without a thread for each: times that come, and events that are sent."""

from __future__ import annotations

import asyncio
import math
import os
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Any

from jumar.alarms import Alarm, Alarms
from jumar.clock import Clock
from jumar.open_run import OpenRun
from jumar.runs.heart import HEART
from jumar.store.awaited import Awaited, WaitRow
from jumar.store.sqlite_connection import FAULTS
from jumar.store.trouble import Trouble

_LONGEST_S = threading.TIMEOUT_MAX / 2
"""An alarm cannot be set for later; who waits longer is looked at with every beat all the same."""


class Given(Exception):  # noqa: N818  (an outcome, which is no error)
    """Tells a wait that is given up from one that ends."""


class Wait:
    """One wait of one run.

    Args:
        run: The run.
        key: The step's.
        name: The event's name; empty for a sleep.
        limit_s: How long it lasts at most, in seconds; None where only the event ends it.
    """

    def __init__(self, run: OpenRun, key: bytes, name: str, limit_s: float | None) -> None:
        store = run.engine.store
        self._clock: Clock = store.clock
        self.run, self.table, self.index = run, Awaited(store.index), store.index
        since_s = self._clock.now_s()
        until_s = None if limit_s is None else since_s + limit_s
        self.key = key
        """The step's key."""
        self.row = WaitRow(run.token, key, name, since_s, until_s)
        self._limit_s: float = math.inf if limit_s is None else limit_s
        self._started_s = self._clock.elapsed_s()
        self.tell: Callable[[Any], object] | None = None
        """Called once where somebody waits: with the payload of the event, None where the time is over, or `Given`."""
        self._is_begun = False
        self._settling = threading.Lock()
        self.alarm: Alarm | None = None

    @property
    def place(self) -> tuple[bytes, str]:
        """What it is looked for by: the run's token, and the event's name."""
        return self.row.run, self.row.name

    @property
    def left_s(self) -> float:
        """How long it lasts at most from now on, in seconds, whichever clock says so first.

        The time of day counts, as a run may be taken up in another process, on another day. A clock that is set back
        does not make a wait longer than it was meant to be; one that is set forward ends it early.
        """
        if self.row.until_s is None:
            return math.inf
        by_day_s: float = self.row.until_s - self._clock.now_s()
        by_duration_s: float = self._limit_s - (self._clock.elapsed_s() - self._started_s)
        return min(by_day_s, by_duration_s)

    @property
    def is_due(self) -> bool:
        """Whether a look is worth its while, whatever was sent."""
        return not self._is_begun or self.left_s <= 0

    def glance(self) -> tuple[bool, str | None]:
        """Whether it is over now, and the payload of the event if that has ended it. It is begun in the store if it was not.

        Raises:
            sqlite3.Error: The store cannot be used.
        """
        payload = self._found()
        return payload is not None or self.left_s <= 0, payload

    def look(self) -> bool:
        """Whether it is over now; whoever waits has been told then.

        Raises:
            sqlite3.Error: The store cannot be used; it goes on waiting.
        """
        if self.tell is None:
            return True
        is_over, payload = self.glance()
        if is_over:
            self._settle(payload)
        return is_over

    def give_up(self) -> None:
        """Wait no more."""
        self._settle(Given)

    def _found(self) -> str | None:
        if not self._is_begun:
            until_s, payload = self.table.begin(self.row)
            self._is_begun = True
            self.row = self.row._replace(until_s=until_s)
            return payload
        return self.table.take(self.row) if self.row.name else None

    def _settle(self, outcome: Any) -> None:
        with self._settling:
            tell, self.tell = self.tell, None
        if tell is not None:
            tell(outcome)


class Vigil:
    """Watches for all waits of this process.

    What they wait for is looked for with every beat of the heart, and at once where this process sends an event or a time
    has come.

    *Guarantees*: every method may be called from any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        """Held while a store is asked: it may be closed once its waits have been removed."""
        self._waits: dict[tuple[bytes, str], dict[Wait, None]] = {}
        """By the run's token and the event's name, in the order in which they began."""
        self._alarms = Alarms()
        self._told = False

    async def keep(self, wait: Wait) -> str | None:
        """The payload of the event, waited for without a thread; None where the time is over first.

        Raises:
            asyncio.CancelledError: The run was stopped.
        """
        loop = asyncio.get_running_loop()
        told: asyncio.Future[Any] = loop.create_future()

        def tell(outcome: Any) -> None:
            with suppress(RuntimeError):  # the loop was closed: the session has ended
                loop.call_soon_threadsafe(_settle, told, outcome)

        wait.tell = tell
        self.add(wait)
        try:
            outcome = await told
        finally:
            self.remove(wait)
        if outcome is Given:
            raise asyncio.CancelledError
        payload: str | None = outcome
        return payload

    def add(self, wait: Wait) -> None:
        """Watch for a wait, unless it is over at once."""
        wait.run.waits.add(wait)
        if wait.run.stopped:
            wait.give_up()
            return
        with self._lock:
            if not self._waits:
                HEART.add(self)
            self._waits.setdefault(wait.place, {})[wait] = None
        self._ring(wait)

    def remove(self, wait: Wait) -> None:
        """Watch for it no more."""
        wait.run.waits.discard(wait)
        if wait.alarm is not None:
            self._alarms.cancel(wait.alarm)
        with self._lock:
            waits = self._waits.get(wait.place, {})
            if wait in waits:
                del waits[wait]
                if not waits:
                    del self._waits[wait.place]
                if not self._waits:
                    HEART.remove(self)

    def look(self, run: bytes, name: str) -> None:
        """Look whether a wait is over: an event was sent.

        Args:
            run: The run's token.
            name: The event's name.
        """
        with self._lock:
            self._look_at(self._waits.get((run, name), ()))

    def beat(self) -> None:
        """Look for what others have sent, and for times that have come in ways that alarms do not hear of."""
        with self._lock:
            asked: dict[int, list[Wait]] = {}
            for (_, name), waits in self._waits.items():
                if name:
                    first = next(iter(waits))
                    asked.setdefault(id(first.index), []).append(first)
            for firsts in asked.values():
                try:
                    there = firsts[0].table.there([wait.place for wait in firsts])
                except (*FAULTS, OSError) as error:
                    self._complain(firsts[0], error)
                    return
                for place in there:
                    self._look_at(self._waits[place])
            due = [wait for waits in self._waits.values() for wait in waits if wait.is_due]
            for wait in due:
                self._look_at([wait])

    def waiting(self, run: bytes) -> int:
        """How many things a run waits for here.

        Args:
            run: The run's token.
        """
        with self._lock:
            return sum(len(waits) for (token, _), waits in self._waits.items() if token == run)

    def _ring(self, wait: Wait) -> None:
        """Look, and again when the time has come: an alarm may be a little early, and reads another clock."""
        self._look_at([wait])
        with self._lock:
            if wait in self._waits.get(wait.place, ()) and 0 < wait.left_s < _LONGEST_S:
                wait.alarm = self._alarms.set(wait.left_s, partial(self._ring, wait))

    def _look_at(self, waits: Iterable[Wait]) -> None:
        """Look at waits of one place until one is not over."""
        with self._lock:
            for wait in waits:
                try:
                    if wait in self._waits.get(wait.place, ()) and not wait.look():
                        break
                except (*FAULTS, OSError) as error:
                    self._complain(wait, error)
                    return
            self._told = False

    def _complain(self, wait: Wait, error: Exception) -> None:
        """Tell once that the store cannot be used; the waits go on."""
        if not self._told:
            self._told = True
            text = (
                f"run {wait.run.id!r} waits, and what it waits for could not be read or written ({type(error).__name__}: "
                f"{error}). It goes on waiting, and looks again."
            )
            wait.run.engine.tell(Trouble("unsaved", text, wait.row.key, error))


def _settle(told: asyncio.Future[Any], outcome: Any) -> None:
    if not told.done():
        told.set_result(outcome)


VIGIL = Vigil()


def _forget() -> None:
    """In a forked child: the runs are the parent's."""
    VIGIL.__init__()  # type: ignore[misc]


os.register_at_fork(after_in_child=_forget)
