"""Driving a run: this process holds its lease, and writes how it ends."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Sequence

from jumar.engine import Engine
from jumar.errors import RunHeldError, StoreError
from jumar.open_run import OpenRun
from jumar.runs.book import Book
from jumar.runs.heart import HEART
from jumar.runs.keeping import clear_away
from jumar.runs.takeover import take_over
from jumar.store import holder as holders
from jumar.store.named_runs import NamedRun, State
from jumar.store.run_queue import lease_key
from jumar.store.sqlite_connection import FAULTS
from jumar.store.trouble import Trouble


class Driver:
    """Drives one run from `begin` to `end`.

    Args:
        book: The book that the run is in.
        row: The run, as it is recorded.
        engine: The engine that runs its calls.

    *Guarantees*: of several processes that begin at once one does; a holder that died on this machine is replaced at
    once; one in another container, or on another machine, is waited for until it has renewed its lease (within 10 s), or
    has not for as long as leases last (30 s).
    """

    def __init__(self, book: Book, row: NamedRun, engine: Engine) -> None:
        self._book, self._row, self._engine = book, row, engine
        self._lease = lease_key(row.token)
        self._renewed_s = 0.0
        self._ending = threading.Lock()
        self._beating = threading.RLock()
        """Held while the store is asked for the heart: it may be closed once this has let go."""
        self._has_ended = self._has_let_go = False
        self.ended = threading.Event()
        """Set when the end is written."""
        self.released = threading.Event()
        """Set when others may drive the run."""
        self.run: OpenRun
        self.is_planned = engine.plans
        """Whether nothing is run, and nothing is written."""

    def begin(self, code: str, changed: Sequence[str] = ()) -> None:
        """Take the lease, and note by which code the run is driven.

        Raises:
            RunHeldError: Somebody else has the lease.
            RunError: The store cannot be written.
        """
        if self.is_planned:
            self.run = OpenRun(self._row.id, self._row.token, self._engine, None)
            self._has_ended = self._has_let_go = True
            self.ended.set()
            self.released.set()
            return
        with self._book.careful():
            if not take_over(self._book.leases, self._lease):
                holder = self._book.leases.holder_of(self._lease)
                raise RunHeldError(
                    f"run {self._row.id!r} is driven by {holders.said(holder) if holder else 'another process'}: two cannot "
                    f"drive it. Wait for its end, or cancel it with `jumar cancel {self._row.id}`."
                )
            self._renewed_s = self._now_s()
            self._book.table.change(self._row.token, state="running", ended_s=None, error="", traceback="")
            drive = {"at_s": self._book.store.now_s(), "by": str(holders.me()), "code": code, "changed": list(changed)}
            number = self._book.table.note_drive(self._row.token, drive)
            self.run = OpenRun(
                self._row.id,
                self._row.token,
                self._engine,
                self._book.table,
                self._lease,
                self._book.leases.holder,
                number,
            )
        HEART.add(self)

    def end(self, state: State, error: BaseException | None = None, result: bytes | None = None) -> None:
        """Write how the run ended, once; later calls do nothing.

        The lease goes when no call of the run is under way any more: branches go on when the root has failed, and nobody
        else may run their steps meanwhile.
        """
        with self._ending:
            if self._has_ended:
                return
            self._has_ended = True
        try:
            for engine in self.run.engines:
                engine.store.flush()
            self.run.take_notes()
            self._write(state, error, result)
            HEART.nudge()
            if not self.run.is_busy():
                self.let_go()
        finally:
            self.ended.set()

    def let_go(self) -> None:
        """Give the lease back, once."""
        with self._beating:
            if self._has_let_go:
                return
            self._has_let_go = True
            HEART.remove(self)
            self.run.take_notes()  # calls may have ended since they were taken last
            try:
                self._book.leases.give_back([self._lease])
            except (*FAULTS, OSError) as error:
                self._tell(error)
            finally:
                self.released.set()

    @property
    def is_left(self) -> bool:
        """Whether the run goes on no further here, and not because of anything in it."""
        return bool(self.run.stopped) or self._engine.is_closed

    def leave(self) -> None:
        """At the end of the session: a run that has not ended by now is interrupted."""
        self.end("interrupted")
        self.let_go()

    def _write(self, state: State, error: BaseException | None, result: bytes | None) -> None:
        text = "" if error is None else f"{type(error).__name__}: {error}".partition("\n")[0]
        trace = "" if error is None else "".join(traceback.format_exception(error))
        try:
            if self._lease in self._book.leases.renew([self._lease]):  # else another process has taken the run over
                self._book.table.end(self._row.token, state, self._book.store.now_s(), text, trace, result)
                if state == "succeeded":
                    clear_away(self._book, self._row, result, self._engine.owner)
        except (*FAULTS, OSError, StoreError) as trouble:
            self._tell(trouble)

    def beat(self) -> None:
        """Renew the lease when it is time, see whether the run is still wanted, and write down what was asked for."""
        with self._beating:
            if not self._has_let_go:
                self._beat()

    def _beat(self) -> None:
        table, token = self._book.table, self._row.token
        try:
            self.run.take_notes()
            if self.ended.is_set():  # not while the end is being written: that needs the lease
                if not self.run.is_busy():
                    self.let_go()
                return
            state = table.states([token]).get(token)
            if state in (None, "cancelled") and not self.run.is_cancelled:
                self.run.cancel()
            if self._now_s() - self._renewed_s >= self._book.leases.lease_s / 3:
                if self._lease not in self._book.leases.renew([self._lease]):
                    self.run.lose()
                self._renewed_s = self._now_s()
        except (*FAULTS, OSError) as error:
            self._tell(error)

    def _now_s(self) -> float:
        return self._book.elapsed_s()

    def _tell(self, error: Exception) -> None:
        text = (
            f"how run {self._row.id!r} stands could not be read or written ({type(error).__name__}: {error}). Its results are "
            f"kept; it counts as interrupted if nobody says otherwise, and can be resumed."
        )
        self._engine.tell(Trouble("unsaved", text, None, error))
