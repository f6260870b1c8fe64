"""The tables of an index on disk, and the statements that write many rows at once."""

from __future__ import annotations

from functools import cache

from jumar.store import actor_rows, call_names, equivalence, failure_origins, recalls, run_leavings, run_log

USER_VERSION = 11
"""The revision of these tables, kept in the database's header: 0 means that nothing is there yet. A revision only adds
tables, so that a jumar that knows an earlier one reads what it knows; what it cannot read has a new store format."""

# A result's number grows with time, so new rows go to the end of the table, whatever their keys: with the rows in the
# order of the keys (WITHOUT ROWID) the file was 14 % smaller, but a commit touched a page per row and took 2.3 x as long.
# It also gives "newest first" without another index. The codec is stored as its ASCII bytes: the look-up reads no text.
TABLES = f"""
CREATE TABLE IF NOT EXISTS tasks (
    id INTEGER PRIMARY KEY,
    code BLOB NOT NULL,
    name TEXT NOT NULL,
    module TEXT NOT NULL,
    parameters TEXT NOT NULL,
    UNIQUE (code, name, module, parameters)
);
CREATE TABLE IF NOT EXISTS calls (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,
    task INTEGER NOT NULL,
    created_s REAL NOT NULL,
    seconds REAL NOT NULL,
    size_bytes INTEGER NOT NULL,
    codec BLOB NOT NULL,
    inline BLOB,
    blob BLOB,
    arguments BLOB NOT NULL,
    content BLOB,
    needs BLOB,
    run INTEGER NOT NULL,
    "check" BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS calls_by_content ON calls (content) WHERE content IS NOT NULL;
CREATE TABLE IF NOT EXISTS failures (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,
    task INTEGER NOT NULL,
    created_s REAL NOT NULL,
    seconds REAL NOT NULL,
    attempt INTEGER NOT NULL,
    error TEXT NOT NULL,
    traceback TEXT NOT NULL,
    arguments BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS sources (digest BLOB PRIMARY KEY, source BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS codes (code BLOB PRIMARY KEY, parts BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS runs (
    number INTEGER PRIMARY KEY,
    started_s REAL NOT NULL,
    script TEXT NOT NULL,
    host TEXT NOT NULL,
    process INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS losses (number INTEGER PRIMARY KEY, key BLOB NOT NULL, at_s REAL NOT NULL, reason TEXT NOT NULL);
{equivalence.TABLE}
CREATE TABLE IF NOT EXISTS pins (key BLOB PRIMARY KEY, created_s REAL NOT NULL, note TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS code_uses (run INTEGER NOT NULL, code BLOB NOT NULL, PRIMARY KEY (run, code)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outlines (digest BLOB PRIMARY KEY, literal BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS leases (key BLOB PRIMARY KEY, holder TEXT NOT NULL, until_s REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS named_runs (
    id TEXT PRIMARY KEY,
    token BLOB NOT NULL,
    created_s REAL NOT NULL,
    ended_s REAL,
    state TEXT NOT NULL,
    task TEXT NOT NULL,
    parameters TEXT NOT NULL,
    arguments BLOB NOT NULL,
    code BLOB NOT NULL,
    place TEXT NOT NULL,
    by_reference BLOB,
    by_value BLOB,
    result BLOB,
    error TEXT NOT NULL,
    traceback TEXT NOT NULL,
    metadata TEXT NOT NULL,
    drives TEXT NOT NULL,
    "check" BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS journal (
    key BLOB NOT NULL,
    run BLOB NOT NULL,
    parent BLOB NOT NULL,
    position INTEGER NOT NULL,
    task TEXT NOT NULL,
    parameters TEXT NOT NULL,
    arguments BLOB NOT NULL,
    begun_s REAL NOT NULL,
    PRIMARY KEY (key, run)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS named_runs_by_result ON named_runs (result) WHERE result IS NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS named_runs_by_token ON named_runs (token);
CREATE INDEX IF NOT EXISTS journal_by_run ON journal (run);
CREATE TABLE IF NOT EXISTS run_calls (run BLOB NOT NULL, key BLOB NOT NULL, PRIMARY KEY (run, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS waits (
    run BLOB NOT NULL,
    key BLOB NOT NULL,
    name TEXT NOT NULL,
    since_s REAL NOT NULL,
    until_s REAL,
    "check" BLOB NOT NULL,
    PRIMARY KEY (run, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (
    number INTEGER PRIMARY KEY,
    run BLOB NOT NULL,
    name TEXT NOT NULL,
    payload TEXT NOT NULL,
    sent_s REAL NOT NULL,
    sender TEXT NOT NULL,
    taken_by BLOB,
    "check" BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS events_by_name ON events (run, name, taken_by);
CREATE UNIQUE INDEX IF NOT EXISTS events_by_sender ON events (run, sender) WHERE sender <> '';
{call_names.TABLE}{recalls.TABLE}{actor_rows.TABLE}{run_leavings.TABLE}{failure_origins.TABLE}{run_log.TABLE}
CREATE TABLE IF NOT EXISTS run_queue (
    run BLOB PRIMARY KEY,
    number INTEGER NOT NULL,
    most INTEGER
) WITHOUT ROWID;
PRAGMA user_version = {USER_VERSION};
"""

