"""One execution of a call among processes on one store: real processes, which wait for each other and not for time."""

import subprocess
import sys

import pytest

import jumar

PROGRAM = """
import os, sys
import jumar

name, workers = sys.argv[1], sys.argv[2]

@jumar.task
def wanted(n):
    print("ran wanted", flush=True)
    if input() == "fail":
        raise ValueError("told to")
    return n * 2

@jumar.task
def other(n):
    print("ran other", flush=True)
    return n

options = {"executor": "inline"} if workers == "inline" else {"workers": int(workers)}
with jumar.Session("store", single_flight="store", **options) as session:
    future = wanted.spawn(21)
    if workers != "inline":
        assert other.spawn(name).result() == name
    error = future.exception()
    print("failed" if error else future.result(), session.counts().computed, flush=True)
"""


class Program:
    """A process that says what it does and goes on when it is told to."""

    def __init__(self, folder, name, workers):
        script = folder / "script.py"
        if not script.exists():
            script.write_text(PROGRAM)
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "script.py", name, str(workers)],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def says(self):
        return self._process.stdout.readline().strip()

    def tell(self, word):
        print(word, file=self._process.stdin, flush=True)

    def kill(self):
        with self._process:  # its pipes are closed at the end
            self._process.kill()

    def end(self):
        rest, errors = self._process.communicate(timeout=60)
        assert self._process.returncode == 0, errors
        return rest.split("\n")[:-1]


@pytest.fixture
def start(tmp_path):
    programs = []

    def start(name, workers=1):
        programs.append(Program(tmp_path, name, workers))
        return programs[-1]

    yield start
    for program in programs:
        program.kill()


def test_two_processes_run_a_call_once_and_the_one_that_waits_does_other_work(start):
    first = start("first")
    assert first.says() == "ran wanted"
    second = start("second")
    assert second.says() == "ran other"  # with its only worker: the call that the first one runs keeps none waiting
    first.tell("go on")
    assert first.end() == ["ran other", "42 2"]
    assert second.end() == ["42 1"]


def test_without_workers_a_process_waits_where_it_is(start, tmp_path):
    first = start("first", "inline")
    assert first.says() == "ran wanted"
    second = start("second", "inline")
    first.tell("go on")
    assert first.end() == ["42 1"]
    assert second.end() == ["42 0"]
    assert leases(tmp_path) == []


def test_the_call_of_a_killed_process_is_taken_over(start, tmp_path):
    first = start("first")
    assert first.says() == "ran wanted"
    second = start("second")
    assert second.says() == "ran other"
    first.kill()
    assert second.says() == "ran wanted"
    second.tell("go on")
    assert second.end() == ["42 2"]
    assert leases(tmp_path) == []


def test_a_failure_is_not_shared_and_the_one_that_waited_runs_the_call_itself(start):
    first = start("first")
    assert first.says() == "ran wanted"
    second = start("second")
    assert second.says() == "ran other"
    first.tell("fail")
    assert second.says() == "ran wanted"
    second.tell("go on")
    assert first.end() == ["ran other", "failed 1"]
    assert second.end() == ["42 2"]


def leases(folder):
    with jumar.Store.open(folder / "store") as store, store.index.reading() as connection:
        return connection.execute("SELECT * FROM leases").fetchall()
