"""Calls in worker processes: what holds on threads holds there too, and a process may die."""

import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import CancelledError
from pathlib import Path

import numpy as np
import pytest

import jumar
from jumar.errors import RemoteError


@pytest.fixture(scope="module")
def processes():
    """A session with a store in memory and two worker processes, for all tests that do not look at what it is left with."""
    with jumar.Session(jumar.Store.in_memory(), "processes", 2) as opened:
        yield opened


@pytest.fixture
def fresh():
    """One that is the test's own."""
    with jumar.Session(jumar.Store.in_memory(), "processes", 2) as opened:
        yield opened


class Pair:
    def __init__(self, left, right):
        self.left, self.right = left, right

    def __eq__(self, other):
        return type(other) is Pair and (self.left, self.right) == (other.left, other.right)

    __hash__ = None


@jumar.task
def add(a, b=0):
    return a + b


@jumar.task(reuse="never")
def process_of(number):
    return os.getpid()


@jumar.task
def paired(pair):
    return Pair(pair.right, pair.left)


@jumar.task
def fibonacci(n):
    if n < 2:
        return n
    parts = [fibonacci.spawn(n - 1), fibonacci.spawn(n - 2)]
    return sum(part.result() for part in parts)


@jumar.task
def factorial(n):
    return n * factorial(n - 1) if n else 1


def is_gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


# -- values and functions ----------------------------------------------------------------------------------------------


def test_functions_run_in_as_many_other_processes_as_there_are_workers(processes):
    found = set(jumar.gather(process_of.spawn(number) for number in range(20)))
    assert os.getpid() not in found
    assert 1 <= len(found) <= 2


def test_a_call_in_the_drivers_thread_runs_in_a_worker_too(processes):
    assert process_of(1) != os.getpid()
    assert add(1, b=2) == 3


def test_lambdas_closures_and_classes_of_the_program_go_there_and_back(processes):
    offset = 10
    local = jumar.task(lambda x: x + offset)
    assert local.spawn(1).result() == 11
    swapped = jumar.task(name="swapped", key=lambda a, b: (a, b))(lambda a, b: Pair(b, a))
    assert swapped(1, 2) == Pair(2, 1)


def test_tasks_that_know_one_another_are_sent_together(processes):
    @jumar.task
    def even(n):
        return n == 0 or odd(n - 1)

    @jumar.task
    def odd(n):
        return n != 0 and even(n - 1)

    assert even.spawn(6).result() is True
    assert odd.spawn(6).result() is False


def test_a_function_that_was_changed_is_sent_anew(processes):
    factor = [2]

    def make():
        value = factor[0]
        return jumar.task(name="scaled")(lambda x: x * value)

    assert make()(5) == 10
    factor[0] = 3
    assert make()(5) == 15


def test_a_function_that_travels_by_its_code_is_sent_once_to_each_worker(fresh):
    offset = 10

    def helper(x):
        return x + offset

    inner = jumar.task(name="inner")(helper)
    outer = jumar.task(name="outer")(lambda x: inner(x) + inner(x + 1))
    assert [outer(n) for n in range(5)] == [2 * n + 21 for n in range(5)]
    assert jumar.gather(outer.spawn(n) for n in range(5, 40)) == [2 * n + 21 for n in range(5, 40)]
    for process in fresh.engine._executor._pool._idle:
        assert len(process.known) <= 2


NOTEBOOK = """
import jumar
from dataclasses import dataclass

SCALE = 3

@dataclass
class Point:
    x: int

def scaled(value):
    return value * SCALE

@jumar.task
def moved(point):
    return Point(scaled(point.x))
"""


def test_what_a_notebook_defines_is_sent_by_its_code(processes):
    import linecache

    name = "<ipython-input-1-0123456789ab>"
    linecache.cache[name] = len(NOTEBOOK), None, NOTEBOOK.splitlines(True), name
    cell = {"__name__": "__main__"}
    exec(compile(NOTEBOOK, name, "exec"), cell)
    moved, point = cell["moved"], cell["Point"]
    assert moved.spawn(moved.spawn(point(2))).result() == point(18)
    assert type(moved(point(5))) is point


