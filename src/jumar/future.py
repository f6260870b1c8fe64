"""Futures: results to come, usable wherever the standard library's are."""

from __future__ import annotations

import concurrent.futures as cf
import logging
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar, cast, overload

from jumar.errors import StoreError
from jumar.graph.call import CANCELLED, RUNNING, SKIPPED, Call, Handle
from jumar.keys.value import register_reference

if TYPE_CHECKING:
    from jumar.memory.chunk import Chunk
    from jumar.why.explanation import Explanation

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")

_LOG = logging.getLogger("jumar")

# The states of concurrent.futures.Future: `wait`, `as_completed` and `asyncio.wrap_future` compare them.
_PENDING, _FINISHED, _CANCELLED = "PENDING", "FINISHED", "CANCELLED_AND_NOTIFIED"

NOT_READ: Any = object()
"""Stands for a value that is in the call's outcome and that this future has not taken yet."""


class _Wait:
    """What a future needs once somebody waits for it: most never do, and a condition costs more than all the rest."""

    __slots__ = ("callbacks", "condition", "teller", "waiters")

    def __init__(self) -> None:
        self.condition = threading.Condition()
        self.waiters: list[Any] = []
        self.callbacks: list[Callable[[Any], object]] = []
        self.teller: int | None = None
        """The thread that is calling them."""


_settling = threading.Lock()
"""Held while a future gets its state or its `_Wait`."""


class Keeper(Protocol):
    """What a future asks of the engine it belongs to."""

    strict: bool

    """Whether a result that could not be kept is raised."""

    def wait(self, future: Future[Any], timeout_s: float | None) -> None:
        """Return when the future is done, or raise TimeoutError."""

    def want(self, call: Call) -> None:
        """Let a call run after all that was skipped."""

    def read_into(self, future: Future[Any]) -> None:
        """Give a future of a finished call its value; of two threads that ask at once, both get the first one's."""

    def failure(self, call: Call) -> BaseException:
        """The error of a failed call, ready to be raised."""

    def cancel(self, future: Future[Any]) -> bool:
        """Take a future back, if that is still possible."""

    def why(self, future: Future[Any]) -> Explanation:
        """Why the call ran."""

    def work_for(self, future: Future[Any], timeout_s: float | None, enough: Callable[[], bool]) -> None:
        """Inside a task that waits for this future and others: run its call here, if that may be."""

    def blocked(self) -> AbstractContextManager[None]:
        """While in it, the current call only waits."""


