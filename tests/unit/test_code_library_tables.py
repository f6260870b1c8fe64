"""Functions of a library that have no name of their own are told apart by where they are written."""

import importlib
import sys

import pytest

from jumar.keys import fingerprint_code, set_project
from jumar.keys.value import token

LIBRARY = """
OPS = {"add": lambda a, b: a + b, "sub": lambda a, b: a - b}

def pick(positive):
    if positive:
        def inner(x): return x
    else:
        def inner(x): return -x
    return inner

MADE = {name: eval(f"lambda a, b: a {sign} b") for name, sign in (("add", "+"), ("sub", "-"))}
"""


@pytest.fixture
def library(tmp_path, monkeypatch):
    (tmp_path / "jumar_test_oplib.py").write_text(LIBRARY)
    monkeypatch.syspath_prepend(tmp_path)
    set_project(exclude=["jumar_test_oplib"])
    yield importlib.import_module("jumar_test_oplib")
    set_project()
    del sys.modules["jumar_test_oplib"]


def test_entries_of_a_librarys_table_are_different_values(library):
    pairs = [
        (library.OPS["add"], library.OPS["sub"]),
        (library.pick(True), library.pick(False)),
        (library.MADE["add"], library.MADE["sub"]),
    ]
    for one, other in pairs:
        assert token(one) != token(other)
    assert token(library.pick(True)) == token(library.pick(True))


def test_a_global_that_holds_another_entry_is_another_code(library):
    space = {"op": library.OPS["add"]}
    exec("def apply(a, b): return op(a, b)", space)
    before = fingerprint_code(space["apply"]).digest
    space["op"] = library.OPS["sub"]
    assert fingerprint_code(space["apply"]).digest != before
