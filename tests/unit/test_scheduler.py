"""The scheduler alone: which call may run next, and what fails with what."""

from jumar.graph.call import CANCELLED, DONE, FAILED, READY, RUNNING, WAITING, Call
from jumar.graph.scheduler import Scheduler, depends


def call(name, *needs):
    return Call(name.encode(), needs=needs)


def scheduled(*calls):
    scheduler = Scheduler()
    for each in calls:
        scheduler.add(each)
    return scheduler


def test_a_call_that_needs_nothing_is_ready_at_once():
    only = call("only")
    scheduler = scheduled(only)
    assert only.state is READY
    assert scheduler.take() is only
    assert only.state is RUNNING
    assert scheduler.take() is None


def test_ready_calls_run_in_the_order_in_which_they_were_added():
    calls = [call(str(i)) for i in range(5)]
    scheduler = scheduled(*calls)
    assert [scheduler.take() for _ in calls] == calls


def test_a_call_becomes_ready_when_the_last_thing_it_needs_has_finished():
    left, right = call("left"), call("right")
    top = call("top", left, right)
    scheduler = scheduled(left, right, top)
    scheduler.take()
    scheduler.take()
    scheduler.finish(left)
    assert top.state is WAITING
    scheduler.finish(right)
    assert top.state is READY


def test_a_call_that_needs_only_finished_ones_is_ready_at_once():
    first = call("first")
    scheduler = scheduled(first)
    scheduler.take()
    scheduler.finish(first)
    late = call("late", first)
    scheduler.add(late)
    assert late.state is READY


def test_a_failure_reaches_exactly_the_descendants():
    bad, good = call("bad"), call("good")
    child = call("child", bad, good)
    grandchild = call("grandchild", child)
    apart = call("apart", good)
    scheduler = scheduled(bad, good, child, grandchild, apart)
    error = ValueError("no")
    assert scheduler.fail(bad, error) == [bad, child, grandchild]
    assert [c.state for c in (bad, child, grandchild)] == [FAILED] * 3
    assert all(c.error is error for c in (bad, child, grandchild))
    scheduler.finish(good)
    assert apart.state is READY


def test_a_call_added_after_the_failure_of_what_it_needs_fails_with_the_same_error():
    bad = call("bad")
    scheduler = scheduled(bad)
    error = ValueError("no")
    scheduler.fail(bad, error)
    late = call("late", bad)
    assert scheduler.add(late) == [late]
    assert late.error is error


def test_a_call_started_out_of_turn_is_not_given_to_a_worker_again():
    first, second = call("first"), call("second")
    scheduler = scheduled(first, second)
    assert scheduler.start(first)
    assert not scheduler.start(first)
    assert scheduler.take() is second
    assert scheduler.take() is None


def test_a_running_call_cannot_be_cancelled():
    only = call("only")
    scheduler = scheduled(only)
    scheduler.take()
    assert scheduler.cancel(only, RuntimeError("cancelled")) == []
    assert only.state is RUNNING


def test_cancelling_a_queued_call_cancels_what_needs_it():
    first = call("first")
    second = call("second", first)
    scheduler = scheduled(first, second)
    assert scheduler.cancel(first, RuntimeError("cancelled")) == [first, second]
    assert (first.state, second.state) == (CANCELLED, CANCELLED)
    assert scheduler.take() is None
    assert len(scheduler) == 0


def test_a_revived_call_runs_once_more():
    only = call("only")
    scheduler = scheduled(only)
    scheduler.take()
    scheduler.finish(only)
    assert only.state is DONE
    scheduler.revive(only)
    assert scheduler.take() is only


def test_a_wait_for_oneself_is_seen_through_needs_and_through_other_waits():
    me, other = call("me"), call("other")
    scheduler = scheduled(me, other)
    scheduler.take()
    scheduler.take()
    other.blocked_on = me
    top = call("top", other)
    scheduler.add(top)
    assert depends(top, on=me)
    assert not depends(me, on=top)
