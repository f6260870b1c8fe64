"""Actors, as the store keeps them: for each id the class, how many turns it has taken, and which result is its state."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Literal, NamedTuple

from jumar.keys.digest import digest
from jumar.keys.value import token
from jumar.store.database import Database
from jumar.store.pins import has_table
from jumar.store.records import Entry
from jumar.store.row import row_of

if TYPE_CHECKING:
    from jumar.store.lease import Leases

TABLE = """
CREATE TABLE IF NOT EXISTS actors (
    id TEXT PRIMARY KEY,
    token BLOB NOT NULL,
    kind TEXT NOT NULL,
    place TEXT NOT NULL,
    created_s REAL NOT NULL,
    changed_s REAL NOT NULL,
    turn INTEGER NOT NULL,
    state BLOB NOT NULL,
    "check" BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS actors_by_state ON actors (state);
"""

_COLUMNS = 'id, token, kind, place, created_s, changed_s, turn, state, "check"'


class ActorRow(NamedTuple):
    """An actor as it is recorded."""

    id: str
    token: bytes
    """What its states' keys are made from: another actor with the same id, after a deletion, has another one."""
    kind: str
    """The class's qualified name."""
    place: str
    """Where the class is written, as JSON: module, file."""
    created_s: float
    changed_s: float
    turn: int
    """How many calls have changed it."""
    state: bytes
    """The key of the result that is its state."""
    check: bytes = b""
    """Digest of all others; a row is carried over from a damaged database only if it fits."""

    def checked(self) -> ActorRow:
        """The same with its check."""
        return self._replace(check=digest(b"".join([token(field) for field in self[:8]])))

    def is_sound(self) -> bool:
        """Whether it is what was written."""
        return self.checked().check == self.check


class ActorRows:
    """Keeps actors in the database of an index. Every method may be called from any thread.

    Args:
        database: The index.

    Raises:
        sqlite3.Error: From each method, where the database cannot be read or written.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, actor_id: str) -> ActorRow | None:
        """The actor of this id."""
        found = self._read("WHERE id = ?", (actor_id,))
        return found[0] if found else None

    def take(self, actor_id: str, leases: Leases) -> tuple[ActorRow | None, bool]:
        """The actor of this id, as it is now, and whether the caller has its lease."""

        def write(connection: sqlite3.Connection) -> tuple[ActorRow | None, bool]:
            found = connection.execute(f"SELECT {_COLUMNS} FROM actors WHERE id = ?", (actor_id,)).fetchone()
            row = None if found is None else ActorRow(*found)
            return row, row is not None and leases.take_within(connection, lease_key(row.token))

        return self._database.transact(write)

    def all(self) -> list[ActorRow]:
        """All actors, the one that was changed last first."""
        return self._read("ORDER BY changed_s DESC", ())

    def add(self, row: ActorRow, state: Entry) -> bool:
        """Whether the actor was added, with its first state; else there is one of this id."""

        def write(connection: sqlite3.Connection) -> bool:
            statement = f"INSERT OR IGNORE INTO actors ({_COLUMNS}) VALUES ({', '.join('?' * len(row))})"
            if not connection.execute(statement, row.checked()).rowcount:
                return False
            _keep(connection, state)
            return True

        return self._database.transact(write)

    def advance(
        self, then: ActorRow, now: ActorRow, entries: list[Entry], holder: str
    ) -> Literal["done", "taken", "gone"]:
        """Let a new state take the place of the last one, if the caller still has the lease; which ends with it.

        Args:
            then: The actor as the caller found it.
            now: As it is to be.
            entries: The new state, and what else is to be kept in the same moment.
            holder: Who ought to have the lease.
        """
        lease = lease_key(then.token)

        def write(connection: sqlite3.Connection) -> Literal["done", "taken", "gone"]:
            execute = connection.execute
            if not execute("DELETE FROM leases WHERE key = ? AND holder = ?", (lease, holder)).rowcount:
                return "taken"
            statement = """
                UPDATE actors SET changed_s = ?, turn = ?, state = ?, "check" = ? WHERE token = ? AND turn = ?
            """
            values = (now.changed_s, now.turn, now.state, now.checked().check, then.token, then.turn)
            if not execute(statement, values).rowcount:
                return "gone"
            for entry in entries:
                _keep(connection, entry)
            execute("DELETE FROM calls WHERE key = ?", (then.state,))
            return "done"

        return self._database.transact(write)

    def delete(self, row: ActorRow, holder: str) -> bool:
        """Whether the actor was deleted, with its state: the caller must have the lease, which ends with it."""
        lease = lease_key(row.token)

        def write(connection: sqlite3.Connection) -> bool:
            execute = connection.execute
            if not execute("DELETE FROM leases WHERE key = ? AND holder = ?", (lease, holder)).rowcount:
                return False
            found = execute("SELECT state FROM actors WHERE token = ?", (row.token,)).fetchone()
            if found is not None:
                execute("DELETE FROM actors WHERE token = ?", (row.token,))
                execute("DELETE FROM calls WHERE key = ?", (found[0],))
            return found is not None

        return self._database.transact(write)

    def _read(self, clause: str, values: tuple[str, ...]) -> list[ActorRow]:
        with self._database.reading() as connection:
            if not has_table(connection, "actors"):
                return []
            return [ActorRow(*row) for row in connection.execute(f"SELECT {_COLUMNS} FROM actors {clause}", values)]


def lease_key(token: bytes) -> bytes:
    """What the lease on an actor is known by, among those on calls."""
    return digest(b"jumar:actor:1 lease" + token)


def state_key(token: bytes, turn: int) -> bytes:
    """The key of the result that is an actor's state after so many turns."""
    return digest(b"jumar:actor:1 state" + token + turn.to_bytes(8, "big"))


def _keep(connection: sqlite3.Connection, entry: Entry) -> None:
    from jumar.store.sqlite_schema import add_calls  # noqa: PLC0415  (which has this module's table)

    connection.execute(add_calls(1), row_of(entry))


def actor_states(connection: sqlite3.Connection) -> set[bytes]:
    """The keys of the results that are states of actors."""
    if not has_table(connection, "actors"):
        return set()
    return {key for (key,) in connection.execute("SELECT state FROM actors")}
