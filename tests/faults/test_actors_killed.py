"""Actors whose process is killed: in real processes, taken over by others; what was committed is there, once."""

import random
import signal
import subprocess
import sys

import pytest

TURNS, KILLS, TOGETHER = 40, 12, 30

PROGRAM = """
import os, signal, sys
import jumar

class DiesWhenItIsWrittenAgain:
    written = 0
    def __reduce__(self):
        DiesWhenItIsWrittenAgain.written += 1
        if DiesWhenItIsWrittenAgain.written == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return str, ("answer",)

@jumar.actor
class Counter:
    def __init__(self):
        self.count = 0
    def add(self, n):
        self.count += n
        print(self.count, flush=True)
        return self.count
    def die(self):
        self.count = 1000
        print("dying", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    def answer(self):
        self.count += 1
        return DiesWhenItIsWrittenAgain()
    @jumar.actor.readonly
    def get(self):
        return self.count

@jumar.task
def adds(n):
    counter = Counter.get_or_create("c")
    for _ in range(n):
        counter.add(1)
    return counter.get()

@jumar.task
def answers():
    return Counter.get_or_create("c").answer()

if __name__ == "__main__":
    with jumar.Session("store"):
        exec(sys.argv[1])
"""


@pytest.fixture
def start(tmp_path):
    """Starts the program with a line to do."""
    (tmp_path / "program.py").write_text(PROGRAM)

    def start(line):
        return subprocess.Popen(
            [sys.executable, "-W", "error", "program.py", line],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


@pytest.fixture
def run(start):
    """Runs the program to its end; what it printed."""

    def run(line, status=0):
        with start(line) as process:
            said, errors = process.communicate(timeout=60)
        assert process.returncode == status, errors
        return said.split()

    return run


def test_a_process_that_is_killed_in_a_turn_leaves_the_actor_as_it_was_and_another_has_the_next(run):
    assert run("Counter.get_or_create('c').add(5)") == ["5"]
    assert run("Counter.get_or_create('c').die()", status=-signal.SIGKILL) == ["dying"]
    assert run("Counter.get('c').add(1)") == ["6"]


def test_a_turn_of_a_run_is_not_taken_again_where_the_process_died_right_after_it(run):
    run("answers.start(id='r')", status=-signal.SIGKILL)
    assert run("print(jumar.resume('r').result(), Counter.get('c').get())") == ["answer", "1"]


def test_a_run_that_is_killed_at_random_moments_takes_each_turn_once(start, run):
    dice, kills = random.Random(3), 0
    for _ in range(KILLS):
        with start(f"adds.start({TURNS}, id='r').result()") as process:
            for _ in range(dice.randrange(6)):
                process.stdout.readline()
            process.kill()
        kills += process.returncode == -signal.SIGKILL
    assert run(f"print('is', adds.start({TURNS}, id='r').result())")[-2:] == ["is", str(TURNS)]
    assert run("print(jumar.actors.find()[0].turns)") == [str(TURNS)]
    assert kills > KILLS // 2


def test_processes_take_turns(start, run):
    together = [start(f"[Counter.get_or_create('c').add(1) for _ in range({TOGETHER})]") for _ in range(3)]
    said = []
    for process in together:
        with process:
            lines, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
        said += map(int, lines.split())
    assert sorted(said) == list(range(1, 3 * TOGETHER + 1))
    assert run("print(Counter.get('c').get())") == [str(3 * TOGETHER)]
