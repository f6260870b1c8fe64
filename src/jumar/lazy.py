"""Lazy calls: described now, looked for from the top and run only as far as they are needed."""

from __future__ import annotations

from typing import Any, Generic, TypeVar, cast

from jumar.engine import Engine
from jumar.graph.call import Call
from jumar.keys.value import register_reference

T = TypeVar("T")


class Lazy(Generic[T]):
    """A call that is described but not started: made with ``f.lazy(x)``.

    It may stand anywhere in the arguments of other calls, lazy or not, as a future may. `collect` gives its value:
    if that is kept, nothing that it was made from is looked at or run, however much of it was lost.

    Example:
        >>> import jumar
        >>> @jumar.task
        ... def double(x: int) -> int:
        ...     return 2 * x
        >>> jumar.collect(double.lazy(double.lazy(1)))
        4
    """

    def __init__(self, keeper: Engine, call: Call) -> None:
        self._keeper = keeper
        self._call = call

    @property
    def key(self) -> str:
        """The call's key in hexadecimal."""
        return self._call.key.hex()

    def __repr__(self) -> str:
        return f"<jumar.Lazy {self._call.task.name} {self.key[:12]}>"

    def __reduce__(self) -> Any:
        """Refused: a lazy call belongs to a session of this process."""
        raise TypeError(f"{self!r} cannot be pickled: it belongs to a session of this process. Pass its value on.")


register_reference(Lazy, lambda lazy: cast("bytes", lazy._call.key))  # noqa: SLF001


def collect(lazy: Lazy[T]) -> T:
    """The value of a lazy call: found, or computed with as much of what it needs as is not found either.

    Raises:
        BaseException: What a task raised.
    """
    return cast("T", lazy._keeper.spawn(lazy._call).result())  # noqa: SLF001
