"""Tasks and futures as users meet them, on every built-in executor."""

import asyncio
import concurrent.futures as cf
import operator
import sys
from dataclasses import dataclass, field

import pytest

import jumar


def test_a_call_is_computed_once_and_found_again(session, tally):
    @jumar.task
    def square(x):
        tally.add(x)
        return x * x

    assert [square(3), square(3), square.spawn(3).result(), square(x=3)] == [9, 9, 9, 9]
    assert tally[3] == 1
    counts = session.counts()
    assert (counts.computed, counts.restored) == (1, 3)


@dataclass
class Parcel:
    inside: object
    rest: list = field(default_factory=list)


def test_futures_anywhere_in_the_arguments_become_their_values(session):
    @jumar.task
    def one(x):
        return x

    @jumar.task
    def collect(*args, **kwargs):
        return [args, sorted(kwargs.items())]

    a, b, c, d = (one.spawn(i) for i in range(4))
    got = collect.spawn(a, [b, (c, {"k": d})], parcel=Parcel(a, [b]), some={a}).result()
    assert got == [(0, [1, (2, {"k": 3})]), [("parcel", Parcel(0, [1])), ("some", {0})]]


def test_a_plain_call_takes_futures_too(session):
    @jumar.task
    def double(x):
        return 2 * x

    assert double(double.spawn(2)) == 8


def test_a_shared_dependency_runs_once(session, tally):
    @jumar.task
    def source():
        tally.add("source")
        return [1, 2, 3]

    @jumar.task
    def total(items, weight):
        return sum(items) * weight

    base = source.spawn()
    assert jumar.gather(total.spawn(base, w) for w in range(4)) == [0, 6, 12, 18]
    assert tally["source"] == 1


def test_equal_calls_in_flight_run_once(threads, tally, gate):
    @jumar.task
    def slow(x):
        tally.add(x)
        gate.pass_through()
        return x

    first = slow.spawn(1)
    gate.wait_for_arrival()
    others = [slow.spawn(1) for _ in range(5)]
    gate.open()
    assert jumar.gather(first, others) == [1] * 6
    assert tally[1] == 1


def test_a_failed_call_fails_exactly_what_needs_it_with_the_first_error(session, tally):
    @jumar.task
    def bad():
        raise ZeroDivisionError("the first")

    @jumar.task
    def good(x):
        tally.add("good")
        return x

    @jumar.task
    def join(*parts):
        tally.add("join")
        return parts

    lost = join.spawn(good.spawn(1), bad.spawn())
    further = join.spawn(lost)
    kept = join.spawn(good.spawn(1), good.spawn(2))
    assert kept.result() == (1, 2)
    for future in (lost, further):
        with pytest.raises(ZeroDivisionError, match="the first") as caught:
            future.result()
        assert isinstance(future.exception(), ZeroDivisionError)
        assert caught.traceback[-1].name == "bad"
    assert tally["join"] == 1
    jumar.wait([lost, further, kept])


def test_an_error_says_which_call_it_came_from_and_which_needed_it(session):
    @jumar.task
    def load(path):
        raise OSError("gone")

    @jumar.task
    def report(data):
        return data

    with pytest.raises(OSError, match="gone") as caught:
        report.spawn(load.spawn("a.csv")).result()
    [note] = caught.value.__notes__
    assert "load(path='a.csv')" in note
    assert "needed by" in note
    assert "report(data=@" in note


def test_reading_an_error_many_times_does_not_lengthen_its_traceback(session):
    @jumar.task
    def bad():
        raise ValueError

    future = bad.spawn()
    lengths = set()
    for _ in range(5):
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            future.result()
        lengths.add(len(caught.traceback))
    assert len(lengths) == 1


def test_an_error_is_never_kept_as_a_result(session, tally):
    @jumar.task
    def fails_once(x):
        tally.add(x)
        if tally[x] == 1:
            raise RuntimeError("first time")
        return x

    assert isinstance(fails_once.spawn(1).exception(), RuntimeError)
    assert fails_once.spawn(1).result() == 1
    assert fails_once(1) == 1
    assert tally[1] == 2


def test_futures_work_with_the_standard_library(session):
    @jumar.task
    def square(x):
        return x * x

    futures = [square.spawn(i) for i in range(5)]
    done, not_done = cf.wait(futures)
    assert (len(done), not_done) == (5, set())
    assert sorted(f.result() for f in cf.as_completed(futures)) == [0, 1, 4, 9, 16]
    assert sorted(f.result() for f in jumar.as_completed(futures)) == [0, 1, 4, 9, 16]

    async def main():
        wrapped = await asyncio.wrap_future(square.spawn(7))
        return wrapped + await square.spawn(8)

    assert asyncio.run(main()) == 49 + 64


def test_callbacks_run_once_whether_added_before_or_after_the_end(threads, gate):
    @jumar.task
    def slow():
        gate.pass_through()
        return "value"

    seen = []
    future = slow.spawn()
    future.add_done_callback(lambda f: seen.append(f.result()))
    assert not future.done()
    gate.open()
    future.result()
    future.add_done_callback(lambda f: seen.append(f.result()))
    threads.engine.drain()
    cf.wait([future])
    assert seen == ["value", "value"]


def test_wait_can_return_after_some(threads, gate):
    @jumar.task
    def held(x):
        gate.pass_through()
        return x

    @jumar.task
    def quick(x):
        return x

    slow = held.spawn(0)
    fast = [quick.spawn(i) for i in range(3)]
    done, not_done = jumar.wait([slow, *fast], num_returns=3)
    assert done == set(fast)
    assert not_done == {slow}


