"""Classes that a user makes by a call, not by a statement, are the user's, whatever module they say they are from."""

import dataclasses
import importlib
import sys
import types
import typing

import pytest

from jumar.keys import fingerprint_code, set_project
from jumar.keys.value import token


def made(answer, field="x"):
    return dataclasses.make_dataclass("Made", [field], namespace={"score": lambda self: answer})


def of_types(answer):
    return types.new_class("Made", (), {}, lambda body: body.update(score=lambda self: answer))


@pytest.mark.parametrize("make", [made, of_types])
def test_made_classes_with_other_methods_are_two(make):
    assert token(make(1)) != token(make(2))
    assert token(make(1)) == token(make(1))


def test_instances_of_made_dataclasses_with_other_methods_are_two():
    assert token(made(1)(5)) != token(made(2)(5))
    assert token(made(1)(5)) == token(made(1)(5))


def test_made_dataclasses_with_other_fields_are_two():
    assert token(made(1, "x")) != token(made(1, "y"))


def test_a_class_of_the_types_module_itself_counts_by_name():
    assert b"types.SimpleNamespace" in token(types.SimpleNamespace)


def named(cls):
    cls.__qualname__ = "Named"  # as if it stood at the top of a module that nobody can read
    return cls


def of_total(total):
    class Row(typing.TypedDict, total=total):
        x: int

    return named(Row)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (typing.NewType("UserId", int), typing.NewType("UserId", str)),
        (typing.TypedDict("Row", {"x": int}), typing.TypedDict("Row", {"x": str})),
        (typing.TypedDict("Row", {"x": int}), typing.TypedDict("Row", {"x": int, "y": int})),
        (of_total(True), of_total(False)),
        (typing.NamedTuple("Pair", [("x", int)]), typing.NamedTuple("Pair", [("x", str)])),
        (typing.TypeVar("T"), typing.TypeVar("T", bound=int)),
        (list[typing.NewType("UserId", int)], list[typing.NewType("UserId", str)]),
        (dict[str, list[named(made(1))]], dict[str, list[named(made(2))]]),
    ],
)
def test_types_of_one_name_with_another_inside_are_two(one, other):
    assert token(one) != token(other)


def test_a_new_type_can_move_to_another_module():
    here, there = typing.NewType("UserId", int), typing.NewType("UserId", int)
    there.__module__ = "elsewhere"
    assert token(here) == token(there)


LIBRARY = """
def sized(limit):
    class Sized:
        size: int = limit
        def fits(self, x): return x <= limit
    return Sized
"""


@pytest.fixture
def library(tmp_path, monkeypatch):
    (tmp_path / "jumar_test_maker.py").write_text(LIBRARY)
    monkeypatch.syspath_prepend(tmp_path)
    set_project(exclude=["jumar_test_maker"])
    yield importlib.import_module("jumar_test_maker")
    set_project()
    del sys.modules["jumar_test_maker"]


def test_classes_that_a_librarys_function_made_from_other_values_are_two(library):
    assert token(library.sized(1)) != token(library.sized(2))
    assert token(library.sized(1)) == token(library.sized(1))
    assert token(library.sized(1)()) != token(library.sized(2)())


def test_a_task_that_uses_a_class_made_by_a_library_depends_on_what_it_was_made_from(library):
    space = {"Sized": library.sized(1)}
    exec("def fits(x): return Sized().fits(x)", space)
    before = fingerprint_code(space["fits"]).digest
    space["Sized"] = library.sized(1)
    assert fingerprint_code(space["fits"]).digest == before
    space["Sized"] = library.sized(2)
    assert fingerprint_code(space["fits"]).digest != before