class Future(cf.Future[T], Handle):
    """A call's result to come.

    Works with ``concurrent.futures.wait`` and ``as_completed``, ``asyncio.wrap_future`` and ``await``. As an argument
    of another call, at any depth of lists, tuples, dicts, sets and dataclasses, it is awaited and replaced.

    Guarantees:
        ``result()`` gives the same object each time it is called on one future, and nobody else has that object if it
        can be changed. What is done to it reaches neither the store nor another call.

    Example:
        >>> import jumar
        >>> @jumar.task
        ... def double(x: int) -> int:
        ...     return 2 * x
        >>> double.spawn(21).result()
        42
    """

    _state: str = _PENDING
    _wait: _Wait | None = None
    _result: Any = NOT_READ
    store_error: StoreError | None = None
    """Why the result could not be kept; None where it was, or was not meant to be."""
    item_of: ClassVar[Callable[[Any, Any], Any]]
    """Makes the call for an item; `jumar.part` puts it here, because a future knows no tasks."""
    chunk_of: ClassVar[Callable[[Any], Any]]
    """Makes the chunk of a finished call; `jumar.memory.chunk` puts it here, likewise."""
    waits: ClassVar[Callable[..., Any] | None] = None
    ends: ClassVar[Callable[..., Iterator[Any]] | None] = None
    """How several are waited for, where that is not done here: in a worker process, the driver does it."""
    __iter__: ClassVar[None] = None
    """With items and without this, Python would iterate for ever, from item 0 upwards."""

    def __init__(self, keeper: Keeper, call: Call) -> None:
        self._keeper = keeper
        self._call = call

    @property
    def key(self) -> str:
        """The call's key in hexadecimal: what ``jumar show`` takes."""
        return self._call.key.hex()

    def why(self) -> Explanation:
        """Why this call ran, part by part, or, for a restored one, why it ran when it was computed.

        Waits for the call. Its text is what ``jumar why`` prints.

        Raises:
            StoreError: It is not recorded: it was not kept, or has not ended well.
        """
        return self._keeper.why(self)

    def done(self) -> bool:
        """Whether the call has finished, failed or was cancelled. Never raises."""
        if self._call.state is SKIPPED:
            self._keeper.want(self._call)
        return self._state is not _PENDING

    def running(self) -> bool:
        """Whether the call is being run now."""
        return not self.done() and self._call.state is RUNNING

    def cancelled(self) -> bool:
        """Whether the call was cancelled."""
        return self._state is _CANCELLED

    def cancel(self) -> bool:
        """Take the call back if it has not started; calls that need it are cancelled with it.

        Returns:
            Whether this future is now cancelled.
        """
        return self._state is _CANCELLED or (self._state is _PENDING and self._keeper.cancel(self))

    def result(self, timeout: float | None = None) -> T:
        """The call's value; waits for it.

        Args:
            timeout: Seconds to wait at most; None waits for as long as it takes.

        Raises:
            TimeoutError: It did not finish in time. It goes on.
            concurrent.futures.CancelledError: It was cancelled.
            StoreError: With ``on_store_error="raise"``: the value could not be kept.
            BaseException: What the task raised, or what a task that it needs raised.
        """
        if self._state is _PENDING:
            self._keeper.wait(self, timeout)
        if self.store_error is not None and self._keeper.strict:
            raise self.store_error
        if self._result is NOT_READ:
            if self._call.error is not None or self._state is _CANCELLED:
                raise self._error()
            self._keeper.read_into(self)
        return cast("T", self._result)

    def chunk(self) -> Chunk[T]:
        """A reference to the call's value, which is not loaded; waits for the call.

        Unlike ``result()``, it leaves nothing in this future that would keep the value in memory.

        Raises:
            BaseException: What ``result()`` raises.
        """
        return cast("Chunk[T]", Future.chunk_of(self))

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """What ``result`` would raise, or None; waits as ``result`` does.

        Raises:
            TimeoutError: It did not finish in time.
            concurrent.futures.CancelledError: It was cancelled.
        """
        if self._state is _PENDING:
            self._keeper.wait(self, timeout)
        if self._state is _CANCELLED:
            raise self._error()
        return self._error() if self._call.error is not None else None

    def add_done_callback(self, fn: Callable[[Any], object]) -> None:
        """Call ``fn(future)`` when the call ends, in the thread that ends it; at once if it has ended."""
        with self._condition:
            if self._state is _PENDING:
                self._waited().callbacks.append(fn)
                return
        self._call_back(fn)

    def release_at_end(self, places: threading.Semaphore) -> None:
        """Give back a place when the call ends; at once if it has ended."""
        self.add_done_callback(lambda _: places.release())

    def set_result(self, _: object) -> None:
        """Refused: only the engine ends a call."""
        raise cf.InvalidStateError("a jumar future gets its result from its call; it cannot be set from outside")

    def set_exception(self, _: object) -> None:
        """Refused, likewise."""
        self.set_result(None)

    @overload
    def __getitem__(self: Future[dict[K, V]], key: K) -> Future[V]: ...
    @overload
    def __getitem__(self: Future[list[V]], key: int) -> Future[V]: ...
    @overload
    def __getitem__(self, key: Any) -> Future[Any]: ...
    def __getitem__(self, key: Any) -> Future[Any]:
        """An item of the result, as a future; see `jumar.item`. There is no such form for attributes: `jumar.attr`."""
        return cast("Future[Any]", Future.item_of(self, key))

    def __await__(self) -> Generator[Any, None, T]:
        """The value, waited for without blocking the event loop."""
        import asyncio  # noqa: PLC0415  (27 ms that a program without an event loop need not spend)

        return asyncio.wrap_future(self).__await__()

    def __repr__(self) -> str:
        state = "cancelled" if self.cancelled() else self._call.state.name.lower()
        name = getattr(self._call.task, "name", "call")
        return f"<jumar.Future {name} {self.key[:12]} {state}>"

    def __reduce__(self) -> Any:
        """Refused: a future lives in the process that made it."""
        raise TypeError(
            f"{self!r} cannot be pickled: it lives in this process. "
            "Inside a task, take its value with .result(), or pass the future on as an argument of another call."
        )

    # -- what the engine calls -------------------------------------------------------------------------------------

    def settle(self, value: Any = NOT_READ, *, cancelled: bool = False) -> None:
        """End this future and wake who waits. Called once, by the engine, after the call's outcome is in place.

        Whoever waits in the ways of the standard library looks at the state and leaves a note to be told, both while
        holding the condition. So the state changes under the condition too, lest they hear of this future twice; and
        where there is no condition yet, in one step with the look for it.
        """
        if value is not NOT_READ:
            self._result = value
        state = _CANCELLED if cancelled else _FINISHED
        with _settling:
            wait = self._wait
            if wait is None:
                self._state = state
                return
        with wait.condition:
            self._state = state
            for waiter in wait.waiters:
                if cancelled:
                    waiter.add_cancelled(self)
                elif self._call.error is not None:
                    waiter.add_exception(self)
                else:
                    waiter.add_result(self)
            wait.condition.notify_all()
            callbacks, wait.callbacks = wait.callbacks, []
            if not callbacks:
                return
            wait.teller = threading.get_ident()
        for callback in callbacks:
            self._call_back(callback)
        with wait.condition:
            wait.teller = None
            wait.condition.notify_all()

    def accept(self, value: Any) -> None:
        """Take the value, if this future has none yet."""
        if self._result is NOT_READ:
            self._result = value

    def block(self, timeout_s: float | None) -> None:
        """Wait until ``settle`` was called, or raise TimeoutError."""
        with self._condition:
            if self._state is _PENDING:
                self._condition.wait(timeout_s)
            if self._state is _PENDING:
                raise TimeoutError(f"{self!r} did not finish within {timeout_s} s; it goes on")

    def block_until_told(self) -> None:
        """Wait until the callbacks of a future that is done have returned, but for one that asks for this itself."""
        wait = self._wait
        if wait is not None:
            with wait.condition:
                wait.condition.wait_for(lambda: wait.teller in (None, threading.get_ident()))

    def _error(self) -> BaseException:
        if self._state is _CANCELLED or self._call.state is CANCELLED:
            return cf.CancelledError(f"{self!r} was cancelled")
        return self._keeper.failure(self._call)

    def _call_back(self, fn: Callable[[Any], object]) -> None:
        try:
            fn(self)
        except Exception:  # noqa: BLE001  (as in the standard library: a callback cannot break the call)
            _LOG.exception("a callback of %r failed", self)

    @property
    def is_watched(self) -> bool:
        """Whether somebody waits for the call, or wants to be told of its end."""
        return self._wait is not None

    def _waited(self) -> _Wait:
        if self._wait is None:
            fresh = _Wait()
            with _settling:
                self._wait = self._wait or fresh
        if self._call.state is SKIPPED:
            self._keeper.want(self._call)
        return self._wait

    @property
    def _condition(self) -> threading.Condition:  # type: ignore[override]
        return self._waited().condition

    @property
    def _waiters(self) -> list[Any]:  # type: ignore[override]
        return self._waited().waiters


register_reference(Future, lambda future: cast("bytes", future._call.key))  # noqa: SLF001
