"""Lazy calls: described now, looked for from the top and run only as far as they are needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NoReturn, TypeVar, cast, overload

from jumar.engine import Engine
from jumar.future import Future
from jumar.graph.arguments import rebuild
from jumar.graph.call import Call, Handle
from jumar.graph.call_info import CallInfo, call_info
from jumar.graph.options import Hooks
from jumar.graph.sketch import sketch_of
from jumar.hooked import restored, saved
from jumar.keys.value import register_reference

if TYPE_CHECKING:
    from jumar.picture import Graph

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")


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

    item_of: ClassVar[Callable[[Any, Any], Any]]
    """Makes the call for an item; `jumar.part` puts it here, because this module knows no tasks."""
    __iter__: ClassVar[None] = None
    """With items and without this, Python would iterate for ever, from item 0 upwards."""

    def __init__(self, keeper: Engine, call: Call) -> None:
        self._keeper = keeper
        self._call = call
        self._sketch = sketch_of(call)

    @property
    def key(self) -> str:
        """The call's key in hexadecimal."""
        return self._call.key.hex()

    def graph(self) -> Graph:
        """What this call is made from and how each part stands now: kept, to be computed, running, done or failed.

        Nothing is run. A future among the arguments is shown without what it was made from. The picture stays whole
        when the calls have ended.
        """
        from jumar.picture import graph_of  # noqa: PLC0415  (most programs draw nothing)

        return graph_of(self._sketch, self._keeper)

    @overload
    def __getitem__(self: Lazy[dict[K, V]], key: K) -> Lazy[V]: ...
    @overload
    def __getitem__(self: Lazy[list[V]], key: int) -> Lazy[V]: ...
    @overload
    def __getitem__(self, key: Any) -> Lazy[Any]: ...
    def __getitem__(self, key: Any) -> Lazy[Any]:
        """An item of the value, as a lazy call; see `jumar.item`. For attributes there is `jumar.attr`."""
        return cast("Lazy[Any]", Lazy.item_of(self, key))

    def __bool__(self) -> NoReturn:
        """Refused: an ``if`` in the body of a graph would always take the same way."""
        raise TypeError(
            f"{self!r} is not computed yet, so it is neither true nor false. "
            "Take its value with jumar.collect(...), or decide inside a task."
        )

    def __repr__(self) -> str:
        return f"<jumar.Lazy {self._call.task.name} {self.key[:12]}>"

    def __reduce__(self) -> Any:
        """Refused: a lazy call belongs to a session of this process."""
        raise TypeError(f"{self!r} cannot be pickled: it belongs to a session of this process. Pass its value on.")


register_reference(Lazy, lambda lazy: cast("bytes", lazy._call.key))  # noqa: SLF001


@overload
def collect(
    lazy: Lazy[T],
    *,
    checkpoint: Callable[[CallInfo, Any], object] | None = None,
    restore: Callable[[CallInfo], Any] | None = None,
) -> T: ...
@overload
def collect(
    lazy: Any,
    *,
    checkpoint: Callable[[CallInfo, Any], object] | None = None,
    restore: Callable[[CallInfo], Any] | None = None,
) -> Any: ...
def collect(
    lazy: Any,
    *,
    checkpoint: Callable[[CallInfo, Any], object] | None = None,
    restore: Callable[[CallInfo], Any] | None = None,
) -> Any:
    """The value of a lazy call: found, or computed with as much of what it needs as is not found either.

    Args:
        lazy: The call; or lists, tuples, dicts, sets and dataclasses with lazy calls and futures at any depth, which
            are rebuilt with the values in their places.
        checkpoint: Called with the call and the value that came out, to keep it somewhere of one's own as well; for
            each lazy call of a structure.
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
        >>> jumar.collect({"four": double.lazy(2), "six": double.lazy(3)})
        {'four': 4, 'six': 6}
    """
    started: dict[int, _Collected] = {}

    def start(leaf: Any) -> Any:
        if isinstance(leaf, Lazy):
            place = id(leaf._call)  # noqa: SLF001
            if place not in started:
                started[place] = _Collected(leaf, checkpoint, restore)
            return started[place]
        return leaf

    def finish(leaf: Any) -> Any:
        return leaf.result() if isinstance(leaf, (_Collected, Future)) else leaf

    return rebuild(rebuild(lazy, start), finish)


class _Collected:
    """A lazy call whose value was asked for."""

    def __init__(
        self,
        lazy: Lazy[Any],
        checkpoint: Callable[[CallInfo, Any], object] | None,
        restore: Callable[[CallInfo], Any] | None,
    ) -> None:
        self._call, self._engine = lazy._call, lazy._keeper  # noqa: SLF001
        self._checkpoint = checkpoint
        self._found = restored(self._call, Hooks(restore, None), self._engine.complain) if restore is not None else None
        if self._found is None:
            # Before it runs: the arguments are let go of when it has.
            self._info = None if checkpoint is None else call_info(self._call)
            self._future = self._engine.spawn(self._call)

    def result(self) -> Any:
        """The value; kept by the user's function the first time."""
        if self._found is not None:
            return self._found.take()
        value = self._future.result()
        if self._checkpoint is not None and self._info is not None:
            saved(self._call, self._info, value, self._checkpoint, self._engine.complain)
            self._checkpoint = None
        return value
