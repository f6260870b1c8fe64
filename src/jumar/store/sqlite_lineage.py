"""Where results come from, in the database of the index."""

from __future__ import annotations

import json
import os
import sqlite3
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

from jumar.errors import StoreError
from jumar.keys.code import CodePart
from jumar.store.database import Database
from jumar.store.lineage import FIRST_FOREIGN_RUN, LOSSES_KEPT, RUNS_KEPT, Loss, Run, Use
from jumar.store.pins import has_table

# Counted from the highest of its own: with runs of other stores alone, SQLite would go on from a negative number to 0.
_BEGIN_RUN = """
INSERT INTO runs (number, started_s, script, host, process)
SELECT max(0, coalesce(max(number), 0)) + 1, ?, ?, ?, ? FROM runs
"""
_LAST_USE = """
SELECT coalesce(started_s, 0), code FROM code_uses LEFT JOIN runs ON number = run
WHERE run = (SELECT max(run) FROM code_uses)
"""
_KNOWN_RUN = "SELECT number FROM runs WHERE number < 0 AND started_s = ? AND script = ? AND host = ? AND process = ?"


class SqliteLineage:
    """Remembers in the database of an index.

    Args:
        database: The index.

    Raises:
        sqlite3.Error: From methods that write, where the database cannot be written.
        StoreError: From methods that read, where it cannot be read.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def remember_code(self, code: bytes, parts: Sequence[CodePart]) -> None:
        """Keep the parts of a code, each source once."""
        with self._database.reading() as connection:
            if connection.execute("SELECT 1 FROM codes WHERE code = ?", (code,)).fetchone():
                return
        sources = [(part.digest, zlib.compress(part.source.encode("utf-8", "surrogatepass"))) for part in parts]
        rows = [(part.name, part.kind, part.file, part.line, part.digest.hex()) for part in parts]
        packed = zlib.compress(json.dumps(rows).encode())

        def write(connection: sqlite3.Connection) -> None:
            connection.executemany("INSERT OR IGNORE INTO sources VALUES (?, ?)", sources)
            connection.execute("INSERT OR IGNORE INTO codes VALUES (?, ?)", (code, packed))

        self._database.transact(write)

    def code_parts(self, code: bytes) -> list[CodePart]:
        """The parts of a code; none where they are not known.

        Raises:
            StoreError: They cannot be read, or are not as they were written.
        """
        with self._asked() as connection:
            found = connection.execute("SELECT parts FROM codes WHERE code = ?", (code,)).fetchone()
            rows = json.loads(zlib.decompress(found[0])) if found else []
            return [
                CodePart(name, kind, file, line, bytes.fromhex(digest), _source(connection, bytes.fromhex(digest)))
                for name, kind, file, line, digest in rows
            ]

    def remember_outlines(self, outlines: Mapping[bytes, bytes]) -> None:
        """Keep the long forms of containers."""
        rows = [(digest, zlib.compress(literal)) for digest, literal in outlines.items()]
        self._database.transact(
            lambda connection: connection.executemany("INSERT OR IGNORE INTO outlines VALUES (?, ?)", rows)
        )

    def outline(self, digest: bytes) -> bytes | None:
        """The long form of a container, or None where it is not known.

        Raises:
            StoreError: It cannot be read.
        """
        with self._asked() as connection:
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'outlines'").fetchone():
                return None  # a store of the first revision, opened without leave to write
            found = connection.execute("SELECT literal FROM outlines WHERE digest = ?", (digest,)).fetchone()
            return zlib.decompress(found[0]) if found else None

    def begin_run(self, started_s: float, script: str, *, idle: bool = False) -> int:
        """The number of a new run."""
        row = (started_s, script, os.uname().nodename, 0 if idle else os.getpid())

        def write(connection: sqlite3.Connection) -> int:
            return connection.execute(_BEGIN_RUN, row).lastrowid or 0

        return self._database.transact(write)

    def note_run(self, run: Run) -> int:
        """The number here of a run of another store."""

        def write(connection: sqlite3.Connection) -> int:
            known = connection.execute(_KNOWN_RUN, run[1:]).fetchone()
            if known:
                return int(known[0])
            lowest: int = connection.execute("SELECT coalesce(min(number), 0) FROM runs").fetchone()[0]
            number = min(lowest - 1, FIRST_FOREIGN_RUN)
            connection.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?)", (number, *run[1:]))
            return number

        return self._database.transact(write)

    def runs(self) -> list[Run]:
        """All runs, newest first; those of other stores come last."""
        with self._asked() as connection:
            return [Run(*row) for row in connection.execute("SELECT * FROM runs ORDER BY number DESC")]

    def note_loss(self, loss: Loss) -> None:
        """Note that a result was dropped."""
        self.note_losses([loss])

    def note_losses(self, losses: Sequence[Loss]) -> None:
        """Note several losses in one transaction."""
        kept = losses[-LOSSES_KEPT:]

        def write(connection: sqlite3.Connection) -> None:
            connection.executemany("INSERT INTO losses (key, at_s, reason) VALUES (?, ?, ?)", kept)
            connection.execute(
                "DELETE FROM losses WHERE number <= (SELECT max(number) FROM losses) - ?", (LOSSES_KEPT,)
            )

        self._database.transact(write)

    def losses(self, key: bytes | None = None) -> list[Loss]:
        """What was lost of a call, or of all calls, newest first."""
        question = "SELECT key, at_s, reason FROM losses WHERE ? IS NULL OR key = ? ORDER BY number DESC"
        with self._asked() as connection:
            return [Loss(*row) for row in connection.execute(question, (key, key))]

    def note_codes(self, run: int, codes: Collection[bytes]) -> None:
        """Note what a run asked for, in one transaction."""
        rows = [(run, code) for code in sorted(codes)]

        def write(connection: sqlite3.Connection) -> None:
            connection.executemany("INSERT OR IGNORE INTO code_uses (run, code) VALUES (?, ?)", rows)
            connection.execute("DELETE FROM code_uses WHERE run <= ?", (run - RUNS_KEPT,))
            connection.execute("DELETE FROM runs WHERE process = 0 AND number BETWEEN 1 AND ?", (run - RUNS_KEPT,))

        self._database.transact(write)

    def code_uses(self) -> dict[int, frozenset[bytes]]:
        """The codes that each run asked for."""
        uses: dict[int, set[bytes]] = {}
        with self._asked() as connection:
            if has_table(connection, "code_uses"):
                for run, code in connection.execute("SELECT run, code FROM code_uses"):
                    uses.setdefault(run, set()).add(code)
        return {run: frozenset(codes) for run, codes in uses.items()}

    def last_use(self) -> Use | None:
        """What the latest run that noted it asked for."""
        with self._asked() as connection:
            found = connection.execute(_LAST_USE).fetchall() if has_table(connection, "code_uses") else []
        return Use(found[0][0], frozenset(code for _, code in found)) if found else None

    @contextmanager
    def _asked(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._database.reading() as connection:
                yield connection
        except (sqlite3.Error, zlib.error, ValueError, TypeError) as error:
            raise StoreError(
                f"what explains the results cannot be read ({type(error).__name__}: {error}): another program holds the "
                f"index, or it is damaged. Results are found all the same."
            ) from error


def _source(connection: sqlite3.Connection, digest: bytes) -> str:
    found = connection.execute("SELECT source FROM sources WHERE digest = ?", (digest,)).fetchone()
    return zlib.decompress(found[0]).decode("utf-8", "surrogatepass") if found else ""
