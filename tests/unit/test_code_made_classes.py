"""Classes that a user makes by a call, not by a statement, are the user's, whatever module they say they are from."""

import dataclasses
import types

import pytest

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
