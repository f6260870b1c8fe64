"""Programs that are killed, stopped, interrupted or fail, in real processes: whatever had finished stays finished."""

import random
import re
import signal
import subprocess
import sys
from collections import Counter

import pytest

import jumar

CALLS = 2000

SWEEP = """
import hashlib, os, sys
import jumar

runs = os.open("runs", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

class Log:
    def __jumar_key__(self):
        return "log"
    def write(self, i):
        os.write(runs, b"%d\\n" % i)
        os.write(1, b"%d\\n" % i)

log = Log()

@jumar.task
def square(i):
    hashlib.sha256(bytes(200_000))
    log.write(i)
    return i * i

@jumar.task
def total(parts):
    return sum(parts)

jumar.configure(store="store", workers=2)
answer = total.spawn([square.spawn(i) for i in range(int(sys.argv[1]))]).result()
print("answer", answer, flush=True)
"""

ANSWER = f"answer {sum(i * i for i in range(CALLS))}"


@pytest.fixture
def sweep(tmp_path):
    return Program(tmp_path, SWEEP, str(CALLS))


class Program:
    """A script in a folder of its own."""

    def __init__(self, folder, text, *args):
        self.folder = folder
        (folder / "script.py").write_text(text)
        self._command = [sys.executable, "script.py", *args]

    def start(self):
        return subprocess.Popen(
            self._command, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
        )

    def stop_after(self, lines, number):
        """Send a signal when the program has printed so many lines; the lines it printed in all, and its end."""
        with self.start() as process:
            printed = [process.stdout.readline() for _ in range(lines)]
            process.send_signal(number)
            rest, errors = process.communicate(timeout=60)
        return "".join(printed) + rest, errors, process.returncode

    def run(self):
        finished = subprocess.run(
            self._command, cwd=self.folder, capture_output=True, text=True, timeout=120, check=False
        )
        return finished.stdout, finished.stderr, finished.returncode

    def runs(self):
        """How often each call ran."""
        file = self.folder / "runs"
        return Counter(int(line) for line in file.read_text().split("\n") if line) if file.exists() else Counter()

    def recorded(self, task="square"):
        """The argument of each call of a task with one parameter that is in the store."""
        if not (self.folder / "store").exists():
            return set()
        store = jumar.Store.open(self.folder / "store")
        try:
            return {
                int(re.sub(r"\D", "", record.arguments.decode("latin1")))
                for record in store.calls(task=task)
                if record.state == "done"
            }
        finally:
            store.close()


@pytest.mark.parametrize("moment", sorted(random.Random(20).sample(range(1, CALLS), 20)))
def test_killed_at_any_moment_nothing_recorded_runs_again(sweep, moment):
    sweep.stop_after(moment, signal.SIGKILL)
    recorded, before = sweep.recorded(), sweep.runs()
    assert recorded <= set(before)
    assert max(before.values()) == 1
    output, errors, status = sweep.run()
    assert (status, errors) == (0, "")
    assert output.rstrip().endswith(ANSWER)
    twice = {i for i, count in sweep.runs().items() if count > 1}
    assert not twice & recorded
    assert twice <= set(before) - recorded
    assert max(sweep.runs().values()) <= 2
    assert set(sweep.runs()) == set(range(CALLS))
    assert sweep.recorded() == set(range(CALLS))


def test_killed_again_and_again_it_still_ends_with_the_answer(sweep):
    for _ in range(8):
        output, _, status = sweep.stop_after(150, signal.SIGKILL)
        assert status == -signal.SIGKILL
        assert "answer" not in output
    output, errors, status = sweep.run()
    assert (output.rstrip().splitlines()[-1], errors, status) == (ANSWER, "", 0)


def test_a_third_run_computes_nothing(sweep):
    sweep.run()
    runs = sweep.runs()
    output, errors, status = sweep.run()
    assert (output.strip(), errors, status) == (ANSWER, "", 0)
    assert sweep.runs() == runs


TOLD = """
import hashlib, os, sys
import jumar
from jumar.session import current

@jumar.task
def square(i):
    hashlib.sha256(bytes(2_000_000))
    return i * i

def tell(event):
    if event.how == "computed":
        os.write(1, b"%d\\n" % arguments[event.key])

jumar.configure(store="store", workers=2)
current().listen(tell)
arguments = {{bytes.fromhex(square.key(i)): i for i in range(3000)}}
futures = [square.spawn(i) for i in range(3000)]
{end}
"""

WAITS = "jumar.gather(futures)"

IN_A_BLOCK = """
import hashlib, os
import jumar

@jumar.task
def square(i):
    hashlib.sha256(bytes(2_000_000))
    return i * i

with jumar.Session("store", workers=2):
    for future in jumar.as_completed([square.spawn(i) for i in range(3000)]):
        os.write(1, b"%d\\n" % round(future.result() ** 0.5))
"""


def told(output):
    return {int(line) for line in output.split("\n") if line.isdigit()}


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGTERM, 143), (signal.SIGINT, -signal.SIGINT)],
    ids=["SIGTERM", "SIGINT"],
)
def test_a_stop_signal_ends_the_program_at_once_and_loses_nothing(tmp_path, number, status):
    program = Program(tmp_path, TOLD.format(end=WAITS))
    output, _, ended = program.stop_after(100, number)
    assert ended == status
    finished = told(output)
    assert 100 <= len(finished) < 3000
    assert finished <= program.recorded()


def test_a_stop_signal_inside_a_session_block_ends_it_the_same_way(tmp_path):
    program = Program(tmp_path, IN_A_BLOCK)
    output, errors, ended = program.stop_after(100, signal.SIGTERM)
    assert (errors, ended) == ("", 143)
    assert told(output) <= program.recorded()


def test_a_program_that_fails_keeps_what_has_finished_and_what_was_running(tmp_path):
    program = Program(tmp_path, TOLD.format(end="futures[50].result()\nraise SystemError('bug')"))
    output, errors, status = program.run()
    assert status == 1
    assert "SystemError: bug" in errors
    assert len(told(output)) < 3000
    assert told(output) == program.recorded()


def test_a_program_that_just_ends_finishes_what_it_has_spawned(tmp_path):
    program = Program(tmp_path, TOLD.replace("3000", "300").format(end=""))
    output, errors, status = program.run()
    assert (errors, status) == ("", 0)
    assert told(output) == program.recorded() == set(range(300))


def test_sys_exit_with_a_message_in_the_script_keeps_what_has_finished(tmp_path):
    program = Program(tmp_path, TOLD.format(end="futures[50].result()\nsys.exit('enough')"))
    output, errors, status = program.run()
    assert (errors.strip(), status) == ("enough", 1)
    assert told(output) <= program.recorded()
