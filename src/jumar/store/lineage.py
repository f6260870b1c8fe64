"""Where results come from: the code of tasks, the runs that computed, the results that were lost.

It explains (``jumar why``) and decides nothing: a store without it finds the same results.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol

LOSSES_KEPT = 10_000


class CodeRow(NamedTuple):
    """A part of a task's code as it was when the task was recorded; see ``jumar.keys.CodePart``."""

    name: str
    kind: str
    file: str
    line: int
    digest: bytes
    source: str


class Run(NamedTuple):
    """One session of one program that computed something."""

    number: int
    started_s: float
    script: str
    host: str
    process: int


class Loss(NamedTuple):
    """A result that was dropped, and why."""

    key: bytes
    at_s: float
    reason: str


class Lineage(Protocol):
    """Remembers what explains results. Every method may be called from any thread."""

    def remember_code(self, code: bytes, parts: Sequence[CodeRow]) -> None:
        """Keep the parts of a code; nothing happens where they are known."""

    def code_parts(self, code: bytes) -> list[CodeRow]:
        """The parts of a code; none where they are not known."""

    def begin_run(self, started_s: float, script: str) -> int:
        """Note that a program begins to compute; the run's number."""

    def runs(self) -> list[Run]:
        """All runs, newest first."""

    def note_loss(self, loss: Loss) -> None:
        """Note that a result was dropped; the latest ten thousand are kept."""

    def losses(self, key: bytes) -> list[Loss]:
        """What was lost of a call, newest first."""


class MemoryLineage:
    """Remembers as long as the process lives."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._codes: dict[bytes, list[CodeRow]] = {}
        self._runs: list[Run] = []
        self._losses: list[Loss] = []

    def remember_code(self, code: bytes, parts: Sequence[CodeRow]) -> None:
        """Keep the parts of a code."""
        self._codes.setdefault(code, list(parts))

    def code_parts(self, code: bytes) -> list[CodeRow]:
        """The parts of a code."""
        return self._codes.get(code, [])

    def begin_run(self, started_s: float, script: str) -> int:
        """The number of a new run."""
        with self._lock:
            self._runs.append(Run(len(self._runs) + 1, started_s, script, os.uname().nodename, os.getpid()))
            return len(self._runs)

    def runs(self) -> list[Run]:
        """All runs, newest first."""
        return self._runs[::-1]

    def note_loss(self, loss: Loss) -> None:
        """Note that a result was dropped."""
        with self._lock:
            self._losses.append(loss)
            del self._losses[:-LOSSES_KEPT]

    def losses(self, key: bytes) -> list[Loss]:
        """What was lost of a call, newest first."""
        return [loss for loss in reversed(self._losses) if loss.key == key]


TABLES = """
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
"""


class SqliteLineage:
    """Remembers in a database, which is opened for each question: there are few of them.

    Args:
        path: The database; it must be there to be written to.

    Raises:
        sqlite3.Error: From every method, where the database is damaged, locked or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def remember_code(self, code: bytes, parts: Sequence[CodeRow]) -> None:
        """Keep the parts of a code, each source once."""
        with self._opened() as database:
            if database.execute("SELECT 1 FROM codes WHERE code = ?", (code,)).fetchone():
                return
            sources = [(part.digest, zlib.compress(part.source.encode("utf-8", "surrogatepass"))) for part in parts]
            rows = [(part.name, part.kind, part.file, part.line, part.digest.hex()) for part in parts]
            database.executemany("INSERT OR IGNORE INTO sources VALUES (?, ?)", sources)
            database.execute(
                "INSERT OR IGNORE INTO codes VALUES (?, ?)", (code, zlib.compress(json.dumps(rows).encode()))
            )

    def code_parts(self, code: bytes) -> list[CodeRow]:
        """The parts of a code."""
        with self._opened() as database:
            found = database.execute("SELECT parts FROM codes WHERE code = ?", (code,)).fetchone()
            rows = json.loads(zlib.decompress(found[0])) if found else []
            return [
                CodeRow(name, kind, file, line, bytes.fromhex(digest), _source(database, bytes.fromhex(digest)))
                for name, kind, file, line, digest in rows
            ]

    def begin_run(self, started_s: float, script: str) -> int:
        """The number of a new run."""
        with self._opened() as database:
            row = (started_s, script, os.uname().nodename, os.getpid())
            number = database.execute("INSERT INTO runs (started_s, script, host, process) VALUES (?, ?, ?, ?)", row)
            return number.lastrowid or 0

    def runs(self) -> list[Run]:
        """All runs, newest first."""
        with self._opened() as database:
            return [Run(*row) for row in database.execute("SELECT * FROM runs ORDER BY number DESC")]

    def note_loss(self, loss: Loss) -> None:
        """Note that a result was dropped."""
        with self._opened() as database:
            number = database.execute("INSERT INTO losses (key, at_s, reason) VALUES (?, ?, ?)", loss).lastrowid or 0
            database.execute("DELETE FROM losses WHERE number <= ?", (number - LOSSES_KEPT,))

    def losses(self, key: bytes) -> list[Loss]:
        """What was lost of a call, newest first."""
        with self._opened() as database:
            question = "SELECT key, at_s, reason FROM losses WHERE key = ? ORDER BY number DESC"
            return [Loss(*row) for row in database.execute(question, (key,))]

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        uri = f"{self._path.absolute().as_uri()}?mode=rw"
        with closing(sqlite3.connect(uri, uri=True, timeout=30.0)) as database, database:
            yield database


def _source(database: sqlite3.Connection, digest: bytes) -> str:
    found = database.execute("SELECT source FROM sources WHERE digest = ?", (digest,)).fetchone()
    return zlib.decompress(found[0]).decode("utf-8", "surrogatepass") if found else ""
