"""The log of runs: who ran each call, how often, when and with what; in Python, on the command line and in SQL."""

import json
import os
import re
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tests.acceptance.world import world

import jumar
from jumar.runs import LoggedCall
from jumar.runs.book import Book
from jumar.store.named_runs import NamedRuns
from jumar.store.store import Store

DOC = Path(__file__).parents[2] / "docs" / "how-to" / "sql.md"


pytestmark = pytest.mark.usefixtures("new_world")


@jumar.task(retries=2)
def flaky(n):
    world.done.append(("flaky", threading.current_thread().name))
    if world.failures:
        world.failures -= 1
        raise ConnectionError("not now")
    return n


@jumar.task(resources={"gpu": 1}, executor="io")
def heavy(n):
    world.done.append(("heavy", threading.current_thread().name))
    return n * 2


@jumar.task
def main(n):
    world.done.append(("main", threading.current_thread().name))
    return flaky.spawn(n).result() + heavy.spawn(n).result()


@jumar.task
def consumer(n):
    raise AssertionError("it has no argument")


@jumar.task
def doomed(n):
    return consumer.spawn(flaky.spawn(n)).result()


@jumar.task
def held():
    world.gate.pass_through()


@jumar.task
async def later(n):
    return n


@jumar.task
def where(n):
    return os.getpid()


@jumar.task
def pids(n):
    return [where.spawn(each).result() for each in range(n)]


def session(path, **options):
    return jumar.Session(
        path / "store", workers=2, resources={"gpu": 1}, executors={"io": {"kind": "threads", "workers": 1}}, **options
    )


def by_name(run):
    return {call.name: call for call in run.log()}


def reset(failures=0):
    world.failures = failures
    world.done.clear()


def test_the_log_has_worker_attempts_times_executor_and_resources(tmp_path):
    reset(failures=1)
    with session(tmp_path):
        run = main.start(1, id="x")
        assert run.result() == 3
        log = by_name(run)
    assert all(isinstance(call, LoggedCall) for call in log.values())
    assert {name: (call.state, call.attempts, call.executor) for name, call in log.items()} == {
        "main": ("done", 1, ""),
        "flaky": ("done", 2, ""),
        "heavy": ("done", 1, "io"),
    }
    assert [name for name, _ in world.done] == ["main", "flaky", "flaky", "heavy"]
    assert {name: call.worker for name, call in log.items()} == dict(world.done)  # of two attempts the last
    assert log["heavy"].resources == {"gpu": 1.0}
    assert log["main"].resources == {}
    assert all(call.begun_s <= call.ended_s and call.drive == 1 for call in log.values())
    assert log["main"].begun_s <= log["flaky"].begun_s


def test_a_failure_and_what_needed_it_are_told_apart_and_a_resumed_run_counts_on(tmp_path):
    reset(failures=3)
    with session(tmp_path):
        run = doomed.start(1, id="x")
        assert run.wait() == "failed"
        log = by_name(run)
        assert (log["flaky"].state, log["flaky"].attempts) == ("failed", 3)
        assert (log["consumer"].state, log["consumer"].attempts, log["consumer"].worker) == ("failed", 0, "")
        assert log["consumer"].begun_s is None
    with session(tmp_path):
        run = jumar.resume("x")
        assert run.wait() == "failed"  # of the consumer
        log = by_name(run)
    assert (log["flaky"].state, log["flaky"].attempts, log["flaky"].drive) == ("done", 4, 2)
    assert (log["consumer"].state, log["consumer"].attempts) == ("failed", 1)


def test_what_a_run_has_computed_stays_so_when_it_is_found_again_and_is_restored_in_another_run(tmp_path):
    reset()
    with session(tmp_path):
        run = main.start(1, id="x")
        assert run.result() == 3
        first = by_name(run)
        other = main.start(1, id="y")
        assert other.result() == 3
        found = {(call.state, call.attempts, call.worker) for call in other.log() if call.name != "main"}
        assert found == {("restored", 0, "")}  # the root is the run's own
    with session(tmp_path):
        again = main.start(1, id="x")
        assert again.result() == 3
        assert by_name(again) == first
    assert sorted(name for name, _ in world.done) == ["flaky", "heavy", "main", "main"]


def test_what_runs_is_in_the_log_and_a_call_that_was_taken_back_is_cancelled(tmp_path, gate):
    world.gate = gate
    with jumar.Session(tmp_path / "store", workers=1), jumar.run("x") as run:
        blocker, waiting = held.spawn(), later.spawn(2)
        gate.wait_for_arrival()
        running = by_name(run)["held"]
        assert (running.state, running.attempts, running.ended_s) == ("running", 1, None)
        assert waiting.cancel()
        gate.open()
        blocker.result()
        log = by_name(run)
    assert (log["held"].state, log["held"].begun_s) == ("done", running.begun_s)
    assert (log["later"].state, log["later"].attempts, log["later"].worker) == ("cancelled", 0, "")


def test_the_worker_of_a_coroutine_is_the_event_loop(tmp_path):
    with session(tmp_path):
        run = later.start(2, id="x")
        assert run.result() == 2
        assert [(call.state, call.attempts, call.worker) for call in run.log()] == [("done", 1, "jumar-loop")]


