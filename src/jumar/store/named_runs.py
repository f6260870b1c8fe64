"""Runs with ids, as the store keeps them: what each was started with, how it stands, and which steps it has begun."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Sequence
from typing import Any, Literal, NamedTuple

from jumar.keys.digest import digest
from jumar.store.actor_rows import actor_states
from jumar.store.awaited import forget
from jumar.store.call_names import Asked, Given, key_of, name_calls, names_of, place_of
from jumar.store.database import Database
from jumar.store.pins import has_table
from jumar.store.run_leavings import forget_leavings, note_computed
from jumar.store.run_log import LogRow, forget_log, log_of, write_log

State = Literal["pending", "running", "succeeded", "failed", "interrupted", "cancelled"]
STATES: tuple[State, ...] = ("pending", "running", "succeeded", "failed", "interrupted", "cancelled")

GUARDED = "SELECT key FROM journal UNION SELECT result FROM named_runs WHERE result IS NOT NULL"

_COLUMNS = (
    "id, token, created_s, ended_s, state, task, parameters, arguments, code, place, by_reference, by_value, result, "
    'error, traceback, metadata, drives, "check"'
)
_BEGIN = """
INSERT OR REPLACE INTO journal (key, run, parent, position, task, parameters, arguments, begun_s)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_MAY_BEGIN = """
SELECT (SELECT state FROM named_runs WHERE token = ?), EXISTS (SELECT 1 FROM leases WHERE key = ? AND holder = ?)
"""
_END = """
UPDATE named_runs SET state = ?, ended_s = ?, error = ?, traceback = ?, result = ?, drives = ? WHERE token = ?
"""
_JOURNAL = (
    "SELECT key, parent, position, task, parameters, arguments, begun_s FROM journal WHERE run = ? ORDER BY begun_s"
)


class NamedRun(NamedTuple):
    """A run as it is recorded."""

    id: str
    token: bytes
    """What its keys are made from: another run with the same id, after a deletion, has another one."""
    created_s: float
    ended_s: float | None
    state: State
    """As it was last written; a run whose driver died still says ``running`` here."""
    task: str
    """The root's module and name; empty for a script's run."""
    parameters: str
    arguments: bytes
    """The root's arguments as tokens, in which places stand for calls."""
    code: bytes
    """Digest of the root's code when the run was started."""
    place: str
    """Where the root is written, as JSON: module, file, name. For a script's run the script's path."""
    by_reference: bytes | None
    by_value: bytes | None
    result: bytes | None
    """The key of the root's result."""
    error: str
    traceback: str
    metadata: str
    """JSON."""
    drives: str
    """JSON: each time that somebody drove it, and with which code."""
    check: bytes = b""
    """Digest of what never changes; a row is carried over from a damaged database only if it fits."""

    def checked(self) -> NamedRun:
        """The same with its check."""
        fixed = self[:3] + self[5:12]
        return self._replace(check=digest(json.dumps(fixed, default=bytes.hex).encode("utf-8", "surrogatepass")))

    def is_sound(self) -> bool:
        """Whether it is what was written, as far as that never changes."""
        return self.state in STATES and self.checked().check == self.check


class Begun(NamedTuple):
    """A step that a run has begun."""

    key: bytes
    parent: bytes
    position: int
    """How many steps its parent had asked for before."""
    task: str
    parameters: str
    arguments: bytes
    begun_s: float


