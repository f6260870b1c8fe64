"""A chain of tasks that hand a large array from process to process: how long a step takes, and how many bytes it moves.

Each step runs in the other one of two processes, so that every array has to change hands. Bytes are those that processes
read and wrote by system calls, and those that went over the loopback network: what is mapped moves none.
"""

import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import jumar
from benchmarks.row import Row, compare, measure
from benchmarks.size import Size

STEPS = 20


def first(length):
    import numpy as np

    return np.zeros(length)


def following(array):
    return array + 1


def rows(size: Size) -> Iterator[Row]:
    length = max(size.array_bytes // 8, 1)
    what = f"step of a chain of {STEPS} that passes {length * 8 >> 20} MiB between processes"
    peers = {
        "ProcessPoolExecutor, two of one worker": pools,
        "joblib (loky), which maps arguments": loky,
        "Dask distributed, two workers": distributed,
    }
    rounds = min(size.rounds, 3)
    for peer, run in peers.items():
        try:
            run(10)
        except ImportError:
            continue
        yield compare(
            f"{what}, not kept",
            lambda: ours(length)[0],
            peer,
            lambda run=run: run(length)[0],
            rounds=rounds,
            pieces=STEPS,
            unit="ms",
            warm=False,
        )
        yield compare(
            f"bytes moved by a {what}",
            lambda: ours(length)[1],
            peer,
            lambda run=run: run(length)[1],
            rounds=1,
            pieces=STEPS,
            unit="B",
            warm=False,
        )
    yield measure(f"{what}, each kept", lambda: kept(length), pieces=STEPS, rounds=rounds, unit="ms", warm=False)


def ours(length, *, keep=False, store=None):
    task = jumar.task(name="following", checkpoint=keep)(following)
    start = jumar.task(name="first", checkpoint=keep)(first)
    both = {"a": "processes", "b": "processes"}
    with jumar.Session(store or jumar.Store.in_memory(), "threads", 1, executors=both) as session:
        session.resize(1, "a")
        session.resize(1, "b")
        executors = session.engine._executors.values()  # noqa: SLF001
        start.options(executor="a").spawn(10).result()
        start.options(executor="b").spawn(11).result()
        pids = [process.pid for each in executors for process in each._pool._all]  # noqa: SLF001

        def chain():
            value = start.options(executor="a").spawn(length)
            for step in range(STEPS):
                value = task.options(executor="ab"[(step + 1) % 2]).spawn(value)
            return value.result()

        return taken(chain, pids)


def kept(length):
    with tempfile.TemporaryDirectory() as folder:
        return ours(length, keep=True, store=folder)[0]


def pools(length):
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as one, ProcessPoolExecutor(1, mp_context=context) as other:
        both = one, other
        for each in both:
            each.submit(first, 10).result()
        pids = [pid for each in both for pid in each._processes]  # noqa: SLF001

        def chain():
            value = one.submit(first, length).result()
            for step in range(STEPS):
                value = both[(step + 1) % 2].submit(following, value).result()
            return value

        return taken(chain, pids)


def loky(length):
    import joblib
    from joblib.externals.loky import get_reusable_executor

    with joblib.Parallel(2) as parallel:
        parallel([joblib.delayed(first)(10) for _ in range(4)])
        pids = list(get_reusable_executor()._processes)  # noqa: SLF001

        def chain():
            (value,) = parallel([joblib.delayed(first)(length)])
            for _ in range(STEPS):
                (value,) = parallel([joblib.delayed(following)(value)])
            return value

        found = taken(chain, pids)
    get_reusable_executor().shutdown()
    return found


def distributed(length):
    import dask
    from distributed import Client, LocalCluster

    with (
        dask.config.set({"distributed.worker.memory.terminate": False}),
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        workers = list(client.scheduler_info()["workers"])
        pids = list(client.run(lambda: __import__("os").getpid()).values())

        def chain():
            value = client.submit(first, length, workers=workers[:1], pure=False)
            for step in range(STEPS):
                value = client.submit(following, value, workers=[workers[(step + 1) % 2]], pure=False)
            return value.result()

        return taken(chain, pids)


def taken(chain: Callable[[], object], pids) -> tuple[float, float]:
    """Seconds, and bytes that moved."""
    before, start_s = moved(pids), time.perf_counter()
    assert chain()[-1] == STEPS
    return time.perf_counter() - start_s, moved(pids) - before


def moved(pids) -> float:
    """What this process and these have read and written, and what has gone over the loopback network; 0 where nobody says."""
    total = 0
    for pid in ("self", *pids):
        try:
            lines = Path(f"/proc/{pid}/io").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith(("rchar", "wchar")))
    try:
        lines = Path("/proc/net/dev").read_text().splitlines()
    except OSError:
        return float(total)
    return float(total + sum(int(line.split()[1]) for line in lines if line.strip().startswith("lo:")))
