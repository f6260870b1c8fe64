"""Short calls that go to a worker process in one message: as if each went alone, whatever becomes of one of them."""

import logging
import os
import signal
import threading
from pathlib import Path

import numpy as np
import pytest

import jumar
from jumar.processes.pace import MOST, Pace

COUNT = 150


@jumar.task
def waits(pipe):
    return Path(pipe).read_text()


@jumar.task
def noted(folder, number):
    """Count its runs by the length of a file."""
    with Path(folder, str(number)).open("a") as file:
        file.write(".")
    return number


class Line:
    """One worker that is held until all calls are in the line, and knows that the tasks given here are quick."""

    def __init__(self, folder, workers=1, **options):
        self.folder = folder
        self.session = jumar.Session(jumar.Store.in_memory(), "processes", workers, **options)

    def __enter__(self):
        self.session.__enter__()
        self.executor = self.session.engine._executor
        return self

    def __exit__(self, *error):
        self.session.__exit__(*error)

    def run(self, task, calls):
        """The futures of calls that were all in the line when the first of them began."""
        self.executor._pace.note(task.info.code, 1e-5)
        pipe = self.folder / f"gate{len(list(self.folder.iterdir()))}"
        os.mkfifo(pipe)
        held = waits.spawn(str(pipe))
        futures = [task.spawn(*arguments) for arguments in calls]
        pipe.write_text("open")
        assert held.result() == "open"
        return futures


@pytest.fixture
def line(tmp_path):
    with Line(tmp_path) as opened:
        yield opened


def test_short_calls_go_several_at_a_time_and_each_runs_once(line, tmp_path):
    (tmp_path / "runs").mkdir()
    futures = line.run(noted, [(str(tmp_path / "runs"), number) for number in range(COUNT)])
    assert jumar.gather(futures) == list(range(COUNT))
    assert {path.read_text() for path in (tmp_path / "runs").iterdir()} == {"."}
    line.session.close()
    assert 0 < line.executor._pool.sent_messages < COUNT  # fewer the quicker the calls are


def test_a_call_that_takes_long_gives_those_behind_it_to_other_workers(tmp_path):
    def held_or_quick(number, pipe):
        return Path(pipe).read_text() if number == 0 else number

    pipe = tmp_path / "held"
    os.mkfifo(pipe)
    with Line(tmp_path, 2) as line:
        futures = line.run(jumar.task(held_or_quick), [(number, str(pipe)) for number in range(COUNT)])
        assert jumar.gather(futures[1:]) == list(range(1, COUNT))
        assert not futures[0].done()
        pipe.write_text("long")
        assert futures[0].result() == "long"
        assert line.session.counts()[:2] == (COUNT + 1, 0)


def test_a_call_may_wait_for_one_that_is_behind_it_in_the_same_message(line):
    @jumar.task
    def after_the_next(number):
        return number if number == COUNT else after_the_next.spawn(number + 1).result()

    futures = line.run(after_the_next, [(number,) for number in range(COUNT - 20, COUNT + 1)])
    assert {future.result() for future in futures} == {COUNT}
    assert line.session.counts().computed == 22


def test_errors_retries_caught_ones_and_returned_calls_are_each_calls_own(line, tmp_path):
    (tmp_path / "tries").mkdir()

    @jumar.task(retries=1)
    def mixed(number, folder):
        if number % 5 == 1:
            raise KeyError(number)
        if number % 5 == 2:
            return jumar.spawn(lambda n: n, number)
        if number % 5 == 3 and not Path(folder, str(number)).exists():
            Path(folder, str(number)).touch()
            raise OSError("not yet")
        return number

    futures = line.run(mixed, [(number, str(tmp_path / "tries")) for number in range(40)])
    for number, future in enumerate(futures):
        if number % 5 == 1:
            assert isinstance(future.exception(), KeyError)
        else:
            assert future.result() == number


def test_arguments_that_cannot_be_sent_fail_their_own_call_only(line):
    lent = jumar.task(name="lent", ignore=["lock"])(lambda number, lock: number)
    futures = line.run(lent, [(number, threading.Lock() if number == 7 else None) for number in range(30)])
    assert isinstance(futures[7].exception(), jumar.ArgumentError)
    assert [future.result() for number, future in enumerate(futures) if number != 7] == [n for n in range(30) if n != 7]


