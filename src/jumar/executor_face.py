"""The executor face of a session: for code that takes a ``concurrent.futures.Executor`` and knows no tasks."""

from __future__ import annotations

import concurrent.futures as cf
import threading
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar, NoReturn, TypeVar, overload
from weakref import WeakSet

from jumar.block import said_here
from jumar.engine import Engine
from jumar.future import Future
from jumar.runnable import Runnable

T = TypeVar("T")


class ExecutorFace(cf.Executor):
    """A ``concurrent.futures.Executor`` whose work is durable; `Session.executor` makes it.

    What is submitted is the call of a task, as with `jumar.spawn`: with a function and arguments that were seen before
    it is not run again, in this program or a later one. ``map`` is the standard library's, made of `submit`: it takes
    all inputs at once, and ``chunksize`` changes nothing, as with threads.

    Args:
        engine: Where the work runs.

    Example:
        >>> import jumar
        >>> with jumar.Session(jumar.Store.in_memory()) as session, session.executor() as executor:
        ...     executor.submit(pow, 2, 5).result(), list(executor.map(abs, [-1, 2]))
        (32, [1, 2])
    """

    task_of: ClassVar[Callable[[Callable[..., Any]], Runnable]]
    """The task of a function; `jumar.task` puts it here, because sessions know no tasks."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._futures: WeakSet[Future[Any]] = WeakSet()
        """Those of calls that have not ended are held by their calls."""
        self._entering: list[int] = []
        """The threads that are in `submit`: what they make belongs to those that a shutdown waits for."""
        self._is_shut = False
        self._changed = threading.Condition()

    @overload
    def submit(self, fn: Callable[..., Coroutine[Any, Any, T]], /, *args: Any, **kwargs: Any) -> Future[T]: ...
    @overload
    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]: ...
    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """A future for ``fn(*args, **kwargs)``, which is found, or runs as soon as a worker is free.

        Args:
            fn: Any function that `jumar.spawn` takes, or a task, whose options come along.
            args: Its positional arguments; futures among them are awaited.
            kwargs: Its keyword arguments; likewise.

        Raises:
            RuntimeError: This executor was shut down, or its session is closed.
            DeclarationError: The function cannot be a task.
            ArgumentError: The arguments do not fit it.
            FingerprintError: An argument has no identity.
        """
        me = threading.get_ident()
        with self._changed:
            if self._is_shut:
                raise RuntimeError("cannot submit work: this executor was shut down; take another, session.executor()")
            if self._engine.is_closed:
                raise RuntimeError("cannot submit work: the session of this executor is closed")
            self._entering.append(me)
        future: Future[Any] | None = None
        try:
            future = self._engine.spawn(said_here(ExecutorFace.task_of(fn)).make(self._engine, args, kwargs))
        finally:
            with self._changed:
                self._entering.remove(me)
                if future is not None:
                    self._futures.add(future)
                self._changed.notify_all()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more work here. The session stays open, and so do its other executors.

        Args:
            wait: Return when all that was submitted here has ended, and its callbacks have returned.
            cancel_futures: Take back what has not started.

        Raises:
            DeadlockError: A call that was submitted here waits for itself in this way.
        """
        with self._changed:
            self._is_shut = True
        if wait and not self._is_alone():
            with self._engine.blocked(), self._changed:
                self._changed.wait_for(self._is_alone)
        with self._changed:
            futures = list(self._futures)
        if cancel_futures:
            for future in futures:
                future.cancel()
        if wait:
            for future in futures:
                if not future.done():
                    self._engine.wait(future, None)
                future.block_until_told()

    def _is_alone(self) -> bool:
        """Whether no other thread is in `submit`; with the inline executor, this one may be."""
        return set(self._entering) <= {threading.get_ident()}

    def __reduce__(self) -> NoReturn:
        """Refused: an executor lives in the process that made it."""
        raise TypeError(f"{self!r} cannot be pickled: it lives in this process")

    def __repr__(self) -> str:
        return f"<jumar.Session.executor(){' shut down' if self._is_shut else ''}>"
