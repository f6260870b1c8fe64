"""Tensors as results: found by another process as maps of their own, and told apart as arguments."""

import subprocess
import sys

import pytest
import safetensors.torch
import torch

import jumar
from jumar.keys.value import describe, token
from jumar.testing.conformance_values_libraries import torch_tables

pytestmark = pytest.mark.torch
DIFFER, EQUAL = torch_tables()

PROGRAM = """
import jumar
import torch

@jumar.task
def weights(size):
    print("computed", size)
    return {"weight": torch.ones(size, size), "bias": torch.nn.Parameter(torch.zeros(size))}

@jumar.task
def total(state):
    state["weight"] *= 2  # of a map of its own
    return float(state["weight"].sum())

with jumar.Session("store"):
    state = weights.spawn(200)
    print(total.spawn(state).result(), float(state.result()["weight"].sum()), type(state.result()["bias"]).__name__)
"""


def test_another_process_finds_what_was_computed_and_nobodys_change_is_seen_by_others(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    run = [sys.executable, "program.py"]
    assert subprocess.check_output(run, cwd=tmp_path, text=True).splitlines() == [
        "computed 200", "80000.0 40000.0 Parameter"
    ]  # fmt: skip
    assert subprocess.check_output(run, cwd=tmp_path, text=True) == "80000.0 40000.0 Parameter\n"


def test_a_restored_tensor_is_a_private_map_of_the_stores_file(tmp_path, tally):
    @jumar.task
    def make():
        tally.add("make")
        return torch.arange(100_000.0)

    for _ in range(3):
        with jumar.Session(tmp_path / "store"):
            found = make()
            assert found.tolist() == list(range(100_000))
            found.zero_()
    assert tally["make"] == 1


def test_a_hook_keeps_tensors_by_name_in_a_file_of_safetensors(tmp_path, tally):
    @jumar.task(**jumar.hooks.to_file(f"{tmp_path}/{{key}}.safetensors"))
    def state():
        tally.add("state")
        return {"weight": torch.ones(3, 2)}

    for _ in range(2):
        with jumar.Session(jumar.Store.in_memory()):
            assert state()["weight"].tolist() == [[1, 1]] * 3
    assert tally["state"] == 1
    [file] = tmp_path.glob("*.safetensors")
    assert list(safetensors.torch.load_file(file)) == ["weight"]


@pytest.mark.parametrize("pair", DIFFER, ids=lambda pair: pair.name)
def test_tensors_that_a_function_can_tell_apart_differ(pair):
    assert token(pair.left()) != token(pair.right()), pair.why
    assert describe(token(pair.left()))


@pytest.mark.parametrize("pair", EQUAL, ids=lambda pair: pair.name)
def test_tensors_that_only_look_different_are_equal(pair):
    assert token(pair.left()) == token(pair.right()), pair.why
