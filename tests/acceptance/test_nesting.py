"""Tasks inside of tasks, a thousand deep: neither two workers nor Python's stack set the bound."""

import threading

import pytest

import jumar

DEPTH = 1000


@jumar.task
def waits(n):
    return waits.spawn(n - 1).result() + 1 if n else 0


@jumar.task
def calls(n):
    return calls(n - 1) + 1 if n else 0


@jumar.task
def gathers(n):
    return sum(jumar.gather(gathers.spawn(n - 1), leaf.spawn(n))) if n else 0


@jumar.task
def leaf(n):
    return n * 0 + 1


@pytest.mark.parametrize("task", [waits, calls, gathers], ids=["waits", "calls", "gathers"])
@pytest.mark.parametrize("form", ["spawn", "call"])
def test_a_thousand_levels_end_on_two_workers(threads, task, form):
    assert (task.spawn(DEPTH).result() if form == "spawn" else task(DEPTH)) == DEPTH


def test_direct_calls_take_a_thread_only_for_every_sixteenth_level(threads):
    before = threading.active_count()
    assert calls(DEPTH) == DEPTH
    assert threading.active_count() - before <= DEPTH / 16 + 2


@pytest.mark.parametrize("task", [waits, calls], ids=["waits", "calls"])
def test_inline_the_stack_is_the_bound_and_the_error_says_so(task):
    with jumar.Session(jumar.Store.in_memory(), "inline") as session:
        for attempt in (task.spawn(DEPTH).result, lambda: task(DEPTH)):
            with pytest.raises(RecursionError, match=r"calls deep on the inline executor, .* Run it on threads"):
                attempt()
        assert session.counts().unfinished == 0
        assert task(30) == 30  # nothing was broken by it


@jumar.task
def early():
    late.spawn()
    return leaf.spawn([leaf.spawn(1), leaf.spawn(2)][0]).result()


@jumar.task
def late():
    return early() + 1


def test_while_a_call_waits_nothing_is_run_on_top_of_it_that_waits_for_it(session):
    assert early() == 1
    assert late.spawn().result() == 2


def test_a_call_waited_for_inside_of_another_runs_after_what_it_needs_and_what_it_returns(session):
    @jumar.task
    def grows(n):
        return leaf.lazy(grows.lazy(n - 1) if n else 0)

    @jumar.task
    def asks(n):
        return leaf.spawn([grows.spawn(n), leaf.lazy(leaf.lazy(n))][0]).result()

    assert jumar.gather(asks.spawn(n) for n in range(20)) == [1] * 20
