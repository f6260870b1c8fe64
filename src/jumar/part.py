"""Parts of results to come: an item or an attribute of a call's value, as a call of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, overload

from jumar.engine import Engine
from jumar.future import Future
from jumar.graph.call import Call
from jumar.graph.options import Options
from jumar.lazy import Lazy
from jumar.task import Task


@overload
def item(of: Lazy[Any], key: Any) -> Lazy[Any]: ...
@overload
def item(of: Future[Any], key: Any) -> Future[Any]: ...
@overload
def item(of: Any, key: Any) -> Any: ...
def item(of: Any, key: Any) -> Any:
    """``of[key]`` of a result to come: a `Future` of a future's, a `Lazy` of a lazy call's; of any other value, at once.

    It is never kept, and counts neither as computed nor as restored. Calls that need it are found by the key of the
    call it is taken from, or by its value.

    Args:
        of: A future, a lazy call, or any value.
        key: What stands in the brackets; may be a result to come itself.

    Raises:
        FingerprintError: The key has no identity.

    Example:
        >>> import jumar
        >>> @jumar.task
        ... def stats(values: list[int]) -> dict[str, int]:
        ...     return {"low": min(values), "high": max(values)}
        >>> future = stats.spawn([3, 1, 2])
        >>> future["high"].result(), jumar.item(future, "low").result()
        (3, 1)
    """
    return _part(ITEM, of, key) if isinstance(of, (Future, Lazy)) else of[key]


@overload
def attr(of: Lazy[Any], name: str) -> Lazy[Any]: ...
@overload
def attr(of: Future[Any], name: str) -> Future[Any]: ...
@overload
def attr(of: Any, name: str) -> Any: ...
def attr(of: Any, name: str) -> Any:
    """``getattr(of, name)`` of a result to come; otherwise as `item`.

    Args:
        of: A future, a lazy call, or any value.
        name: The attribute's name.

    Example:
        >>> import jumar
        >>> jumar.attr(jumar.spawn(complex, 3, 4), "imag").result()
        4.0
    """
    return _part(ATTR, of, name) if isinstance(of, (Future, Lazy)) else getattr(of, name)


def _part(task: Task[..., Any], of: Future[Any] | Lazy[Any], key: Any) -> Future[Any] | Lazy[Any]:
    engine: Any = of._keeper  # noqa: SLF001  (a part belongs where the whole does)
    call = task.make(engine, (of, key), {})
    return Lazy(engine, call) if isinstance(of, Lazy) else engine.spawn(call)


def _item_of(of: Any, key: Any) -> Any:
    return of[key]


def _attr_of(of: Any, name: str) -> Any:
    return getattr(of, name)


class _Part(Task[..., Any]):
    """A task whose calls are jumar's own."""

    runs_here = True

    def __init__(self, fn: Callable[..., Any], name: str) -> None:
        # Known by name and version, so that an edit of this module changes no key of a call that needs a part.
        super().__init__(fn, Options(name=name, checkpoint=False, code="version", version="1"))
        self._is_filled = True  # nothing that a session says of its calls is said of these

    def make(self, engine: Engine, args: tuple[Any, ...], kwargs: dict[str, Any], place: bytes | None = None) -> Call:
        call = super().make(engine, args, kwargs, place)
        call.counted = call.look = False  # nothing of it is ever kept, so there is nothing to look for
        return call

    def __reduce__(self) -> Any:
        """By its name here: it stands in graphs that are kept, which must be readable for ever."""
        return "ITEM" if self is ITEM else "ATTR"


ITEM = _Part(_item_of, "jumar.item")
ATTR = _Part(_attr_of, "jumar.attr")

Future.item_of = staticmethod(item)
Lazy.item_of = staticmethod(item)
