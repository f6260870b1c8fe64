"""The error that a piece of work raises: what contract suites need of a test library, without one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

E = TypeVar("E", bound=BaseException)


def raised(kind: type[E], work: Callable[..., object], *args: Any, **kwargs: Any) -> E:
    """The error of this kind that ``work(*args, **kwargs)`` raises.

    Raises:
        AssertionError: It raises none. An error of another kind passes through.

    Example:
        >>> raised(ValueError, int, "x")
        ValueError("invalid literal for int() with base 10: 'x'")
    """
    try:
        outcome = work(*args, **kwargs)
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was expected, and {outcome!r} came")
