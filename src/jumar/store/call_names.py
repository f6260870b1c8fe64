"""Names of calls in a run: that of the task, and for further ones a number, in the order in which they were asked for.

A name belongs to a place in the run, as a step does: where the code of a task is edited and the run resumed, the name
leads to the new call. It stays the same for as long as there is the run.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
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
"""

_ADD = """
INSERT INTO call_names (run, place, task, name, key, number) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (run, place) DO UPDATE SET key = excluded.key
"""
_AT_ONCE = 500


class Asked(NamedTuple):
    """A call that a run asked for."""

    key: bytes
    place: bytes
    task: str


class Given(NamedTuple):
    """Which names a run has given, as far as that is needed to give the next ones."""

    counts: dict[str, int]
    """How many names each task's calls have, those included that were passed over."""
    number: int
    """How many names there are."""


def name_calls(connection: sqlite3.Connection, run: bytes, asked: Sequence[Asked], given: Given | None) -> Given:
    """Give calls their names, inside a transaction; those that have one keep it.

    Args:
        connection: In a transaction.
        run: The run's token.
        asked: In the order in which they were asked for.
        given: What was given before, as this returned it last; None where that is not known.

    Returns:
        What is given when the transaction has succeeded.
    """
    counts, number = given or _given(connection, run)
    counts = counts.copy()
    rows: dict[bytes, tuple[bytes, bytes, str, str, bytes, int]] = {}
    named = _named(connection, run, {each.place for each in asked})
    for key, place, task in asked:
        if place in rows or place in named:
            known = rows.get(place)
            rows[place] = (run, place, *(known[2:4] if known else (task, "")), key, known[5] if known else 0)
            continue
        # Another task may be called as this one is with its number: the next number is taken then.
        while _is_taken(numbered(task, counts.get(task, 0)), task, counts):
            counts[task] = counts.get(task, 0) + 1
        number += 1
        rows[place] = (run, place, task, numbered(task, counts.get(task, 0)), key, number)
        counts[task] = counts.get(task, 0) + 1
    connection.executemany(_ADD, [rows[place] for place in sorted(rows)])  # in the order of the table
    return Given(counts, number)


def _given(connection: sqlite3.Connection, run: bytes) -> Given:
    names = connection.execute("SELECT task, name, number FROM call_names WHERE run = ?", (run,)).fetchall()
    counts: dict[str, int] = {}
    for task, name, _ in names:
        said = 0 if name == task else int(name.rpartition("_")[2])
        counts[task] = max(counts.get(task, 0), said + 1)
    return Given(counts, max((number for _, _, number in names), default=0))


def _named(connection: sqlite3.Connection, run: bytes, places: Collection[bytes]) -> set[bytes]:
    """Those of the places that have a name."""
    found: set[bytes] = set()
    pending = sorted(places)
    for start in range(0, len(pending), _AT_ONCE):
        some = pending[start : start + _AT_ONCE]
        question = f"SELECT place FROM call_names WHERE run = ? AND place IN ({', '.join('?' * len(some))})"
        found.update(place for (place,) in connection.execute(question, (run, *some)))
    return found


def _is_taken(name: str, task: str, counts: Mapping[str, int]) -> bool:
    """Whether a call of another task has the name."""
    if name != task and name in counts:
        return True
    other, line, count = name.rpartition("_")
    return bool(line) and other != task and count.isdecimal() and counts.get(other, 0) > int(count)


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
        SELECT c.run, c.place FROM run_calls AS r JOIN named_runs AS n ON n.token = r.run
        JOIN call_names AS c ON c.run = r.run AND c.key = r.key
        WHERE r.key = ? ORDER BY n.created_s DESC LIMIT 1
    """
    found = connection.execute(question, (key,)).fetchone()
    return None if found is None else (bytes(found[0]), bytes(found[1]))