@pytest.mark.parametrize("size", [10, 1_000, 3_000_000])
def test_arrays_go_there_and_back_and_are_writable(processes, size):
    @jumar.task
    def doubled(array):
        array *= 2
        return array

    array = np.arange(size, dtype=np.float64)
    result = doubled.spawn(array).result()
    assert np.array_equal(result, np.arange(size) * 2.0)
    assert np.array_equal(array, np.arange(size))
    result += 1


def test_results_are_kept_and_found_again(tmp_path):
    for computed in (3, 0):
        with jumar.Session(tmp_path, "processes", 2) as session:
            assert add.spawn(add.spawn(1, 2), add.spawn(3, 4)).result() == 10
            assert session.counts().computed == computed
    with jumar.Session(tmp_path, "threads") as session:
        assert add(3, 4) == 7
        assert session.counts().computed == 0


@pytest.mark.parametrize(("value", "says"), [(threading.Lock, "cannot pickle"), (lambda: (i for i in ()), "generator")])
def test_what_cannot_be_sent_back_is_an_error_that_says_so(processes, value, says):
    with pytest.raises(jumar.JumarError, match=says):
        jumar.spawn(lambda: [value()]).result()


def test_arguments_that_cannot_be_sent_are_an_error_that_says_so(processes):
    lock = threading.Lock()
    with pytest.raises(
        jumar.ArgumentError, match=r"task 'lent' .* cannot be sent to a worker process.*executor='threads'"
    ):
        jumar.task(name="lent", ignore=["lock"])(lambda lock: 1).spawn(lock).result()


def test_the_working_directory_and_the_module_path_are_the_drivers(processes, tmp_path, monkeypatch):
    here = jumar.task(name="here", reuse="never")(lambda: (str(Path.cwd()), sys.path[0]))
    before = here()
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path / "modules"))
    assert before[0] != str(tmp_path)
    assert here() == (str(tmp_path), str(tmp_path / "modules"))


def test_a_function_that_cannot_be_sent_costs_no_worker(fresh):
    lock = threading.Lock()
    before = process_of(1)
    holds = jumar.task(name="holds", key=lambda: 1)(lambda: lock)
    with pytest.raises(jumar.ArgumentError, match=r"task 'holds'.*what that closes over"):
        holds()
    assert process_of(2) == before


# -- calls inside of calls ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
def test_calls_inside_of_calls_wait_without_deadlock_and_are_equal_calls(workers):
    with jumar.Session(jumar.Store.in_memory(), "processes", workers) as session:
        assert fibonacci.spawn(9).result() == 34
        assert session.counts().computed == 10
        assert factorial(8) == 40320
        assert factorial(5) == 120
        assert session.counts().computed == 19


def test_inside_a_task_futures_are_waited_for_in_every_way(processes):
    @jumar.task
    def ways():
        futures = [add.spawn(number, 100) for number in range(3)]
        done, pending = jumar.wait(futures)
        first, _ = jumar.wait(futures, return_when="FIRST_COMPLETED", num_returns=1)
        ends = sorted(future.result() for future in jumar.as_completed(futures))
        states = {(future.done(), future.running(), future.cancelled()) for future in futures}
        failed = jumar.spawn(lambda: 1 / 0)
        return len(done), len(pending), len(first), ends, jumar.gather(futures), states, repr(failed.exception())

    numbers = [100, 101, 102]
    assert ways() == (3, 0, 1, numbers, numbers, {(True, False, False)}, "ZeroDivisionError('division by zero')")


def test_inside_a_task_calls_are_described_taken_apart_and_collected(processes):
    @jumar.task
    def inside():
        with jumar.lazily():
            total = add(add(1, 2), add.options(checkpoint=False)(3, 4))
        table = jumar.spawn(lambda: {"a": 5})
        return jumar.collect(total), table["a"].result(), jumar.attr(add.lazy(1, 2), "real").key != total.key

    assert inside.spawn().result() == (10, 5, True)


def test_a_task_may_return_calls_and_ends_as_they_do(processes):
    returning = jumar.task(name="returning")(lambda: {"now": add.spawn(1, 2), "lazy": [add.lazy(add.lazy(1, 3), 4)]})
    assert returning.spawn().result() == {"now": 3, "lazy": [8]}


