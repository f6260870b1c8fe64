"""Worker processes that are killed at work: nothing is lost, nothing is done that was done, nothing is left behind."""

import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from tests.acceptance.test_processes_executor import is_gone

import jumar
import jumar.events

CALLS, KILLS = 500, 30


@jumar.task
def marked(folder, number, is_killed):
    """Count a run by a file; the first run of some is killed half-way."""
    runs = Path(folder, "runs")
    with (runs / f"{number}").open("a") as file:
        file.write(f"{os.getpid()}\n")
    if is_killed and len((runs / f"{number}").read_text().splitlines()) == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


@jumar.task
def total(folder, numbers, is_killed):
    return sum(numbers) + marked.spawn(folder, 10_000 + numbers[0], is_killed).result()


def test_many_killed_workers_lose_nothing_and_leave_nothing(tmp_path):
    (tmp_path / "runs").mkdir()
    killed = set(random.Random(7).sample(range(CALLS), KILLS))
    folder = str(tmp_path)
    with jumar.Session(tmp_path / "store", "processes", 2) as session:
        parts = [marked.spawn(folder, number, number in killed) for number in range(CALLS)]
        assert jumar.gather(parts) == list(range(CALLS))
        assert session.counts()[:5] == (CALLS, 0, 0, 0, 0)
    runs = {int(path.name): path.read_text().splitlines() for path in (tmp_path / "runs").iterdir()}
    assert {number: len(pids) for number, pids in runs.items()} == {n: 1 + (n in killed) for n in range(CALLS)}
    pids = {int(pid) for each in runs.values() for pid in each}
    assert len(pids) > KILLS
    assert all(map(is_gone, pids))
    with jumar.Session(tmp_path / "store", "processes", 2) as session:
        assert jumar.gather(marked.spawn(folder, number, number in killed) for number in range(CALLS)) == list(
            range(CALLS)
        )
        assert session.counts()[:5] == (0, CALLS, 0, 0, 0)


def test_a_call_inside_that_is_killed_does_not_end_its_caller_badly(tmp_path):
    (tmp_path / "runs").mkdir()
    with jumar.Session(jumar.Store.in_memory(), "processes", 2) as session:
        futures = [total.spawn(str(tmp_path), [first, 1], first % 2) for first in range(4)]
        assert jumar.gather(futures) == [10_001 + 2 * first for first in range(4)]
        assert (session.counts().computed, session.counts().failed) == (8, 0)


@jumar.task
def mixed(folder, number):
    """Count a run; every third result is large enough to stay in a segment or a blob."""
    with Path(folder, "runs", str(number)).open("a") as file:
        file.write(f"{os.getpid()}\n")
    return np.full(50_000, number) if number % 3 == 0 else number


@jumar.task(checkpoint=False)
def summed(folder, number, part):
    with Path(folder, "runs", f"sum{number}").open("a") as file:
        file.write(f"{os.getpid()}\n")
    return int(np.sum(part))


class Killer:
    """Kills a worker at random each time that so many calls have ended."""

    def __init__(self, session, each, kills):
        self.pool = session.engine._executor._pool
        self.each, self.total, self.left, self.ended = each, kills, kills, 0
        self.random = random.Random(11)
        self.lock = threading.Lock()

    def __call__(self, event):
        if not isinstance(event, jumar.events.CallEnded):
            return
        with self.lock:
            self.ended += 1
            # Not those that have run nothing yet: the next start would be hit as well while calls are quick.
            alive = [
                process
                for process in list(self.pool._all)
                if process.known and process.is_alive and not process.is_gone
            ]
            if self.left and self.ended >= self.each * (self.total - self.left + 1) and alive:
                self.left -= 1
                os.kill(self.random.choice(alive).pid, signal.SIGKILL)


def shared_memory():
    """What sessions have in shared memory: their directories, and what is in those."""
    root = Path("/dev/shm") / f"jumar-{os.getuid()}"
    mine = [path for path in root.glob("*") if path.is_dir() and path.name.startswith(f"{os.getpid()}-")]
    return {path: sorted(path.iterdir()) for path in mine}


@pytest.mark.parametrize(("calls", "kills"), [(120, 4), pytest.param(2000, 30, marks=pytest.mark.slow)])
def test_workers_killed_at_any_time_cost_nothing_but_the_calls_that_they_ran(tmp_path, calls, kills):
    (tmp_path / "runs").mkdir()
    folder, before = str(tmp_path), shared_memory()
    with jumar.Session(tmp_path / "store", "processes", 2, lost_retries=20) as session:
        killer = Killer(session, calls // (kills + 1), kills)
        session.listen(killer)
        parts = [mixed.spawn(folder, number) for number in range(calls // 2)]
        sums = [summed.spawn(folder, number, part) for number, part in enumerate(parts)]
        assert jumar.gather(sums) == [number * (50_000 if number % 3 == 0 else 1) for number in range(calls // 2)]
        assert session.counts()[:4] == (2 * (calls // 2), 0, 0, 0)
    assert killer.left == 0
    runs = [path.read_text().split() for path in (tmp_path / "runs").iterdir()]
    assert len(runs) == 2 * (calls // 2)
    assert sum(map(len, runs)) <= len(runs) + kills  # each kill costs at most the call that ran in that worker
    assert shared_memory() == before
    assert not list((tmp_path / "store" / "scratch").glob("*/"))
    assert all(is_gone(int(pid)) for each in runs for pid in each)


DRIVER = """
import os, signal, sys
import numpy as np
import jumar

@jumar.task(checkpoint=False)
def large(number):
    return np.full(100_000, number)

with jumar.Session(sys.argv[1], "processes", 2) as session:
    futures = [large.spawn(number) for number in range(4)]
    jumar.wait(futures)
    print(len(session.engine._executor._furniture.scratch.grounds), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_driver_left_in_files_is_gone_after_the_next_session(tmp_path):
    store = tmp_path / "store"
    with subprocess.Popen([sys.executable, "-c", DRIVER, str(store)], stdout=subprocess.PIPE) as driver:
        assert driver.stdout is not None
        assert driver.stdout.read() == b"2\n"
    assert driver.returncode == -signal.SIGKILL
    assert list(store.glob(f"scratch/{driver.pid}-*"))
    with jumar.Session(store, "processes", 1):
        pass  # nothing need run in it
    shared = Path("/dev/shm") / f"jumar-{os.getuid()}"
    assert not [*store.glob(f"scratch/{driver.pid}-*"), *shared.glob(f"{driver.pid}-*")]
