"""Programs that die while their commands run: nothing goes on, nothing is half, nothing is doubled."""

import os
import random
import select
import signal
import subprocess
import sys
from collections import Counter

import pytest

SLOW = """
import sys
import jumar

@jumar.shell(outputs={"out": "out.txt"}, **eval(sys.argv[2]))
def slow(base):
    waits = f"sleep 1000 & echo $$ $! > {base}/started; wait"
    return f"echo ran >> {base}/runs; echo half >> out.txt; [ -e {base}/go ] || {{ {waits}; }}; echo whole >> out.txt"

with jumar.Session("store", sys.argv[1]):
    made = slow.spawn(sys.argv[3]).result()
print(made.stdout, made.exit_code)
"""

SWEEP = """
import sys
import jumar

@jumar.shell(outputs={"out": "out/{i}"})
def part(i):
    return f"echo {i} >> ../../runs; for n in 1 2 3 4 5 6 7 8; do echo {i} >> out/{i}; done"

with jumar.Session("store", "threads", workers=2):
    for done in jumar.as_completed([part.spawn(i) for i in range(int(sys.argv[1]))]):
        print(done.result().files[0].path, flush=True)
"""


def start(folder, text, *arguments):
    (folder / "script.py").write_text(text)
    return subprocess.Popen(
        [sys.executable, "-W", "error", "script.py", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process):
    with process:
        output, errors = process.communicate(timeout=100)
    return output, errors, process.returncode


def wait_until_gone(pid):
    """Return when a process has ended, whether or not its parent has asked for its status."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([descriptor], [], [], 20)[0], f"process {pid} goes on"
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("options", ["{}", "{'cwd': '.'}"])
@pytest.mark.parametrize("executor", ["threads", "inline"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_program_that_is_stopped_takes_its_commands_with_it_and_runs_them_once_more(
    tmp_path, number, executor, options
):
    os.mkfifo(tmp_path / "started")
    arguments = (executor, options, str(tmp_path))
    with start(tmp_path, SLOW, *arguments) as process:
        command, grandchild = map(int, (tmp_path / "started").read_text().split())
        process.send_signal(number)
        process.communicate(timeout=100)
    assert process.returncode != 0
    wait_until_gone(command)
    wait_until_gone(grandchild)
    if options == "{}":
        assert not (tmp_path / "out.txt").exists()
    (tmp_path / "go").touch()
    for _ in range(2):
        assert finish(start(tmp_path, SLOW, *arguments)) == (" 0\n", "", 0)
        assert (tmp_path / "out.txt").read_text() == "half\nwhole\n"
    assert (tmp_path / "runs").read_text() == "ran\nran\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "go",
        "out.txt",
        "runs",
        "script.py",
        "started",
        "store",
    ]


@pytest.mark.parametrize("moment", sorted(random.Random(9).sample(range(1, 60), 6)))
def test_killed_at_any_moment_outputs_are_whole_and_what_was_kept_does_not_run_again(tmp_path, moment):
    with start(tmp_path, SWEEP, "60") as process:
        for _ in range(moment):
            process.stdout.readline()
        process.kill()
        process.communicate(timeout=100)
    before = Counter((tmp_path / "runs").read_text().split())
    assert max(before.values()) == 1
    for path in (tmp_path / "out").iterdir():
        assert path.read_text() == f"{path.name}\n" * 8
    output, errors, status = finish(start(tmp_path, SWEEP, "60"))
    assert (sorted(output.split()), errors, status) == (sorted(f"out/{i}" for i in range(60)), "", 0)
    runs = Counter((tmp_path / "runs").read_text().split())
    assert set(runs) == {str(i) for i in range(60)}
    assert sum(runs.values()) - 60 <= 2 + 60 - moment
    assert max(runs.values()) <= 2
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(str(i) for i in range(60))
    for i in range(60):
        assert (tmp_path / f"out/{i}").read_text() == f"{i}\n" * 8
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "runs", "script.py", "store"]
