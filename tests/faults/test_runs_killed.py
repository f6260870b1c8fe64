"""Runs whose driver is killed: in real processes, resumed by others, with and without the script that started them."""

import json
import random
import subprocess
import sys
from collections import defaultdict

import pytest

FLOW = """
import os
import jumar

class Effects:
    def __jumar_key__(self):
        return "effects"
    def append(self, what):
        with open("effects", "a") as file:
            file.write(f"{what} {jumar.current_call().idempotency_key}\\n")
        print(what, flush=True)

effects = Effects()

@jumar.step
def put(n):
    effects.append(n)
    return n

@jumar.task(reuse="run")
def ten(start):
    return [put(start + i) for i in range(10)]

@jumar.task(reuse="run")
def hundred(n, found):
    return hundred.lazy(n - 10, [*found, ten.lazy(n - 10)]) if n else found

@jumar.task
def main(n):
    return hundred(n, [])

if __name__ == "__main__":
    with jumar.Session("store", workers=2):
        print(main.start(100, id="nightly").result(), flush=True)
"""

STOPS = """
import os, signal
import jumar

@jumar.step
def put(what):
    with open("effects", "a") as file:
        file.write(what + "\\n")
    return what

@jumar.task
def finish(parts):
    os.kill(os.getpid(), signal.SIGKILL)

@jumar.task
def main(n):
    return finish([put("a"), put("b")])

if __name__ == "__main__":
    with jumar.Session("store"):
        main.start(1, id="nightly").result()
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    return tmp_path


def popen(folder, *command):
    return subprocess.Popen(
        [sys.executable, "-W", "error", *command],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        bufsize=1,
    )


def jumar_command(folder, *command, status=0):
    with popen(folder, "-m", "jumar", *command) as process:
        said, errors = process.communicate(timeout=60)
    assert process.returncode == status, errors
    return said, errors


def info(folder):
    return json.loads(jumar_command(folder, "runs", "--store", "store", "--json")[0])[0]


def effects(folder):
    return (folder / "effects").read_text().split("\n")[:-1]


@pytest.mark.parametrize(
    ("steps", "kills_wanted"), [(100, 20), pytest.param(200, 50, marks=[pytest.mark.slow, pytest.mark.timeout(600)])]
)
def test_a_run_that_is_killed_again_and_again_does_each_effect_once_or_with_the_same_key(
    folder, steps, kills_wanted, record_property
):
    (folder / "flow.py").write_text(FLOW.replace("main.start(100", f"main.start({steps}"))
    dice = random.Random(7)
    kills = 0
    for _ in range(kills_wanted):
        with popen(folder, "flow.py") as process:
            for _ in range(dice.randrange(2 * steps // kills_wanted - 2)):
                process.stdout.readline()
            process.kill()
        kills += process.returncode == -9
    assert kills == kills_wanted
    said, _ = jumar_command(folder, "resume", "nightly", "--store", "store")
    keys = defaultdict(list)
    for line in effects(folder):
        what, key = line.split(" ")
        keys[int(what)].append(key)
    assert str([list(range(start, start + 10)) for start in range(steps - 10, -1, -10)]) in said
    assert sorted(keys) == list(range(steps))
    assert all(len(set(same)) == 1 for same in keys.values())
    assert len({same[0] for same in keys.values()}) == steps
    repeated = sum(len(same) - 1 for same in keys.values())
    assert repeated <= 2 * kills  # at most what two workers were at
    record_property("tried", (kills, "times a run was killed and resumed"))
    record_property("tried", (repeated, "effects that came again with the same key"))


@pytest.fixture
def stopped(folder):
    """A run whose process died before the last call, in a script that can be edited or removed."""
    (folder / "flow.py").write_text(STOPS)
    with popen(folder, "flow.py") as process:
        process.communicate(timeout=60)
    assert process.returncode == -9
    assert info(folder)["status"] == "interrupted"
    return folder


def edit(folder, *changes):
    text = (folder / "flow.py").read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / "flow.py").write_text(text)


FIXED = ("os.kill(os.getpid(), signal.SIGKILL)", "return '+'.join(parts)")


def test_what_was_fixed_runs_with_the_new_code_and_no_step_again(stopped):
    edit(
        stopped,
        FIXED,
        ("    return what\n", "    return what + ' (new)'\n"),
        ("def main(n):\n", "def main(n):\n    n += 1\n"),
    )
    said, errors = jumar_command(stopped / "elsewhere", "resume", "nightly", "--store", "../store")
    assert said == "'a+b'\n"
    assert "changed since the run was started: flow.finish, flow.main, flow.put" in errors
    assert effects(stopped) == ["a", "b"]
    drives = info(stopped)["drives"]
    assert [drive["code"] for drive in drives] == ["current", "current"]
    assert drives[1]["changed"] == ["flow.finish", "flow.main", "flow.put"]


def test_a_run_goes_on_when_the_script_is_gone(stopped):
    edit(
        stopped,
        (
            "os.kill(os.getpid(), signal.SIGKILL)",
            "os.kill(os.getpid(), signal.SIGKILL) if os.path.exists('effects') else 0",
        ),
    )
    (stopped / "effects").rename(stopped / "done")
    (stopped / "store").rename(stopped / "old")
    (stopped / "effects").touch()
    with popen(stopped, "flow.py") as process:
        process.communicate(timeout=60)
    (stopped / "flow.py").unlink()
    (stopped / "effects").unlink()
    said, _ = jumar_command(stopped / "elsewhere", "resume", "nightly", "--store", "../store", "--json")
    assert json.loads(said)["value"] == "None"
    assert not (stopped / "elsewhere" / "effects").exists()  # its steps were done
    assert [drive["code"] for drive in info(stopped)["drives"]] == ["current", "recorded"]


def test_the_recorded_code_is_insisted_on(stopped):
    edit(stopped, FIXED)
    with popen(stopped, "-m", "jumar", "resume", "nightly", "--store", "store", "--code", "recorded") as process:
        process.communicate(timeout=60)
    assert process.returncode == -9  # as it did at first
    assert [drive["code"] for drive in info(stopped)["drives"]] == ["current", "recorded"]
    assert jumar_command(stopped, "resume", "nightly", "--store", "store")[0] == "'a+b'\n"
    assert effects(stopped) == ["a", "b"]


def test_another_step_in_its_place_is_told(stopped):
    edit(stopped, FIXED, ('put("b")', 'put("c")'))
    with popen(stopped, "-m", "jumar", "resume", "nightly", "--store", "store") as process:
        _, errors = process.communicate(timeout=60)
    assert "first: put(what='b') now: put(what='c')" in errors
    assert effects(stopped) == ["a", "b", "c"]


def test_a_living_driver_is_named_and_can_be_cancelled(folder):
    (folder / "flow.py").write_text(FLOW.replace("effects.append(n)", "effects.append(n); n == 3 and input()"))
    with subprocess.Popen(
        [sys.executable, "flow.py"],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while process.stdout.readline() != "3\n":
            pass
        assert info(folder)["holder"].startswith(f"process {process.pid} on ")
        _, errors = jumar_command(folder, "resume", "nightly", "--store", "store", status=1)
        assert f"is driven by process {process.pid} on" in errors
        _, errors = jumar_command(folder, "delete", "nightly", "--store", "store", status=1)
        assert "cancel it first" in errors
        assert (
            json.loads(jumar_command(folder, "cancel", "nightly", "--store", "store", "--json")[0])["status"]
            == "cancelled"
        )
        _, errors = process.communicate("\n", timeout=60)
        assert "RunFailedError: run 'nightly' was cancelled" in errors
    assert info(folder)["status"] == "cancelled"
    jumar_command(folder, "delete", "nightly", "--store", "store")
    assert jumar_command(folder, "runs", "--store", "store", "--json")[0] == "[]\n"


SCRIPT = """
import sys
import jumar

@jumar.step
def put(what):
    print("put", what)
    return object if what == "object" else what

class Odd:
    def __reduce__(self):
        raise TypeError("not to be kept")

@jumar.task
def odd():
    return Odd()

print(put("x"))
if sys.argv[1:] == ["odd"]:
    odd()
elif sys.argv[1:]:
    sys.exit(int(sys.argv[1]))
"""


@pytest.mark.parametrize(("argument", "status"), [("0", 0), ("4", 4), ("odd", 3)])
def test_a_script_is_run_under_an_id_and_its_status_is_passed_on(folder, argument, status):
    (folder / "script.py").write_text(SCRIPT)
    command = ["-m", "jumar", "run", "--id", "x", "--store", "store", "script.py", argument]
    outputs = []
    for _ in range(2):
        with subprocess.Popen(
            [sys.executable, *command], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            outputs.append(process.communicate(timeout=60)[0])
        assert process.returncode == status
    assert outputs == ["put x\nx\n", "x\n"]
    assert info(folder)["status"] == ("failed" if status == 4 else "succeeded")
