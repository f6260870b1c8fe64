"""Flights: one execution of a call among all processes on a store. Who holds the lease runs it; the others wait.

Waiting takes no thread. A call that another process runs is put off, and its worker goes on with the next one; one
thread watches the leases and hands back what can be taken up again: the result is there then, or the holder has failed
or died, and the call is run here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from jumar.clock import Clock, SystemClock
from jumar.continuation import Continuation
from jumar.graph.call import Call
from jumar.record import Recorder
from jumar.result import ELSEWHERE, Elsewhere, KeptError, Result
from jumar.store.lease import Leases
from jumar.store.sqlite_connection import FAULTS
from jumar.store.store import Store
from jumar.store.trouble import Trouble

_T = TypeVar("_T")

PAUSES_S = (0.001, 0.05)
"""The first and the longest pause between two looks at what other processes run, in seconds; each is twice the last."""


class Flights:
    """Holds the leases of one engine, and watches those of others.

    Args:
        leases: Where they are taken.
        store: Where results are; a lease is given back when its result is in it.
        recorder: Finds results that others have recorded meanwhile.
        resume: Takes calls that were put off and can be taken up again.
        tell: Hears of trouble. Whatever is wrong with leases, calls run without them.
        in_place: Whether `enter` waits for the other process, where there are no workers to go on with something else.
        clock: For when leases are renewed.
        pause: Waits for so many seconds, where `enter` waits.
        has_thread: Whether a thread tends the leases, from the first one on; else whoever made this calls `tend`.

    *Guarantees*: every method may be called from any thread. A call of which another process is alive and holds the
    lease is not run; at worst it is run twice, after a process stood still for longer than a lease lasts, and then one
    result counts.
    """

    def __init__(
        self,
        leases: Leases,
        store: Store,
        recorder: Recorder,
        resume: Callable[[Sequence[Call]], None],
        tell: Callable[[Trouble], None],
        *,
        in_place: bool = False,
        clock: Clock | None = None,
        pause: Callable[[float], object] = time.sleep,
        has_thread: bool = True,
    ) -> None:
        self._leases = leases
        self._store = store
        self._recorder = recorder
        self._resume = resume
        self._tell = tell
        self._in_place = in_place
        self._pause = pause
        self._has_thread = has_thread
        self._elapsed_s = (clock or SystemClock()).elapsed_s
        self._lock = threading.Lock()
        self._held: dict[bytes, float] = {}  # when each was last renewed
        self._landed: list[bytes] = []
        self._away: dict[bytes, Call] = {}
        self._pause_s = PAUSES_S[0]
        self._wake = threading.Event()
        self._closed = False
        self._thread: threading.Thread | None = None

    # -- what the engine asks --------------------------------------------------------------------------------------

    def enter(self, call: Call) -> Result | Continuation | KeptError | Elsewhere | None:
        """Ask before a call runs.

        Returns:
            None: run it. A result, or the graph that the call returned: another process has recorded it meanwhile.
            `ELSEWHERE`: put it off, and `watch` it.
        """
        if self._closed or call.suspect is not None or not (call.keep and call.is_findable):
            return None
        pause_s = PAUSES_S[0]
        while not self._is_taken(call.key):
            if not self._in_place:
                return ELSEWHERE
            self._pause(pause_s)
            pause_s = min(2 * pause_s, PAUSES_S[1])
        # Between the look that found nothing and the lease another may have recorded it and given its lease back.
        return self._recorder.kept(call)

    def is_ours(self, call: Call) -> bool:
        """Ask after a call has run: False if this process stood still for so long that another has taken the call over."""
        renewed_s = self._held.get(call.key)
        if renewed_s is None or self._elapsed_s() - renewed_s < self._leases.lease_s * 2 / 3:
            return True
        if call.key in self._renewed([call.key]):
            return True
        with self._lock:
            self._held.pop(call.key, None)
        return False

    def leave(self, call: Call) -> None:
        """Say that this process runs the call no more; the lease goes once the result, if there is one, is in the store."""
        if call.key in self._held:
            with self._lock:
                if self._held.pop(call.key, None) is not None:
                    self._landed.append(call.key)
            self._wake.set()

    def watch(self, call: Call) -> None:
        """Hand the call back when nobody else runs it any more. It must have been put off before."""
        with self._lock:
            self._away[call.key] = call
            self._pause_s = PAUSES_S[0]
        self._begin()
        self._wake.set()

    def close(self) -> None:
        """Give all leases back and watch no more; a second close does nothing."""
        self._closed = True
        self._wake.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        with self._lock:
            self._landed += self._held
            self._held.clear()
            self._away.clear()
        self.tend()

    # -- the thread ------------------------------------------------------------------------------------------------

    def tend(self) -> None:
        """Give back, renew and look, as far as there is something to do."""
        with self._lock:
            landed, self._landed = self._landed, []
            away = dict(self._away)
            now_s = self._elapsed_s()
            due = [key for key, renewed_s in self._held.items() if now_s - renewed_s >= self._leases.lease_s / 3]
        if landed:
            self._store.flush()
            self._carefully(lambda: self._leases.give_back(landed))
        if due:
            self._renewed(due)
        if away:
            self._hand_back(away)

    def _hand_back(self, away: dict[bytes, Call]) -> None:
        free: list[bytes] | None = self._carefully(lambda: self._leases.free(away))
        # Where leases cannot be read each call is taken up again, and runs without a lease if it cannot take one either.
        keys = list(away) if free is None else free
        with self._lock:
            for key in keys:
                self._away.pop(key, None)
            self._pause_s = PAUSES_S[0] if keys else min(2 * self._pause_s, PAUSES_S[1])
        if keys:
            self._resume([away[key] for key in keys])

    def _begin(self) -> None:
        with self._lock:
            if self._has_thread and self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="jumar-leases", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        try:
            while not self._closed:
                self._wake.wait(self._rest_s())
                self._wake.clear()
                self.tend()
        finally:
            # Nobody watches any more: what was put off is not to wait for ever.
            self._closed = True
            with self._lock:
                left = list(self._away.values())
                self._away.clear()
            if left:
                self._resume(left)

    def _rest_s(self) -> float | None:
        if self._away:
            return self._pause_s
        return self._leases.lease_s / 3 if self._held else None

    # -- leases ----------------------------------------------------------------------------------------------------

    def _is_taken(self, key: bytes) -> bool:
        """Whether the call may run here: with a lease, or without where none can be had."""
        taken = self._carefully(lambda: self._leases.take(key))
        if taken:
            with self._lock:
                self._held[key] = self._elapsed_s()
            self._begin()
            self._wake.set()
        return taken is not False

    def _renewed(self, keys: Sequence[bytes]) -> set[bytes]:
        """Renew leases; those that are not another's by now."""
        renewed: set[bytes] | None = self._carefully(lambda: self._leases.renew(keys))
        if renewed is None:
            return set(keys)
        now_s = self._elapsed_s()
        with self._lock:
            for key in renewed & self._held.keys():
                self._held[key] = now_s
        return renewed

    def _carefully(self, work: Callable[[], _T]) -> _T | None:
        """What the work gives; None, with a report, where the database cannot be used."""
        try:
            return work()
        except (*FAULTS, OSError) as error:
            text = (
                f"leases cannot be taken or read ({type(error).__name__}: {error}): until they can, calls that other "
                f"processes run at the same time may run here as well"
            )
            self._tell(Trouble("unsaved", text, None, error))
            return None