@jumar.task
def deadly(folder, number, deaths):
    path = Path(folder, str(number))
    with path.open("a") as file:
        file.write(".")
    if path.stat().st_size <= deaths:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_a_lost_worker_has_only_the_call_that_it_ran_run_again(line, tmp_path):
    (tmp_path / "runs").mkdir()
    deaths = {5: 1, 6: 1, 40: 2}
    calls = [(str(tmp_path / "runs"), number, deaths.get(number, 0)) for number in range(COUNT)]
    assert jumar.gather(line.run(deadly, calls)) == list(range(COUNT))
    runs = {int(path.name): len(path.read_text()) for path in (tmp_path / "runs").iterdir()}
    assert runs == {number: 1 + deaths.get(number, 0) for number in range(COUNT)}


def test_a_call_that_costs_a_process_each_time_takes_none_of_its_neighbours_along(line, tmp_path):
    (tmp_path / "runs").mkdir()
    calls = [(str(tmp_path / "runs"), number, 99 if number == 10 else 0) for number in range(30)]
    futures = line.run(deadly, calls)
    with pytest.raises(jumar.WorkerLostError, match=r"task 'deadly' .* run 3 times"):
        futures[10].result()
    assert [future.result() for future in futures if future is not futures[10]] == [n for n in range(30) if n != 10]
    runs = {int(path.name): len(path.read_text()) for path in (tmp_path / "runs").iterdir()}
    assert runs == {number: 3 if number == 10 else 1 for number in range(30)}


def test_what_is_printed_and_logged_is_told_with_the_name_of_its_task(line, capsys, caplog):
    def talks(number):
        print("says", number)
        logging.getLogger("theirs").warning("number %d", number)

    jumar.gather(line.run(jumar.task(name="talks")(talks), [(number,) for number in range(20)]))
    assert capsys.readouterr().out.splitlines() == [f"says {number}" for number in range(20)]
    records = [record for record in caplog.records if record.name == "theirs"]
    assert [(record.getMessage(), record.jumar_task) for record in records] == [
        (f"number {n}", "talks") for n in range(20)
    ]


def test_calls_with_values_of_others_find_what_is_kept_for_those_values(line):
    same, other = jumar.task(name="same")(lambda n: n), jumar.task(name="other")(lambda n: n + 0)
    after = jumar.task(name="after")(lambda n: n * 2)
    assert jumar.gather(line.run(after, [(same.spawn(n),) for n in range(10)])) == [2 * n for n in range(10)]
    before = line.session.counts()
    assert jumar.gather(line.run(after, [(other.spawn(n),) for n in range(10)])) == [2 * n for n in range(10)]
    assert line.session.counts().restored - before.restored == 10


@pytest.mark.parametrize("options", [{"timeout_s": 60}, {"resources": {"slot": 1}}, {"step": True}], ids=str)
def test_calls_that_need_attention_go_alone(tmp_path, options):
    with Line(tmp_path, resources={"slot": 1}) as line:
        task = jumar.task(name="alone", **options)(lambda n: n)
        assert jumar.gather(line.run(task, [(n,) for n in range(20)])) == list(range(20))
        line.session.close()
        assert line.executor._pool.sent_messages == 0


def test_closing_at_once_ends_what_was_sent_together(tmp_path):
    pipe = tmp_path / "begun"
    os.mkfifo(pipe)

    def endless(number, pipe):
        Path(pipe).write_text("begun")
        signal.pause()

    with Line(tmp_path) as line:
        futures = line.run(jumar.task(endless), [(number, str(pipe)) for number in range(20)])
        assert pipe.read_text() == "begun"
        line.session.close("now")
    assert all(future.cancelled() for future in futures)


def test_a_task_is_quick_by_its_longest_call_of_late():
    pace = Pace()
    assert pace.together(b"task") == 1
    pace.note(b"task", 1e-6)
    assert pace.together(b"task") == MOST
    pace.note(b"task", 2e-4)
    assert pace.together(b"task") == 10
    pace.note(b"task", 3.0)
    for _ in range(10):
        assert pace.together(b"task") == 1
        pace.note(b"task", 1e-6)
    for _ in range(20):
        pace.note(b"task", 1e-6)
    assert pace.together(b"task") > 1


@jumar.task
def doubled(array):
    array *= 2  # its own, which it may change
    return float(array.sum())


def test_large_arguments_go_together_too_and_may_be_changed(line):
    arrays = [np.full(20_000, number, dtype=float) for number in range(8)]
    assert jumar.gather(line.run(doubled, [(array,) for array in arrays])) == [40_000.0 * n for n in range(8)]
    assert [float(array[0]) for array in arrays] == list(range(8))
