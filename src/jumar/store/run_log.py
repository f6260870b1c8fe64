"""The log of runs: of each call of a run with an id how it ended, after how many attempts, when, where, and with what."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Literal, NamedTuple

from jumar.store.pins import has_table

LogState = Literal["running", "done", "restored", "failed", "cancelled", "skipped"]

# The view is for people; jumar itself does not read it. A call that is asked for at two places has two lines in it.
TABLE = """
CREATE TABLE IF NOT EXISTS run_log (
    run BLOB NOT NULL,
    key BLOB NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    worker TEXT NOT NULL,
    executor TEXT NOT NULL,
    resources TEXT NOT NULL,
    begun_s REAL,
    ended_s REAL,
    seconds REAL NOT NULL,
    drive INTEGER NOT NULL,
    earlier_attempts INTEGER NOT NULL,
    PRIMARY KEY (run, key)
) WITHOUT ROWID;
CREATE VIEW IF NOT EXISTS run_record AS
SELECT n.id AS run, c.name AS call, c.task AS task, l.state AS state, l.attempts + l.earlier_attempts AS attempts,
       l.worker AS worker, l.executor AS executor, l.resources AS resources, l.begun_s AS begun_s, l.ended_s AS ended_s,
       l.seconds AS seconds, l.drive AS drive, c.number AS number, lower(hex(c.key)) AS key
FROM named_runs AS n JOIN call_names AS c ON c.run = n.token LEFT JOIN run_log AS l ON l.run = c.run AND l.key = c.key;
"""

# What the run has is not forgotten for a call that did not run: of one that is found, or taken back, in a later drive it
# stays recorded who computed it. A driver that was replaced while it stood still says nothing any more.
_WRITE = """
INSERT INTO run_log (run, key, state, attempts, worker, executor, resources, begun_s, ended_s, seconds, drive, earlier_attempts)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)
ON CONFLICT (run, key) DO UPDATE SET
    earlier_attempts = earlier_attempts + CASE WHEN excluded.drive > drive THEN attempts ELSE 0 END,
    state = excluded.state, attempts = excluded.attempts,
    worker = CASE WHEN excluded.worker = '' THEN worker ELSE excluded.worker END,
    executor = excluded.executor, resources = excluded.resources,
    begun_s = coalesce(excluded.begun_s, begun_s), ended_s = excluded.ended_s,
    seconds = excluded.seconds, drive = excluded.drive
WHERE excluded.drive >= drive AND NOT (excluded.attempts = 0 AND state IN ('done', 'restored'))
"""
_READ = """
SELECT key, state, attempts + earlier_attempts, worker, executor, resources, begun_s, ended_s, seconds, drive
FROM run_log WHERE run = ? ORDER BY coalesce(begun_s, ended_s), key
"""


class LogRow(NamedTuple):
    """A call of a run, as the log has it."""

    key: bytes
    state: LogState
    attempts: int
    """How often it ran: as written in this drive of the run, as read in all."""
    worker: str
    """The thread, or the process, that ran it last; empty where none did."""
    executor: str
    """The named executor that ran it; empty for the session's own."""
    resources: str
    """What it needed of the session's resources, as JSON."""
    begun_s: float | None
    """When its first attempt in its last drive began; None where it did not run."""
    ended_s: float | None
    """None where it has not ended."""
    seconds: float
    """How long its function ran the last time."""
    drive: int
    """In which drive of the run that was, from 1."""


def write_log(connection: sqlite3.Connection, run: bytes, rows: Sequence[LogRow]) -> None:
    """Write into the log, inside a transaction; of two rows of one call the later one counts."""
    latest = {row.key: row for row in rows}
    connection.executemany(_WRITE, [(run, *latest[key]) for key in sorted(latest)])  # in the order of the table


def log_of(connection: sqlite3.Connection, run: bytes) -> list[LogRow]:
    """What the log has of a run, in the order in which the calls began; nothing in a store of an earlier revision."""
    if not has_table(connection, "run_log"):
        return []
    return [LogRow(*row) for row in connection.execute(_READ, (run,))]


def forget_log(connection: sqlite3.Connection, run: bytes) -> None:
    """Let go, inside a transaction, of what the log has of a run that is deleted."""
    connection.execute("DELETE FROM run_log WHERE run = ?", (run,))
