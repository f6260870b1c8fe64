"""Blocks and functions in which calls of tasks are described instead of run."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar, overload

from jumar.errors import DeclarationError
from jumar.here import PLACE, Place
from jumar.lazy import Lazy

P = ParamSpec("P")
T = TypeVar("T")

# The place where the innermost block was opened, not a flag: a task that happens to run in a thread in which a block
# is open stands at a place of its own, and its calls are real ones.
_opened: ContextVar[Place | None] = ContextVar("jumar_building", default=None)


def is_building() -> bool:
    """Whether a call of a task made here is to be described only."""
    return _opened.get() is PLACE.get()


@contextmanager
def lazily() -> Iterator[None]:
    """A block in which ``f(x)`` gives a `Lazy` for every task ``f``: nothing runs until `collect` asks for it.

    ``f.spawn(x)`` still starts a call. A type checker takes ``f(x)`` for a value of the task's type: `collect` turns
    the lazy one into that, `attr` and `item` take parts of it.

    *Guarantees*: It holds for the code between its lines only: for this thread (and asyncio task), not for tasks that
    run meanwhile. Blocks may stand inside one another.

    Example:
        >>> import jumar
        >>> @jumar.task
        ... def double(x: int) -> int:
        ...     return 2 * x
        >>> with jumar.lazily():
        ...     z = double(double(1))
        >>> jumar.collect(z)
        4
    """
    token = _opened.set(PLACE.get())
    try:
        yield
    finally:
        _opened.reset(token)


@overload
def graph(fn: Callable[P, Lazy[T]], /) -> Callable[P, Lazy[T]]: ...
@overload
def graph(fn: Callable[P, T], /) -> Callable[P, Lazy[T]]: ...
def graph(fn: Callable[..., Any], /) -> Callable[..., Any]:
    """A function whose body builds a graph: calls of tasks in it are lazy, and it gives what the body returns.

    That is a `Lazy`, or a structure of lazies, which `collect` takes as well. A type checker is told ``Lazy[T]`` where
    the body is annotated to return ``T``. The body itself runs at each call; it is no task, and decisions in it can
    depend on its arguments but not on results.

    Args:
        fn: The function.

    Raises:
        DeclarationError: ``fn`` is a task, a coroutine function or a generator.

    Example:
        >>> import jumar
        >>> @jumar.task
        ... def load(n: int) -> list[int]:
        ...     return list(range(n))
        >>> @jumar.task
        ... def total(parts: list[list[int]]) -> int:
        ...     return sum(map(sum, parts))
        >>> @jumar.graph
        ... def report(sizes: list[int]) -> int:
        ...     return total([load(n) for n in sizes])
        >>> jumar.collect(report([2, 3]))
        4
    """
    _refuse_what_builds_nothing(fn)

    @functools.wraps(fn)
    def build(*args: Any, **kwargs: Any) -> Any:
        with lazily():
            return fn(*args, **kwargs)

    return build


def _refuse_what_builds_nothing(fn: Any) -> None:
    name = getattr(fn, "__qualname__", repr(fn))
    if hasattr(fn, "lazy"):
        raise DeclarationError(
            f"{name} is a task, which runs: @jumar.graph goes above a plain function that calls tasks"
        )
    if not callable(fn):
        raise DeclarationError(f"{name} cannot be called; @jumar.graph goes above a function")
    if inspect.iscoroutinefunction(fn) or inspect.isgeneratorfunction(fn) or inspect.isasyncgenfunction(fn):
        raise DeclarationError(
            f"{name} is a coroutine function or a generator: its body would run after the graph was built. "
            "Make it a plain function that returns a list."
        )
