"""Where results come from, in the database of the index."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import zlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from jumar.store.lineage import LOSSES_KEPT, CodeRow, Loss, Run

_T = TypeVar("_T")


class Database(Protocol):
    """What is needed of the index. Writing through a connection of its own was rejected: the index could not tell such
    writes from those of another program, and would look on the disk for calls that nobody can have recorded."""

    def transact(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Do the work in a transaction."""

    def reading(self) -> AbstractContextManager[sqlite3.Connection]:
        """A connection of one's own."""


class SqliteLineage:
    """Remembers in the database of an index.

    Args:
        database: The index.

    Raises:
        sqlite3.Error: From every method, where the database cannot be read or written.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def remember_code(self, code: bytes, parts: Sequence[CodeRow]) -> None:
        """Keep the parts of a code, each source once."""
        if self._packed(code) is not None:
            return
        sources = [(part.digest, zlib.compress(part.source.encode("utf-8", "surrogatepass"))) for part in parts]
        rows = [(part.name, part.kind, part.file, part.line, part.digest.hex()) for part in parts]
        packed = zlib.compress(json.dumps(rows).encode())

        def write(connection: sqlite3.Connection) -> None:
            connection.executemany("INSERT OR IGNORE INTO sources VALUES (?, ?)", sources)
            connection.execute("INSERT OR IGNORE INTO codes VALUES (?, ?)", (code, packed))

        self._database.transact(write)

    def code_parts(self, code: bytes) -> list[CodeRow]:
        """The parts of a code.

        Raises:
            sqlite3.DatabaseError: Also where a row is not as it was written.
        """
        packed = self._packed(code)
        if packed is None:
            return []
        try:
            rows = json.loads(zlib.decompress(packed))
            with self._database.reading() as connection:
                return [
                    CodeRow(name, kind, file, line, bytes.fromhex(digest), _source(connection, bytes.fromhex(digest)))
                    for name, kind, file, line, digest in rows
                ]
        except (zlib.error, ValueError, TypeError) as error:
            raise sqlite3.DatabaseError(f"the code {code.hex()[:12]} is not recorded as it was written") from error

    def begin_run(self, started_s: float, script: str) -> int:
        """The number of a new run."""
        row = (started_s, script, socket.gethostname(), os.getpid())

        def write(connection: sqlite3.Connection) -> int:
            written = connection.execute("INSERT INTO runs (started_s, script, host, process) VALUES (?, ?, ?, ?)", row)
            return written.lastrowid or 0

        return self._database.transact(write)

    def runs(self) -> list[Run]:
        """All runs, newest first."""
        with self._database.reading() as connection:
            return [Run(*row) for row in connection.execute("SELECT * FROM runs ORDER BY number DESC")]

    def note_loss(self, loss: Loss) -> None:
        """Note that a result was dropped."""

        def write(connection: sqlite3.Connection) -> None:
            number = connection.execute("INSERT INTO losses (key, at_s, reason) VALUES (?, ?, ?)", loss).lastrowid or 0
            connection.execute("DELETE FROM losses WHERE number <= ?", (number - LOSSES_KEPT,))

        self._database.transact(write)

    def losses(self, key: bytes) -> list[Loss]:
        """What was lost of a call, newest first."""
        question = "SELECT key, at_s, reason FROM losses WHERE key = ? ORDER BY number DESC"
        with self._database.reading() as connection:
            return [Loss(*row) for row in connection.execute(question, (key,))]

    def _packed(self, code: bytes) -> bytes | None:
        with self._database.reading() as connection:
            found = connection.execute("SELECT parts FROM codes WHERE code = ?", (code,)).fetchone()
        return found[0] if found else None


def _source(connection: sqlite3.Connection, digest: bytes) -> str:
    found = connection.execute("SELECT source FROM sources WHERE digest = ?", (digest,)).fetchone()
    return zlib.decompress(found[0]).decode("utf-8", "surrogatepass") if found else ""