CALL_COLUMNS = 'key, task, created_s, seconds, size_bytes, codec, inline, blob, arguments, content, needs, run, "check"'

FIND = f"SELECT {CALL_COLUMNS.removeprefix('key, ')}, id FROM calls WHERE key = ?"  # no outside text in it
FIND_CONTENT = f"SELECT {CALL_COLUMNS} FROM calls WHERE content = ? ORDER BY id DESC LIMIT ?"
FIND_AFTER = f"SELECT {CALL_COLUMNS}, id FROM calls WHERE id > ? ORDER BY id LIMIT ?"

ADD_TASK = "INSERT OR IGNORE INTO tasks (code, name, module, parameters) VALUES (?, ?, ?, ?)"
TASK_NUMBER = "SELECT id FROM tasks WHERE code = ? AND name = ? AND module = ? AND parameters = ?"
# Results whose task is not known (see ``graft``) may be of any code.
HAS_CODE = "SELECT 1 FROM tasks WHERE code IN (?, x'') LIMIT 1"

ADD_FAILURE = """
INSERT INTO failures (key, task, created_s, seconds, attempt, error, traceback, arguments)
VALUES (?, ?, ?, ?, 1, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET
    task = excluded.task, created_s = excluded.created_s, seconds = excluded.seconds, attempt = attempt + 1,
    error = excluded.error, traceback = excluded.traceback, arguments = excluded.arguments
"""

ROWS_AT_ONCE = (2048, 256, 64, 8, 1)
"""Rows per INSERT. SQLite's Python module lets go of the interpreter at every step of a statement, and each time other
running threads can keep it for a switch interval (5 ms): a group is written in as few statements as can be, of few
different sizes, so that they stay prepared."""


@cache
def add_calls(rows: int) -> str:
    """The statement that records this many results at once."""
    row = f"({', '.join('?' * len(CALL_COLUMNS.split(', ')))})"
    return f"INSERT OR REPLACE INTO calls ({CALL_COLUMNS}) VALUES {', '.join([row] * rows)}"


LIST_CALLS = """
SELECT c.key, t.code, t.name, t.module, t.parameters, 'done', c.created_s, c.seconds, c.size_bytes, CAST(c.codec AS TEXT), c.blob,
       c.arguments, 0, '', '', c.needs, c.run
FROM calls AS c LEFT JOIN tasks AS t ON t.id = c.task
WHERE c.key BETWEEN ? AND ? AND (? = '' OR t.name = ?) AND (? IS NULL OR c.run = ?)
ORDER BY c.id DESC
"""

_LIST_FAILURES = """
SELECT f.key, t.code, t.name, t.module, t.parameters, 'failed', f.created_s, f.seconds, 0, '', NULL,
       f.arguments, f.attempt, f.error, f.traceback, {needs}, {run}
FROM failures AS f LEFT JOIN tasks AS t ON t.id = f.task {origins}
WHERE f.key BETWEEN ? AND ? AND (? = '' OR t.name = ?) AND (? IS NULL OR {run} = ?)
ORDER BY f.created_s DESC, f.id DESC
"""
# An origin of another moment is one of an earlier failure of the call, left by a jumar that did not know of origins.
LIST_FAILURES = _LIST_FAILURES.format(
    needs="o.needs",
    run="coalesce(o.run, 0)",
    origins="LEFT JOIN failure_origins AS o ON o.key = f.key AND o.created_s = f.created_s",
)
LIST_FAILURES_WITHOUT_ORIGINS = _LIST_FAILURES.format(needs="NULL", run="0", origins="")

COUNTS = """
SELECT (SELECT count(*) FROM calls), (SELECT count(*) FROM failures), (SELECT count(*) FROM tasks),
       (SELECT coalesce(sum(length(inline)), 0) FROM calls)
"""
