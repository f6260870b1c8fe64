"""The order in which calls run: by priority, then what was just released, then as they were made."""

import pytest

from jumar.graph.call import CANCELLED, READY, Call
from jumar.graph.ready import Ready


@pytest.fixture
def ready():
    return Ready()


def call(name, priority=0):
    made = Call(name.encode())
    made.state, made.priority = READY, priority
    return made


def order(ready):
    taken = []
    while (each := ready.take()) is not None:
        taken.append(each.key.decode())
    return taken


def test_higher_priorities_come_first_negative_ones_last(ready):
    for name, priority in [("a", 0), ("b", -2), ("c", 7), ("d", 0), ("e", 7)]:
        ready.add(call(name, priority))
    assert order(ready) == ["c", "e", "a", "d", "b"]


def test_released_calls_come_before_the_others_the_latest_first(ready):
    ready.add(call("made"))
    for name in "12":
        ready.add_released(call(name))
    ready.add(call("late"))
    assert order(ready) == ["2", "1", "made", "late"]


def test_priority_wins_over_release(ready):
    ready.add_released(call("released"))
    ready.add(call("urgent", 1))
    assert order(ready) == ["urgent", "released"]


def test_calls_that_are_not_ready_any_more_are_passed_over(ready):
    calls = [call(str(i)) for i in range(4)]
    for each in calls[:2]:
        ready.add(each)
    for each in calls[2:]:
        ready.add_released(each)
    calls[0].state = calls[3].state = CANCELLED
    assert order(ready) == ["2", "1"]


def test_only_what_is_above_a_priority_is_taken_where_that_is_asked(ready):
    low, same, high = call("low"), call("same", 3), call("high", 4)
    for each in (low, same, high):
        ready.add(each)
    assert ready.take(above=3) is high
    assert ready.take(above=3) is None
    assert order(ready) == ["same", "low"]


def test_a_call_that_its_caller_runs_at_once_leaves_nothing_in_the_line(ready):
    first, last = call("first"), call("last")
    ready.add(first)
    ready.add(last)
    ready.unlist(first)  # not the last one: it stays, and is passed over if it runs
    ready.unlist(last)
    assert order(ready) == ["first"]