class NamedRuns:
    """Keeps runs in the database of an index. Every method may be called from any thread.

    Args:
        database: The index.

    Raises:
        sqlite3.Error: From each method, where the database cannot be read or written.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, run: NamedRun) -> bool:
        """Whether the run was added; else there is one of this id."""
        row = f"INSERT OR IGNORE INTO named_runs ({_COLUMNS}) VALUES ({', '.join('?' * len(run))})"
        values = run.checked()
        return bool(self._database.transact(lambda connection: connection.execute(row, values).rowcount))

    def find(self, run_id: str) -> NamedRun | None:
        """The run of this id."""
        found = self._read("WHERE id = ?", (run_id,))
        return found[0] if found else None

    def all(self) -> list[NamedRun]:
        """All runs, newest first."""
        return self._read("ORDER BY created_s DESC, rowid DESC", ())

    def change(self, token: bytes, **fields: Any) -> None:
        """Write some fields of a run; nothing happens where it was deleted."""
        assert set(fields) <= set(NamedRun._fields)  # no outside text gets into the statement
        statement = f"UPDATE named_runs SET {', '.join(f'{name} = ?' for name in fields)} WHERE token = ?"
        self._database.transact(lambda connection: connection.execute(statement, (*fields.values(), token)))

    def end(self, token: bytes, state: State, at_s: float, error: str, trace: str, result: bytes | None) -> None:
        """Write how a run ended, and in what state the one who drove it leaves it; nothing happens where it was deleted."""

        def write(connection: sqlite3.Connection) -> None:
            row = connection.execute("SELECT drives FROM named_runs WHERE token = ?", (token,)).fetchone()
            drives = json.loads(row[0]) if row is not None else []
            if drives:
                drives[-1] |= {"ended_s": at_s, "state": state}
            values = (state, at_s, error, trace, result, json.dumps(drives), token)
            connection.execute(_END, values)

        self._database.transact(write)

    def cancel(self, token: bytes, at_s: float) -> bool:
        """Whether the run is cancelled now; one that succeeded is not, and who drives it hears of it by its state."""
        statement = "UPDATE named_runs SET state = 'cancelled', ended_s = ? WHERE token = ? AND state <> 'succeeded'"
        return bool(self._database.transact(lambda connection: connection.execute(statement, (at_s, token)).rowcount))

    def note_drive(self, token: bytes, drive: dict[str, Any]) -> int:
        """Note that somebody begins to drive a run; the drive's number, from 1, and 0 where the run was deleted."""

        def write(connection: sqlite3.Connection) -> int:
            row = connection.execute("SELECT drives FROM named_runs WHERE token = ?", (token,)).fetchone()
            if row is None:
                return 0
            drives = [*json.loads(row[0]), drive]
            connection.execute("UPDATE named_runs SET drives = ? WHERE token = ?", (json.dumps(drives), token))
            return len(drives)

        return self._database.transact(write)

    def states(self, tokens: Collection[bytes]) -> dict[bytes, str]:
        """What is written of the states of these runs; a deleted one is not among them."""
        marks = ", ".join("?" * len(tokens))
        with self._database.reading() as connection:
            rows = connection.execute(
                f"SELECT token, state FROM named_runs WHERE token IN ({marks})", tuple(tokens)
            ).fetchall()
        return dict(rows)

    def delete(self, token: bytes) -> list[bytes]:
        """Delete a run with its journal; the keys of its steps, and of its root's result."""

        def write(connection: sqlite3.Connection) -> list[bytes]:
            question = "SELECT key FROM journal WHERE run = ? UNION SELECT result FROM named_runs WHERE token = ?"
            keys = [key for (key,) in connection.execute(question, (token, token)) if key is not None]
            connection.execute("DELETE FROM named_runs WHERE token = ?", (token,))
            connection.execute("DELETE FROM journal WHERE run = ?", (token,))
            connection.execute("DELETE FROM run_calls WHERE run = ?", (token,))
            connection.execute("DELETE FROM run_queue WHERE run = ?", (token,))
            forget(connection, token)
            connection.execute("DELETE FROM call_names WHERE run = ?", (token,))
            forget_leavings(connection, token)
            forget_log(connection, token)
            return keys

        return self._database.transact(write)

    # -- what a run asked for ------------------------------------------------------------------------------------------

    def begin(self, token: bytes, step: Begun, lease: bytes, holder: str) -> Literal["begun", "cancelled", "taken"]:
        """Note that a step is about to run, if the run is still wanted, and still the caller's, in the same transaction.

        Args:
            token: The run's.
            step: The step.
            lease: What the lease on the run is known by.
            holder: Who ought to have it.
        """
        row = (step.key, token, *step[1:])

        def write(connection: sqlite3.Connection) -> Literal["begun", "cancelled", "taken"]:
            state, is_held = connection.execute(_MAY_BEGIN, (token, lease, holder)).fetchone()
            if state is None or state == "cancelled":
                return "cancelled"
            if not is_held:
                return "taken"
            connection.execute(_BEGIN, row)
            return "begun"

        return self._database.transact(write)

    def begun(self, token: bytes) -> list[Begun]:
        """The steps that a run has begun, in that order."""
        with self._database.reading() as connection:
            if not has_table(connection, "journal"):
                return []
            return [Begun(*row) for row in connection.execute(_JOURNAL, (token,))]

    def note_calls(
        self,
        token: bytes,
        asked: Sequence[Asked],
        computed: Sequence[bytes] = (),
        given: Given | None = None,
        log: Sequence[LogRow] = (),
    ) -> Given:
        """Note calls that a run asked for, in the order in which it did: this gives them their names.

        Args:
            token: The run's.
            asked: The calls.
            computed: Those that it has begun to compute, as nobody had yet.
            given: What this returned for the run last, where the caller alone gives names.
            log: What is to be written into its log.

        Returns:
            Which names there are now.
        """
        rows = sorted({(token, each.key) for each in asked})  # in the order of the table, which is faster

        def write(connection: sqlite3.Connection) -> Given:
            connection.executemany("INSERT OR IGNORE INTO run_calls (run, key) VALUES (?, ?)", rows)
            note_computed(connection, token, sorted(computed))
            write_log(connection, token, log)
            return name_calls(connection, token, asked, given)

        return self._database.transact(write)

    def log(self, token: bytes) -> list[LogRow]:
        """What the log has of the calls of a run, in the order in which they began."""
        with self._database.reading() as connection:
            return log_of(connection, token)

    def names(self, token: bytes) -> dict[str, bytes]:
        """The names of the calls that a run asked for, in that order, with their keys."""
        with self._database.reading() as connection:
            return names_of(connection, token)

    def key_of(self, token: bytes, name: str) -> bytes | None:
        """The key of the call that has this name in a run."""
        with self._database.reading() as connection:
            return key_of(connection, token, name)

    def calls(self, token: bytes) -> list[bytes]:
        """The keys of the calls that a run asked for, its steps among them."""
        with self._database.reading() as connection:
            if not has_table(connection, "run_calls"):
                return []
            question = "SELECT key FROM run_calls WHERE run = ? UNION SELECT key FROM journal WHERE run = ?"
            return [key for (key,) in connection.execute(question, (token, token))]

    def place_of(self, key: bytes) -> tuple[NamedRun, bytes] | None:
        """The latest run that asked for a call, and the call's place in it; None where none did."""
        with self._database.reading() as connection:
            found = place_of(connection, key)
        runs = self._read("WHERE token = ?", found[:1]) if found else []
        return (runs[0], found[1]) if found and runs else None

    def _read(self, clause: str, values: tuple[Any, ...]) -> list[NamedRun]:
        with self._database.reading() as connection:
            if not has_table(connection, "named_runs"):
                return []
            return [NamedRun(*row) for row in connection.execute(f"SELECT {_COLUMNS} FROM named_runs {clause}", values)]


def guarded_keys(connection: sqlite3.Connection) -> set[bytes]:
    """The keys of the steps and results of all runs, and of the states of actors: what a sweep may not take."""
    if not has_table(connection, "journal"):
        return set()
    found = {key for (key,) in connection.execute(GUARDED)}
    return found | actor_states(connection)
