"""The scheduler alone: which call may run next, and what fails with what."""

import pytest

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


def continued(scheduler, call, *needs):
    """Let a ready call run and return others: one, or a list of them."""
    assert scheduler.start(call)
    call.tail = needs[0] if len(needs) == 1 else list(needs)
    return scheduler.carry_on(call, needs)


@pytest.mark.parametrize("errors", [1, 2, 3])
def test_a_call_that_catches_is_released_once_however_many_errors_there_are(errors):
    parts, top = [call(str(i)) for i in range(errors)], call("top")
    top.catches = Exception
    scheduler = scheduled(*parts, top)
    continued(scheduler, top, *parts)
    raised = [ValueError(i) for i in range(errors)]
    for part, error in zip(parts, raised, strict=True):
        assert scheduler.start(part)
        assert scheduler.fail(part, error) == [part]
    assert (top.caught, top.state, len(scheduler)) == (raised[0], READY, 1)


def test_an_error_that_comes_while_the_answer_is_made_changes_nothing():
    parts, top = [call("1"), call("2")], call("top")
    top.catches = Exception
    scheduler = scheduled(*parts, top)
    continued(scheduler, top, *parts)
    scheduler.fail(parts[0], ValueError("first"))
    assert scheduler.take() is top
    scheduler.fail(parts[1], ValueError("second"))
    assert (str(top.caught), top.state) == ("first", RUNNING)


def test_whoever_ends_as_a_catching_call_does_waits_for_its_answer():
    inner, middle, outer = call("inner"), call("middle"), call("outer")
    middle.catches = Exception
    scheduler = scheduled(inner, middle, outer)
    continued(scheduler, outer, middle)
    assert scheduler.start(middle)
    middle.tail = inner
    assert scheduler.hand_over(middle, inner) == []
    assert outer.needs == (middle,)


def test_only_errors_that_were_named_are_caught_and_that_it_was_cancelled_never_is():
    for end, state in (("fail", FAILED), ("cancel", CANCELLED)):
        part, top = call("part"), call("top")
        top.catches = KeyError if end == "fail" else Exception
        scheduler = scheduled(part, top)
        continued(scheduler, top, part)
        getattr(scheduler, end)(part, ValueError("no"))
        assert (top.state, top.caught) == (state, None)


# -- resources ---------------------------------------------------------------------------------------------------------


def demanding(name, gpus, priority=0):
    made = call(name)
    made.demand, made.priority = {"gpu": gpus}, priority
    return made


def with_gpus(gpus, *calls):
    scheduler = Scheduler({"gpu": gpus})
    for each in calls:
        scheduler.add(each)
    return scheduler


def test_a_parked_call_of_a_higher_priority_comes_first_though_it_was_parked_last():
    holder, low = demanding("holder", 1), demanding("low", 1)
    scheduler = with_gpus(1, holder, low)
    assert (scheduler.take(), scheduler.take()) == (holder, None)
    high = demanding("high", 1, priority=1)
    scheduler.add(high)
    assert scheduler.take() is None
    scheduler.finish(holder)
    assert scheduler.take() is high


def test_when_the_first_in_line_is_cancelled_the_next_one_runs():
    holder, first, second = (demanding(name, 1) for name in ("holder", "first", "second"))
    scheduler = with_gpus(1, holder, first, second)
    assert (scheduler.take(), scheduler.take()) == (holder, None)
    scheduler.finish(holder)
    scheduler.cancel(first, RuntimeError("cancelled"))
    assert scheduler.take() is second


def test_parked_calls_keep_their_order_though_others_take_what_was_free():
    holder, *line = (demanding(name, 2) for name in ("holder", "1", "2", "3"))
    scheduler = with_gpus(2, holder, *line)
    assert (scheduler.take(), scheduler.take()) == (holder, None)
    urgent = demanding("urgent", 1, priority=1)
    scheduler.add(urgent)
    scheduler.finish(holder)
    assert (scheduler.take(), scheduler.take()) == (urgent, None)
    scheduler.finish(urgent)
    for expected in line:
        assert scheduler.take() is expected
        scheduler.finish(expected)


@pytest.mark.parametrize("end", ["fail", "abandon", "put_off"])
def test_what_a_waiting_call_had_lent_is_given_back_once_when_it_is_given_up(end):
    waiting = demanding("waiting", 1)
    scheduler = with_gpus(1, waiting)
    scheduler.take()
    scheduler.lend(waiting)
    scheduler.lend(waiting)
    getattr(scheduler, end)(waiting, *([] if end == "put_off" else [TimeoutError()]))
    assert scheduler.pool.fits({"gpu": 1})
    assert not scheduler.pool.fits({"gpu": 2})
    scheduler.take_back(waiting)  # its thread comes back late, and holds nothing
    assert scheduler.pool.fits({"gpu": 1})


def test_a_call_that_goes_on_takes_back_more_than_there_is_if_need_be():
    waiting, other = demanding("waiting", 1), demanding("other", 1)
    scheduler = with_gpus(1, waiting, other)
    scheduler.take()
    scheduler.lend(waiting)
    assert scheduler.take() is other
    scheduler.take_back(waiting)
    scheduler.finish(other)
    assert not scheduler.pool.fits({"gpu": 1})
    scheduler.finish(waiting)
    assert scheduler.pool.fits({"gpu": 1})


def test_each_executor_takes_its_own_calls_in_its_own_order():
    own, low, high = call("own"), call("low"), call("high")
    scheduler = Scheduler()
    queue = scheduler.queue("io")
    low.executor = high.executor = "io"
    high.priority = 1
    for each in (own, low, high):
        scheduler.add(each)
    assert (len(scheduler), queue.waiting) == (3, 2)
    assert [scheduler.take(queue) for _ in range(3)] == [high, low, None]
    assert (scheduler.take(), scheduler.take(), len(scheduler)) == (own, None, 0)


def test_what_becomes_free_is_offered_to_calls_of_every_executor():
    holder, on_io, on_cpu = call("holder"), call("io"), call("cpu")
    scheduler = Scheduler({"gpu": 1})
    io, cpu = scheduler.queue("io"), scheduler.queue("cpu")
    on_io.executor, on_cpu.executor = "io", "cpu"
    for each in (holder, on_io, on_cpu):
        each.demand = {"gpu": 1}
        scheduler.add(each)
    assert (scheduler.take(), scheduler.take(io), scheduler.take(cpu)) == (holder, None, None)
    scheduler.finish(holder)
    assert scheduler.take(cpu) is on_cpu
    assert scheduler.take(io) is None
    scheduler.finish(on_cpu)
    assert scheduler.take(io) is on_io
