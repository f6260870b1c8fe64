"""What the driver does when a task in a worker process asks something of jumar.

It is done in the thread that waits for the task, at the task's place in the graph. So calls have their parent, and a
wait lends the worker's place, exactly as if the task ran in this thread.
"""

from __future__ import annotations

import concurrent.futures as cf
import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from jumar.errors import JumarError
from jumar.future import Future
from jumar.given import chunk_of
from jumar.graph.call import Call
from jumar.here import PLACE
from jumar.lazy import Lazy
from jumar.memory.chunk import Chunk
from jumar.processes.trouble import sent
from jumar.several import wait


class Held:
    """A call that a task in a worker has made."""

    def __init__(self, engine: Any, call: Call) -> None:
        self.engine = engine
        self.call = call
        self.future: Future[Any] | None = None
        self.chunk: Chunk[Any] | None = None

    @property
    def handle(self) -> Future[Any] | Lazy[Any] | Chunk[Any]:
        """What users hold in its place."""
        return self.chunk or self.future or Lazy(self.engine, self.call)


class Book(Mapping[int, Any]):
    """The calls that tasks in one worker have made, by numbers that never come again; as a mapping, their handles."""

    def __init__(self) -> None:
        self._held: dict[int, Held] = {}
        self._numbers = itertools.count()

    def enter(self, held: Held) -> int:
        """Give a call its number."""
        number = next(self._numbers)
        self._held[number] = held
        return number

    def held(self, number: int) -> Held:
        """The call with this number.

        Raises:
            JumarError: The task that made it has ended.
        """
        found = self._held.get(number)
        if found is None:
            raise JumarError(
                "a future or a lazy call was used in a worker process after the task that made it had ended. "
                "Return it, or take its value inside the task."
            )
        return found

    def clear(self) -> None:
        """Forget the calls: the task that made them has ended."""
        self._held.clear()

    def __getitem__(self, number: int) -> Any:
        return self.held(number).handle

    def __iter__(self) -> Iterator[int]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)


def answer(book: Book, question: str, *arguments: Any) -> Any:
    """The answer to a question.

    Args:
        book: The calls that the worker has made.
        question: One of those in `_ANSWERS`.
        arguments: What belongs to it.

    Raises:
        BaseException: What the task is to be told.
    """
    return _ANSWERS[question](book, *arguments)


def _make(book: Book, task: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    engine = PLACE.get().engine
    call = task.make(engine, args, kwargs)
    number = book.enter(Held(engine, call))
    return number, call.key, call.info, call.arguments


def _spawn(book: Book, number: int) -> None:
    each = book.held(number)
    if each.future is None:
        each.future = each.engine.spawn(each.call)


def _run(book: Book, number: int) -> Any:
    each = book.held(number)
    return each.engine.run(each.call)


def _outcome(book: Book, number: int, timeout_s: float | None) -> Any:
    """``("late",)``, ``("cancelled", text)``, ``("value", value)`` or ``("error", Raised)``."""
    future = _future(book, number)
    try:
        error = future.exception(timeout_s)
    except cf.CancelledError as cancelled:
        return "cancelled", str(cancelled)
    except TimeoutError:
        return ("late",)
    if error is not None:
        return "error", sent(error, lambda _: NotImplemented)
    return "value", _lent(book.held(number), future)


def _lent(each: Held, future: Future[Any]) -> Any:
    """The value of a call that has ended, or what stands for a large one, which the worker maps."""
    if future.store_error is not None:  # it may be one to be raised
        return future.result()
    return each.engine.read(future._call, lends=True)  # noqa: SLF001


def _state(book: Book, number: int) -> tuple[bool, bool]:
    future = _future(book, number)
    return future.done(), future.running()


def _cancel(book: Book, number: int) -> bool:
    return _future(book, number).cancel()


def _wait(book: Book, numbers: list[int], timeout_s: float | None, return_when: Any) -> list[int]:
    futures = {_future(book, number): number for number in numbers}
    return [futures[future] for future in wait(futures, timeout_s, return_when).done]


def _workers(_: Book) -> int:
    return int(PLACE.get().engine.workers)


def _why(book: Book, number: int) -> Any:
    return _future(book, number).why()


def _chunk(book: Book, number: int) -> Any:
    return _described(book, _future(book, number).chunk())


def _put(book: Book, value: Any) -> Any:
    return _described(book, chunk_of(PLACE.get().engine, value))


def _reopen(book: Book, key: bytes) -> Any:
    return _described(book, Chunk.reopened(key))


def _described(book: Book, chunk: Chunk[Any]) -> Any:
    """The number of a chunk, and what is said of it that stays so."""
    call: Call = chunk._call  # noqa: SLF001  (a handle of the call, as a future is)
    held = Held(chunk._keeper, call)  # noqa: SLF001
    held.chunk = chunk
    return book.enter(held), call.key, chunk.size_bytes, chunk.outline


def _fetch(book: Book, number: int) -> Any:
    held = book.held(number)
    return held.engine.read(held.call, lends=True)  # what stands for a large one, which the worker maps


def _place(book: Book, number: int) -> Any:
    return _chunk_at(book, number).place


def _digest(book: Book, number: int) -> Any:
    return _chunk_at(book, number).digest


def _pin(book: Book, number: int, times: int) -> None:
    _chunk_at(book, number).pin(times)


def _chunk_at(book: Book, number: int) -> Chunk[Any]:
    chunk = book.held(number).chunk
    assert chunk is not None, "only chunks are asked where they are"
    return chunk


def _future(book: Book, number: int) -> Future[Any]:
    future = book.held(number).future
    assert future is not None, "only spawned calls are asked for"
    return future


_ANSWERS: dict[str, Callable[..., Any]] = {
    "make": _make,
    "spawn": _spawn,
    "run": _run,
    "outcome": _outcome,
    "state": _state,
    "cancel": _cancel,
    "wait": _wait,
    "why": _why,
    "workers": _workers,
    "chunk": _chunk,
    "put": _put,
    "reopen": _reopen,
    "fetch": _fetch,
    "place": _place,
    "digest": _digest,
    "pin": _pin,
}
