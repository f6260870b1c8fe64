"""Names of calls in a run: that of the task, and for further ones a number, in the order in which they were asked for.

A name belongs to a place in the run, as a step does: where the code of a task is edited and the run resumed, the name
leads to the new call. It stays the same for as long as there is the run.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from jumar.store.pins import has_table

TABLE = """
CREATE TABLE IF NOT EXISTS call_names (
    run BLOB NOT NULL,
    place BLOB NOT NULL,
    task TEXT NOT NULL,
    name TEXT NOT NULL,
    key BLOB NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (run, place)
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS call_names_by_name ON call_names (run, name);
CREATE INDEX IF NOT EXISTS call_names_by_task ON call_names (run, task);
CREATE INDEX IF NOT EXISTS call_names_by_key ON call_names (key);
"""

_KNOWN = "UPDATE call_names SET key = ? WHERE run = ? AND place = ?"
_ADD = "INSERT OR IGNORE INTO call_names (run, place, task, name, key, number) VALUES (?, ?, ?, ?, ?, ?)"


class Asked(NamedTuple):
    """A call that a run asked for."""

    key: bytes
    place: bytes
    task: str


def name_calls(connection: sqlite3.Connection, run: bytes, asked: Sequence[Asked]) -> None:
    """Give calls their names, inside a transaction; those that have one keep it.

    Args:
        connection: In a transaction.
        run: The run's token.
        asked: In the order in which they were asked for.
    """
    execute = connection.execute
    counts: dict[str, int] = {}
    number: int = execute("SELECT coalesce(max(number), 0) FROM call_names WHERE run = ?", (run,)).fetchone()[0]
    for key, place, task in asked:
        if execute(_KNOWN, (key, run, place)).rowcount:
            continue
        if task not in counts:
            question = "SELECT count(*) FROM call_names WHERE run = ? AND task = ?"
            counts[task] = execute(question, (run, task)).fetchone()[0]
        number += 1
        # Another task may be called as this one is with its number: the next number is taken then.
        while not execute(_ADD, (run, place, task, numbered(task, counts[task]), key, number)).rowcount:
            counts[task] += 1
        counts[task] += 1


def numbered(task: str, count: int) -> str:
    """The name of a call, of whose task so many were asked for before.

    Example:
        >>> numbered("fetch", 0), numbered("fetch", 2)
        ('fetch', 'fetch_2')
    """
    return f"{task}_{count}" if count else task


def names_of(connection: sqlite3.Connection, run: bytes) -> dict[str, bytes]:
    """The names in a run, in the order in which they were given, with the keys of the calls."""
    if not has_table(connection, "call_names"):
        return {}
    return dict(connection.execute("SELECT name, key FROM call_names WHERE run = ? ORDER BY number", (run,)).fetchall())


def key_of(connection: sqlite3.Connection, run: bytes, name: str) -> bytes | None:
    """The key of the call with this name; None where there is none."""
    if not has_table(connection, "call_names"):
        return None
    question = "SELECT key FROM call_names WHERE run = ? AND name = ?"
    found = connection.execute(question, (run, name)).fetchone()
    return None if found is None else bytes(found[0])


def place_of(connection: sqlite3.Connection, key: bytes) -> tuple[bytes, bytes] | None:
    """The latest run that asked for a call, by its token, and the call's place in it; None where none did."""
    if not has_table(connection, "call_names"):
        return None
    question = """
        SELECT c.run, c.place FROM call_names AS c JOIN named_runs AS r ON r.token = c.run
        WHERE c.key = ? ORDER BY r.created_s DESC LIMIT 1
    """
    found = connection.execute(question, (key,)).fetchone()
    return None if found is None else (bytes(found[0]), bytes(found[1]))
