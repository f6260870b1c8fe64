"""The queue of runs that wait for their turn, where only so many may be driven at once: in one session, or in the store."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection
from typing import NamedTuple

from jumar.keys.digest import digest
from jumar.store.database import Database
from jumar.store.lease import Leases


class Limits(NamedTuple):
    """How many runs there may be at once; None where nothing is said."""

    running: int | None = None
    """Driven by one session."""
    queued: int | None = None
    """Waiting for their turn in one session."""
    store_running: int | None = None
    """Driven by anybody who uses the store."""
    store_queued: int | None = None


class Full(Exception):  # noqa: N818  (an answer, which undoes what was written)
    """There is no place in the queue; with how many runs are driven and wait, in the session or in the store."""

    def __init__(self, place: str, running: int, queued: int) -> None:
        super().__init__(place, running, queued)
        self.place, self.running, self.queued = place, running, queued


class Elsewhere(Exception):  # noqa: N818  (likewise)
    """Another session has the run; whether it drives it, or waits for its turn."""

    def __init__(self, *, is_driven: bool) -> None:
        super().__init__(is_driven)
        self.is_driven = is_driven


class RunQueue:
    """Keeps the queue in the database of an index, for one session. Every method may be called from any thread.

    A place in the queue has a lease: whose holder has died is passed over, and whoever takes the run up again has its
    old place. Slots are counted from the leases on runs, so that a dead driver's is free.

    Args:
        database: The index.
        leases: The session's leases on runs.
        limits: What holds for the session.

    Raises:
        sqlite3.Error: From each method, where the database cannot be read or written.

    *Guarantees*: whose turn it is, and that the run is driven now, is one transaction. First come, first served: a run is
    passed over only while its own session drives as many as it may.
    """

    def __init__(self, database: Database, leases: Leases, limits: Limits) -> None:
        self._database, self._leases, self._limits = database, leases, limits

    def enter(self, run: bytes) -> set[bytes]:
        """Give a run a place, or its old one; the runs of this session whose turn it is now.

        Raises:
            Full: There is no place; nothing was changed.
            Elsewhere: Another session has it; likewise.
        """

        def write(connection: sqlite3.Connection) -> set[bytes]:
            if self._leases.holder_within(connection, lease_key(run)) not in (None, self._leases.holder):
                raise Elsewhere(is_driven=True)
            if not self._leases.take_within(connection, queue_key(run)):
                raise Elsewhere(is_driven=False)
            connection.execute(
                "INSERT INTO run_queue (run, number, most) SELECT ?, coalesce(max(number), 0) + 1, ? FROM run_queue "
                "WHERE true ON CONFLICT (run) DO UPDATE SET most = excluded.most",
                (run, self._limits.running),
            )
            connection.execute(
                "UPDATE named_runs SET state = 'pending', ended_s = NULL, error = '', traceback = '' WHERE token = ?",
                (run,),
            )
            called = self._call(connection)
            if run not in called:
                self._refuse_if_full(connection)
            return called

        return self._database.transact(write)

    def call(self) -> set[bytes]:
        """The runs of this session whose turn it is; they count as driven by it from now on."""
        return self._database.transact(self._call)

    def renew(self, runs: Collection[bytes]) -> None:
        """Say that this session still waits for the turn of these runs."""
        self._leases.renew([queue_key(run) for run in runs])

    def leave(self, runs: Collection[bytes], *, for_good: bool) -> None:
        """Wait no more for the turn of these runs.

        Args:
            runs: Their tokens.
            for_good: Whether their places go; else whoever takes them up again has them.
        """

        def write(connection: sqlite3.Connection) -> None:
            for run in runs:
                key = (queue_key(run), self._leases.holder)
                connection.execute("DELETE FROM leases WHERE key = ? AND holder = ?", key)
                if for_good:
                    connection.execute("DELETE FROM run_queue WHERE run = ?", (run,))

        self._database.transact(write)

    # -- within a transaction ------------------------------------------------------------------------------------------

    def _call(self, connection: sqlite3.Connection) -> set[bytes]:
        driving = self._driving(connection)
        called: set[bytes] = set()
        for run, most, holder in self._waiting(connection):
            if self._limits.store_running is not None and driving.total() >= self._limits.store_running:
                break
            if most is None or driving[holder] < most:
                driving[holder] += 1
                if holder == self._leases.holder:
                    called.add(run)
        for run in called:
            connection.execute("DELETE FROM run_queue WHERE run = ?", (run,))
            connection.execute("DELETE FROM leases WHERE key = ?", (queue_key(run),))
            if self._leases.take_within(connection, lease_key(run)):  # else another session drives it, and that is told
                connection.execute("UPDATE named_runs SET state = 'running' WHERE token = ?", (run,))
        return called

    def _driving(self, connection: sqlite3.Connection) -> Counter[str]:
        """How many runs each session drives."""
        runs = connection.execute("SELECT token FROM named_runs WHERE state = 'running'").fetchall()
        holders = (self._leases.holder_within(connection, lease_key(run)) for (run,) in runs)
        return Counter(holder for holder in holders if holder is not None)

    def _waiting(self, connection: sqlite3.Connection) -> list[tuple[bytes, int | None, str]]:
        """The runs for whose turn somebody waits, in their order: each with how many that session drives at most, and it."""
        rows = connection.execute("SELECT run, most FROM run_queue ORDER BY number").fetchall()
        found = [(run, most, self._leases.holder_within(connection, queue_key(run))) for run, most in rows]
        return [(run, most, holder) for run, most, holder in found if holder is not None]

    def _refuse_if_full(self, connection: sqlite3.Connection) -> None:
        waiting, driving = self._waiting(connection), self._driving(connection)
        mine = sum(holder == self._leases.holder for _, _, holder in waiting)
        if self._limits.queued is not None and mine > self._limits.queued:
            raise Full("session", driving[self._leases.holder], mine - 1)
        if self._limits.store_queued is not None and len(waiting) > self._limits.store_queued:
            raise Full("store", driving.total(), len(waiting) - 1)


def lease_key(token: bytes) -> bytes:
    """What the lease on a run is known by, among those on calls."""
    return digest(b"jumar:run:1" + token)


def queue_key(token: bytes) -> bytes:
    """What the lease on a run's place in the queue is known by."""
    return digest(b"jumar:queued:1" + token)
