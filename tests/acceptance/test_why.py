"""`jumar why`, on a small project that is really edited and run in new processes."""

import json
import os
import shutil
import subprocess
import sys
import threading
import warnings

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


LONG = """{
    "model": {"layers": [64, 128, 256, 512], "activation": "relu", "dropout": 0.25, "residual": True},
    "optimizer": {"name": "adam", "rate": 0.1, "betas": (0.9, 0.999), "decay": {"kind": "cosine", "steps": 100}},
}"""


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

    def run(self, expected=0):
        path = os.pathsep.join([str(self.folder / "site-packages"), os.environ.get("PYTHONPATH", "")])
        environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": path}
        done = subprocess.run(
            [sys.executable, "main.py"], cwd=self.folder, capture_output=True, text=True, check=False, env=environment
        )
        assert done.returncode == expected, done.stderr
        return done.stderr

    def run_to_an_error(self):
        return self.run(expected=1)

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


def test_a_task_that_was_renamed_and_edited_is_no_new_one(project):
    project.edit("main.py", "def clean(rows", "def tidy(rows")
    project.edit("main.py", "clean.spawn", "tidy.spawn")
    project.edit("main.py", "for row in rows]", "for row in rows] + [0]")
    project.run()
    edited, former = project.reasons("tidy")
    assert (edited, former) == ("'tidy' in main.py: edited", "'tidy' was called 'clean' in the previous run")
    assert "-def clean(rows, by=1):" in project.diff("tidy")
    assert project.summary()[1] == (
        "4 calls ran again: 4 because 'tidy' in main.py was edited and 'tidy' was called 'clean' in the previous run"
    )


def test_what_failed_is_in_the_summary_of_its_run(project):
    project.edit("main.py", "    return sum(map(sum, parts))", "    raise ValueError(len(parts))")
    with Store.open(project.folder / "store") as store:
        before = len(store.lineage.runs())
    project.run_to_an_error()
    with Store.open(project.folder / "store") as store:
        summary = summarise(store)
        record = next(store.calls(task="total"))
    assert (summary.run, record.run) == (before + 1, before + 1)
    assert summary.failed == ((1, "ValueError: 3"),)
    assert [(group.calls, group.because) for group in summary.again] == [(1, "'total' in main.py was edited")]


def test_a_change_inside_an_argument_is_shown_with_its_place(project):
    project.edit("main.py", "total.spawn(parts)", "total.spawn(parts, {'name': 'b', 'sizes': [1, 3]})")
    project.run()
    assert project.reasons("total") == ["argument 'label'['name']: 'a' -> 'b'", "argument 'label'['sizes'][1]: 2 -> 3"]


def test_a_change_deep_inside_long_settings_is_shown_with_its_place(project):
    project.edit("main.py", "total.spawn(parts)", f"total.spawn(parts, {LONG})")
    project.run()
    project.edit("main.py", '"rate": 0.1', '"rate": 0.2')
    project.run()
    assert project.reasons("total") == ["argument 'label'['optimizer']['rate']: 0.1 -> 0.2"]


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


@pytest.mark.parametrize(
    ("options", "because"),
    [
        ({"refresh": True}, "a refresh was asked for"),
        ({"ttl_s": 0}, "its kept result was older than its ttl_s"),
    ],
)
def test_a_call_that_ran_because_it_was_told_to_is_not_called_new(tmp_path, options, because):
    def measured():
        return 20.5

    for said in ({}, options):
        with jumar.Session(tmp_path, "inline"):
            jumar.task(name="measured", **said)(measured)()
    with Store.open(tmp_path) as store:
        [record] = store.calls()
        assert [reason.text for reason in explain(store, record.key.hex()).reasons] == [because]
        assert str(summarise(store)).splitlines()[1] == f"1 call ran again: 1 because {because}"


def test_a_session_that_refreshes_is_given_as_the_reason(tmp_path):
    for reuse in ("on", "refresh"):
        with jumar.Session(tmp_path, "inline", reuse=reuse):
            jumar.task(name="size")(len)([1, 2])
    with Store.open(tmp_path) as store:
        assert str(summarise(store)).splitlines()[1] == "1 call ran again: 1 because a refresh was asked for"


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


def test_one_more_call_among_the_arguments_is_told_as_such(project):
    project.edit("main.py", "(3, 4, 5)", "(3, 4, 5, 6)")
    project.run()
    [text] = project.reasons("total")
    assert text.startswith("clean(rows=@")
    assert text.endswith("] is a new call among its arguments")
    assert project.summary()[1] == "3 had never run before"


def test_one_call_fewer_among_the_arguments_is_told_as_such(project):
    project.edit("main.py", "(3, 4, 5)", "(3, 4)")
    project.run()
    assert project.reasons("total") == ["1 call of 'clean' is no longer among its arguments"]


def test_what_early_cutoff_found_did_not_run(project):
    project.edit("main.py", "return list(range(n))", "return [*range(n)]")
    project.run()
    [text] = project.reasons("clean")
    assert text.startswith("its arguments have the values that they have in clean(rows=@")
    assert project.summary()[1] == "3 calls ran again: 3 because 'load' in main.py was edited"


