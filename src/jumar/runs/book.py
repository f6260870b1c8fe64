"""The book of runs: all runs with ids that a store has, and how each of them stands, also where its driver has died."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from jumar.clock import SystemClock
from jumar.errors import RunError
from jumar.runs.log import LoggedCall, logged
from jumar.runs.root import shown
from jumar.store import holder as holders
from jumar.store.awaited import Awaited
from jumar.store.care import careful
from jumar.store.lease import Leases
from jumar.store.named_runs import NamedRun, NamedRuns, State
from jumar.store.records import CallRecord
from jumar.store.run_leavings import RunLeavings
from jumar.store.run_queue import lease_key, queue_key
from jumar.store.sqlite_index import SqliteIndex
from jumar.store.store import Store
from jumar.store.sweep import discard


class RunInfo(NamedTuple):
    """A run as it stands."""

    id: str
    status: State
    """``running`` only while a living process drives it; one whose driver died is ``interrupted``."""
    call: str
    """The root with its arguments, or the script."""
    created_s: float
    """Seconds since the epoch."""
    ended_s: float | None
    error: str
    """Of a failed run: the error in a line."""
    traceback: str
    metadata: dict[str, Any]
    holder: str
    """Who drives it, or waits for its turn: ``process 123 on host``; empty where nobody does."""
    is_script: bool
    """Whether it is the run of a script, which has no value and is resumed by running the script."""
    drives: list[dict[str, Any]]
    """Each time that somebody drove it: ``at_s``, ``by``, ``code`` (``current``, ``recorded`` or ``script``), ``changed``;
    ``ended_s`` and ``state`` where that one has said how it ended."""
    waits: list[dict[str, Any]]
    """What it waits for, or will as soon as somebody drives it: ``event`` (the name; None for a sleep), ``since_s``,
    ``until_s`` (None where only the event ends it)."""


class Book:
    """The runs of one store.

    Args:
        store: The store; of several as one, the first.
        session: Tells the sessions of this process apart where it takes leases.

    Raises:
        RunError: The store is in memory: there is nobody whom a run could survive for. From methods: it cannot be read
            or written.
    """

    def __init__(self, store: Store, session: str = "") -> None:
        database = store.index
        if not isinstance(database, SqliteIndex):
            raise RunError(
                f"{store!r} keeps no runs with ids: they need a store in a folder, such as Session('.jumar')"
            )
        self.store, self.database = store, database
        self.table = NamedRuns(database)
        self.leavings = RunLeavings(database)
        self.awaited = Awaited(database)
        clock = SystemClock()
        self.leases = Leases(database, clock, holders.me(f"runs-{session}"))
        self.elapsed_s = clock.elapsed_s

    def find(self, run_id: str) -> NamedRun:
        """The run of this id.

        Raises:
            RunError: There is none.
        """
        with self.careful():
            found = self.table.find(run_id)
        if found is None:
            raise no_run(run_id, self.store)
        return found

    def info(self, run: NamedRun) -> RunInfo:
        """How a run stands."""
        with self.careful():
            holder = self.leases.holder_of(lease_key(run.token))
        state = run.state
        if state == "running" and holder is None:
            latest = self.table.find(run.id)  # it may have ended between the two looks
            run = latest if latest is not None and latest.token == run.token else run
            state = "interrupted" if run.state == "running" else run.state
        if state == "pending":
            with self.careful():
                holder = self.leases.holder_of(queue_key(run.token))
        return RunInfo(
            run.id,
            state,
            shown(run),
            run.created_s,
            run.ended_s,
            run.error,
            run.traceback,
            json.loads(run.metadata),
            holders.said(holder) if state in ("pending", "running") and holder else "",
            not run.task,
            json.loads(run.drives),
            [] if state == "succeeded" else self.waits(run),
        )

    def waits(self, run: NamedRun) -> list[dict[str, Any]]:
        """What a run has begun to wait for and has no answer to, oldest first."""
        with self.careful():
            rows = self.awaited.open_waits(run.token)
        return [{"event": row.name or None, "since_s": row.since_s, "until_s": row.until_s} for row in rows]

    def is_due(self, run: NamedRun) -> bool:
        """Whether something that a run waits for is over: its time has come, or its event is there."""
        with self.careful():
            rows = self.awaited.open_waits(run.token)
            now_s = self.store.now_s()
            has_come = any(row.until_s is not None and row.until_s <= now_s for row in rows)
            return has_come or bool(self.awaited.there([(row.run, row.name) for row in rows if row.name]))

    def all(self) -> list[RunInfo]:
        """All runs, newest first."""
        with self.careful():
            return [self.info(run) for run in self.table.all()]

    def calls(self, run: NamedRun) -> list[CallRecord]:
        """What is recorded of the calls of a run, oldest first; calls without a record are not among them."""
        with self.careful():
            keys = self.table.calls(run.token)
        found = [next(self.store.calls(prefix=key.hex(), limit=1), None) for key in keys]
        return sorted([call for call in found if call is not None], key=lambda call: call.created_s)

    def log(self, run: NamedRun) -> list[LoggedCall]:
        """What the log has of the calls of a run, in the order in which they began."""
        with self.careful():
            names = {key: name for name, key in reversed(self.table.names(run.token).items())}
            rows = self.table.log(run.token)
            is_driven = (
                self.leases.holder_of(lease_key(run.token)) is not None
            )  # branches go on when the root has failed
        return [logged(row, names, is_driven=is_driven) for row in rows]

    def delete(self, run: NamedRun, *, keep_results: bool = False) -> int:
        """Delete a run, its journal, and its results that nobody else has asked for; how many results that were.

        Args:
            run: The run.
            keep_results: Whether the results of plain tasks stay in any case; those of its steps go.

        Raises:
            RunError: Somebody drives it.
        """
        info = self.info(run)
        if info.holder:
            how = "is driven by" if info.status == "running" else "waits for its turn in"
            raise RunError(f"run {run.id!r} {how} {info.holder}: cancel it first, or wait for its end.")
        with self.careful():
            self.store.flush()
            own = set() if keep_results else self.leavings.own(run.token)
            return discard(self.store, own.union(self.table.delete(run.token)), f"run {run.id!r} was deleted").calls

    def careful(self) -> AbstractContextManager[None]:
        """While in this block, errors of the database become errors that say what they mean; see `careful`."""
        return careful(self.store, "runs", RunError)


def no_run(run_id: str, store: Store) -> RunError:
    """The error that there is no such run."""
    return RunError(f"there is no run {run_id!r} in {store!r}. See `jumar runs`.")
