"""Memory: a computation larger than its budget beside Dask's, what a budget costs, and calls while a result is saved."""

import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import numpy as np

import jumar
from benchmarks.row import Row, compare
from benchmarks.size import Size

EXAMPLE = Path(__file__).parents[1] / "examples" / "out_of_core.py"
DASK = Path(__file__).with_name("dask_out_of_core.py")
DASK_PYTHON = "DASK_PYTHON"
"""The variable with the interpreter that has dask and distributed; without it, there is no peer."""


@jumar.task(checkpoint=False)
def listed(x):
    return [x]


@jumar.task(checkpoint=False)
def nothing(x):
    return x


@jumar.task
def array(size_bytes):
    return np.ones(size_bytes // 8)


def rows(size: Size) -> Iterator[Row]:
    yield from out_of_core(blocks=3 if size.rounds == 1 else 6, side=256 if size.rounds == 1 else 1024)
    yield while_saving(size)
    calls = size.slow_calls * 5
    for task, what in ((nothing, "a number"), (listed, "a list")):
        yield compare(
            f"call of {what}, not kept, with a budget",
            lambda task=task: spawned(task, calls, "1GiB"),
            "jumar without one",
            lambda task=task: spawned(task, calls, None),
            pieces=calls,
            rounds=size.rounds,
        )
    yield own_value(size)


def spawned(task, calls, memory):
    with jumar.Session(jumar.Store.in_memory(), "threads", 2, memory=memory):
        started = time.perf_counter()
        jumar.wait([task.spawn(x) for x in range(calls)])
        return time.perf_counter() - started


def own_value(size: Size) -> Row:
    with tempfile.TemporaryDirectory() as folder, jumar.Session(folder + "/store", "threads", 1):
        chunk = array.spawn(size.array_bytes).chunk()
        first = chunk.fetch()

        def timed(work):
            started = time.perf_counter()
            work()
            return time.perf_counter() - started

        return compare(
            f"a value of one's own of an array of {first.nbytes >> 20} MiB, read once",
            lambda: timed(lambda: chunk.fetch().sum()),
            "numpy copy, read once",
            lambda: timed(lambda: first.copy().sum()),
            pieces=1,
            rounds=size.rounds,
            unit="ms",
        )


def while_saving(size: Size) -> Row:
    """A call's way through the only worker while a large result is hashed and written, and when nothing is."""
    size_bytes = size.array_bytes * 4
    with tempfile.TemporaryDirectory() as folder, jumar.Session(folder + "/store", "threads", 1):
        numbers = iter(range(1_000_000_000))

        def way():
            started = time.perf_counter()
            nothing.spawn(next(numbers)).result()
            return time.perf_counter() - started

        idle = median(way() for _ in range(200))
        large = array.spawn(size_bytes)
        while not large.done() and not any(Path(folder).glob("store/blobs/tmp/*/[0-9]*")):
            time.sleep(0.001)
        ways = []
        while not large.done():
            ways.append(way())
    ours = median(ways or [way()])
    what = f"way of a call while {size_bytes >> 20} MiB are written, one worker ({len(ways)} calls)"
    return Row(what, ours * 1e6, "µs", "jumar, nothing written", idle * 1e6, ours / idle)


def out_of_core(blocks, side) -> Iterator[Row]:
    budget_mib = max(1, blocks * blocks * side * side * 8 * 3 // 2**20 // 6)
    data_mib = blocks * blocks * side * side * 8 * 3 / 2**20
    for executor in ("threads", "processes"):
        ours = _jumar(blocks, side, budget_mib, executor)
        theirs = _dask(blocks, side, budget_mib, executor)
        what = f"matrix product, {data_mib:.0f} MiB of blocks in {budget_mib} MiB, {executor}"
        peer = "" if theirs is None else "Dask distributed, spilling"
        for figure, unit, index in (("seconds", "s", 0), ("most memory, programs included", "MiB", 1)):
            of_peer = None if theirs is None else theirs[index]
            yield Row(f"{what}: {figure}", ours[index], unit, peer, of_peer, of_peer and ours[index] / of_peer)


def _jumar(blocks, side, budget_mib, executor):
    shape = ("--blocks", str(blocks), "--size", str(side), "--memory", f"{budget_mib}MiB", "--executor", executor)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, EXAMPLE, *shape, "--store", folder + "/store"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        with _Most(process.pid) as most:
            printed, _ = process.communicate()
    return float(re.search(r"in (\S+) s on", printed)[1]), most.bytes / 2**20


def _dask(blocks, side, budget_mib, executor):
    python = os.environ.get(DASK_PYTHON)
    if python is None:
        return None
    shape = ("--blocks", str(blocks), "--size", str(side), "--memory-mib", str(budget_mib), "--executor", executor)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    process = subprocess.Popen(
        [python, DASK, *shape], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout.readline() == "ready\n"
    with _Most(process.pid) as most:
        started = time.perf_counter()
        process.stdin.write("go\n")
        process.stdin.flush()
        process.stdout.readline()
        seconds = time.perf_counter() - started
    process.communicate()
    return seconds, most.bytes / 2**20


class _Most:
    """Watches how much memory a process and its descendants take."""

    def __init__(self, process):
        self._process = process
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.bytes = 0
        specification = importlib.util.spec_from_file_location("out_of_core", EXAMPLE)
        example = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(example)
        self._memory_in_use = example.memory_in_use

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _watch(self):
        while not self._over.wait(0.05):
            self.bytes = max(self.bytes, self._memory_in_use(self._process))
