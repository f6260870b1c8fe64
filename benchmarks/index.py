"""The index on disk: what a row costs in time and bytes, and how long a large one takes to open."""

import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from blake3 import blake3

import jumar
from benchmarks.child import run
from benchmarks.row import Row, compare, measure
from benchmarks.size import Size
from jumar.store.records import Entry

GROUP = 1_000
"""Rows in one transaction of the peer."""
INLINE = b"\x80\x05K\x01."
ARGUMENTS = b"\x01\x02\x03\x04"


def rows(size: Size) -> Iterator[Row]:
    yield compare(
        "rows into the index",
        lambda: recorded(size.calls),
        f"SQLite, {GROUP:,} rows a transaction",
        lambda: inserted(size.calls),
        pieces=size.calls,
        rounds=size.rounds,
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "store")
        run("spawned", str(path), str(size.stored))
        yield measure(
            f"bytes of index per small result ({size.stored:,})",
            lambda: index_bytes(path),
            pieces=size.stored,
            rounds=1,
            unit="B",
            max_jumar=300,
        )
        yield measure(
            f"open a store of {size.stored:,} results, in a fresh process",
            lambda: run("opened", str(path)),
            pieces=1,
            rounds=size.rounds,
            unit="ms",
            max_jumar=100,
        )


def recorded(count: int) -> float:
    entries = [Entry(key, 1, 0.0, 0.0, len(INLINE), "pickle", INLINE, None, ARGUMENTS) for key in _keys(count)]
    with tempfile.TemporaryDirectory() as folder, jumar.Store.open(Path(folder, "store")) as store:
        start_s = time.perf_counter()
        for entry in entries:
            store.record(entry)
        store.flush()
        return time.perf_counter() - start_s


def inserted(count: int) -> float:
    """The least that a table of results needs: key, value, and where it came from."""
    found = [(key, INLINE, ARGUMENTS) for key in _keys(count)]
    with tempfile.TemporaryDirectory() as folder, closing(sqlite3.connect(Path(folder, "rows.sqlite"))) as connection:
        connection.executescript(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
            "CREATE TABLE results (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, value BLOB, arguments BLOB);"
        )
        start_s = time.perf_counter()
        for first in range(0, count, GROUP):
            with connection:
                connection.executemany(
                    "INSERT INTO results (key, value, arguments) VALUES (?, ?, ?)", found[first : first + GROUP]
                )
        return time.perf_counter() - start_s


def index_bytes(path: Path) -> float:
    with jumar.Store.open(path) as store:
        return store.totals().index_bytes


def _keys(count: int) -> list[bytes]:
    """As scattered as digests are."""
    return [blake3(number.to_bytes(8)).digest() for number in range(count)]