def test_a_wait_inside_a_task_can_run_out_of_time_and_a_call_be_taken_back(processes):
    @jumar.task
    def impatient(folder):
        blocked = [jumar.spawn(lambda n: Path(folder, f"gate{n}").read_text(), n) for n in range(2)]
        waiting = add.spawn(blocked[0], 1)
        try:
            blocked[0].result(timeout=0.01)
        except TimeoutError:
            taken_back = waiting.cancel(), waiting.cancelled(), blocked[1].done()
        for n in range(2):  # of two readers of one gate the first may be gone when the second is written to
            Path(folder, f"gate{n}").write_text("open")
        return taken_back, isinstance(caught(waiting), CancelledError)

    def caught(future):
        try:
            return future.result()
        except CancelledError as error:
            return error

    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        for n in range(2):
            os.mkfifo(Path(folder, f"gate{n}"))
        assert impatient(folder) == ((True, True, False), True)


def test_inside_a_task_the_calls_key_and_reason_are_known(tmp_path):
    with jumar.Session(tmp_path, "processes", 1):
        inside = jumar.task(name="inside")(
            lambda: (add.spawn(5, 6).key, add.lazy(5, 6).key, str(add.spawn(5, 6).why()))
        )
        key, lazy_key, reason = inside()
        assert key == lazy_key == add.key(5, 6)
        assert "add" in reason


def test_what_only_the_driver_can_do_is_refused_inside_a_task(processes):
    @jumar.task
    def refused():
        said = []
        for attempt in (
            lambda: add.spawn(1, 2).add_done_callback(print),
            lambda: add.lazy(1, 2).graph(),
            lambda: in_a_thread(lambda: add(1, 2)),
        ):
            try:
                attempt()
            except jumar.JumarError as error:
                said.append(str(error))
        return said

    def in_a_thread(work):
        errors = []

        def guarded():
            try:
                work()
            except jumar.JumarError as error:
                errors.append(error)

        thread = threading.Thread(target=guarded)
        thread.start()
        thread.join()
        raise errors[0]

    callback, graph, thread = refused()
    assert "only works in the driver" in callback
    assert "only possible in the driver" in graph
    assert "the thread in which the task runs" in thread


def test_inside_a_task_a_map_takes_inputs_as_there_is_room(processes):
    @jumar.task
    def maps():
        taken = []
        inputs = (taken.append(number) or number for number in range(10))
        futures = add.map(inputs, window=2)
        first = [next(futures) for _ in range(5)]
        return len(taken), [future.result() for future in [*first, *futures]]

    taken, values = maps()
    assert values == list(range(10))
    assert taken <= 8


def test_a_future_kept_beyond_its_task_is_refused(processes):
    keep = jumar.task(name="keep", reuse="never")(lambda: sys.__dict__.setdefault("_kept", add.spawn(1, 2)) and 1)

    @jumar.task(reuse="never")
    def use():
        return sys._kept.result()

    keep()
    with pytest.raises(jumar.JumarError, match="after the task that made it had ended"):
        use()


def test_a_task_that_waits_for_itself_is_told(processes):
    @jumar.task
    def again():
        return again.spawn().result()

    with pytest.raises(jumar.DeadlockError, match="again"):
        again.spawn().result()


def test_asynchronous_tasks_commands_and_parts_stay_in_the_driver(processes):
    @jumar.task
    async def here():
        return os.getpid(), await process_of.spawn(1)

    @jumar.shell
    def greet(name):
        return ["echo", name]

    driver, worker = here().result()
    assert driver == os.getpid() != worker
    assert greet.spawn("jumar").result().stdout == "jumar\n"
    assert jumar.task(name="nested")(lambda: greet("x").stdout)() == "x\n"
    assert jumar.spawn(lambda: {"a": 1})["a"].result() == 1


# -- errors ------------------------------------------------------------------------------------------------------------


class AwkwardError(Exception):
    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


class StubbornError(Exception):
    def __init__(self):
        super().__init__("stubborn")
        self.lock = threading.Lock()


def test_an_error_keeps_its_type_its_text_its_notes_and_where_it_was_raised(processes):
    @jumar.task
    def fails():
        error = KeyError("missing")
        error.add_note("look here")
        raise error

    with pytest.raises(KeyError, match="missing") as raised:
        fails.spawn().result()
    assert "look here" in raised.value.__notes__
    # Not the line's text: from 3.1.3 on cloudpickle leaves out of which file a function is that it writes by value.
    assert "in fails" in str(raised.value.__cause__)


