"""Time as the rest of jumar sees it: one small protocol, so that tests need no wall clock."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Where times come from."""

    def now_s(self) -> float:
        """Seconds since the epoch, for records that people read."""
        ...

    def elapsed_s(self) -> float:
        """Seconds on a clock that never goes back, for durations."""
        ...


class SystemClock:
    """The machine's own clocks."""

    now_s = staticmethod(time.time)
    elapsed_s = staticmethod(time.perf_counter)


class ManualClock:
    """A clock that moves only when told to.

    Example:
        >>> clock = ManualClock(now_s=100.0)
        >>> clock.advance(2.5)
        >>> clock.now_s(), clock.elapsed_s()
        (102.5, 2.5)
    """

    def __init__(self, now_s: float = 0.0) -> None:
        self._start_s = now_s
        self._elapsed_s = 0.0

    def now_s(self) -> float:
        """The start plus all advances, in seconds."""
        return self._start_s + self._elapsed_s

    def elapsed_s(self) -> float:
        """The sum of all advances, in seconds."""
        return self._elapsed_s

    def advance(self, seconds: float) -> None:
        """Move the clock forward."""
        self._elapsed_s += seconds

    def set_back(self, seconds: float) -> None:
        """Let the time of day go back, as when a wrong clock is put right; durations do not notice."""
        self._start_s -= seconds
