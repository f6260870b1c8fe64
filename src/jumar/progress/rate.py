"""The rate of a job: calls per second, with what happened lately counting most."""

from __future__ import annotations

import math

SHORTEST_S = 20.0
LONGEST_S = 600.0
"""How long the past counts: as long as the job has been going, within these bounds. A fixed time was too short for
calls of several minutes, between which the rate fell to nothing and the time left rose to years."""


class Rate:
    """Calls per second from occasional looks at a counter.

    Calls and the time they took are both summed with weights that fade, and their quotient is the rate: right from the
    first calls on, however irregular the looks are.

    Example:
        >>> rate = Rate()
        >>> rate.update(0, at_s=0.0), rate.update(10, at_s=2.0)
        (0.0, 5.0)
    """

    def __init__(self) -> None:
        self._seen: tuple[int, float] | None = None
        self._started_s = 0.0
        self._calls = 0.0
        self._time_s = 0.0

    def update(self, calls: int, *, at_s: float) -> float:
        """The rate in calls per second, as of now.

        Args:
            calls: How many there are in all. Fewer than before (a damaged result is computed again) slows the rate.
            at_s: The time of this look in seconds, on a clock that never goes back.

        Returns:
            The smoothed rate, never negative; 0 at the first look.
        """
        if self._seen is None:
            self._seen, self._started_s = (calls, at_s), at_s
            return 0.0
        before, before_s = self._seen
        self._seen = (calls, at_s)
        fading_s = min(max(at_s - self._started_s, SHORTEST_S), LONGEST_S)
        past = math.exp(-(at_s - before_s) / fading_s)
        self._calls = max(0.0, self._calls * past + calls - before)
        self._time_s = self._time_s * past + at_s - before_s
        return self._calls / self._time_s if self._time_s else 0.0
