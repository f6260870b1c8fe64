"""The calls that may run, in the order in which they are to: by priority, then depth first."""

from __future__ import annotations

from bisect import insort
from collections import deque
from typing import NamedTuple

from jumar.graph.call import READY, Call


class _Level(NamedTuple):
    fresh: deque[Call]
    released: list[Call]


class Ready:
    """Hands out calls of a higher priority first.

    Among equals, a call that became ready because something it needs had finished comes before those that were ready when
    they were made, the latest first: what was computed is used while it is at hand, and let go of early. The others run in
    the order in which they were made.

    Example:
        >>> ready = Ready()
        >>> first, second, urgent = Call(b"1"), Call(b"2"), Call(b"3")
        >>> urgent.priority = 5
        >>> for call in (first, second, urgent):
        ...     call.state = READY
        ...     ready.add(call)
        >>> ready.take() is urgent, ready.take() is first, ready.take() is second, ready.take()
        (True, True, True, None)
    """

    def __init__(self) -> None:
        self._levels = {0: _Level(deque(), [])}
        self._order = [0]  # negated priorities, so that the highest comes first

    def add(self, call: Call) -> None:
        """Take in a call that needs nothing unfinished."""
        self._level(call).fresh.append(call)

    def add_released(self, call: Call) -> None:
        """Take in a call whose last need has just finished."""
        self._level(call).released.append(call)

    def unlist(self, call: Call) -> None:
        """Forget a call, if it is the one that was taken in last."""
        fresh = self._level(call).fresh
        if fresh and fresh[-1] is call:
            fresh.pop()

    def take(self, above: int | None = None) -> Call | None:
        """The next call; None where there is none. A call that is not ready any more is passed over.

        Args:
            above: Only calls of a higher priority than this one.
        """
        for order in self._order:
            if above is not None and -order <= above:
                break
            fresh, released = self._levels[-order]
            while released:
                call = released.pop()
                if call.state is READY:
                    return call
            while fresh:
                call = fresh.popleft()
                if call.state is READY:
                    return call
        return None

    def has_above(self, priority: int) -> bool:
        """Whether there is a call of a higher priority than this one; those that are not ready any more are let go of."""
        for order in self._order:
            if -order <= priority:
                return False
            fresh, released = self._levels[-order]
            while released and released[-1].state is not READY:
                released.pop()
            while fresh and fresh[0].state is not READY:
                fresh.popleft()
            if fresh or released:
                return True
        return False

    def _level(self, call: Call) -> _Level:
        level = self._levels.get(call.priority)
        if level is None:
            level = self._levels[call.priority] = _Level(deque(), [])
            insort(self._order, -call.priority)
        return level
