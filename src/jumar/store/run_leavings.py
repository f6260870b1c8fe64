"""What a run leaves in the store that nobody else needs: what it computed, as long as no other run or program asks for it."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from typing import Literal

from jumar.store.database import Database
from jumar.store.pins import has_table

Keep = Literal["all", "steps", "result"]
KEEPS: tuple[Keep, ...] = ("all", "steps", "result")

TABLE = """
CREATE TABLE IF NOT EXISTS run_keeps (run BLOB PRIMARY KEY, keep TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS run_computed (run BLOB NOT NULL, key BLOB NOT NULL, PRIMARY KEY (run, key)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS run_calls_by_key ON run_calls (key);
"""

# Of the results that the run computed: those that no other run asked for, with the session that recorded each, and its code.
_OWN = """
SELECT c.key, c.run, t.code FROM run_computed AS r
JOIN calls AS c ON c.key = r.key LEFT JOIN tasks AS t ON t.id = c.task
WHERE r.run = ? AND NOT EXISTS (SELECT 1 FROM run_calls AS o WHERE o.key = r.key AND o.run <> r.run)
"""
_USED = "SELECT DISTINCT code FROM code_uses WHERE run > ? AND run NOT IN ({marks})"


class RunLeavings:
    """What is to be kept of runs, and what they have computed, in the database of an index.

    Args:
        database: The index.

    Raises:
        sqlite3.Error: From each method, where the database cannot be read or written.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, run: bytes, keep: Keep) -> None:
        """Say what is to be kept of a run when it has succeeded."""
        row = (run, keep)
        self._database.transact(
            lambda connection: connection.execute("INSERT OR REPLACE INTO run_keeps (run, keep) VALUES (?, ?)", row)
        )

    def kept(self, run: bytes) -> Keep:
        """What is to be kept of a run."""
        with self._database.reading() as connection:
            if not has_table(connection, "run_keeps"):
                return "all"
            found = connection.execute("SELECT keep FROM run_keeps WHERE run = ?", (run,)).fetchone()
        return next((keep for keep in KEEPS if found is not None and keep == found[0]), "all")

    def own(self, run: bytes) -> set[bytes]:
        """The results that the run computed, and that nobody else has asked for as far as the store knows.

        Other runs note each call. Programs without an id note the codes of what they asked for: a code that a later one
        asked for keeps all that the run computed by it.
        """
        with self._database.reading() as connection:
            if not has_table(connection, "run_computed"):
                return set()
            rows = connection.execute(_OWN, (run,)).fetchall()
            sessions = {session for _, session, _ in rows}
            marks = ", ".join("?" * len(sessions))
            first = min(sessions, default=0)
            used = {code for (code,) in connection.execute(_USED.format(marks=marks), (first, *sessions))}
        return {key for key, _, code in rows if code not in used}

    def forget_steps(self, run: bytes, keys: Collection[bytes]) -> None:
        """Let go of steps in the journal of a run that is over: they may be removed then."""
        rows = [(key, run) for key in keys]
        self._database.transact(
            lambda connection: connection.executemany("DELETE FROM journal WHERE key = ? AND run = ?", rows)
        )


def note_computed(connection: sqlite3.Connection, run: bytes, keys: Sequence[bytes]) -> None:
    """Note, inside a transaction, what a run has computed."""
    rows = [(run, key) for key in keys]
    connection.executemany("INSERT OR IGNORE INTO run_computed (run, key) VALUES (?, ?)", rows)


def forget_leavings(connection: sqlite3.Connection, run: bytes) -> None:
    """Let go, inside a transaction, of what was noted of a run that is deleted."""
    connection.execute("DELETE FROM run_keeps WHERE run = ?", (run,))
    connection.execute("DELETE FROM run_computed WHERE run = ?", (run,))
