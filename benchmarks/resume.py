"""Finding what an earlier process computed: spawn and result of a call whose result is in the store."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.child import run
from benchmarks.row import Row, compare
from benchmarks.size import Size


def rows(size: Size) -> Iterator[Row]:
    calls, slow_calls = str(size.calls), str(size.slow_calls)
    with tempfile.TemporaryDirectory() as folder:
        store, table, memory = (str(Path(folder, name)) for name in ("store", "table.sqlite", "joblib"))
        run("spawned", store, calls)
        run("by_hand", table, calls)
        run("joblib", memory, slow_calls)
        yield compare(
            "a hit on resume, in a fresh process",
            lambda: run("spawned", store, calls),
            "SQLite by hand",
            lambda: run("by_hand", table, calls),
            pieces=size.calls,
            rounds=size.rounds,
            max_jumar=10.0,
        )
        yield compare(
            "a hit on resume, in a fresh process",
            lambda: run("spawned", store, calls),
            "joblib.Memory",
            lambda: run("joblib", memory, slow_calls),
            pieces=size.calls,
            peer_pieces=size.slow_calls,
            rounds=size.rounds,
            max_jumar=10.0,
        )
