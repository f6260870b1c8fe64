"""Alarms: work that is to be done after a while, on one thread for all of it."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable

_LOG = logging.getLogger("jumar")
_SWEPT_AT = 1000
"""Cancelled alarms that may wait for their time: of a million calls with a timeout of an hour most would."""


class Alarm:
    """One alarm; see `Alarms.cancel`."""

    __slots__ = ("ring",)

    def __init__(self, ring: Callable[[], object]) -> None:
        self.ring: Callable[[], object] | None = ring


class Alarms:
    """Rings each alarm when its time has come.

    The thread is started with the first alarm, and rings one after the other: what is rung must be short.

    Example:
        >>> alarms = Alarms()
        >>> rung = threading.Event()
        >>> alarm = alarms.set(0.0, rung.set)
        >>> rung.wait(10)
        True
        >>> alarms.close()
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: list[tuple[float, int, Alarm]] = []
        self._order = itertools.count()
        self._cancelled = 0
        self._thread: threading.Thread | None = None
        self._closed = False

    def set(self, delay_s: float, ring: Callable[[], object]) -> Alarm:
        """An alarm that calls ``ring()`` after so many seconds."""
        alarm = Alarm(ring)
        with self._changed:
            heapq.heappush(self._due, (time.monotonic() + delay_s, next(self._order), alarm))
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="jumar-alarms", daemon=True)
                self._thread.start()
            self._changed.notify()
        return alarm

    def cancel(self, alarm: Alarm) -> None:
        """Let an alarm not ring, if it has not rung; it keeps nothing alive any more."""
        alarm.ring = None
        with self._changed:
            self._cancelled += 1
            if self._cancelled > _SWEPT_AT and 2 * self._cancelled > len(self._due):
                self._due = [entry for entry in self._due if entry[2].ring is not None]
                heapq.heapify(self._due)
                self._cancelled = 0

    def close(self) -> None:
        """Ring no more. What is being rung is not waited for."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _run(self) -> None:
        while (alarm := self._next()) is not None:
            ring = alarm.ring
            if ring is None:
                continue
            try:
                ring()
            except Exception:  # noqa: BLE001  (the other alarms are to ring all the same)
                _LOG.exception("an alarm failed")

    def _next(self) -> Alarm | None:
        """The next alarm that is due, waited for; None when there are to be no more."""
        with self._changed:
            while not self._closed:
                if not self._due:
                    self._changed.wait()
                    continue
                left_s = self._due[0][0] - time.monotonic()
                if left_s <= 0 or self._due[0][2].ring is None:
                    return heapq.heappop(self._due)[2]
                self._changed.wait(left_s)
        return None
