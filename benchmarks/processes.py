"""Calls in worker processes: what a small one costs, what a large array costs, how long a worker takes to start."""

import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import jumar
from benchmarks.row import Row, compare
from benchmarks.size import Size

WORKERS = 2
ARRAYS = 4
"""How many arrays go there and back at a time."""


def same(x):
    return x


task = jumar.task(name="same", checkpoint=False)(same)


def rows(size: Size) -> Iterator[Row]:
    calls = size.slow_calls * 5
    peer = f"ProcessPoolExecutor, {WORKERS} workers"
    yield compare(
        "no-op in a worker process, not kept",
        lambda: spawned(range(calls)),
        f"{peer}, chunksize 1",
        lambda: submitted(range(calls)),
        rounds=size.rounds,
        pieces=calls,
    )
    yield compare(
        "no-op in a worker process, not kept",
        lambda: spawned(range(calls)),
        f"{peer}, chunksize 100",
        lambda: mapped(range(calls), 100),
        rounds=size.rounds,
        pieces=calls,
    )
    arrays = large(size.array_bytes // 4)
    yield compare(
        f"array of {arrays[0].nbytes >> 20} MiB there and back",
        lambda: spawned(arrays),
        peer,
        lambda: submitted(arrays),
        rounds=size.rounds,
        pieces=ARRAYS,
        unit="ms",
    )
    yield compare(
        f"start {WORKERS} workers, run a call on each, end them",
        started,
        peer,
        pool_started,
        rounds=size.rounds,
        pieces=1,
        unit="ms",
    )


def large(size_bytes):
    import numpy as np

    return [np.full(max(size_bytes // 8, 1), float(number)) for number in range(ARRAYS)]


def spawned(values) -> float:
    """Without the start of the workers, as for the peer."""
    with jumar.Session(jumar.Store.in_memory(), "processes", WORKERS):
        jumar.gather(task.spawn(-1 - number) for number in range(2 * WORKERS))
        start_s = time.perf_counter()
        futures = [task.spawn(value) for value in values]
        for future in futures:
            future.result()
        return time.perf_counter() - start_s


def pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(WORKERS, mp_context=multiprocessing.get_context("spawn"))


def submitted(values) -> float:
    with pool() as executor:
        for future in [executor.submit(same, number) for number in range(2 * WORKERS)]:
            future.result()
        start_s = time.perf_counter()
        futures = [executor.submit(same, value) for value in values]
        for future in futures:
            future.result()
        return time.perf_counter() - start_s


def mapped(values, chunksize) -> float:
    with pool() as executor:
        list(executor.map(same, range(2 * WORKERS)))
        start_s = time.perf_counter()
        list(executor.map(same, values, chunksize=chunksize))
        return time.perf_counter() - start_s


def started() -> float:
    start_s = time.perf_counter()
    with jumar.Session(jumar.Store.in_memory(), "processes", WORKERS):
        jumar.gather(task.spawn(number) for number in range(WORKERS))
    return time.perf_counter() - start_s


def pool_started() -> float:
    start_s = time.perf_counter()
    with pool() as executor:
        for future in [executor.submit(same, number) for number in range(WORKERS)]:
            future.result()
    return time.perf_counter() - start_s
