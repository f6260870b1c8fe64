"""What is measured in a process of its own: ``python -m benchmarks.child WHAT ARGUMENT...`` prints one number."""

import os
import pickle
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

import jumar


@jumar.task
def successor(x):
    return x + 1


def run(what: str, *arguments: str) -> float:
    """The number that a new process prints for this."""
    command = [sys.executable, "-m", "benchmarks.child", what, *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    return float(done.stdout)


@jumar.task(checkpoint=False)
def spawned_deeper(n):
    return spawned_deeper.spawn(n - 1).result() + 1 if n else threading.active_count()


@jumar.task(checkpoint=False)
def called_deeper(n):
    return called_deeper(n - 1) + 1 if n else threading.active_count()


@jumar.task
def descend(n):
    return descend.lazy(n - 1) if n else "bottom"


def spawned(store: str, calls: str) -> float:
    """Spawn these calls and take their results: computed the first time, found the second."""
    with jumar.Session(store=store) as session:
        start_s = time.perf_counter()
        futures = [successor.spawn(number) for number in range(int(calls))]
        for future in futures:
            future.result()
        session.checkpoint()
        return time.perf_counter() - start_s


def joblib(folder: str, calls: str) -> float:
    """The same with joblib."""
    from joblib import Memory

    remembered = Memory(folder, verbose=0).cache(successor.fn)
    start_s = time.perf_counter()
    for number in range(int(calls)):
        remembered(number)
    return time.perf_counter() - start_s


def by_hand(path: str, calls: str) -> float:
    """The same with what many write for themselves: a table of pickled arguments and results, one transaction."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE IF NOT EXISTS results (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID")
        start_s = time.perf_counter()
        for number in range(int(calls)):
            key = pickle.dumps(("successor", number))
            row = connection.execute("SELECT value FROM results WHERE key = ?", (key,)).fetchone()
            if row is None:
                value = pickle.dumps(successor.fn(number))
                connection.execute("INSERT INTO results VALUES (?, ?)", (key, value))
            else:
                pickle.loads(row[0])
        return time.perf_counter() - start_s


def pending(calls: str, what: str = "bytes") -> float:
    """Bytes of memory that this many calls take while both workers are busy with something else, or seconds until then."""
    pipes = [os.pipe() for _ in range(2)]
    read = jumar.task(checkpoint=False)(os.read)
    with jumar.Session(store=jumar.Store.in_memory(), workers=len(pipes)):
        for source, _ in pipes:
            read.spawn(source, 1)
        successor.spawn(-1)
        before_bytes, start_s = _resident_bytes(), time.perf_counter()
        futures = [successor.spawn(number) for number in range(int(calls))]
        taken_s, taken_bytes = time.perf_counter() - start_s, _resident_bytes() - before_bytes
        for _, sink in pipes:
            os.write(sink, b".")
        futures[-1].result()
    return taken_bytes if what == "bytes" else taken_s


def streamed(calls: str, what: str) -> float:
    """Seconds for calls of which few are made ahead of whoever takes their results, or bytes by which the peak grew."""
    task = jumar.task(checkpoint=False)(successor.fn)
    with jumar.Session(store=jumar.Store.in_memory(), workers=2):
        for future in task.map(range(1000)):
            future.result()
        before_bytes, start_s = _peak_bytes(), time.perf_counter()
        for future in task.map(iter(range(int(calls)))):
            future.result()
        return time.perf_counter() - start_s if what == "time" else _peak_bytes() - before_bytes


def nested(form: str, depth: str, what: str) -> float:
    """Seconds for so many levels of waiting calls on two workers, or the threads that there are at the bottom."""
    task = spawned_deeper if form == "spawned" else called_deeper
    with jumar.Session(store=jumar.Store.in_memory(), workers=2):
        start_s = time.perf_counter()
        answer = task.spawn(int(depth)).result()
        taken_s = time.perf_counter() - start_s
    return taken_s if what == "time" else answer - int(depth)


def continued(what: str, links: str) -> float:
    """Seconds for a chain of calls that return each other, kept on disk, or bytes by which the peak of memory grew."""
    with tempfile.TemporaryDirectory() as folder, jumar.Session(store=Path(folder, "store"), workers=2) as session:
        descend.spawn(100).result()
        before_bytes, start_s = _peak_bytes(), time.perf_counter()
        descend.spawn(int(links) + 100).result()
        session.checkpoint()
        return time.perf_counter() - start_s if what == "time" else _peak_bytes() - before_bytes


def opened(store: str) -> float:
    """Open a store and look for one call that is not there."""
    start_s = time.perf_counter()
    with jumar.Store.open(Path(store)) as opened_store:
        opened_store.find(bytes(32))
    return time.perf_counter() - start_s


def hits(store: str, stored: str, calls: str) -> float:
    """Find so many of the stored calls, in an order that nothing can foresee."""
    chance = random.Random(0)
    numbers = [chance.randrange(int(stored)) for _ in range(int(calls))]
    with jumar.Session(store=store) as session:
        successor.spawn(numbers[0]).result()
        start_s = time.perf_counter()
        for number in numbers:
            successor.spawn(number).result()
        taken_s = time.perf_counter() - start_s
        if session.counts().computed:
            raise AssertionError(f"{session.counts().computed} calls were not found in {store}")
    return taken_s


def _resident_bytes() -> int:
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # elsewhere the peak, which is in bytes on macOS


def _peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak << 10


MEASURED = {
    function.__name__: function
    for function in (spawned, joblib, by_hand, pending, streamed, nested, continued, opened, hits)
}

if __name__ == "__main__":
    print(MEASURED[sys.argv[1]](*sys.argv[2:]))
