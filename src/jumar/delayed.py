"""Any function, described lazily."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, Protocol, TypeVar, cast, overload

from jumar.decorator import task_of
from jumar.lazy import Lazy

P = ParamSpec("P")
T = TypeVar("T")


class Describes(Protocol[P, T]):
    """A function that describes calls: typed by the signature first, and by anything else second, for lazy arguments."""

    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Lazy[T]: ...
    @overload
    def __call__(self, *args: Any, **kwargs: Any) -> Lazy[T]: ...


def delayed(fn: Callable[P, T], /) -> Describes[P, T]:
    """A function whose calls are described and not started, as if ``fn`` had been declared a task.

    Args:
        fn: A function or a task. Its options come with the task: ``jumar.delayed(f.options(checkpoint=False))(x)``.

    Returns:
        A function that gives a `Lazy` for each call.

    Example:
        >>> import jumar
        >>> jumar.collect(jumar.delayed(sum)([jumar.delayed(abs)(-3), 4]))
        7
    """
    return cast("Describes[P, T]", task_of(fn).lazy)