def test_in_processes_the_worker_is_the_process(tmp_path):
    with jumar.Session(tmp_path / "store", "processes", workers=1):
        run = pids.start(3, id="x")
        found = run.result()
        log = by_name(run)
    workers = [log[name].worker for name in ("where", "where_1", "where_2")]
    assert workers == [f"process {pid}" for pid in found]
    assert log["pids"].worker.startswith("process ")


KILLED = """
import os, sys
import jumar

@jumar.task
def kept():
    return 1

@jumar.task
def last(n):
    if os.path.exists("die"):
        run = jumar.runs.get("x")
        while not any(call.name == "last" for call in run.log()):
            pass
        os._exit(9)
    return n

@jumar.task
def main():
    return last.spawn(kept.spawn().result()).result()

if __name__ == "__main__":
    with jumar.Session("store", workers=2):
        print(main.start(id="x").result())
"""


def test_what_ran_when_the_driver_died_is_interrupted_and_runs_once_more_when_resumed(tmp_path):
    (tmp_path / "killed.py").write_text(KILLED)
    (tmp_path / "die").touch()
    command = [sys.executable, "killed.py"]
    assert subprocess.run(command, cwd=tmp_path, timeout=60, check=False).returncode == 9
    with Store.open(tmp_path / "store") as store:
        book = Book(store)
        log = {call.name: call for call in book.log(book.find("x"))}
    assert (log["last"].state, log["last"].ended_s) == ("interrupted", None)
    assert log["main"].state == "interrupted"
    (tmp_path / "die").unlink()
    done = subprocess.run(command, cwd=tmp_path, timeout=60, check=True, capture_output=True, text=True)
    assert done.stdout == "1\n"
    with Store.open(tmp_path / "store") as store:
        book = Book(store)
        log = {call.name: call for call in book.log(book.find("x"))}
    assert (log["last"].state, log["last"].drive) == ("done", 2)
    assert log["last"].attempts == 2


def test_a_deleted_run_has_no_log(tmp_path):
    reset()
    with session(tmp_path):
        assert main.start(1, id="x").result() == 3
    with Store.open(tmp_path / "store") as store:
        book = Book(store)
        row = book.find("x")
        assert len(book.table.log(row.token)) == 3
        book.delete(row)
        assert book.table.log(row.token) == []


def test_plain_calls_leave_no_log_and_an_older_store_has_none(tmp_path):
    reset()
    with session(tmp_path):
        assert main(1) == 3
    connection = sqlite3.connect(tmp_path / "store" / "index.sqlite")
    with connection:
        assert connection.execute("SELECT count(*) FROM run_log").fetchone() == (0,)
        connection.execute("DROP VIEW run_record")
        connection.execute("DROP TABLE run_log")
        connection.execute("PRAGMA user_version = 10")
    connection.close()
    with Store.open(tmp_path / "store", read_only=True) as store:
        assert NamedRuns(store.index).log(b"t") == []


def test_show_prints_tries_and_workers(tmp_path):
    reset(failures=1)
    with session(tmp_path):
        assert main.start(1, id="x").result() == 3
    command = [sys.executable, "-m", "jumar", "show", "x", "--store", str(tmp_path / "store")]
    environment = os.environ | {"COLUMNS": "200"}
    shown = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, timeout=60).stdout
    line = next(line for line in shown.splitlines() if line.startswith("flaky"))
    assert re.search(r"done .* 2 .*" + dict(world.done)["flaky"], line)
    found = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True, timeout=60).stdout
    logs = {call["name"]: call["log"] for call in json.loads(found)["calls"]}
    assert (logs["flaky"]["attempts"], logs["heavy"]["resources"]) == (2, {"gpu": 1.0})


def test_the_queries_of_the_page_answer_what_it_says(tmp_path):
    reset(failures=1)
    with session(tmp_path):
        assert main.start(1, id="nightly").result() == 3
        reset(failures=3)
        assert doomed.start(2, id="failing").wait() == "failed"
    queries = re.findall(r"```sql\n(.*?)```", DOC.read_text(encoding="utf-8"), flags=re.DOTALL)
    opening = re.search(r"```python\n(.*?)```", DOC.read_text(encoding="utf-8"), flags=re.DOTALL)[1]
    scope = {}
    exec(opening.replace(".jumar/", f"{tmp_path}/store/"), scope)
    index = scope["index"]
    record, tries, workers, failed, waits = [index.execute(query).fetchall() for query in queries]
    assert [row[:3] for row in record] == [("main", "done", 1), ("flaky", "done", 2), ("heavy", "done", 1)]
    assert {row[:3] for row in tries} == {("nightly", "flaky", 2), ("failing", "flaky", 3)}
    assert sum(calls for _, calls, _ in workers) == 5  # the consumer ran nowhere
    assert {row[:2] for row in failed} == {("failing", "doomed"), ("failing", "flaky"), ("failing", "consumer")}
    assert ("failing", "flaky", "ConnectionError: not now") in failed
    assert waits == [("gpu", 1)]
    index.close()
