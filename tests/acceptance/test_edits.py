"""Edits to a small project, each made in files and looked at by a new process: only what an edit changes runs again."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from jumar.testing.conformance_edits import EDITS
from jumar.testing.conformance_project import FUNCTIONS, PROJECT

PROBE = """
import json, sys
sys.path.insert(0, sys.argv[1])
import lab.tasks
from jumar.keys.code import fingerprint_code
names = sys.argv[2].split()
print(json.dumps({name: fingerprint_code(getattr(lab.tasks, name)).digest.hex() for name in names}))
"""


def digests(directory, files):
    for path, text in files.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(text)
    command = [sys.executable, "-B", "-c", PROBE, str(directory), " ".join(FUNCTIONS)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONHASHSEED": "random"}
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def all_digests(tmp_path_factory):
    """The digests before any edit, and after each, by the edit's name."""
    root = tmp_path_factory.mktemp("edits")
    projects = {"": dict(PROJECT), **{edit.name: edit.applied() for edit in EDITS}}
    with ThreadPoolExecutor(2) as pool:
        numbered = [(root / str(number), files) for number, files in enumerate(projects.values())]
        return dict(zip(projects, pool.map(lambda each: digests(*each), numbered), strict=True))


def test_there_are_enough_edits_and_no_two_have_one_name():
    assert len({edit.name for edit in EDITS}) == len(EDITS) >= 60


def test_different_functions_have_different_digests(all_digests):
    assert len(set(all_digests[""].values())) == len(FUNCTIONS)


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.name)
def test_an_edit_changes_exactly_the_digests_of_what_it_changes(edit, all_digests):
    before, after = all_digests[""], all_digests[edit.name]
    assert [name for name in FUNCTIONS if before[name] != after[name]] == sorted(edit.changes, key=FUNCTIONS.index)
