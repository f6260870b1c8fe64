"""Steps: effects that are done once in a run, however often it is resumed."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar, Unpack, overload

from jumar.decorator import Declares, DeclaresCatching
from jumar.graph.options import Options
from jumar.task import AsyncTask, Task, task_with

if TYPE_CHECKING:
    from jumar.graph.policy import Errors
    from jumar.graph.task_options import TaskOptions

P = ParamSpec("P")
T = TypeVar("T")


@overload
def step(fn: Callable[P, Coroutine[Any, Any, T]], /) -> AsyncTask[P, T]: ...
@overload
def step(fn: Callable[P, T], /) -> Task[P, T]: ...
@overload
def step(*, catch: Literal[False] = False, **options: Unpack[TaskOptions]) -> Declares: ...
@overload
def step(*, catch: Literal[True] | Errors, **options: Unpack[TaskOptions]) -> DeclaresCatching: ...
def step(fn: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Makes a function a step: a task whose calls are effects, each done once in its run.

    A step is known by its place: who asks for it, its name, its arguments, and which of several equal calls it is. Its
    code does not count: one that is done is not done again because it was edited. In another run it is done anew. What
    differs from run to run, such as the time or random numbers, belongs in a step, so that a resumed run sees it again.

    Outside of every run with an id a step belongs to the session: it runs, and no later session finds it.

    Args:
        fn: The function, where the decorator is used without options.
        options: As for `jumar.task`, without those that say what is found and kept.

    Raises:
        DeclarationError: As for `jumar.task`.

    *Guarantees*: the result is committed before anybody sees it. An effect comes twice only if the process dies between
    the effect and that commit, and then with the same ``jumar.current_call().idempotency_key``.

    *Source*: the journal of steps is that of DBOS and of Temporal's activities; the key for services is Stripe's.

    Example:
        >>> import jumar
        >>> sent = []
        >>> @jumar.step
        ... def send(text: str) -> int:
        ...     sent.append(text)
        ...     return len(sent)
        >>> send("hello"), send("hello")
        (1, 2)
    """
    chosen = Options().with_changes(options | {"step": True})
    if fn is not None:
        return task_with(fn, chosen)
    return lambda function: task_with(function, chosen)
