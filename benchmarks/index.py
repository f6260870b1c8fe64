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
from jumar.store.sqlite_connection import Durability

GROUP = 1_000
"""Rows in one transaction of the peer."""
SYNCHRONOUS = {"process": "NORMAL", "power": "FULL"}
HITS = 5_000
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
    for durability in ("process", "power"):
        yield compare(
            f'one result, until it is committed, durability="{durability}"',
            lambda durability=durability: committed(size.slow_calls, durability),
            f"SQLite, one row a transaction, synchronous = {SYNCHRONOUS[durability]}",
            lambda durability=durability: inserted(size.slow_calls, 1, SYNCHRONOUS[durability]),
            pieces=size.slow_calls,
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
        yield from _hits(path, size)


def _hits(largest: Path, size: Size) -> Iterator[Row]:
    """Calls found at random in stores of several sizes, each in a fresh process."""
    for stored in size.hit_rows:
        path = largest if stored == size.stored else largest.with_name(f"store-{stored}")
        if path != largest:
            run("spawned", str(path), str(stored))
        yield measure(
            f"a hit, one after another at random, among {stored:,} results",
            lambda path=path, stored=stored: run("hits", str(path), str(stored), str(HITS)),
            pieces=HITS,
            rounds=size.rounds,
        )


def committed(count: int, durability: Durability) -> float:
    """Results that are waited for one by one."""
    entries = _entries(count)
    with tempfile.TemporaryDirectory() as folder, jumar.Store.open(folder, durability=durability) as store:
        start_s = time.perf_counter()
        for entry in entries:
            store.record(entry)
            store.flush()
        return time.perf_counter() - start_s


def recorded(count: int) -> float:
    entries = _entries(count)
    with tempfile.TemporaryDirectory() as folder, jumar.Store.open(Path(folder, "store")) as store:
        start_s = time.perf_counter()
        for entry in entries:
            store.record(entry)
        store.flush()
        return time.perf_counter() - start_s


def inserted(count: int, group: int = GROUP, synchronous: str = "NORMAL") -> float:
    """The least that a table of results needs: key, value, and where it came from."""
    found = [(key, INLINE, ARGUMENTS) for key in _keys(count)]
    with tempfile.TemporaryDirectory() as folder, closing(sqlite3.connect(Path(folder, "rows.sqlite"))) as connection:
        connection.executescript(
            f"PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous};"
            "CREATE TABLE results (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, value BLOB, arguments BLOB);"
        )
        start_s = time.perf_counter()
        for first in range(0, count, group):
            with connection:
                connection.executemany(
                    "INSERT INTO results (key, value, arguments) VALUES (?, ?, ?)", found[first : first + group]
                )
        return time.perf_counter() - start_s


def index_bytes(path: Path) -> float:
    with jumar.Store.open(path) as store:
        return store.totals().index_bytes


def _entries(count: int) -> list[Entry]:
    return [Entry(key, 1, 0.0, 0.0, len(INLINE), "pickle", INLINE, None, ARGUMENTS) for key in _keys(count)]


def _keys(count: int) -> list[bytes]:
    """As scattered as digests are."""
    return [blake3(number.to_bytes(8)).digest() for number in range(count)]