def test_a_timeout_leaves_the_call_running(threads, gate):
    @jumar.task
    def held():
        gate.pass_through()
        return 1

    future = held.spawn()
    gate.wait_for_arrival()
    with pytest.raises(TimeoutError, match="it goes on"):
        future.result(timeout=0)
    assert future.running()
    gate.open()
    assert future.result() == 1


def test_a_queued_call_can_be_cancelled_and_a_running_one_cannot(threads, tally, gate):
    @jumar.task
    def held(x):
        gate.pass_through()

    @jumar.task
    def queued(x):
        tally.add(x)

    running = [held.spawn(i) for i in range(2)]
    for _ in running:
        gate.wait_for_arrival()
    waiting = queued.spawn(1)
    child = queued.spawn([waiting])
    assert waiting.cancel()
    assert not running[0].cancel()
    gate.open()
    assert waiting.cancelled()
    assert child.cancelled()
    with pytest.raises(cf.CancelledError):
        waiting.result()
    jumar.gather(running)
    assert tally.total == 0


def test_a_task_made_on_the_spot_needs_no_declaration(session):
    assert jumar.spawn(abs, -3).result() == 3
    assert jumar.spawn(operator.add, 1, 2).result() == 3
    assert jumar.spawn(lambda x: x + 1, 1).result() == 2


def test_options_make_another_task_of_the_same_function(session, tally):
    @jumar.task
    def count(x):
        tally.add("run")
        return x

    unkept = count.options(checkpoint=False)
    assert [unkept(1), unkept(1)] == [1, 1]
    assert tally["run"] == 2
    assert [count(1), unkept(1)] == [1, 1]  # kept now, so found
    assert tally["run"] == 3
    assert count.options(version="2")(1) == 1
    assert tally["run"] == 4
    assert count.fn(5) == 5


def test_checkpoint_false_is_inherited_by_the_calls_inside(session, tally):
    @jumar.task
    def inner(x):
        tally.add("inner")
        return x

    @jumar.task
    def kept(x):
        tally.add("kept")
        return x

    @jumar.task(checkpoint=False)
    def outer():
        tally.add("outer")
        return inner(1) + kept.options(checkpoint=True)(1)

    assert [outer(), outer()] == [2, 2]
    assert (tally["outer"], tally["inner"], tally["kept"]) == (2, 2, 1)


def test_a_method_is_a_task_whose_instance_belongs_to_the_key(session, tally):
    @dataclass
    class Model:
        weight: int

        @jumar.task
        def predict(self, x):
            tally.add("predict")
            return self.weight * x

    assert Model(2).predict(3) == 6
    assert Model(2).predict.spawn(3).result() == 6
    assert Model(5).predict(3) == 15
    assert tally["predict"] == 2


def test_the_graph_may_be_deep_without_a_deep_stack(session):
    @jumar.task
    def step(x):
        return x + 1

    value = step.spawn(0)
    for _ in range(5000):
        value = step.spawn(value)
    assert value.result() == 5001


def test_tasks_may_spawn_and_wait_inside_tasks(session, tally):
    @jumar.task
    def fib(n):
        tally.add(n)
        if n < 2:
            return n
        return sum(jumar.gather(fib.spawn(n - 1), fib.spawn(n - 2)))

    assert fib.spawn(20).result() == 6765
    assert tally.most() == 1


@pytest.mark.parametrize("form", ["result", "wait", "as_completed", "call"])
def test_nesting_far_beyond_the_number_of_workers_does_not_deadlock(session, form):
    waits = {
        "result": lambda future: future.result(),
        "wait": lambda future: next(iter(jumar.wait([future]).done)).result(),
        "as_completed": lambda future: next(jumar.as_completed([future])).result(),
        "call": lambda future: future.result(),
    }

    @jumar.task
    def down(n):
        if n == 0:
            return 0
        return 1 + (down(n - 1) if form == "call" else waits[form](down.spawn(n - 1)))

    depth = 30 if session.engine._executor.name == "inline" or form == "call" else 200
    assert down.spawn(depth).result() == depth


def test_a_call_that_waits_for_itself_is_an_error_not_a_hang(session):
    @jumar.task
    def ouroboros(x):
        return ouroboros.spawn(x).result()

    with pytest.raises(jumar.DeadlockError, match=r"waits for .*ouroboros"):
        ouroboros.spawn(1).result()


def test_two_calls_that_wait_for_each_other_are_an_error_not_a_hang(threads, tally):
    @jumar.task
    def ping(x):
        return pong.spawn(x).result()

    @jumar.task
    def pong(x):
        return ping.spawn(x).result()

    for future in (ping.spawn(1), pong.spawn(1)):
        with pytest.raises(jumar.DeadlockError):
            future.result()


def test_a_future_says_what_it_is(session):
    @jumar.task
    def named(x):
        return x

    future = named.spawn(1)
    future.result()
    assert repr(future) == f"<jumar.Future {named.name} {future.key[:12]} done>"
    assert named.key(1) == future.key


def test_the_standard_librarys_as_completed_hears_of_each_future_once(threads):
    @jumar.task(checkpoint=False)
    def same(x):
        return x

    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # a future that ends between the look at its state and the waiting for it: 1 in 300
    try:
        for round_ in range(200):
            ended = list(cf.as_completed([same.spawn((round_, i)) for i in range(40)]))
            assert len(ended) == len(set(ended)) == 40
    finally:
        sys.setswitchinterval(interval_s)
