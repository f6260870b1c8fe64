"""Workers that join and leave while calls run."""

import os
from pathlib import Path

import pytest

import jumar


@jumar.task(reuse="never")
def meets(folder, number):
    """Say that it has begun, and end when it is told to."""
    Path(folder, f"begun{number}").write_text("")
    return Path(folder, f"gate{number}").read_text(), os.getpid()


def line(folder, count):
    for number in range(count):
        os.mkfifo(folder / f"begun{number}")
        os.mkfifo(folder / f"gate{number}")
    return [meets.spawn(str(folder), number) for number in range(count)]


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_a_worker_that_joins_takes_a_call_at_once(tmp_path, executor):
    with jumar.Session(jumar.Store.in_memory(), executor, 1) as session:
        futures = line(tmp_path, 2)
        (tmp_path / "begun0").read_text()
        session.resize(2)
        (tmp_path / "begun1").read_text()  # while the first one still runs
        for number in (1, 0):
            (tmp_path / f"gate{number}").write_text("open")
            assert futures[number].result()[0] == "open"
        assert session.engine.workers == 2


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_a_worker_that_leaves_ends_its_call_first_and_takes_no_other(tmp_path, executor):
    with jumar.Session(jumar.Store.in_memory(), executor, 2) as session:
        futures = line(tmp_path, 4)
        for number in (0, 1):
            (tmp_path / f"begun{number}").read_text()
        session.resize(1)
        (tmp_path / "gate1").write_text("open")
        assert futures[1].result()[0] == "open"
        assert not futures[2].running()  # the one that is left is busy
        for number in (0, 2, 3):
            if number:
                (tmp_path / f"begun{number}").read_text()
                assert futures[number].running()
                assert sum(future.running() for future in futures) == 1
            (tmp_path / f"gate{number}").write_text("open")
            assert futures[number].result()[0] == "open"
        assert session.counts()[:2] == (4, 0)


def test_processes_that_leave_are_gone(tmp_path):
    with jumar.Session(jumar.Store.in_memory(), "processes", 3) as session:
        futures = line(tmp_path, 3)
        for number in range(3):
            (tmp_path / f"begun{number}").read_text()
        for number in range(3):
            (tmp_path / f"gate{number}").write_text("open")
        pids = {pid for _, pid in jumar.gather(futures)}
        session.resize(1)
        pool = session.engine._executor._pool
        for process in [each for each in pool._all if each not in pool._idle]:
            process._popen.wait(60)
        assert len(pids) == 3
        assert len(pool._idle) <= 1


def test_named_executors_are_resized_by_name():
    with jumar.Session(jumar.Store.in_memory(), "threads", 2, executors={"io": "threads"}) as session:
        session.resize(5, "io")
        assert session.engine.workers == 7
        with pytest.raises(jumar.SettingsError, match=r"there is no executor 'gpu' \(named ones: 'io'\)"):
            session.resize(1, "gpu")


@pytest.mark.parametrize("workers", [0, -1, 2.5, True, None])
def test_a_number_that_cannot_be_is_refused(workers):
    with jumar.Session(jumar.Store.in_memory(), "threads", 2) as session:
        with pytest.raises(jumar.SettingsError, match="whole number of at least 1"):
            session.resize(workers)
        assert session.engine.workers == 2


def test_what_runs_in_place_cannot_be_resized():
    with (
        jumar.Session(jumar.Store.in_memory(), "inline") as session,
        pytest.raises(jumar.SettingsError, match="1 workers for good"),
    ):
        session.resize(2)
