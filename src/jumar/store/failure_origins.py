"""Where failures come from: the run in which a call failed last, and the calls that it needed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from jumar.store.records import Failure

TABLE = """
CREATE TABLE IF NOT EXISTS failure_origins (
    key BLOB PRIMARY KEY,
    created_s REAL NOT NULL,
    run INTEGER NOT NULL,
    needs BLOB
) WITHOUT ROWID;
"""

_KEEP = "INSERT OR REPLACE INTO failure_origins (key, created_s, run, needs) VALUES (?, ?, ?, ?)"


def keep_origins(connection: sqlite3.Connection, failures: Sequence[Failure]) -> None:
    """Keep them, inside a transaction, after the failures themselves."""
    rows = [(each.key, each.created_s, each.run, each.needs) for each in failures]
    connection.executemany(_KEEP, rows)


def forget_failures(connection: sqlite3.Connection, keys: Iterable[bytes]) -> None:
    """Delete failures and their origins, inside a transaction."""
    bound = [(key,) for key in keys]
    connection.executemany("DELETE FROM failures WHERE key = ?", bound)
    connection.executemany("DELETE FROM failure_origins WHERE key = ?", bound)
