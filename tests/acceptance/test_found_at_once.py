"""Calls that are found before they are entered end as those do that are found after: the fast path equals the plain one."""

import threading

import numpy as np
import pytest

import jumar
from jumar.events import CallEnded
from jumar.graph.options import NAMES, Options


@pytest.fixture
def store():
    return jumar.Store.in_memory()


def ways_of(task):
    """Both ways to ask for a value, and the way that passes the fast path by: with a user's own function asked first."""
    hooked = task.options(restore=lambda call: None)
    return {
        "spawn": lambda x: task.spawn(x).result(),
        "call": task,
        "plain spawn": lambda x: hooked.spawn(x).result(),
        "plain call": hooked,
    }


@pytest.mark.parametrize("way", ["spawn", "call", "plain spawn", "plain call"])
@pytest.mark.parametrize("executor", ["inline", "threads"])
@pytest.mark.parametrize("size", [3, 100_000])
def test_a_found_call_is_counted_told_and_gives_its_value_in_every_way(store, tally, executor, way, size):
    @jumar.task
    def zeros(n):
        tally.add("zeros")
        return np.zeros(n)

    with jumar.Session(store, executor):
        zeros(size)
    heard = []
    with jumar.Session(store, executor) as session:
        session.listen(heard.append)
        first, second = (ways_of(zeros)[way](size) for _ in range(2))
        first[0] = 1
        assert second[0] == 0
        assert session.counts()[:2] == (0, 2)
    assert [(event.how, event.seconds) for event in heard if isinstance(event, CallEnded)] == [("restored", 0.0)] * 2
    assert tally.total == 1


def test_a_call_that_is_found_feeds_its_dependants_as_a_computed_one_does(store, tally):
    @jumar.task
    def one():
        return 1

    @jumar.task
    def successor(x):
        tally.add("successor")
        return x + 1

    with jumar.Session(store, "threads"):
        one()
    with jumar.Session(store, "threads") as session:
        found = one.spawn()
        assert found.done()
        assert successor.spawn(found).result() == 2
        assert session.counts()[:2] == (1, 1)
    assert tally.total == 1


def test_a_call_whose_equal_is_under_way_joins_that_and_not_the_store(store, tally):
    may_end = threading.Event()

    @jumar.task
    def slow():
        tally.add("slow")
        assert may_end.wait(60)
        return tally["slow"]

    with jumar.Session(store, "threads"):
        may_end.set()
        slow()
    may_end.clear()
    with jumar.Session(store, "threads") as session:
        renewed = slow.options(refresh=True).spawn()
        joined = slow.spawn()
        assert not joined.done()
        may_end.set()
        assert (renewed.result(), joined.result()) == (2, 2)
        assert session.counts()[:2] == (1, 0)


@pytest.mark.parametrize("way", ["spawn", "call"])
def test_a_call_to_a_closed_session_is_refused_where_it_would_have_been_found(tmp_path, way):
    @jumar.task
    def one():
        return 1

    with jumar.Session(tmp_path / "store"):
        one()
    with jumar.Session(tmp_path / "store") as session:
        engine = session.engine
        call = one.make(engine, (), {})
    with pytest.raises(jumar.JumarError, match="closed and takes no more calls"):
        engine.spawn(call) if way == "spawn" else engine.run(call)


@pytest.mark.parametrize("how", ["hit", "twin"])
def test_a_call_that_was_found_can_be_asked_for_again(store, how):
    @jumar.task
    def one():
        return 1

    with jumar.Session(store, "threads"):
        one()
    with jumar.Session(store, "threads") as session:
        call = one.make(session.engine, (), {})
        assert session.engine.spawn(call).result() == 1
        again = call if how == "hit" else one.make(session.engine, (), {})
        assert session.engine.spawn(again).result() == 1


DECIDING = {
    "catch": True,
    "priority": 1,
    "resources": {"gpu": 1},
    "executor": "elsewhere",
    "reuse": "run",
    "refresh": True,
    "step": True,
    "meta": True,
    "persist": True,
    "cache": True,
}
"""What a call has of its task's options when it is made, but for whether it is kept."""


def test_an_ordinary_task_says_nothing_that_its_calls_have(store):
    @jumar.task
    def plain():
        return 1

    with jumar.Session(store, resources={"gpu": 1}) as session:
        call = plain.make(session.engine, (), {})
    assert Options().is_ordinary
    assert (call.priority, call.demand, call.executor, call.catches, call.look, call.salt, call.journaled) == (
        0,
        None,
        None,
        None,
        True,
        b"",
        False,
    )


@pytest.mark.parametrize("name", NAMES)
def test_an_option_that_decides_about_calls_makes_a_task_no_ordinary_one(name):
    others = {
        "name": "other",
        "version": "1",
        "checkpoint": False,
        "restore": len,
        "checkpoint_errors": True,
        "retries": 1,
        "retry_on": OSError,
        "backoff": 1.0,
        "timeout_s": 1.0,
        "ttl_s": 1.0,
        "ignore": ("x",),
        "key": len,
        "code": "own",
        "uses": (len,),
        "env": ("numpy",),
    }
    said = {name: DECIDING.get(name, others.get(name))}
    if name == "exists":
        said = {"exists": len, "restore": len}
    assert Options(**said).is_ordinary is (name not in DECIDING)
