"""Worker processes that are killed at work: nothing is lost, nothing is done that was done, nothing is left behind."""

import os
import random
import signal
from pathlib import Path

from tests.acceptance.test_processes_executor import is_gone

import jumar

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