def test_an_edited_lambda_among_several_is_shown(project):
    project.edit(
        "prep.py", "def norm(x):\n    return x * ALPHA", "one = lambda x: x\ntwo = lambda x: x + 1\nnorm = two"
    )
    project.edit("prep.py", "return norm(x) * by", "return one(two(x)) * by")
    project.run()
    project.edit("prep.py", "x + 1", "x + 2")
    project.run()
    assert project.reasons("clean") == ["'<lambda>' in prep.py: edited"]
    assert "+two = lambda x: x + 2" in project.diff("clean")


LIBRARY = "def smooth(x):\n    return x\n"


def install(project, version):
    """Install a library where the project finds it, as pip does: its files, and what says its version."""
    site = project.folder / "site-packages"
    for old in site.glob("*.dist-info"):
        shutil.rmtree(old)
    information = site / f"smoothlib-{version}.dist-info"
    information.mkdir(parents=True)
    (site / "smoothlib.py").write_text(LIBRARY)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: smoothlib\nVersion: {version}\n")
    (information / "top_level.txt").write_text("smoothlib\n")


def test_a_library_that_changed_beside_an_edit_is_told_last_and_not_as_a_cause(project):
    install(project, "2.3")
    project.edit(
        "prep.py", "def norm(x):\n    return x", "import smoothlib\n\ndef norm(x):\n    return smoothlib.smooth(x)"
    )
    project.run()
    install(project, "2.4")
    project.edit("prep.py", "smoothlib.smooth(x)", "1 + smoothlib.smooth(x)")
    project.run()
    assert project.reasons("clean") == ["'norm' in prep.py: edited", "smoothlib 2.3 -> 2.4 (not part of the key)"]
    assert project.summary()[1] == "4 calls ran again: 4 because 'norm' in prep.py was edited"


def test_a_library_that_env_names_is_a_cause(project):
    install(project, "2.3")
    project.edit("main.py", "@jumar.task\ndef clean", "@jumar.task(env=['smoothlib'])\ndef clean")
    project.run()
    assert project.reasons("clean") == ["smoothlib nothing -> 2.3 (in env=)"]
    install(project, "2.4")
    project.run()
    assert project.reasons("clean") == ["smoothlib 2.3 -> 2.4 (in env=)"]
    assert project.summary()[1].endswith(" because smoothlib 2.3 -> 2.4 (in env=)")


def test_a_result_that_cannot_be_decoded_any_more_is_not_called_new(project):
    project.write("shapes.py", "class Box:\n    side = 1\n")
    project.edit("main.py", "import prep", "import prep\nimport shapes")
    project.edit(
        "main.py",
        "jumar.configure",
        "@jumar.task(code='version', version='1')\ndef box(n):\n    return shapes.Box()\n\njumar.configure",
    )
    project.edit("main.py", "print(", "box(1)\nprint(")
    project.run()
    project.edit("main.py", "return shapes.Box()", "return 7")
    project.write("shapes.py", "class Cube:\n    side = 1\n")
    assert "cannot be decoded here" in project.run()
    [text] = project.reasons("box")
    assert ": it could not be decoded (AttributeError: " in text
    assert project.summary()[1].startswith("1 call ran again: 1 because its result was lost (it could not be decoded ")


def test_that_a_result_could_not_be_kept_is_told_by_later_programs(tmp_path, tally):
    @jumar.task
    def lock(number):
        tally.add("lock")
        return threading.Lock() if tally["lock"] == 1 else number

    with (
        warnings.catch_warnings(action="ignore", category=jumar.StoreWarning),
        jumar.Session(tmp_path / "store"),
    ):
        lock(1)
    with (
        Store.open(tmp_path / "store") as store,
        pytest.raises(jumar.StoreError, match=r"no call .* its result could not be kept: TypeError: cannot pickle"),
    ):
        explain(store, lock.key(1)[:12])
    with jumar.Session(tmp_path / "store"):
        future = lock.spawn(1)
        assert future.result() == 1
        assert [reason.kind for reason in future.why().reasons] == ["unkept"]


def test_the_command_wraps_at_the_width_it_is_given_and_leaves_no_blanks_at_ends(project):
    project.edit("prep.py", "return x * ALPHA", "return x * ALPHA + " + " + ".join(["1"] * 40))
    project.run()
    with Store.open(project.folder / "store") as store:
        key = next(store.calls(task="total")).key.hex()
    printed = subprocess.check_output(
        [sys.executable, "-m", "jumar", "why", key, "--store", "store"],
        cwd=project.folder,
        text=True,
        env=os.environ | {"COLUMNS": "70"},
    )
    lines = printed.splitlines()
    assert max(map(len, lines)) <= 70
    assert all(line == line.rstrip() for line in lines)
    assert sum("is another call" in line for line in lines) == 3
    assert sum("'norm' in prep.py: edited" in line for line in lines) == 1
