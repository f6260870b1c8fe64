"""Keys are pinned: results of earlier versions must be found for ever, so a change of keys is a decision.

After such a decision: ``python tests/unit/test_keys_pinned.py`` writes the file anew.
"""

import importlib.util
import json
import sys
from pathlib import Path

import jumar

DATA = Path(__file__).parent.parent / "data"
PINNED = DATA / "keys.json"


def keys():
    spec = importlib.util.spec_from_file_location("keys_project", DATA / "keys_project.py")
    project = importlib.util.module_from_spec(spec)
    sys.modules["keys_project"] = project
    spec.loader.exec_module(project)
    try:
        with jumar.Session(jumar.Store.in_memory(), "inline"):
            return project.keys()
    finally:
        del sys.modules["keys_project"]


def test_keys_are_what_they_were_when_they_were_pinned():
    assert keys() == json.loads(PINNED.read_text())


def test_all_pinned_keys_differ():
    pinned = json.loads(PINNED.read_text())
    assert len(set(pinned.values())) == len(pinned)


if __name__ == "__main__":
    PINNED.write_text(json.dumps(keys(), indent=1) + "\n")
