"""Recalls: calls that failed, with their arguments, so that one of them can be run again alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from jumar.store.database import Database
from jumar.store.pins import has_table
from jumar.store.records import Failure

TABLE = """
CREATE TABLE IF NOT EXISTS recalls (key BLOB PRIMARY KEY, created_s REAL NOT NULL, call BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS recalls_by_age ON recalls (created_s);
"""
KEPT_BYTES = 64 * 1024
"""A call whose arguments take more is not kept: large values belong into results, which are kept once."""
KEPT = 1000
"""So many of them are kept, the latest ones: nobody runs older failures again one by one."""

_TRIM = "DELETE FROM recalls WHERE created_s < (SELECT created_s FROM recalls ORDER BY created_s DESC LIMIT 1 OFFSET ?)"


def keep_recalls(connection: sqlite3.Connection, failures: Sequence[Failure]) -> None:
    """Keep the calls that failed, inside a transaction."""
    rows = [(each.key, each.created_s, each.recall) for each in failures if each.recall is not None]
    if rows:
        connection.executemany("INSERT OR REPLACE INTO recalls (key, created_s, call) VALUES (?, ?, ?)", rows)
        connection.execute(_TRIM, (KEPT - 1,))


def recall_of(database: Database, key: bytes) -> bytes | None:
    """The call of this key as it was written, or None.

    Raises:
        sqlite3.Error: The database cannot be read.
    """
    with database.reading() as connection:
        if not has_table(connection, "recalls"):
            return None
        found = connection.execute("SELECT call FROM recalls WHERE key = ?", (key,)).fetchone()
        return None if found is None else bytes(found[0])
