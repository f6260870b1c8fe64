"""Which of the places that say an option counts, against the one line that says it."""

from hypothesis import given
from hypothesis import strategies as st

import jumar

UNSAID = object()
VALUES = {
    "retries": st.integers(0, 3),
    "timeout_s": st.none() | st.floats(1, 9),
    "priority": st.integers(-2, 2),
    "refresh": st.booleans(),
    "checkpoint": st.none() | st.booleans(),
    "executor": st.none() | st.sampled_from(["io", "cpu"]),
}
DEFAULTS = {"retries": 0, "timeout_s": None, "priority": 0, "refresh": False, "checkpoint": None, "executor": None}


def place():
    """What one place says: values by name, not of each name."""
    return st.fixed_dictionaries({}, optional=VALUES)


def add(x, y):
    return x + y


def first(name, places):
    """The value of the most specific place that says one; a checkpoint of None says nothing."""
    said = [place[name] for place in places if name in place and not (name == "checkpoint" and place[name] is None)]
    return said[0] if said else DEFAULTS[name]


@given(st.lists(place(), min_size=5, max_size=5))
def test_the_most_specific_place_that_says_something_counts(places):
    call, declared, inner, outer, whole = places
    places = [declared | call, inner, outer, whole]  # a call's checkpoint of None takes back what its task declares
    executors = {"io": "threads", "cpu": "threads"}
    with jumar.Session(jumar.Store.in_memory(), workers=1, executors=executors, options=whole):
        task = jumar.task(**declared)(add)
        with jumar.options(**outer), jumar.options(**inner):
            made = task.options(**call).lazy(1, 2)._call
    held = made.task._held
    assert {name: getattr(held, name) for name in VALUES} == {name: first(name, places) for name in VALUES}
    assert made.keep is (first("checkpoint", places) is not False)
    assert made.bequest is first("checkpoint", places[:3])
    assert (made.executor, made.priority, made.look) == (held.executor, held.priority, not held.refresh)


@given(st.lists(st.none() | st.booleans(), min_size=1, max_size=6), st.none() | st.booleans())
def test_a_call_is_kept_as_the_nearest_above_it_that_says_or_else_as_the_session_says(levels, session_says):
    kept = []

    @jumar.task(reuse="run")
    def descend(depth):
        if depth < len(levels):
            lazy = descend.options(checkpoint=levels[depth]).lazy(depth + 1)
            kept.append(lazy._call.keep)
            jumar.collect(lazy)

    expected, current = [], None
    for said in levels:
        current = current if said is None else said
        expected.append((session_says is not False) if current is None else current)
    with jumar.Session(jumar.Store.in_memory(), "inline", options={"checkpoint": session_says}):
        descend(0)
    assert kept == expected
