"""What calls need while they run, other than a worker, and how much of it there is."""

from __future__ import annotations

from collections.abc import Mapping

Demand = Mapping[str, float]
"""How much of each resource a call needs while it runs."""

_SLACK = 1e-9
"""Ten tenths are one."""


class Pool:
    """Counts what is free of each resource.

    Args:
        capacity: How much there is.

    Example:
        >>> pool = Pool({"gpu": 2})
        >>> pool.take({"gpu": 1.5})
        >>> pool.fits({"gpu": 1}), pool.fits({"gpu": 0.5})
        (False, True)
        >>> print(pool.lacks({"gpu": 3}))
        3 of 'gpu', of which there are 2 in all
    """

    def __init__(self, capacity: Demand) -> None:
        self._capacity = dict(capacity)
        self._free = dict(capacity)

    def lacks(self, demand: Demand) -> str | None:
        """What can never be had, in words; None where the demand can be met some day."""
        for name, amount in demand.items():
            there = self._capacity.get(name)
            if there is None:
                known = ", ".join(map(repr, self._capacity)) or "none"
                return f"{amount:g} of {name!r}, which is no resource of this session (there are: {known})"
            if amount > there + _SLACK:
                return f"{amount:g} of {name!r}, of which there are {there:g} in all"
        return None

    def fits(self, demand: Demand) -> bool:
        """Whether the demand can be met now."""
        return all(amount <= self._free[name] + _SLACK for name, amount in demand.items())

    def take(self, demand: Demand) -> None:
        """Reserve; more than there is where a call that had lent its resources goes on."""
        for name, amount in demand.items():
            self._free[name] -= amount

    def give(self, demand: Demand) -> None:
        """Give back."""
        for name, amount in demand.items():
            self._free[name] += amount
