"""Calls that do nothing: what is left is what jumar adds to each."""

import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jumar
from benchmarks.child import run
from benchmarks.row import Row, compare, measure
from benchmarks.size import Size

WORKERS = 2


@jumar.task
def nothing(x):
    return x


@jumar.task
def three(a, b, c):
    return a, b, c


def rows(size: Size) -> Iterator[Row]:
    pool = f"ThreadPoolExecutor, {WORKERS} workers"
    rounds = {"rounds": size.rounds, "pieces": size.calls}
    yield compare(
        "spawned no-op, not kept",
        lambda: spawned(nothing.options(checkpoint=False), size.calls),
        pool,
        lambda: submitted(size.calls),
        max_ratio=1.0,
        **rounds,
    )
    yield compare(
        "spawned no-op, kept",
        lambda: spawned(nothing, size.calls),
        pool,
        lambda: submitted(size.calls),
        max_ratio=1.5,
        **rounds,
    )
    yield compare(
        "plain durable call",
        lambda: called(size.calls),
        "joblib.Memory, first call",
        lambda: memorised(size.slow_calls),
        peer_pieces=size.slow_calls,
        **rounds,
    )
    yield compare(
        "key of a call with 3 small arguments",
        lambda: keyed(size.calls),
        "joblib.hash of the arguments",
        lambda: hashed(size.slow_calls),
        peer_pieces=size.slow_calls,
        max_jumar=5.0,
        **rounds,
    )
    yield measure(
        f"memory of a pending call ({size.pending:,})",
        lambda: run("pending", str(size.pending)),
        pieces=size.pending,
        rounds=1,
        unit="B",
        max_jumar=1024,
    )


def spawned(task: jumar.Task, calls: int) -> float:
    """Until every result is there and, where it is kept, in the store: the session is closed within the time."""
    with tempfile.TemporaryDirectory() as folder:
        session = jumar.Session(store=Path(folder, "store"), workers=WORKERS)
        with session:
            start_s = time.perf_counter()
            futures = [task.spawn(number) for number in range(calls)]
            for future in futures:
                future.result()
            session.checkpoint()
            return time.perf_counter() - start_s


def submitted(calls: int) -> float:
    with ThreadPoolExecutor(WORKERS) as pool:
        start_s = time.perf_counter()
        futures = [pool.submit(nothing.fn, number) for number in range(calls)]
        for future in futures:
            future.result()
        return time.perf_counter() - start_s


def called(calls: int) -> float:
    with tempfile.TemporaryDirectory() as folder, jumar.Session(store=Path(folder, "store")) as session:
        start_s = time.perf_counter()
        for number in range(calls):
            nothing(number)
        session.checkpoint()
        return time.perf_counter() - start_s


def memorised(calls: int) -> float:
    import joblib

    with tempfile.TemporaryDirectory() as folder:
        remembered = joblib.Memory(folder, verbose=0).cache(nothing.fn)
        start_s = time.perf_counter()
        for number in range(calls):
            remembered(number)
        return time.perf_counter() - start_s


def keyed(calls: int) -> float:
    with jumar.Session(store=jumar.Store.in_memory()):
        start_s = time.perf_counter()
        for number in range(calls):
            three.key(number, "abc", 2.5)
        return time.perf_counter() - start_s


def hashed(calls: int) -> float:
    import joblib

    start_s = time.perf_counter()
    for number in range(calls):
        joblib.hash((number, "abc", 2.5))
    return time.perf_counter() - start_s
