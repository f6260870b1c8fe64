"""What can be said of a value without having it: its type, its shape or its length."""

from __future__ import annotations

from collections.abc import Sized
from typing import Any, NamedTuple


class Outline(NamedTuple):
    """A value from outside."""

    type: str
    """The qualified name of its class, such as ``numpy.ndarray`` or ``list``."""
    shape: tuple[int, ...] | None = None
    """Of arrays and tables."""
    dtype: str | None = None
    """Of arrays."""
    length: int | None = None
    """Of what has one."""


def outline_of(value: Any) -> Outline:
    """The outline of a value.

    Example:
        >>> outline_of([1, 2])
        Outline(type='list', shape=None, dtype=None, length=2)
    """
    kind = type(value)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    shape = getattr(value, "shape", None)
    if not (isinstance(shape, tuple) and all(isinstance(size, int) for size in shape)):
        return Outline(name, length=_length_of(value))
    dtype = getattr(value, "dtype", None)
    return Outline(name, shape, None if dtype is None else str(dtype), shape[0] if shape else None)


def _length_of(value: Any) -> int | None:
    try:
        return len(value) if isinstance(value, Sized) else None
    except Exception:  # noqa: BLE001  (a class of the user's says it has a length and cannot tell it: then it has none)
        return None
