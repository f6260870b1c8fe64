"""Making tasks of functions: ``@jumar.task`` with its options, and `spawn` for functions that were never declared."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, Protocol, TypeVar, Unpack, overload

from jumar.executor_face import ExecutorFace
from jumar.future import Future
from jumar.graph.options import Options
from jumar.task import AsyncTask, BoundTask, Task, task_with

if TYPE_CHECKING:
    from jumar.graph.policy import Errors
    from jumar.graph.task_options import Answer, TaskOptions

P = ParamSpec("P")
T = TypeVar("T")


class Declares(Protocol):
    """What ``@jumar.task(...)`` with options gives: it makes tasks of functions."""

    @overload
    def __call__(self, fn: Callable[P, Coroutine[Any, Any, T]], /) -> AsyncTask[P, T]: ...
    @overload
    def __call__(self, fn: Callable[P, T], /) -> Task[P, T]: ...


class DeclaresCatching(Protocol):
    """The same where calls catch errors and answer with them."""

    @overload
    def __call__(self, fn: Callable[P, Coroutine[Any, Any, T]], /) -> AsyncTask[P, Answer[T]]: ...
    @overload
    def __call__(self, fn: Callable[P, T], /) -> Task[P, Answer[T]]: ...


@overload
def task(fn: Callable[P, Coroutine[Any, Any, T]], /) -> AsyncTask[P, T]: ...
@overload
def task(fn: Callable[P, T], /) -> Task[P, T]: ...
@overload
def task(*, catch: Literal[False] = False, **options: Unpack[TaskOptions]) -> Declares: ...
@overload
def task(*, catch: Literal[True] | Errors, **options: Unpack[TaskOptions]) -> DeclaresCatching: ...
def task(fn: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Makes a function a `Task`: its calls are found again wherever the same call is made.

    Args:
        fn: The function, where the decorator is used without options.
        options: ``name``: what people see. ``version``: joins the key. ``checkpoint``: whether results are kept; None
            (the default) takes the setting of the call that makes this one, else True; a `Keep` or a function decides
            case by case. ``restore``, ``exists``: the user's own functions that are asked for kept values first;
            ``checkpoint`` then is the one that keeps them. ``retries``, ``retry_on``, ``backoff``, ``timeout_s``,
            ``catch``, ``checkpoint_errors``: what is done when a call goes wrong. ``priority``, ``resources``: when it
            runs. ``executor``: where. ``reuse``: ``"always"``, ``"run"`` or ``"never"``. ``refresh``: run even if a
            result is kept. ``ttl_s``: how old a kept result may be. ``ignore``: parameters that do not belong to the
            key. ``key``: a function that gives what identifies the arguments. ``code``: ``"deep"``, ``"own"`` or
            ``"version"``. ``uses``: code that it reaches unseen. ``env``: libraries whose version joins the key.
            ``persist``, ``cache``: whether a result stays at hand in the session when nobody refers to it, always or while
            there is room in memory. ``meta``: give it chunks in the place of results. ``step``: an effect, done once in
            its run, see `jumar.step`.

    Raises:
        DeclarationError: It cannot be a task, or an option does not exist or cannot have this value.

    Example:
        >>> import jumar
        >>> @jumar.task(name="sum of squares")
        ... def sum_squares(n: int) -> int:
        ...     return sum(i * i for i in range(n))
        >>> sum_squares(4), sum_squares.spawn(4).result()
        (14, 14)
    """
    chosen = Options().with_changes(options)
    if fn is not None:
        return task_with(fn, chosen)
    return lambda function: task_with(function, chosen)


@overload
def spawn(fn: Callable[..., Coroutine[Any, Any, T]], /, *args: Any, **kwargs: Any) -> Future[T]: ...
@overload
def spawn(fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]: ...
def spawn(fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
    """A future for the call of any function, as if it had been declared a task.

    Args:
        fn: A function or a task. Its options come with the task: ``jumar.spawn(f.options(checkpoint=False), x)``.
        args: Its positional arguments; futures among them are awaited.
        kwargs: Its keyword arguments; likewise.

    Example:
        >>> import jumar
        >>> jumar.spawn(abs, -3).result()
        3
    """
    return task_of(fn).spawn(*args, **kwargs)


def task_of(fn: Callable[..., T]) -> Task[..., T]:
    """The task of a function: the function itself if it is one, else one made of it and remembered."""
    if isinstance(fn, Task):
        return fn
    if isinstance(fn, BoundTask):
        return Task(functools.partial(fn.task.fn, fn.instance), fn.task._options)  # noqa: SLF001
    try:
        known = _made.get(fn)
        if known is None:
            known = _made[fn] = task_with(fn, Options())
    except TypeError:  # cannot be hashed or weakly referenced: made anew each time
        return task_with(fn, Options())
    return known


# A task refers to its function, so the values keep their keys alive: this holds one task for each function ever
# spawned without a declaration, bounded by the program's text.
_made: weakref.WeakKeyDictionary[Callable[..., Any], Task[..., Any]] = weakref.WeakKeyDictionary()


ExecutorFace.task_of = staticmethod(task_of)
