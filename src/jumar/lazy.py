"""Lazy calls: described now, looked for from the top and run only as far as they are needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

from jumar.engine import Engine
from jumar.graph.call import Call, Handle
from jumar.graph.call_info import CallInfo, call_info
from jumar.graph.options import Hooks
from jumar.hooked import restored, saved
from jumar.keys.value import register_reference

T = TypeVar("T")


class Lazy(Handle, Generic[T]):
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


def collect(
    lazy: Lazy[T],
    *,
    checkpoint: Callable[[CallInfo, T], object] | None = None,
    restore: Callable[[CallInfo], T | None] | None = None,
) -> T:
    """The value of a lazy call: found, or computed with as much of what it needs as is not found either.

    Args:
        lazy: The call.
        checkpoint: Called with the call and the value that came out, to keep it somewhere of one's own as well.
        restore: Asked first, before anything is looked at or run; None means that nothing is there. An error in either
            is told and costs nothing but what it was to do.

    Raises:
        BaseException: What a task raised.

    Example:
        >>> import jumar
        >>> @jumar.task
        ... def double(x: int) -> int:
        ...     return 2 * x
        >>> mine = {}
        >>> jumar.collect(double.lazy(4), checkpoint=lambda call, value: mine.update({call.key: value}))
        8
        >>> jumar.collect(double.lazy(4), restore=lambda call: mine.get(call.key))
        8
    """
    call, engine = lazy._call, lazy._keeper  # noqa: SLF001
    if restore is not None:
        found = restored(call, Hooks(restore, None), engine.complain)
        if found is not None:
            return cast("T", found.take())
    info = None if checkpoint is None else call_info(call)
    value = cast("T", engine.spawn(call).result())
    if checkpoint is not None and info is not None:
        saved(call, info, value, checkpoint, engine.complain)
    return value
