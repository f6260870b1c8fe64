"""Calls that may run but for the resources that they need: they stand in line until enough is free."""

from __future__ import annotations

from collections import deque

from jumar.graph.call import READY, Call
from jumar.graph.resources import Pool

_Kind = tuple[int, tuple[tuple[str, float], ...]]


class Parked:
    """Lines of calls, one for each priority and demand: of those in one line, nobody fits unless the first does.

    Args:
        pool: What is free.

    Example:
        >>> pool = Pool({"gpu": 1})
        >>> parked = Parked(pool)
        >>> call = Call(b"1")
        >>> call.state, call.demand = READY, {"gpu": 1}
        >>> pool.take(call.demand)
        >>> parked.add(call)
        >>> pool.give(call.demand), parked.look_again()
        (None, None)
        >>> parked.first() is call
        True
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._lines: dict[_Kind, deque[Call]] = {}
        self._may_fit = False

    def add(self, call: Call) -> None:
        """Take in a call that does not fit now, at the end of its line."""
        self._lines.setdefault(_kind(call), deque()).append(call)

    def look_again(self) -> None:
        """Note that something was given back."""
        self._may_fit = True

    def first(self) -> Call | None:
        """The call of the highest priority that fits now; it stays in its line. Of equals, that of the oldest line."""
        if not self._may_fit:
            return None
        best: Call | None = None
        for kind, line in list(self._lines.items()):
            while line and line[0].state is not READY:  # cancelled, or run out of turn
                line.popleft()
            if not line:
                del self._lines[kind]
            elif (best is None or best.priority < line[0].priority) and self._pool.fits(line[0].demand or {}):
                best = line[0]
        self._may_fit = best is not None
        return best

    def take(self, first: Call) -> Call:
        """Take the call that `first` gave from its line."""
        return self._lines[_kind(first)].popleft()


def _kind(call: Call) -> _Kind:
    return call.priority, tuple(sorted((call.demand or {}).items()))
