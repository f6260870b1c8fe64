"""Making room from the command line, on a store that programs made."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

import jumar
from jumar.cli import cli

SCRIPT = """
import sys
import jumar

@jumar.task
def load(i):
    return bytes([i]) * 10_000

@jumar.task
def norm(data):
    return data[:FACTOR]

@jumar.task
def fail():
    raise ValueError("no")

with jumar.Session("store", "inline") as session:
    parts = [norm.spawn(load.spawn(i)) for i in range(3)]
    assert [part.result() for part in parts] == [bytes([i]) * FACTOR for i in range(3)]
    fail.spawn().exception()
    print(session.counts().computed)
"""


class Project:
    """A folder with a script and its store."""

    def __init__(self, folder):
        self.folder = folder

    def program(self, factor=2):
        """Run the script; how many calls it computed."""
        (self.folder / "script.py").write_text(SCRIPT.replace("FACTOR", str(factor)))
        command = [sys.executable, "-W", "error", "script.py"]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=True)
        return int(done.stdout)

    def jumar(self, *args, fails=False):
        """Run the command; what it printed."""
        result = CliRunner().invoke(
            cli, [*map(str, args), "--store", str(self.folder / "store")], env={"COLUMNS": "120"}
        )
        assert (result.exit_code != 0) == fails, result.output
        return result.output

    def json(self, *args):
        return json.loads(self.jumar(*args, "--json"))

    def calls(self):
        return sorted(call["task"] for call in self.json("calls") if call["state"] == "done")

    def keys(self, task):
        return [call["key"] for call in reversed(self.json("calls", "--task", task))]


@pytest.fixture
def project(tmp_path):
    made = Project(tmp_path)
    assert made.program() == 6
    return made


def test_without_rules_nothing_goes_that_anybody_can_reach(project):
    assert project.jumar("gc") == "nothing went\n"
    assert project.program() == 0


def test_removed_results_leave_no_labels_and_those_that_are_left_keep_theirs(project):
    labels = project.folder / "store" / "labels"
    before_bytes = labels.stat().st_size
    with jumar.Store.open(project.folder / "store") as store:
        entry = store.find(bytes.fromhex(project.keys("load")[1]))
        for _ in range(20):  # a program that records it again and again
            store.record(entry)
            store.flush()
    assert labels.stat().st_size > 2 * before_bytes
    project.jumar("gc", "--dry-run")
    assert labels.stat().st_size > 2 * before_bytes
    project.jumar("rm", project.keys("load")[0])
    project.jumar("gc")
    assert labels.stat().st_size < before_bytes
    (project.folder / "store" / "index.sqlite").unlink()
    troubles = []
    with jumar.Store.open(project.folder / "store", report=troubles.append) as store:
        assert [call.task.name for call in store.calls()] == ["load"] * 2
    assert [trouble.kind for trouble in troubles] == ["repaired"]


def test_a_dry_run_says_what_would_go_by_task_and_changes_nothing(project):
    text = project.jumar("gc", "--older-than", "0s", "--dry-run")
    assert text.splitlines()[0].split() == ["task", "calls", "size", "seconds", "to", "recompute"]
    assert [line.split()[:4] for line in text.splitlines()[1:4]] == [
        ["load", "3", "29.3", "KiB"],
        ["norm", "3", "51", "B"],
        ["all", "of", "them", "6"],
    ]
    assert text.splitlines()[4:] == [
        "6 results would go",
        "3 blobs (29.3 KiB of disk) would go",
        "1 record of a failure would go",
    ]
    assert project.program() == 0


def test_what_went_is_told_in_the_same_words_runs_again_and_why_says_so(project):
    told = project.json("gc", "--older-than", "0s", "--dry-run")
    done = project.json("gc", "--older-than", "0s")
    assert {**told, "dry_run": False} | {"codes": done["codes"]} == done
    assert (done["blobs"], done["codes"]) == (3, 1)  # a run asked for the other two, and may be explained by them
    assert 30_000 < done["blob_bytes"] < 31_000
    assert project.calls() == []
    assert project.program() == 6
    assert "its kept result was dropped on" in project.jumar("why", project.keys("load")[0])
    assert "swept: older than 0 seconds" in project.jumar("why", project.keys("load")[0])


def test_rules_by_task_run_and_code_version_combine(project):
    assert project.program(factor=3) == 3
    assert project.calls() == ["load"] * 3 + ["norm"] * 6
    assert project.json("gc", "--keep-last", 2, "--dry-run")["shares"] == []
    assert [
        (share["task"], share["calls"]) for share in project.json("gc", "--keep-last", 1, "--dry-run")["shares"]
    ] == [("norm", 3)]
    for task, calls in (("norm", [("norm", 3)]), ("load", [])):
        both = project.json("gc", "--run", 2, "--task", task, "--dry-run")
        assert [(share["task"], share["calls"]) for share in both["shares"]] == calls
    project.jumar("gc", "--keep-last", 1)
    assert project.program(factor=3) == 0
    assert project.program(factor=2) == 3


def test_code_that_no_run_asked_for_lately_goes(project):
    project.program(factor=3)
    with jumar.Store.open(project.folder / "store") as store:
        codes = {call.task.name: call.task.code for call in store.calls(run=2)} | {
            call.task.name: call.task.code for call in store.calls(task="load")
        }
        store.lineage.note_codes(2, codes.values())
    assert project.json("gc", "--unused-for-runs", 2)["shares"] == []  # only one run has told
    assert [(share["task"], share["calls"]) for share in project.json("gc", "--unused-for-runs", 1)["shares"]] == [
        ("norm", 3)
    ]
    assert project.program(factor=3) == 0


def test_a_size_is_kept_by_letting_the_largest_for_their_time_go(project):
    swept = project.json("gc", "--max-size", "25kB")
    assert swept["shares"][0]["task"] == "load"
    assert 0 < project.calls().count("load") < 3
    assert project.calls().count("norm") == 3
    assert project.json("store")["blob_bytes"] < 25_000


def test_a_pin_keeps_a_call_from_every_rule_until_it_is_taken_away(project):
    key = project.keys("load")[1]
    assert project.jumar("pin", key[:10], "--note", "for the paper") == "pinned: 1\n"
    assert project.jumar("pin", "--task", "norm") == "pinned: 3\n"
    rows = project.json("pins")
    assert {(row["task"], row["note"]) for row in rows} == {("load", "for the paper"), ("norm", "")}
    assert "load" in project.jumar("pins")
    project.jumar("gc", "--older-than", "0s", "--max-size", "1B")
    assert project.calls() == ["load", "norm", "norm", "norm"]
    assert "is pinned (for the paper), so nothing was removed" in project.jumar("rm", key, fails=True)
    assert project.json("invalidate", "--task", "load")["shares"] == []
    assert project.jumar("unpin", key[:10]) == "unpinned: 1\n"
    assert project.jumar("unpin", "--task", "norm") == "unpinned: 3\n"
    assert project.jumar("pins") == "Nothing is pinned.\n"
    project.jumar("gc", "--older-than", "0s")
    assert project.calls() == []


def test_removed_calls_run_again_and_why_says_who_removed_them(project):
    first, *others = project.keys("load")
    assert "1 result would go" in project.jumar("rm", first[:12], "--dry-run")
    assert "1 blob (" in project.jumar("rm", first[:12], first)
    assert project.keys("load") == others
    (failed,) = project.keys("fail")
    assert project.jumar("rm", failed) == "1 record of a failure went\n"
    assert project.program() == 1
    assert "removed by jumar rm" in project.jumar("why", first)


def test_results_of_code_that_the_last_runs_only_found_are_in_use(project):
    assert project.program(factor=3) == 3
    assert project.program(factor=2) == 0  # the edit is taken back: everything is found
    told = project.json("gc", "--unused-for-runs", "1", "--dry-run")
    assert [(share["task"], share["calls"]) for share in told["shares"]] == [("norm", 3)]
    assert project.json("gc", "--keep-last", "1")["calls"] == 3
    assert project.program(factor=2) == 0
    assert project.program(factor=3) == 3


def test_a_run_in_which_calls_only_failed_is_told_of_and_leaves_the_results_to_the_run_before(project):
    assert project.program() == 0
    told = project.jumar("why", "--last")
    assert "run 2 of" in told
    assert "1 failed: 1 with ValueError: no" in told
    with jumar.Store.open(project.folder / "store", read_only=True, runs="last") as store:
        assert len(list(store.calls())) == 6


def test_a_session_whose_store_was_closed_before_it_ends_in_silence(tmp_path):
    store = jumar.Store.open(tmp_path / "store")
    with jumar.Session(store, "inline"):
        assert jumar.task(len, version="1")("abc") == 3
        store.close()


def test_a_session_that_keeps_nothing_or_asks_for_nothing_is_no_run(project):
    script = (project.folder / "script.py").read_text()
    (project.folder / "script.py").write_text(script.replace('"inline")', '"inline", reuse="read-only")'))
    subprocess.run([sys.executable, "script.py"], cwd=project.folder, check=True, capture_output=True)
    with jumar.Session(project.folder / "store", "inline"):
        pass
    with jumar.Store.open(project.folder / "store", read_only=True) as store:
        assert [run.number for run in store.lineage.runs()] == [1]


def test_a_blob_goes_with_its_last_user(tmp_path):
    @jumar.task(name="same")
    def same(i):
        return bytes(10_000)

    with jumar.Session(tmp_path / "store", "inline"):
        same(1), same(2)
    project = Project(tmp_path)
    keys = project.keys("same")
    assert project.json("rm", keys[0])["blobs"] == 0
    assert project.json("rm", keys[1])["blobs"] == 1


def test_an_invalidated_task_runs_again_and_with_downstream_what_was_made_from_it(project):
    told = project.json("invalidate", "--task", "load", "--downstream", "--dry-run")
    assert sorted((share["task"], share["calls"]) for share in told["shares"]) == [("load", 3), ("norm", 3)]
    assert project.json("invalidate", "--task", "load")["calls"] == 3
    assert project.program() == 3  # the results of norm stand for themselves
    project.jumar("invalidate", "--task", "load", "--downstream")
    assert project.calls() == []
    assert project.program() == 6
    assert "invalidated" in project.jumar("why", project.keys("norm")[0])


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["gc", "--older-than", "soon"], "takes a duration such as 30d"),
        (["gc", "--max-size", "lots"], "takes a size such as 10GiB"),
        (["gc", "--keep-last", "0"], "0 is not in the range"),
        (["rm", "ffffffffffff"], "no call in"),
        (["rm", "xyz"], "is not the beginning of a key"),
        (["rm"], "Missing argument"),
        (["invalidate", "--task", "lost"], "no task with the name 'lost' has results"),
        (["invalidate"], "Missing option '--task'"),
        (["pin"], "give KEYs"),
        (["pin", "aa", "--task", "f"], "give KEYs"),
        (["pin", "--task", "lost"], "no call of a task with the name 'lost' has a result"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_to_say(project, args, says):
    assert says in project.jumar(*args, fails=True)
    assert project.program() == 0


def test_the_command_itself_sweeps_a_real_store(project):
    command = [sys.executable, "-W", "error", "-m", "jumar", "gc", "--task", "load", "--store", "store"]
    done = subprocess.run(command, cwd=project.folder, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert "3 results went" in done.stdout
    assert project.calls() == ["norm"] * 3
