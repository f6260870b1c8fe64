"""The rows of an index on disk, as retention needs them."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterator, Sequence

from jumar.store.database import Database
from jumar.store.lineage import LOSSES_KEPT
from jumar.store.named_runs import guarded_keys
from jumar.store.pins import Pins, SqlitePins, has_table
from jumar.store.stock import ROW_BYTES, Condemned, Item

COMPACT_MIN_BYTES = 4 * 1024 * 1024
"""Less room is left to the next results."""
COMPACT_MIN_SHARE = 0.25
COMPACT_MAX_BYTES = 1024**3
"""An index with more than this in use is not compacted: it takes some five seconds, in which nobody can record."""

_ITEMS = "SELECT key, task, created_s, seconds, size_bytes, blob, run, needs FROM calls ORDER BY id"
_ROWS_BYTES = f"SELECT {ROW_BYTES} * count(*) + coalesce(sum(CASE WHEN blob IS NULL THEN size_bytes END), 0) FROM calls"
_BLOBS_BYTES = """
SELECT coalesce(sum(size), 0) FROM (SELECT max(size_bytes) AS size FROM calls WHERE blob IS NOT NULL GROUP BY blob)
"""
_TAKE = """
DELETE FROM calls WHERE key = ? AND created_s = ? AND NOT EXISTS (SELECT 1 FROM pins WHERE pins.key = calls.key)
    AND NOT EXISTS (SELECT 1 FROM journal WHERE journal.key = calls.key)
    AND NOT EXISTS (SELECT 1 FROM named_runs WHERE named_runs.result = calls.key)
    AND NOT EXISTS (SELECT 1 FROM actors WHERE actors.state = calls.key)
"""
_UNUSED_CODES = """
SELECT code FROM codes
WHERE code NOT IN (
    SELECT t.code FROM tasks AS t WHERE t.id IN (SELECT task FROM calls UNION SELECT task FROM failures)
) AND code NOT IN (SELECT code FROM code_uses)
"""
_TYPES: tuple[type | tuple[type, ...], ...] = (
    bytes,
    int,
    float,
    float,
    int,
    (bytes, type(None)),
    int,
    (bytes, type(None)),
)


class SqliteStock:
    """The rows of an index on disk.

    Args:
        database: The index.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.pins: Pins = SqlitePins(database)

    def guarded(self) -> set[bytes]:
        """What no sweep takes: pinned calls, and the steps of runs."""
        with self._database.reading() as connection:
            return {pin.key for pin in self.pins.all()} | guarded_keys(connection)

    def items(self) -> Iterator[Item]:
        """All kept results, as they were when the first one was asked for; rows of a damaged database are left out."""
        with self._database.reading() as connection:
            tasks = {
                number: (name, code) for number, name, code in connection.execute("SELECT id, name, code FROM tasks")
            }
            for row in connection.execute(_ITEMS):
                if all(isinstance(field, kind) for field, kind in zip(row, _TYPES, strict=True)):
                    key, task, *rest = row
                    name, code = tasks.get(task, ("", b""))
                    yield Item(key, name, code, *rest)

    def size_bytes(self) -> int:
        """What all results take; reads the whole table, without keeping other threads from running."""
        with self._database.reading() as connection:
            return sum(connection.execute(statement).fetchone()[0] for statement in (_ROWS_BYTES, _BLOBS_BYTES))

    def take(self, condemned: Sequence[Condemned], at_s: float) -> set[bytes]:
        """Remove rows and note the losses in one transaction."""

        def write(connection: sqlite3.Connection) -> set[bytes]:
            gone = {each.key for each in condemned if connection.execute(_TAKE, each[:2]).rowcount}
            losses = [(each.key, at_s, each.reason) for each in condemned if each.key in gone][-LOSSES_KEPT:]
            connection.executemany("INSERT INTO losses (key, at_s, reason) VALUES (?, ?, ?)", losses)
            connection.execute(
                "DELETE FROM losses WHERE number <= (SELECT max(number) FROM losses) - ?", (LOSSES_KEPT,)
            )
            return gone

        gone = self._database.transact(write)
        self._database.forget(gone)
        return gone

    def failures(self, before_s: float) -> list[bytes]:
        """Calls whose last failure is older."""
        with self._database.reading() as connection:
            return [key for (key,) in connection.execute("SELECT key FROM failures WHERE created_s < ?", (before_s,))]

    def unused_codes(self) -> list[bytes]:
        """Codes whose sources are kept although nothing has them; reads the whole table of results."""
        with self._database.reading() as connection:
            if not has_table(connection, "code_uses"):
                return []
            return [code for (code,) in connection.execute(_UNUSED_CODES)]

    def drop_codes(self, codes: Sequence[bytes]) -> None:
        """Forget the parts of these codes, and the sources that no other code has, in one transaction."""

        def write(connection: sqlite3.Connection) -> None:
            connection.executemany("DELETE FROM codes WHERE code = ?", [(code,) for code in codes])
            needed = {
                bytes.fromhex(row[-1])
                for (parts,) in connection.execute("SELECT parts FROM codes")
                for row in json.loads(zlib.decompress(parts))
            }
            unneeded = [row for row in connection.execute("SELECT digest FROM sources") if row[0] not in needed]
            connection.executemany("DELETE FROM sources WHERE digest = ?", unneeded)

        self._database.transact(write)

    def compact(self, removed_bytes: int) -> int:
        """Give room back to the disk, where it is much and nobody has to wait long for it."""
        with self._database.reading() as connection:
            page, pages, free = (
                connection.execute(f"PRAGMA {name}").fetchall()[0][0]  # to its end: VACUUM runs beside no other
                for name in ("page_size", "page_count", "freelist_count")
            )
            room_bytes = max(free * page, removed_bytes)
            pays = room_bytes >= COMPACT_MIN_BYTES and room_bytes >= COMPACT_MIN_SHARE * pages * page
            if not pays or (pages - free) * page > COMPACT_MAX_BYTES:
                return 0
            connection.execute("PRAGMA busy_timeout = 0").fetchall()
            try:
                connection.execute("VACUUM")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
                return 0  # somebody is recording: the pages serve for what comes next
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            return int((pages - connection.execute("PRAGMA page_count").fetchall()[0][0]) * page)
