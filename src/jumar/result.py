"""What a finished call holds: a value, handed to each reader as a value of its own, or an error."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

from jumar.graph.arguments import ATOMS


def unchangeable(value: Any) -> bool:
    """Whether nobody can change the value, so that all readers may share it: atoms, and flat tuples of them."""
    kind = type(value)
    return kind in ATOMS or (kind in (tuple, frozenset) and ATOMS.issuperset(map(type, value)))


class Result:
    """A value and the way to get another copy of it.

    The first reader gets the object that the function returned; it was encoded before, so what the reader does with
    it reaches no one. Every further reader gets a value decoded from the store. Where there is nothing to decode (the
    value was not kept) or nothing to protect (it cannot be changed), all readers share one object.

    Args:
        value: The value, where it is at hand.
        fresh: Whether ``value`` is at hand.
        copy: Gives a new copy; None where all readers share ``value``.
    """

    __slots__ = ("_copy", "_fresh", "_value")

    def __init__(self, value: Any = None, *, fresh: bool = True, copy: Callable[[], Any] | None = None) -> None:
        self._copy = copy
        self._value = value if copy is None else None
        self._fresh = [value] if fresh and copy is not None else []

    @property
    def shared(self) -> bool:
        """Whether all readers get one object."""
        return self._copy is None

    def take(self) -> Any:
        """A value for one reader, who may change it.

        Raises:
            DamagedError: It had to be read from the store, and there it is missing or altered.
        """
        if self._copy is None:
            return self._value
        try:
            return self._fresh.pop()  # atomic: exactly one reader gets the original
        except IndexError:
            return self._copy()


class Failed:
    """An error with the traceback it had when the task raised it.

    Raising an exception makes its traceback longer; many readers raise the same one, so each starts from the original.
    """

    __slots__ = ("error", "traceback")

    def __init__(self, error: BaseException) -> None:
        self.error = error
        self.traceback: TracebackType | None = error.__traceback__

    def prepared(self, note: str = "") -> BaseException:
        """The error, ready to be raised once more, with ``note`` among its notes."""
        if note and note not in getattr(self.error, "__notes__", ()):
            self.error.add_note(note)
        return self.error.with_traceback(self.traceback)
