"""`jumar why`, on a small project that is really edited and run in new processes."""

import json
import os
import subprocess
import sys

import pytest

import jumar
from jumar.store.store import Store
from jumar.why import explain, summarise

PREP = """
ALPHA = 0.1

def norm(x):
    return x * ALPHA

def clean(x, by=1):
    return norm(x) * by
"""

MAIN = """
import sys
import jumar
import prep

@jumar.task
def load(n):
    return list(range(n))

@jumar.task
def clean(rows, by=1):
    return [prep.clean(row, by) for row in rows]

@jumar.task
def total(parts, label={"name": "a", "sizes": [1, 2]}):
    return sum(map(sum, parts))

jumar.configure(store="store", workers=1)
parts = [clean.spawn(load.spawn(n)) for n in (3, 4, 5)]
print(total.spawn(parts).result())
"""


class Project:
    def __init__(self, folder):
        self.folder = folder
        self.write("prep.py", PREP)
        self.write("main.py", MAIN)
        self.run()

    def write(self, name, text):
        (self.folder / name).write_text(text)

    def edit(self, name, old, new):
        text = (self.folder / name).read_text()
        assert old in text
        self.write(name, text.replace(old, new))

    def run(self):
        environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [sys.executable, "main.py"], cwd=self.folder, capture_output=True, text=True, check=False, env=environment
        )
        assert done.returncode == 0, done.stderr
        return done.stderr

    def reasons(self, task):
        """The lines of the newest call of a task."""
        with Store.open(self.folder / "store") as store:
            record = next(store.calls(task=task))
            return [reason.text for reason in explain(store, record.key.hex()).reasons]

    def summary(self):
        with Store.open(self.folder / "store") as store:
            return str(summarise(store)).splitlines()

    def diff(self, task):
        with Store.open(self.folder / "store") as store:
            return explain(store, next(store.calls(task=task)).key.hex()).reasons[0].diff


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


def test_what_never_ran_before_is_called_new(project):
    assert project.reasons("total") == ["no earlier call of 'total' is recorded"]
    [first, second] = project.summary()
    assert first.startswith("run 1 of ")
    assert second == "7 had never run before"


def test_an_edited_helper_is_named_with_its_file_and_shown_as_a_diff(project):
    project.edit("prep.py", "return x * ALPHA", "return ALPHA * x + 1")
    project.run()
    assert project.reasons("clean") == ["'norm' in prep.py: edited"]
    assert "-    return x * ALPHA" in project.diff("clean")
    assert "+    return ALPHA * x + 1" in project.diff("clean")
    assert project.summary()[1] == "4 calls ran again: 4 because 'norm' in prep.py was edited"


def test_an_edited_constant_is_shown_with_both_values(project):
    project.edit("prep.py", "ALPHA = 0.1", "ALPHA = 0.2")
    project.run()
    assert project.reasons("clean") == ["global 'ALPHA' of 'norm' in prep.py: 0.1 -> 0.2"]


def test_a_default_that_is_an_argument_is_shown_as_one(project):
    project.edit("main.py", "def clean(rows, by=1)", "def clean(rows, by=2)")
    project.run()
    assert "argument 'by': 1 -> 2" in project.reasons("clean")


def test_a_change_inside_an_argument_is_shown_with_its_place(project):
    project.edit("main.py", "total.spawn(parts)", "total.spawn(parts, {'name': 'b', 'sizes': [1, 3]})")
    project.run()
    assert project.reasons("total") == ["argument 'label'['name']: 'a' -> 'b'", "argument 'label'['sizes'][1]: 2 -> 3"]


def test_an_edit_upstream_is_followed_to_where_it_was_made(project):
    project.edit("prep.py", "ALPHA = 0.1", "ALPHA = 0.5")
    project.run()
    with Store.open(project.folder / "store") as store:
        explanation = explain(store, next(store.calls(task="total")).key.hex())
    assert {reason.kind for reason in explanation.reasons} == {"upstream"}
    assert {reason.root().text for reason in explanation.reasons} == {"global 'ALPHA' of 'norm' in prep.py: 0.1 -> 0.5"}
    assert len(explanation.reasons) == 3


def test_a_damaged_result_is_given_as_the_reason(project):
    @jumar.task(name="big")
    def big():
        return bytes(10_000)

    for damage in (True, False):
        with jumar.Session(project.folder / "store", "inline") as session:
            with_warning = pytest.warns(jumar.StoreWarning, match="damaged") if not damage else None
            if with_warning is None:
                big()
            else:
                with with_warning:
                    big()
            session.checkpoint()
        if damage:
            for blob in (project.folder / "store" / "blobs").glob("??/*"):
                blob.write_bytes(blob.read_bytes()[:-1])
    assert project.reasons("big")[0].startswith("its kept result was dropped on ")
    assert project.summary()[1] == "1 call ran again: 1 because its blob was damaged"


def test_nothing_ran_is_said_of_no_run(project):
    project.run()
    assert project.summary()[0].startswith("run 1 of "), "a run that computes nothing is not recorded"


def test_a_future_tells_why_it_ran(session):
    @jumar.task
    def scale(x, factor):
        return x * factor

    scale.spawn(2, factor=3).result()
    assert str(scale.spawn(2, factor=4).why()).splitlines()[1] == "  - argument 'factor': 3 -> 4"


def test_the_command_prints_it_for_people_and_as_json(project):
    project.edit("prep.py", "ALPHA = 0.1", "ALPHA = 0.2")
    project.run()

    def command(*args):
        return subprocess.check_output(
            [sys.executable, "-m", "jumar", "why", *args, "--store", "store"], cwd=project.folder, text=True
        )

    assert "because global 'ALPHA' of 'norm' in prep.py: 0.1 -> 0.2" in command("--last")
    with Store.open(project.folder / "store") as store:
        key = next(store.calls(task="clean")).key.hex()
    assert "• global 'ALPHA' of 'norm' in prep.py: 0.1 -> 0.2" in command(key[:10])
    found = json.loads(command(key[:10], "--json"))
    assert found["reasons"][0]["kind"] == "code"
    assert ["prep.norm", "function"] in found["parts"]
    assert json.loads(command("--run", "1", "--json"))["new"] == 7
