"""The line: runs of one session that wait for their turn, where only so many may be driven at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jumar.engine import Engine
from jumar.errors import RunHeldError, RunLimitError
from jumar.runs.book import Book
from jumar.runs.heart import HEART
from jumar.runs.takeover import take_over
from jumar.store import holder as holders
from jumar.store.named_runs import NamedRun
from jumar.store.run_queue import Elsewhere, Full, Limits, RunQueue, lease_key
from jumar.store.sqlite_connection import FAULTS
from jumar.store.trouble import Trouble

if TYPE_CHECKING:
    from jumar.runs.handle import Driven


class Ticket:
    """A run's place in the line, until it is its turn.

    Args:
        run: The run.
        begin: Begins to drive it when its turn has come, in a thread of jumar's; None where whoever waits for it does.
        changed: As for `Driven`.
    """

    def __init__(self, run: NamedRun, begin: Callable[[], Driven] | None, changed: tuple[str, ...]) -> None:
        self.run, self.changed = run, changed
        self._begin = begin
        self._over = threading.Event()
        self.driven: Driven | None = None
        """What the session has of it once it drives it."""
        self.error: BaseException | None = None
        """Why it could not be driven when its turn had come."""
        self.is_called = False
        """Whether its turn has come."""

    def call(self) -> None:
        """Say that its turn has come."""
        self.is_called = True
        try:
            if self._begin is not None:
                self.driven = self._begin()
        except BaseException as error:  # noqa: BLE001  (it is raised where somebody asks for the run)
            self.error = error
        finally:
            self._over.set()

    def drop(self) -> None:
        """Say that nobody waits for its turn any more: it was cancelled or deleted, or the session ends."""
        self._over.set()

    def wait(self, timeout_s: float | None = None) -> None:
        """Return when its turn has come, or never will.

        Raises:
            TimeoutError: Neither is so after so many seconds.
        """
        if not self._over.wait(timeout_s):
            raise TimeoutError(f"run {self.run.id!r} did not have its turn within {timeout_s} s; it goes on waiting")


class Line:
    """The runs of one session that wait for their turn, in the order in which they came.

    Args:
        book: Where they are.
        engine: The session's.
        limits: How many may be driven, and may wait.

    *Guarantees*: whoever else uses the store is in the same line. A session that ends well has its runs driven first.
    """

    def __init__(self, book: Book, engine: Engine, limits: Limits) -> None:
        self._book, self._engine, self._limits = book, engine, limits
        self._queue = RunQueue(book.database, book.leases, limits)
        self._lock = threading.RLock()
        """Held while the store is asked: it may be closed once the session has left the line."""
        self._tickets: dict[bytes, Ticket] = {}
        self._renewed_s = book.elapsed_s()
        self._beats = False
        engine.owner.at_close(self.leave)

    def ticket(self, run: bytes) -> Ticket | None:
        """The place of a run in the line, if it has one."""
        return self._tickets.get(run)

    def enter(self, ticket: Ticket) -> bool:
        """Whether it is the run's turn at once; else its ticket says when.

        Raises:
            RunLimitError: As many wait as may.
            RunHeldError: Another session drives the run, or waits for its turn.
            RunError: The store cannot be written.
        """
        token = ticket.run.token
        if self._is_driven_by_somebody_unknown(token):
            with self._book.careful():
                take_over(self._book.leases, lease_key(token))
        with self._lock:
            try:
                with self._book.careful():
                    called = self._queue.enter(token)
            except Full as full:
                raise RunLimitError(self._refusal(ticket.run.id, full)) from None
            except Elsewhere as elsewhere:
                how = "is driven" if elsewhere.is_driven else "waits for its turn"
                raise RunHeldError(
                    f"run {ticket.run.id!r} {how} in another session: two cannot drive it. Wait for its end, or cancel it with "
                    f"`jumar cancel {ticket.run.id}`."
                ) from None
            if token not in called:
                self._tickets[token] = ticket
                self._engine.expect(1)
                if not self._beats:
                    self._beats = True
                    HEART.add(self, hasty=True)
            self._call(called - {token})
        return token in called

    def beat(self) -> None:
        """Call those whose turn it is, and let those go that are not wanted any more."""
        with self._lock:
            if not self._tickets or self._engine.is_closed:
                return
            try:
                states = self._book.table.states(self._tickets.keys())
                unwanted = [run for run in self._tickets if states.get(run) != "pending"]
                if unwanted:
                    self._queue.leave(unwanted, for_good=True)
                    self._forget(unwanted)
                self._call(self._queue.call())
                if self._book.elapsed_s() - self._renewed_s >= self._book.leases.lease_s / 3:
                    self._queue.renew(self._tickets.keys())
                    self._renewed_s = self._book.elapsed_s()
            except (*FAULTS, OSError) as error:
                self._tell(error)

    def leave(self) -> None:
        """At the end of the session: the runs keep their places for whoever takes them up."""
        with self._lock:
            left = list(self._tickets)
            try:
                if left:
                    self._queue.leave(left, for_good=False)
            except (*FAULTS, OSError) as error:
                self._tell(error)
            self._forget(left)

    def _is_driven_by_somebody_unknown(self, run: bytes) -> bool:
        with self._book.careful():
            holder = self._book.leases.holder_of(lease_key(run))
        return holder is not None and holders.life(holders.read(holder)) == "unknown"

    def _call(self, called: set[bytes]) -> None:
        for run in called & self._tickets.keys():
            ticket = self._tickets.pop(run)
            ticket.call()
            self._engine.expect(-1)
        self._rest()

    def _forget(self, runs: list[bytes]) -> None:
        for run in runs:
            self._tickets.pop(run).drop()
            self._engine.expect(-1)
        self._rest()

    def _rest(self) -> None:
        if not self._tickets and self._beats:
            self._beats = False
            HEART.remove(self, hasty=True)

    def _refusal(self, run_id: str, full: Full) -> str:
        names = ("max_running_runs", "max_queued_runs", "max_store_running_runs", "max_store_queued_runs")
        said = ", ".join(
            f"{name}={value}" for name, value in zip(names, self._limits, strict=True) if value is not None
        )
        return (
            f"run {run_id!r} is not started: in this {full.place} {full.running:,} runs are driven and {full.queued:,} wait for "
            f"their turn, as many as is allowed ({said}). Start it again when some have ended, or allow more."
        )

    def _tell(self, error: Exception) -> None:
        text = (
            f"whose turn it is among {len(self._tickets):,} runs could not be read or written ({type(error).__name__}: "
            f"{error}). They go on waiting."
        )
        self._engine.tell(Trouble("unsaved", text, None, error))


_lines: dict[int, Line] = {}


def ticket_of(engine: Engine, run: bytes) -> Ticket | None:
    """The place of a run in the line of a session, if it has one."""
    line = _lines.get(id(engine))
    return None if line is None else line.ticket(run)


def line_of(book: Book, engine: Engine) -> Line | None:
    """The line of a session; None where its settings set no limit."""
    known = _lines.get(id(engine))
    if known is None:
        settings: dict[str, Any] = engine.owner.settings
        limits = Limits(
            settings["max_running_runs"].value,
            settings["max_queued_runs"].value,
            settings["max_store_running_runs"].value,
            settings["max_store_queued_runs"].value,
        )
        if limits.running is None and limits.store_running is None:
            return None
        known = _lines[id(engine)] = Line(book, engine, limits)
        engine.owner.at_close(lambda: _lines.pop(id(engine), None))
    return known
