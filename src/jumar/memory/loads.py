"""What the calls that run use of the memory budget, and whether there is room for one more. Pure."""

from __future__ import annotations

from jumar.memory.account import Account

_REMEMBERED = 4096
"""Codes whose results are remembered by their size; what is forgotten is expected to give nothing."""


class Loads:
    """Counts what calls have been given and are expected to give: the largest result of the same code so far.

    Args:
        account: Where it counts.

    Example:
        >>> loads = Loads(Account(100))
        >>> loads.note_result(b"code", 30)
        >>> loads.begin(1, b"code", 20)
        >>> loads.is_short
        False
        >>> loads.begin(2, b"code", 20)
        >>> loads.is_short
        True
        >>> loads.end(1)
        >>> loads.is_short
        False
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        self._loads: dict[int, int] = {}
        self._results: dict[bytes, int] = {}
        self._largest = 0

    def begin(self, number: int, code: bytes, given_bytes: int) -> None:
        """Note that a call is about to be given so much."""
        self.end(number)
        load = self._loads[number] = given_bytes + self._results.get(code, 0)
        self._account.use(load)
        self._largest = max(self._largest, load)

    def add(self, number: int, size_bytes: int) -> None:
        """Note that a call has been given more; nothing happens where it does not run."""
        load = self._loads.get(number)
        if load is not None:
            self._account.use(size_bytes)
            self._loads[number] = load + size_bytes
            self._largest = max(self._largest, load + size_bytes)

    def end(self, number: int) -> None:
        """Note that a call uses nothing any more; a second time does nothing."""
        load = self._loads.pop(number, 0)
        self._account.use(-load)
        if load == self._largest:
            self._largest = max(self._loads.values(), default=0)

    def note_result(self, code: bytes, size_bytes: int) -> None:
        """Remember how large a result was."""
        if size_bytes > self._results.get(code, 0):
            if len(self._results) >= _REMEMBERED:
                self._results.clear()
            self._results[code] = size_bytes

    @property
    def is_short(self) -> bool:
        """Whether one more call like the largest of those that run would go beyond the budget, whatever gave way for it."""
        account = self._account
        if account.budget_bytes is None:
            return False
        return account.pinned_bytes + account.used_bytes + self._largest > account.budget_bytes
