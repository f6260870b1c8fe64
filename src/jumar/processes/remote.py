"""The driver's engine as tasks in a worker process see it."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn, cast

from jumar.errors import JumarError, StoreError
from jumar.future import Future
from jumar.graph.call import Call
from jumar.memory.chunk import Chunk
from jumar.memory.outline import Outline
from jumar.processes.trouble import Raised
from jumar.several import DoneAndNotDone

if TYPE_CHECKING:
    from jumar.memory.resident import Where

_LOG = logging.getLogger("jumar")

Ask = Callable[..., Any]
"""Asks the driver a question and gives its answer."""


def _here() -> tuple[int, int]:
    return os.getpid(), threading.get_ident()


class RemoteCall(Call):
    """A call that the driver has made."""

    number: int = -1


class RemoteFuture(Future[Any]):
    """A future of such a call: it learns how the call stands by asking."""

    _keeper: RemoteEngine
    _call: RemoteCall

    def done(self) -> bool:
        """As for any future."""
        return super().done() or bool(self._keeper.state(self._call)[0])

    def running(self) -> bool:
        """As for any future."""
        return not super().done() and bool(self._keeper.state(self._call)[1])

    def cancelled(self) -> bool:
        """As for any future."""
        if not super().done() and self._keeper.state(self._call)[0]:
            self._keeper.wait(self, None)
        return super().cancelled()

    @staticmethod
    def waits(futures: Iterable[Any], timeout: float | None = None, return_when: str = "ALL_COMPLETED") -> Any:
        """`concurrent.futures.wait`, done by the driver."""
        by_number = {future._call.number: future for future in futures}  # noqa: SLF001
        if not by_number:
            return DoneAndNotDone(set(), set())
        engine = next(iter(by_number.values()))._keeper  # noqa: SLF001
        done = {by_number[number] for number in engine.ask("wait", list(by_number), timeout, return_when)}
        return DoneAndNotDone(done, set(by_number.values()) - done)

    @staticmethod
    def ends(futures: Iterable[Any], timeout: float | None = None) -> Iterator[Any]:
        """`concurrent.futures.as_completed`, likewise; the time is that of each wait."""
        pending = set(futures)
        while pending:
            done = RemoteFuture.waits(pending, timeout, "FIRST_COMPLETED").done
            if not done:
                raise TimeoutError(f"{len(pending)} futures did not finish within {timeout} s")
            pending -= done
            yield from done

    def chunk(self) -> Chunk[Any]:
        """As for any future; the value stays where it is."""
        return self._keeper.chunk(self._call)

    def release_at_end(self, places: threading.Semaphore) -> None:
        """As for any future; noticed when the task waits for a place."""
        self._keeper.watched[self] = places

    @property
    def _condition(self) -> threading.Condition:  # type: ignore[override]
        """Refused: nobody would wake who waits for it here."""
        raise JumarError(
            f"{self!r} is waited for in a worker process in a way that only works in the driver (a callback, `await`, or "
            f"a function of concurrent.futures). Use its result(), jumar.wait, jumar.as_completed or jumar.gather."
        )


class RemoteChunk(Chunk[Any]):
    """A chunk that the driver has: this process knows what it is, and asks where it is."""

    _keeper: RemoteEngine
    _call: RemoteCall

    def __init__(self, keeper: RemoteEngine, call: RemoteCall, size_bytes: int, outline: Outline) -> None:
        super().__init__(keeper, call)
        self.__dict__.update(size_bytes=size_bytes, outline=outline)  # in the place of what a chunk would look up here

    @property
    def place(self) -> Where:
        """As for any chunk."""
        return cast("Where", self._keeper.ask("place", self._call.number))

    @cached_property
    def digest(self) -> str:
        """As for any chunk."""
        return str(self._keeper.ask("digest", self._call.number))

    def pin(self, times: int) -> None:
        """As for any chunk."""
        self._keeper.ask("pin", self._call.number, times)

    def __reduce__(self) -> NoReturn:
        """Refused: it is written by its number where it goes back to the driver; see `Stock.reduce`."""
        raise TypeError(
            f"{self!r} cannot be pickled in a worker process. Pass it as an argument of a call, return it, or fetch its value."
        )


class RemoteEngine:
    """Stands for the driver's engine, and for its session.

    Args:
        ask: Asks the driver.
        error_of: Gives an error that came from there, for a task's name.
    """

    is_remote = True
    strict = False
    run_id = b""

    def __init__(self, ask: Ask, error_of: Callable[[Raised, str], BaseException]) -> None:
        self._ask = ask
        self._error_of = error_of
        self._home = _here()
        self.owner = self.engine = self
        self.watched: dict[RemoteFuture, threading.Semaphore] = {}
        """Futures whose ends free places, until they have."""

    @property
    def workers(self) -> int:
        """How many calls the driver's engine wants at a time."""
        return int(self.ask("workers"))

    def wait_for_place(self, places: threading.Semaphore, ahead: Iterable[Any]) -> None:  # noqa: ARG002
        """Take a place, once a call has ended that held it; the driver sees to it that they end."""
        while not places.acquire(blocking=False):
            mine = [future for future, held in self.watched.items() if held is places]
            for future in RemoteFuture.waits(mine, None, "FIRST_COMPLETED").done:
                self.watched.pop(future).release()

    def ask(self, question: str, *arguments: Any) -> Any:
        """The driver's answer.

        Raises:
            JumarError: This is not the thread in which the task runs.
            BaseException: What the driver raised.
        """
        if _here() != self._home:
            raise JumarError(
                "in a worker process calls are made in the thread in which the task runs, not in threads or processes that it "
                "starts. "
                "Spawn the calls before, or use executor='threads'."
            )
        return self._ask(question, *arguments)

    def describe(self, task: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
        """The call of a task, made by the driver."""
        number, key, info, arguments = self.ask("make", task, args, kwargs)
        call = RemoteCall(key, task, info, None, None, (), arguments)
        call.number = number
        return call

    def spawn(self, call: Call) -> Future[Any]:
        """A future for the call, which the driver starts."""
        remote = cast("RemoteCall", call)
        self.ask("spawn", remote.number)
        return RemoteFuture(self, remote)

    def run(self, call: Call) -> Any:
        """The call's value."""
        return self.ask("run", cast("RemoteCall", call).number)

    def wait(self, future: Future[Any], timeout_s: float | None) -> None:
        """Take over how a call has ended, once it has."""
        call = cast("RemoteCall", future._call)  # noqa: SLF001
        how, *what = self.ask("outcome", call.number, timeout_s)
        if how == "late":
            raise TimeoutError(f"{future!r} did not finish within {timeout_s} s; it goes on")
        if how == "value":
            future.settle(what[0])
        elif how == "cancelled":
            future.settle(cancelled=True)
        else:
            raised: Raised = what[0]
            call.error = self._error_of(raised, call.task.name)
            future.settle()

    def chunk(self, call: RemoteCall) -> Chunk[Any]:
        """The chunk of a call's result; waits for the call."""
        return self._chunk("chunk", call.number)

    def put(self, value: Any) -> Chunk[Any]:
        """The chunk of a value, which the driver keeps."""
        return self._chunk("put", value)

    def reopened(self, key: bytes) -> Chunk[Any]:
        """The chunk of a kept result, by the key of its call."""
        return self._chunk("reopen", key)

    def _chunk(self, question: str, what: Any) -> Chunk[Any]:
        number, key, size_bytes, outline = self.ask(question, what)
        call = RemoteCall(key, None, None, None, None)
        call.number = number
        return RemoteChunk(self, call, size_bytes, outline)

    def read(self, call: Call) -> Any:
        """The value of a chunk; a large one is mapped."""
        return self.ask("fetch", cast("RemoteCall", call).number)

    def state(self, call: RemoteCall) -> tuple[bool, bool]:
        """Whether the call has ended, and whether it runs."""
        return cast("tuple[bool, bool]", self.ask("state", call.number))

    def cancel(self, future: Future[Any]) -> bool:
        """Take a future back, if that is still possible."""
        return bool(self.ask("cancel", cast("RemoteCall", future._call).number))  # noqa: SLF001

    def why(self, future: Future[Any]) -> Any:
        """Why a call ran."""
        return self.ask("why", cast("RemoteCall", future._call).number)  # noqa: SLF001

    def read_into(self, future: Future[Any]) -> None:
        """Nothing is left to read: a value comes with the news that the call has ended."""

    @staticmethod
    def failure(call: Call) -> BaseException:
        """The error of a failed call."""
        assert call.error is not None
        return call.error

    @staticmethod
    def blocked() -> AbstractContextManager[None]:
        """The driver lends this worker's place while it waits in its stead."""
        return nullcontext()

    @staticmethod
    def complain(kind: str, call: Call, text: str, error: Exception | None = None) -> StoreError:  # noqa: ARG004
        """Log trouble with a call; the driver shows it."""
        reason = f"{type(error).__name__}: {error}" if error else ""
        message = text.format(task=call.task.name, key=call.key.hex()[:12], reason=reason)
        _LOG.warning(message)
        return StoreError(message)

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise JumarError(
            f"what was asked of jumar (Engine.{name}) is only possible in the driver, not in a worker process"
        )
