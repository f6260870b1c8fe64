"""The calls that may run on one executor."""

from __future__ import annotations

from jumar.graph.parked import Parked
from jumar.graph.ready import Ready
from jumar.graph.resources import Pool


class Queue:
    """Those that wait for a worker of the executor, and those that wait for resources as well.

    Args:
        pool: The resources, which are shared with the calls of other executors.
    """

    def __init__(self, pool: Pool) -> None:
        self.ready = Ready()
        self.parked = Parked(pool)
        self.waiting = 0
        """How many calls there are of both kinds."""

    def has_above(self, priority: int) -> bool:
        """Whether a call of a higher priority could run now."""
        if self.ready.has_above(priority):
            return True
        parked = self.parked.first()
        return parked is not None and parked.priority > priority
