"""`jumar plan`: what a program would do, without doing it."""

import json
import subprocess
import sys

import pytest

SCRIPT = """
import sys
import jumar

FACTOR = 3

@jumar.task
def load(n):
    print("ran load", file=open("ran", "a"))
    return list(range(n))

@jumar.task
def scale(rows):
    print("ran scale", file=open("ran", "a"))
    return [row * FACTOR for row in rows]

@jumar.task
def total(parts):
    return sum(map(sum, parts))

if __name__ == "__main__":
    jumar.configure(store="store", workers=1)
    answer = total.spawn([scale.spawn(load.spawn(n)) for n in range(int(sys.argv[1]))])
    print("answer", answer.result())
    load(100)
"""


class Project:
    def __init__(self, folder):
        self.folder = folder
        (folder / "main.py").write_text(SCRIPT)

    def edit(self, old, new):
        script = self.folder / "main.py"
        assert old in script.read_text()
        script.write_text(script.read_text().replace(old, new))

    def python(self, *args):
        done = subprocess.run(
            [sys.executable, *args], cwd=self.folder, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def plan(self, *args):
        return self.python("-m", "jumar", "plan", "main.py", *args)

    def ran(self):
        file = self.folder / "ran"
        return file.read_text().count("\n") if file.exists() else 0


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


def test_of_a_program_that_never_ran_everything_would_run_up_to_the_first_value(project):
    lines = project.plan("3").splitlines()
    assert lines[0] == "0 calls would be restored"
    assert lines[1:3] == ["3 would run", "  3 because it has never run"]
    assert lines[3] == "4 would run unless what they need comes out as before"
    assert lines[-1].startswith("the plan ends at line 24 of main.py")
    assert project.ran() == 0


def test_of_a_program_that_has_run_everything_would_be_restored_to_its_end(project):
    project.python("main.py", "3")
    ran = project.ran()
    lines = project.plan("3").splitlines()
    assert lines[:2] == ["8 calls would be restored", "0 would run"]
    assert not any("the plan ends" in line for line in lines)
    assert project.ran() == ran


def test_after_an_edit_it_says_what_would_run_and_why_and_for_how_long(project):
    project.python("main.py", "3")
    project.edit("FACTOR = 3", "FACTOR = 4")
    found = json.loads(project.plan("3", "--json"))
    certain = [step for step in found["steps"] if step["certain"]]
    assert found["restored"] == 3
    assert [step["task"] for step in certain] == ["scale"] * 3
    assert {step["because"] for step in certain} == {"global 'FACTOR' of 'scale' in main.py: 3 -> 4"}
    assert [step["task"] for step in found["steps"] if not step["certain"]] == ["total"]
    assert all(step["seconds"] > 0 for step in found["steps"])
    assert found["seconds"] == pytest.approx(sum(step["seconds"] for step in found["steps"]))


def test_a_task_that_was_renamed_and_edited_is_planned_as_the_one_that_it_was(project):
    project.python("main.py", "3")
    project.edit("scale(rows)", "scaled(rows)")
    project.edit("scale.spawn", "scaled.spawn")
    project.edit("row * FACTOR", "FACTOR * row")
    assert "3 because 'scaled' in main.py was edited" in project.plan("3")


def test_what_only_restored_calls_need_would_be_skipped(project):
    """Unless its value is waited for, or another call needs it."""
    project.edit("@jumar.task\ndef scale", "@jumar.task(checkpoint=False)\ndef scale")
    project.edit("@jumar.task\ndef load", "@jumar.task(checkpoint=False)\ndef load")
    project.edit("    load(100)\n", "")
    project.python("main.py", "3")
    assert project.plan("3").splitlines()[:3] == [
        "1 call would be restored",
        "0 would run",
        "6 would be skipped, as all that needs them is restored",
    ]
    project.edit("answer.result())", "answer.result(), scale.spawn(load.spawn(1)).result())")
    lines = project.plan("3").splitlines()
    assert lines[1].startswith("1 would run")
    assert lines[-1].startswith("the plan ends at line 24")
    assert "4 would be skipped, as all that needs them is restored" in lines


def test_lazy_calls_are_planned_from_the_top(project):
    project.edit("total.spawn([scale.spawn(load.spawn(n)) for n", "total.lazy([scale.lazy(load.lazy(n)) for n")
    project.edit("answer.result()", "jumar.collect(answer)")
    assert [line for line in project.plan("3").splitlines() if "would run" in line] == [
        "3 would run",
        "4 would run unless what they need comes out as before",
    ]
    project.python("main.py", "3")
    assert project.plan("3").splitlines()[:2] == ["2 calls would be restored", "0 would run"]


def test_a_map_is_planned_beyond_its_window(project):
    project.edit(
        "[scale.spawn(load.spawn(n)) for n in range(int(sys.argv[1]))]", "list(load.map(range(100), window=2))"
    )
    assert project.plan("3").splitlines()[1] == "100 would run"


def test_the_work_of_an_executor_is_planned_up_to_the_end_of_its_block(project):
    (project.folder / "main.py").write_text(
        "import jumar\n"
        "with jumar.Session('store') as session, session.executor() as executor:\n"
        "    futures = [executor.submit(pow, n, 2) for n in range(5)]\n"
        "jumar.configure(store='store')\n"
        "print(jumar.spawn(pow, 9, 2).result())\n"
    )
    lines = project.plan().splitlines()
    assert lines[1] == "5 would run"
    assert lines[-1].startswith("the plan ends at line 2 of main.py")
    project.python("main.py")
    assert project.plan().splitlines()[:2] == ["6 calls would be restored", "0 would run"]


def test_a_plan_changes_nothing_in_the_store(project):
    project.python("main.py", "2")
    before = project.python("-m", "jumar", "calls", "--store", "store", "--json")
    project.plan("5")
    assert project.python("-m", "jumar", "calls", "--store", "store", "--json") == before
    assert project.python("main.py", "2").strip() == "answer 0"