@pytest.mark.parametrize(
    ("make", "text"), [(StubbornError, "stubborn"), (lambda: AwkwardError(3, "awkward"), "awkward")]
)
def test_an_error_that_cannot_be_sent_is_told_by_its_text(processes, make, text):
    def fails():
        raise make()

    with pytest.raises(RemoteError, match=text) as raised:
        jumar.task(name="fails")(fails).spawn().result()
    assert "in fails" in str(raised.value.__cause__)


def test_an_error_inside_can_be_handled_by_the_task_that_called(processes):
    @jumar.task
    def handles():
        try:
            jumar.spawn(lambda: {}["x"]).result()
        except KeyError as error:
            return f"handled {error}"

    assert handles() == "handled 'x'"


def test_retries_and_catch_work_as_on_threads(processes, tmp_path):
    @jumar.task(retries=2)
    def flaky(folder):
        count = len(list(Path(folder).iterdir()))
        Path(folder, str(count)).touch()
        if count < 2:
            raise OSError("not yet")
        return count

    assert flaky(str(tmp_path)) == 2
    value, error = jumar.task(catch=True)(lambda: 1 / 0)()
    assert value is None
    assert isinstance(error, ZeroDivisionError)


# -- what is printed ---------------------------------------------------------------------------------------------------


def test_what_tasks_print_and_log_appears_in_the_driver(processes, capsys, caplog):
    @jumar.task
    def talks():
        print("one", "line")
        print("no end", end="")
        print("trouble", file=sys.stderr)
        logging.getLogger("theirs").warning("careful: %d", 5)

    talks()
    out, err = capsys.readouterr()
    assert out == "one line\nno end"
    assert err == "trouble\n"
    record = next(record for record in caplog.records if record.name == "theirs")
    assert (record.getMessage(), record.jumar_task) == ("careful: 5", talks.name)


def test_lines_of_several_workers_do_not_mix(processes, capsys):
    @jumar.task
    def prints(worker):
        for number in range(200):
            print(worker, number, "x" * 50)

    jumar.gather(prints.spawn(worker) for worker in range(4))
    lines = capsys.readouterr().out.splitlines()
    assert sorted(lines) == sorted(f"{worker} {number} {'x' * 50}" for worker in range(4) for number in range(200))


# -- processes that end ------------------------------------------------------------------------------------------------


@jumar.task
def dies_once(folder, number):
    try:
        Path(folder, str(number)).touch(exist_ok=False)
    except FileExistsError:
        return number
    return os.kill(os.getpid(), signal.SIGKILL)


@jumar.task
def poison(number):
    os.kill(os.getpid(), signal.SIGSEGV if number else signal.SIGKILL)


def test_a_call_whose_process_is_lost_is_tried_again(fresh, tmp_path, caplog):
    assert jumar.gather(dies_once.spawn(str(tmp_path), number) for number in range(3)) == [0, 1, 2]
    assert fresh.counts()[:3] == (3, 0, 0)
    assert "SIGKILL" in caplog.text
    assert "is tried again (1 of 2)" in caplog.text


@pytest.mark.parametrize(("number", "name"), [(0, "SIGKILL"), (1, "SIGSEGV")])
def test_a_call_that_costs_a_process_each_time_is_named_and_the_others_go_on(fresh, number, name):
    bad, good = poison.spawn(number), [add.spawn(n, 1000) for n in range(10)]
    with pytest.raises(jumar.WorkerLostError, match=rf"task 'poison' .* run 3 times.*{name}"):
        bad.result()
    assert jumar.gather(good) == [n + 1000 for n in range(10)]
    assert fresh.counts().failed == 1


def test_how_often_such_a_call_is_tried_again_is_a_setting(tmp_path):
    with (
        jumar.Session(jumar.Store.in_memory(), "processes", 1, lost_retries=0),
        pytest.raises(jumar.WorkerLostError, match="run 1 times"),
    ):
        dies_once(str(tmp_path), 1)
    for executor in ("threads", "inline"):
        with pytest.raises(jumar.SettingsError, match="lost_retries is for executor='processes'"):
            jumar.Session(jumar.Store.in_memory(), executor, lost_retries=1)


@pytest.mark.parametrize("form", ["spawn", "call"])
def test_a_task_outlives_a_call_inside_it_that_costs_a_process_each_time(processes, form):
    @jumar.task
    def careful():
        try:
            return poison.spawn(0).result() if form == "spawn" else poison(0)
        except jumar.WorkerLostError as error:
            return "lost" if "poison" in str(error) else str(error)

    assert careful.spawn().result() == "lost"


