"""Small programs of tasks against plain Python: the same values and errors, and what succeeds runs once for all sessions."""

import functools
import threading
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jumar

KINDS = ["add", "add", "spawn", "lazy", "call", "gather", "continue", "pieces", "chain", "catch", "fail"]


@st.composite
def programs(draw):
    """For each node its kind and the earlier nodes it uses; the last one is the answer."""
    size = draw(st.integers(2, 9))
    return tuple(
        (draw(st.sampled_from(KINDS)), tuple(draw(st.lists(st.integers(0, node - 1), max_size=3)) if node else ()))
        for node in range(size)
    )


class Fault(Exception):  # noqa: N818  (a word of these programs)
    """What a failing node raises."""


def plainly(program):
    """The same in plain Python, each node once: its value, or the fault that reached it."""

    @functools.cache
    def value(node):
        kind, uses = program[node]
        if kind == "catch":
            try:
                return total([value(use) for use in uses], node), None
            except Fault as fault:
                return (None, str(fault))
        found = [value(use) for use in uses]
        if kind == "fail":
            raise Fault(f"node {node}")
        return {"parts": found} if kind == "pieces" else total(found, node)

    return value


def total(values, node):
    """A number from whatever nodes give."""
    return node + sum(number(value) for value in values)


def number(value):
    if isinstance(value, dict):
        return sum(map(number, value["parts"]))
    if isinstance(value, tuple):
        return number(value[0] or 0) + len(str(value[1] or ""))
    return value


class Runs:
    """Counts how often each node ran; says itself that it is no part of what tasks compute."""

    def __init__(self):
        self.lock, self.counts = threading.Lock(), Counter()

    def __jumar_key__(self):
        return "runs"

    def __reduce__(self):
        return _the_runs, ()

    def add(self, node):
        with self.lock:
            self.counts[node] += 1


RUNS = Runs()


def _the_runs():
    return RUNS


@jumar.task
def add(node, values, fails=False):
    RUNS.add(("add", node))
    if fails:
        raise Fault(f"node {node}")
    return total(values, node)


@jumar.task
def same(value):
    return value


@jumar.task
def run(program, node):
    """One node as a task, which makes the calls of those that it uses in the way of its kind."""
    RUNS.add(node)
    kind, uses = program[node]
    lazies = [make(program, use) for use in uses]
    if kind in ("add", "fail", "catch"):
        return add.lazy(node, lazies, kind == "fail")
    if kind == "pieces":
        return {"parts": lazies}
    if kind == "continue":
        return add.spawn(node, [same.lazy(lazy) for lazy in lazies])
    if kind == "chain":
        return same.lazy(same.options(name="twice").lazy(add.lazy(node, lazies)))
    if kind == "gather":
        values = jumar.gather(make(program, use, "spawn") for use in uses)
    elif kind == "spawn":
        values = [future.result() for future in [make(program, use, "spawn") for use in uses]]
    elif kind == "lazy":
        values = [jumar.collect(lazy) for lazy in lazies]
    else:
        values = [make(program, use, "__call__") for use in uses]
    return total(values, node)


def make(program, node, how="lazy"):
    task = run.options(catch=Fault) if program[node][0] == "catch" else run
    return getattr(task, how)(program, node)


def shown(value):
    """With errors as their texts."""
    if isinstance(value, dict):
        return {"parts": [shown(part) for part in value["parts"]]}
    return (value[0], str(value[1]) if value[1] else None) if isinstance(value, tuple) else value


def outcome(function):
    try:
        return "value", shown(function())
    except Fault as fault:
        return "fault", str(fault)


def is_lost(program, reference, what):
    """Whether a function failed, or one of those that it called: it may run again whenever it is asked for."""
    if isinstance(what, tuple):
        return program[what[1]][0] == "fail"
    return outcome(lambda: reference(what))[0] == "fault"


@pytest.mark.parametrize("executor", ["inline", "threads"])
@settings(max_examples=60, deadline=None)
@given(program=programs())
def test_a_program_gives_what_plain_python_gives_and_computes_nothing_twice(executor, program):
    RUNS.counts.clear()
    reference = plainly(program)
    store, last = jumar.Store.in_memory(), len(program) - 1
    expected = outcome(lambda: reference(last))
    for _ in range(2):
        with jumar.Session(store, executor, 2 if executor == "threads" else None) as opened:
            found = outcome(lambda: make(program, last, "spawn").result())
            opened.engine.drain()
            assert opened.counts().unfinished == 0
        # Of several faults any may be the first to be heard of.
        assert found == expected or (found[0] == expected[0] == "fault")
    for what, count in RUNS.counts.items():
        assert count == 1 or is_lost(program, reference, what), (what, count)
