"""The account of a memory budget: what lies in memory, what calls use, and who gives way first. Pure."""

from __future__ import annotations

from collections import OrderedDict


class Account:
    """Counts bytes against a budget, and keeps those who hold them in the order in which they were last used.

    Holders are known by numbers, so that the account keeps none of them alive.

    Args:
        budget_bytes: How much may be used; None for any amount.

    Example:
        >>> account = Account(100)
        >>> account.enter(1, 60)
        >>> account.enter(2, 60)
        >>> account.touch(1)
        >>> account.excess_bytes, account.oldest()
        (20, 2)
        >>> account.leave(2)
        >>> account.excess_bytes, account.held_bytes
        (0, 60)
    """

    def __init__(self, budget_bytes: int | None = None) -> None:
        self.budget_bytes = budget_bytes
        self.held_bytes = 0
        self.used_bytes = 0
        """What the calls that run have been given and are expected to give."""
        self.pinned_bytes = 0
        """The part of what is held that cannot give way."""
        self.peak_bytes = 0
        """The most that was held and used at a time."""
        self._sizes: OrderedDict[int, int] = OrderedDict()
        self._pins: dict[int, int] = {}

    def __contains__(self, number: int) -> bool:
        return number in self._sizes

    @property
    def excess_bytes(self) -> int:
        """How much is held and used beyond the budget."""
        return 0 if self.budget_bytes is None else max(0, self.held_bytes + self.used_bytes - self.budget_bytes)

    def enter(self, number: int, size_bytes: int) -> None:
        """Note that a holder has so many bytes in memory now."""
        self.leave(number)
        self._sizes[number] = size_bytes
        self.held_bytes += size_bytes
        if number in self._pins:
            self.pinned_bytes += size_bytes
        self._note_peak()

    def leave(self, number: int) -> None:
        """Note that a holder has none there any more."""
        size_bytes = self._sizes.pop(number, 0)
        self.held_bytes -= size_bytes
        if number in self._pins:
            self.pinned_bytes -= size_bytes

    def forget(self, number: int) -> None:
        """Note that a holder is no more."""
        self.leave(number)
        self._pins.pop(number, None)

    def touch(self, number: int) -> None:
        """Note that a holder was used just now."""
        if number in self._sizes:
            self._sizes.move_to_end(number)

    def age(self, number: int) -> None:
        """Let a holder be the next to give way."""
        if number in self._sizes:
            self._sizes.move_to_end(number, last=False)

    def pin(self, number: int, times: int) -> None:
        """Keep a holder from giving way so many times more; a negative number takes that back."""
        before = self._pins.pop(number, 0)
        after = max(0, before + times)
        if after:
            self._pins[number] = after
        self.pinned_bytes += self._sizes.get(number, 0) * (bool(after) - bool(before))

    def oldest(self) -> int | None:
        """The one that was not used for the longest time, of those that may give way."""
        return next((number for number in self._sizes if number not in self._pins), None)

    def use(self, size_bytes: int) -> None:
        """Note that calls use so much more; a negative number takes that back."""
        self.used_bytes += size_bytes
        self._note_peak()

    def _note_peak(self) -> None:
        self.peak_bytes = max(self.peak_bytes, self.held_bytes + self.used_bytes)
