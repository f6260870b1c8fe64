"""Programs of tasks that ask for others in every way, against what they come to: they end, and leave everything free."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jumar


class RefusedError(Exception):
    pass


def value_of(future):
    """Its value; a call that refuses counts for one."""
    return 1 if isinstance(future.exception(), RefusedError) else future.result()


def first_and_rest(futures):
    done, left = jumar.wait(futures, num_returns=1)
    return [*done, *left]


def spawned(calls):
    return [task.spawn(*args) for task, args in calls]


CATCHING = {
    "one by one": lambda calls: [value_of(task.spawn(*args)) for task, args in calls],
    "spawned": lambda calls: map(value_of, spawned(calls)),
    "all": lambda calls: map(value_of, jumar.wait(spawned(calls)).done),
    "first": lambda calls: map(value_of, first_and_rest(spawned(calls))),
    "as they end": lambda calls: map(value_of, jumar.as_completed(spawned(calls))),
    "called": lambda calls: [task.options(catch=RefusedError)(*args)[0] or 1 for task, args in calls],
    "mapped": lambda calls: map(value_of, list(node.map(*zip(*(args for _, args in calls), strict=True), window=1))),
}
OTHERS = {
    "gathered": lambda calls: jumar.gather(spawned(calls)),
    "collected": lambda calls: jumar.collect([task.lazy(*args) for task, args in calls]),
    "needed": lambda calls: [add.spawn([future]).result() - 1 for future in spawned(calls)],
}
RETURNED = {
    "returned": lambda calls: add.spawn(spawned(calls)),
    "returned lazily": lambda calls: add.lazy([task.lazy(*args) for task, args in calls]),
}


@jumar.task(checkpoint=False)
def add(numbers):
    return 1 + sum(numbers)


@jumar.task(checkpoint=False, code="own")
def node(seed, path, depth):
    """One, and what its children come to. How it asks for them follows from its place."""
    chance, children = children_of(seed, path, depth)
    if not depth:
        if chance.random() < 0.1:
            raise RefusedError(path)
        return 1
    calls = [(with_options(chance), child) for child in children]
    # Children without children may refuse, which only some ways of asking can take.
    way = chance.choice([*CATCHING, *(() if depth == 1 else (*OTHERS, *RETURNED))])
    return RETURNED[way](calls) if way in RETURNED else 1 + sum((CATCHING | OTHERS)[way](calls))


def children_of(seed, path, depth):
    chance = Random(f"{seed} {path}")
    return chance, [(seed, f"{path}.{i}", depth - 1) for i in range(chance.randint(1, 3) if depth else 0)]


def with_options(chance):
    options = {}
    if chance.random() < 0.3:
        options["priority"] = chance.choice([-1, 1])
    if chance.random() < 0.3:
        options["resources"] = {"gpu": chance.choice([1, 2])}
    if chance.random() < 0.1:
        options["timeout_s"] = 3600
    if chance.random() < 0.1:
        options["executor"] = "io"
    return node.options(**options)


def reference(seed, path, depth):
    """What a node comes to, without any engine."""
    return 1 + sum(reference(*child) for child in children_of(seed, path, depth)[1])


@pytest.mark.parametrize("workers", [1, 2, None], ids=["one worker", "two workers", "inline"])
@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32), depth=st.integers(1, 5))
def test_however_tasks_ask_for_each_other_they_end_and_leave_everything_free(workers, seed, depth):
    kind = "inline" if workers is None else "threads"
    with jumar.Session(jumar.Store.in_memory(), kind, workers, resources={"gpu": 2}, executors={"io": kind}) as session:
        assert node.spawn(seed, "", depth).result() == reference(seed, "", depth)
        assert session.counts().unfinished == 0
        assert session.engine._scheduler.pool.fits({"gpu": 2})
        assert session.engine._crew._places == (workers or 1)
        assert not session.engine._crew._on_the_way
