"""Handles of runs: what a program holds of a run that it drives, or that another one drives or has driven."""

from __future__ import annotations

import asyncio
import concurrent.futures as cf
import json
import time
from collections.abc import Generator
from contextlib import suppress
from itertools import islice
from typing import Any, Generic, NamedTuple, TypeVar, cast, overload

from jumar.errors import DamagedError, RunError, RunFailedError
from jumar.future import Future
from jumar.graph.call import NOTHING
from jumar.runs.book import Book, RunInfo
from jumar.runs.chronicle import RunEvent, happened
from jumar.runs.driver import Driver
from jumar.runs.following import followed
from jumar.runs.line import Ticket
from jumar.runs.log import LoggedCall
from jumar.runs.looks import looks, looks_async
from jumar.store.named_runs import NamedRun, State
from jumar.store.records import GRAPH, CallRecord, Entry, role
from jumar.store.trouble import Trouble

T = TypeVar("T")


class Driven(NamedTuple):
    """What this process has of a run that it drives."""

    driver: Driver
    future: Future[Any] | None
    """The root's; None for a script's run."""
    changed: tuple[str, ...]


class RunHandle(Generic[T]):
    """A durable run. Made by ``task.start``, `jumar.resume`, `jumar.run` and `jumar.runs.get`.

    Args:
        book: The book that the run is in.
        row: The run.
        driven: What this process has of it, if it drives it.
        ticket: Its place in the line of this session, if it waits for its turn.
    """

    def __init__(self, book: Book, row: NamedRun, driven: Driven | None = None, ticket: Ticket | None = None) -> None:
        self._book, self._token, self._given, self._ticket = book, row.token, driven, ticket
        self._planned = row if driven is not None and driven.driver.is_planned else None
        self.id = row.id
        """The run's id."""
        self.changed: tuple[str, ...] = driven.changed if driven else ticket.changed if ticket else ()
        """The functions, classes and values whose code is not what it was when the run was started."""

    @property
    def _driven(self) -> Driven | None:
        return self._given if self._ticket is None else self._ticket.driven

    @property
    def info(self) -> RunInfo:
        """All that is known of the run, as it stands now.

        Raises:
            RunError: It was deleted.
        """
        return self._book.info(self._row())

    @property
    def metadata(self) -> dict[str, Any]:
        """What was given when it was started."""
        return cast("dict[str, Any]", json.loads(self._row().metadata))

    def status(self) -> State:
        """How it stands: ``pending``, ``running``, ``succeeded``, ``failed``, ``interrupted`` or ``cancelled``.

        A run whose process died is ``interrupted``: seen at once on the same machine, elsewhere when its lease lapses.
        """
        return self.info.status

    def wait(self, timeout: float | None = None, *, leaves: bool = False) -> State:
        """How it stands once none of its calls is under way any more. Never raises what the run raised.

        Args:
            timeout: Seconds to wait at most; None waits for as long as it takes.
            leaves: Whether this program leaves the run, as `leave` does, as soon as all that it does here is wait for a time
                or an event. A plain asynchronous task that awaits something else counts as waiting; it runs again.

        Raises:
            TimeoutError: It is still driven. It goes on.
        """
        until_s = None if timeout is None else time.monotonic() + timeout
        if self._ticket is not None:
            self._ticket.wait(timeout)
            timeout = None if until_s is None else max(0.0, until_s - time.monotonic())
        if leaves and self._driven is not None and self._driven.future is not None:
            for _ in looks(timeout, self._too_late(timeout)):
                if self._driven.future.done():
                    break
                if self._driven.driver.run.rests():
                    return self.leave()
            timeout = None if until_s is None else max(0.0, until_s - time.monotonic())
        if self._driven is not None and self._driven.future is not None:
            with suppress(cf.CancelledError):  # the state says it
                self._driven.future.exception(timeout)
            left_s = None if until_s is None else max(0.0, until_s - time.monotonic())
            if not self._driven.driver.released.wait(left_s):
                raise TimeoutError(f"calls of run {self.id!r} did not end within {timeout} s; they go on")
        left_s = None if until_s is None else max(0.0, until_s - time.monotonic())
        for _ in looks(left_s, self._too_late(timeout)):
            info = self.info
            if info.status != "running" and not (info.status == "pending" and info.holder):
                return info.status
        raise AssertionError("it looks until it raises")

    @overload
    def result(self, timeout: float | None = None, *, call: None = None) -> T: ...
    @overload
    def result(self, timeout: float | None = None, *, call: str) -> Any: ...
    def result(self, timeout: float | None = None, *, call: str | None = None) -> Any:
        """The root's value, or that of one of its calls; waits for it, whoever drives the run.

        Args:
            timeout: Seconds to wait at most.
            call: The name of a call in the run, see `names`.

        Raises:
            TimeoutError: The run is still driven. It goes on.
            RunFailedError: It was cancelled or interrupted, or failed in another program.
            RunError: It is a script's run, which has no value; or the run has no call of this name, or did not keep its
                result.
            BaseException: What the root raised, where this program drives it.
        """
        if call is not None:
            return self._value_of(call, timeout)
        if self._ticket is not None:
            until_s = None if timeout is None else time.monotonic() + timeout
            self._ticket.wait(timeout)
            timeout = None if until_s is None else max(0.0, until_s - time.monotonic())
            if self._ticket.error is not None:
                raise self._ticket.error
        if self._driven is not None and self._driven.future is not None:
            try:
                with suppress(cf.CancelledError):  # the row says why it was, and that is what is raised below
                    return cast("T", self._driven.future.result(timeout))
            finally:
                if self._driven.future.done():
                    self._driven.driver.ended.wait()
        state = self.wait(timeout)
        row = self._row()
        if state != "succeeded":
            error = f": {row.error}" if row.error else ""
            raise RunFailedError(
                f"run {self.id!r} {_PAST.get(state, f'is {state}')}{error}. {_ADVICE.format(id=self.id)}"
            )
        if row.result is None:
            raise RunError(f"run {self.id!r} is a script's, which has no value; `calls()` gives what it computed")
        entry = self._book.store.find(row.result)
        if entry is None:
            raise RunError(f"the result of run {self.id!r} is not in the store any more. {_ADVICE.format(id=self.id)}")
        return self._load(entry, "the result")

    def cancel(self) -> bool:
        """Stop the run; whether it is cancelled now. Steps that are running end and are recorded.

        One that another process drives stops within a second; one that has succeeded stays as it is.
        """
        with self._book.careful():
            is_cancelled = self._book.table.cancel(self._token, self._book.store.now_s())
        if is_cancelled and self._driven is not None and not self._driven.driver.ended.is_set():
            self._driven.driver.run.cancel()
        return is_cancelled

    def leave(self, timeout: float | None = None) -> State:
        """Stop driving the run here, and let it be resumed by anybody, here or elsewhere; how it stands then.

        For runs that wait for long: `info` tells what for and until when. Steps that run end and are recorded; what waits,
        waits no more; everything else is taken back. It is ``interrupted`` then, if it had not ended.

        Args:
            timeout: Seconds to wait at most for steps that run.

        Raises:
            RunError: This program does not drive it, or it is a script's, which only the script can leave.
            TimeoutError: A step still runs; the run is left when it has ended.
        """
        if self._driven is None or self._driven.future is None:
            raise RunError(
                f"run {self.id!r} is not one that this program could leave: it does not drive it, or is its script"
            )
        if not self._driven.driver.ended.is_set():
            self._driven.driver.run.stop(_LEFT)
        return self.wait(timeout)

    @property
    def was_left(self) -> bool:
        """Whether this program has left it, and it waits."""
        return self._driven is not None and self._driven.driver.run.stopped == _LEFT

    def events(self) -> list[RunEvent]:
        """What happened in the run, in the order of time: who drove it, its steps, waits and events, and how it ended."""
        return happened(self._book, self._row())

    def calls(self) -> list[CallRecord]:
        """What is recorded of the calls that the run asked for, oldest first."""
        return self._book.calls(self._row())

    def log(self) -> list[LoggedCall]:
        """How each call of the run ended, and where, when and how often it ran; in the order in which they began.

        It is written four times a second and at the end. Calls that were asked for and have not begun are not in it, and
        runs of a jumar before this one have none. The view ``run_record`` of the store's index says the same in SQL.

        Example:
            >>> [(call.name, call.attempts, call.worker) for call in run.log()]  # doctest: +SKIP
            [('fetch', 2, 'jumar-worker_0')]
        """
        if self._driven is not None and not self._driven.driver.is_planned:
            self._driven.driver.run.take_notes()
        return self._book.log(self._row())

    def names(self) -> dict[str, str]:
        """The names of the calls that the run asked for, in that order, each with its key.

        A call is named as its task; of several calls of a task the second has ``_1`` after it, the third ``_2``. A name
        stays where it is in the run when the code is edited.
        """
        if self._driven is not None and not self._driven.driver.is_planned:
            self._driven.driver.run.take_notes()
        with self._book.careful():
            return {name: key.hex() for name, key in self._book.table.names(self._row().token).items()}

    def troubles(self) -> list[Trouble]:
        """The latest trouble with storage in the sessions of this program that take part in the run."""
        engines = self._driven.driver.run.engines if self._driven is not None else ()
        return [trouble for engine in engines for trouble in engine.owner.troubles]

    def drain(self) -> None:
        """Wait until the calls of the session that drives the run have ended; for blocks."""
        if self._driven is not None:
            self._driven.driver.run.engine.drain()

    # -- in asynchronous code ------------------------------------------------------------------------------------------

    async def wait_async(self, timeout: float | None = None) -> State:
        """As `wait`, without keeping the event loop from anything else."""
        await self._root_ends(timeout)
        async for _ in looks_async(timeout, self._too_late(timeout)):
            with suppress(TimeoutError):
                return await asyncio.to_thread(self.wait, 0)
        raise AssertionError("it looks until it raises")

    @overload
    async def result_async(self, timeout: float | None = None, *, call: None = None) -> T: ...
    @overload
    async def result_async(self, timeout: float | None = None, *, call: str) -> Any: ...
    async def result_async(self, timeout: float | None = None, *, call: str | None = None) -> Any:
        """As `result`, likewise. ``await run`` is the same as ``await run.result_async()``."""
        if call is not None:
            async for _ in looks_async(timeout, self._too_late(timeout)):
                with suppress(TimeoutError):
                    return await asyncio.to_thread(self._value_of, call, 0)
        if not await self._root_ends(timeout):
            await self.wait_async(timeout)
        return await asyncio.to_thread(self.result)

    async def _root_ends(self, timeout: float | None) -> bool:
        """Wait until the root has ended, where this program drives the run; whether it does."""
        future = self._driven.future if self._driven is not None else None
        if future is None:
            return False
        ending = asyncio.wrap_future(future)
        _, pending = await asyncio.wait([ending], timeout=timeout)  # not itself: whoever stops waiting cancels no run
        if pending:
            raise TimeoutError(self._too_late(timeout))
        if not ending.cancelled():
            ending.exception()  # asyncio would tell of an error that nobody looked at
        return True

    def __await__(self) -> Generator[Any, None, T]:
        """The root's value, as `result` gives it."""
        return self.result_async().__await__()

    # -- parts of the above --------------------------------------------------------------------------------------------

    def _load(self, entry: Entry, what: str) -> Any:
        try:
            return self._book.store.load(entry)
        except DamagedError as error:
            raise RunError(f"{what} of run {self.id!r} cannot be read: {error}") from error

    def _value_of(self, name: str, timeout: float | None) -> Any:
        """The value of a call by its name; while the run is driven, it may come yet."""
        for _ in looks(timeout, self._too_late(timeout)):
            is_over = self.status() not in ("pending", "running")  # before the look: what it recorded is there then
            if self._driven is not None:
                self._driven.driver.run.take_notes()
            with self._book.careful():
                key = self._book.table.key_of(self._token, name)
            self._book.store.flush()
            entry = None if key is None else self._book.store.find(key)
            if entry is not None and not role(entry.codec)[0]:
                return self._load(entry, f"the result of call {name!r}")
            if is_over and entry is not None and self.status() == "succeeded" and role(entry.codec)[0] == GRAPH:
                value = followed(self._load(entry, f"what call {name!r} returned"), self._row(), self._book.store)
                if value is not NOTHING:
                    return value
            if is_over:
                raise self._without_value(name, key)
        raise AssertionError("it looks until it raises")

    def _without_value(self, name: str, key: bytes | None) -> RunError:
        if key is None:
            known = ", ".join(islice(self.names(), 10))
            return RunError(f"run {self.id!r} has no call {name!r}: it has {known or 'none that is recorded'}")
        record = next((call for call in self.calls() if call.key == key), None)
        if record is not None and record.state == "failed":
            return RunFailedError(
                f"call {name!r} of run {self.id!r} has failed: {record.error}. See `jumar show {record.key.hex()[:12]}`."
            )
        return RunError(f"call {name!r} of run {self.id!r} has no kept result: it did not end, or is not to be kept")

    def _too_late(self, timeout: float | None) -> str:
        return f"run {self.id!r} did not end within {timeout} s; it goes on"

    def _row(self) -> NamedRun:
        if self._planned is not None:
            return self._planned
        row = self._book.find(self.id)
        if row.token != self._token:
            raise RunError(f"run {self.id!r} was deleted, and another one has its id now")
        return row

    def __repr__(self) -> str:
        return f"<jumar.runs.RunHandle {self.id!r}>"


_LEFT = "was left"
_PAST = {"failed": "has failed", "cancelled": "was cancelled", "interrupted": "was interrupted"}
_ADVICE = "`jumar resume {id}` or jumar.resume({id!r}) goes on with it; what has finished stays finished."
