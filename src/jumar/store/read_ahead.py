"""Rows read before they are asked for: a program that is run again asks in nearly the order in which it recorded."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

FEWEST, MOST = 8, 256
"""Rows read ahead at a time: doubled as long as they are asked for."""
_NEAR = 64
"""How far a row may lie behind the last one to count as next to it: workers record a little out of order."""


class ReadAhead:
    """Decides when to read ahead, and holds the rows until they are asked for or may have changed.

    Example:
        >>> ahead = ReadAhead()
        >>> ahead.after(10), ahead.after(11)
        (0, 8)
        >>> ahead.hold([(b"key", "row", 12)])
        >>> ahead.take(b"key"), ahead.take(b"key")
        (('row', 12), None)
    """

    def __init__(self) -> None:
        self._rows: dict[bytes, tuple[Any, ...]] = {}
        self._last = -_NEAR
        self._count = 0

    def take(self, key: bytes) -> tuple[Any, ...] | None:
        """The columns of a row after its key, if it is held; it is not held any more then."""
        row = self._rows.pop(key, None)
        if row is not None:
            self._last = row[-1]
        return row

    def after(self, number: int) -> int:
        """How many rows to read behind this one, which was just looked up; 0 for none.

        Args:
            number: The row's number, in the order of recording.
        """
        if type(number) is not int:  # a damaged database
            return 0
        is_next = 0 < number - self._last <= _NEAR
        self._count = min(max(2 * self._count, FEWEST), MOST) if is_next else 0
        self._last = number
        return self._count

    def hold(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Take in rows: key first, number last. What was held before was not asked for, and is let go."""
        # A damaged database may give anything in the place of a key or a number.
        self._rows = {row[0]: row[1:] for row in rows if type(row[0]) is bytes and type(row[-1]) is int}

    def drop(self, keys: Iterable[bytes]) -> None:
        """Let go of the rows of these calls: they were written anew or removed."""
        if self._rows:
            for key in keys:
                self._rows.pop(key, None)

    def forget(self) -> None:
        """Let go of everything: rows may have changed."""
        if self._rows:
            self._rows = {}
