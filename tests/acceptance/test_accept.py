"""`jumar accept`: an edit that changes no result keeps the results; it is listed, and can be taken back."""

import json
import subprocess
import sys

import pytest

BEFORE = """
import jumar

@jumar.task
def load(n):
    return list(range(n))

@jumar.task
def scale(rows):
    return [row * 3 for row in rows]

@jumar.task
def total(rows):
    return sum(rows)

if __name__ == "__main__":
    with jumar.Session("store", workers=1) as session:
        print(total.spawn(scale.spawn(load.spawn(5))).result(), *session.counts()[:2])
"""


class Project:
    def __init__(self, folder):
        self.folder = folder
        self.script = folder / "main.py"
        self.script.write_text(BEFORE)

    def edit(self, old, new):
        text = self.script.read_text()
        assert old in text
        self.script.write_text(text.replace(old, new))

    def python(self, *args, status=0):
        command = [sys.executable, *args]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stderr
        return done.stdout.strip() if status == 0 else done.stderr

    def run(self):
        """The answer, calls computed, calls restored."""
        return self.python("main.py")

    def accept(self, *args, status=0):
        return self.python("-m", "jumar", "accept", "--store", "store", *args, status=status)


@pytest.fixture
def project(tmp_path):
    made = Project(tmp_path)
    assert made.run() == "30 3 0"
    return made


def test_a_refactoring_that_is_accepted_keeps_its_results(project):
    project.edit("[row * 3 for row in rows]", "list(map(lambda row: 3 * row, rows))")
    assert project.accept("main.py:scale", "--note", "the same").startswith("1: scale computes what its code")
    assert project.run() == "30 0 3"
    assert project.run() == "30 0 3"


def test_without_it_the_edited_task_runs_again(project):
    project.edit("[row * 3 for row in rows]", "list(map(lambda row: 3 * row, rows))")
    assert project.run() == "30 1 2"


def test_a_constant_that_became_a_parameter_keeps_its_results_for_its_default_only(project):
    project.edit("def scale(rows):\n    return [row * 3", "def scale(rows, by=3):\n    return [row * by")
    assert "with by=3" in project.accept("main.py:scale", "--parameter", "by")
    assert project.run() == "30 0 3"
    project.edit("scale.spawn(load.spawn(5))", "scale.spawn(load.spawn(5), by=4)")
    assert project.run() == "40 2 1"


def test_two_edits_in_a_row_may_each_be_accepted(project):
    project.edit("[row * 3 for row in rows]", "[3 * row for row in rows]")
    project.accept("main.py:scale")
    project.edit("[3 * row for row in rows]", "[row + row + row for row in rows]")
    # Nothing was recorded in between, so the second is declared against the first recorded code as well.
    project.accept("main.py:scale")
    assert project.run() == "30 0 3"


def test_edits_of_a_task_and_of_what_it_needs_may_both_be_accepted(project):
    project.edit("list(range(n))", "[*range(n)]")
    project.edit("[row * 3 for row in rows]", "[3 * row for row in rows]")
    project.accept("main.py:load")
    project.accept("main.py:scale")
    assert project.run() == "30 0 3"


def test_a_declaration_is_listed_and_can_be_taken_back(project):
    project.edit("[row * 3 for row in rows]", "[3 * row for row in rows]")
    project.accept("main.py:scale", "--note", "commutes")
    [listed] = json.loads(project.accept("--list", "--json"))
    assert (listed["number"], listed["task"], listed["note"]) == (1, "scale", "commutes")
    assert "commutes" in project.accept("--list")
    project.accept("--revoke", "1")
    assert json.loads(project.accept("--list", "--json")) == []
    assert project.run() == "30 1 2"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["main.py:scale"], "no other code of task 'scale' is recorded"),
        (["main.py:nothing"], "has no task 'nothing'"),
        (["scale"], "names no task"),
        (["main.py:scale", "--parameter", "by"], "has no parameter 'by' with a default"),
        (["--revoke", "7"], "there is no declaration 7"),
        ([], "give one of: a TARGET"),
    ],
)
def test_what_cannot_be_accepted_is_refused_with_the_reason(project, args, message):
    status = 2 if message in ("names no task", "give one of: a TARGET") or "--parameter" in args else 1
    assert message in project.accept(*args, status=status)


def test_what_cannot_be_found_is_told_without_a_traceback(project):
    for target, message in (
        ("mine.py:scale", "there is no script mine.py"),
        ("mine.parts:scale", "there is no module mine.parts"),
        ("main.py:scales", "main.py has no task 'scales'. Its tasks: load, scale, total."),
    ):
        told = project.accept(target, status=1)
        assert message in told
        assert "Traceback" not in told


def test_a_task_that_was_renamed_and_edited_is_asked_for_by_its_former_name(project):
    project.edit("scale", "triple")
    project.edit("[row * 3 for row in rows]", "[3 * row for row in rows]")
    assert "--was NAME" in project.accept("main.py:triple", status=1)
    project.accept("main.py:triple", "--was", "scale")
    assert project.run() == "30 0 3"