def test_a_task_whose_time_is_over_is_ended_with_what_it_has_started(fresh, tmp_path):
    os.mkfifo(tmp_path / "alive")

    @jumar.task(timeout_s=2)
    def endless(pipe):
        with Path(pipe).open("w") as file:
            file.write(f"{os.getpid()}")
            file.flush()
            multiprocessing.get_context("fork").Process(target=signal.pause).start()
            signal.pause()

    future = endless.spawn(str(tmp_path / "alive"))
    pid = int((tmp_path / "alive").read_text())  # ends when neither of them is left to hold it open
    with pytest.raises(TimeoutError, match=r"given up after 2 s\. Its worker process was ended"):
        future.result()
    assert add.spawn(1, 2).result() == 3
    fresh.close()
    assert is_gone(pid)


def test_a_worker_that_does_not_start_is_an_error_that_says_so(fresh, monkeypatch, tmp_path):
    (tmp_path / "json.py").write_text("raise SystemExit(3)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(jumar.JumarError, match="has no worker process: it did not start: it ended with exit code 3"):
        add(1, 77)


STRUCK = """
import os, pathlib, signal, sys
if (mark := pathlib.Path(__file__).with_name("mark")).exists():
    sys.path.remove(os.path.dirname(__file__))
    del sys.modules["json"]
    import json
else:
    mark.touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_worker_that_is_killed_while_it_starts_is_started_again(fresh, monkeypatch, tmp_path):
    (tmp_path / "json.py").write_text(STRUCK)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert add(1, 78) == 79
    assert (tmp_path / "mark").exists()


def test_closing_at_once_ends_what_runs(tmp_path):
    os.mkfifo(tmp_path / "pid")

    @jumar.task
    def endless(pipe):
        Path(pipe).write_text(str(os.getpid()))
        signal.pause()

    session = jumar.Session(jumar.Store.in_memory(), "processes", 1)
    with session:
        future = endless.spawn(str(tmp_path / "pid"))
        pid = int((tmp_path / "pid").read_text())
        session.close("now")
    with pytest.raises(CancelledError):
        future.result()
    assert is_gone(pid)


PROGRAM = """
import os, signal, sys
from dataclasses import dataclass
import jumar

print("the body runs")
FACTOR = 3

@dataclass
class Point:
    x: int

@jumar.task
def scaled(point):
    return Point(point.x * FACTOR)

@jumar.task
def endless(parent):
    print("runs", flush=True)
    os.write(1, b"ready\\n")
    signal.pause()

session = jumar.Session(jumar.Store.in_memory(), "processes", 2)
with session:
    print(scaled.spawn(scaled.spawn(Point(2))).result())
    if "endless" in sys.argv:
        futures = [endless.spawn(number) for number in range(2)]
        futures[0].result()
"""


def test_the_body_of_an_unguarded_script_runs_once(tmp_path):
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    ended = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert ended.stdout == "the body runs\nPoint(x=18)\n"
    assert ended.stderr == ""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_worker_outlives_the_driver(tmp_path, number):
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    with subprocess.Popen([sys.executable, "-u", script, "endless"], stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout is not None
        seen = 0
        while seen < 2:
            seen += driver.stdout.readline() == "ready\n"
        driver.send_signal(number)
        driver.stdout.read()  # ends when nobody is left who could write to it: the workers have inherited it
        assert driver.wait() != 0


def test_a_forked_child_of_the_driver_has_no_part_in_the_workers(processes):
    assert add.spawn(1, 1).result() == 2
    child = os.fork()
    if not child:
        os._exit(processes.engine._executor._pool.is_closed and 7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert add.spawn(2, 2).result() == 4


def test_a_task_may_name_an_executor_of_processes():
    far = process_of.options(executor="far")
    with jumar.Session(jumar.Store.in_memory(), "threads", 2, executors={"far": "processes"}, options={"retries": 1}):
        assert process_of(1) == os.getpid() != far.spawn(2).result()
        with jumar.options(checkpoint=False):
            assert far.spawn(3).result() != os.getpid()


@jumar.task
def pids_below(n):
    return {os.getpid()} | (pids_below.spawn(n - 1).result() if n else set())


def test_nested_waits_take_no_process_for_each_level(processes):
    assert len(pids_below.spawn(60).result()) <= 30
