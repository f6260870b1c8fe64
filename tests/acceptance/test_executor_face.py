"""A session as a standard executor: what ``concurrent.futures`` promises, for work that is kept."""

import asyncio
import concurrent.futures as cf
import contextlib
import functools
import gc
import itertools
import operator
import pickle
import re
import signal
import sys
import threading
import traceback
import weakref

import pytest
from tests.acceptance.test_interruption import Program

import jumar


def pair(self, fn):
    return self, fn


def failing(text):
    raise LookupError(text)


@pytest.fixture
def executor(session):
    with session.executor() as opened:
        yield opened


@pytest.fixture
def pool(threads):
    """The face of a session with two threads."""
    with threads.executor() as opened:
        yield opened


@pytest.fixture
def held(gate):
    """A function whose calls wait at the gate."""

    def held(x):
        gate.pass_through()
        return x

    yield held
    gate.open()


# -- submit ------------------------------------------------------------------------------------------------------------


def test_it_is_an_executor_and_gives_futures_of_both_kinds(executor):
    assert isinstance(executor, cf.Executor)
    future = executor.submit(pow, 2, 8)
    assert isinstance(future, cf.Future)
    assert isinstance(future, jumar.Future)
    assert future.result() == 256


def test_keyword_arguments_may_have_any_name(executor):
    assert executor.submit(pair, self="a", fn="b").result() == ("a", "b")
    assert jumar.spawn(pair, self="a", fn="b").result() == ("a", "b")


def test_a_function_cannot_be_given_by_keyword(executor):
    with pytest.raises(TypeError, match="fn"):
        executor.submit(fn=abs)
    with pytest.raises(TypeError, match="fn"):
        executor.submit()


def test_callables_of_many_kinds_are_taken(executor):
    @jumar.task
    def task(x):
        return [x]

    calls = [(lambda x: x + 1), functools.partial(operator.sub, 10), len, complex, Adder(5), Adder(1).add, task]
    inputs = [1, 2, "a", 4, 5, 6, 7]
    futures = [executor.submit(fn, x) for fn, x in zip(calls, inputs, strict=True)]
    assert [future.result() for future in futures] == [2, 8, 1, 4, 10, 7, [7]]


class Adder:
    def __init__(self, y):
        self.y = y

    def __call__(self, x):
        return x + self.y

    def add(self, x):
        return x + self.y


def test_futures_among_the_arguments_are_awaited(executor):
    assert executor.submit(sum, [executor.submit(abs, -1), executor.submit(abs, -2)]).result() == 3


def test_asynchronous_functions_are_run_to_their_end(executor):
    async def later(x):
        await asyncio.sleep(0)
        return x + 1

    assert executor.submit(later, 1).result() == 2
    assert list(executor.map(later, range(5))) == [1, 2, 3, 4, 5]


def test_what_cannot_be_a_call_is_refused_by_submit_and_leaves_nothing_behind(session, executor):
    with pytest.raises(jumar.DeclarationError):
        executor.submit(3)
    with pytest.raises(jumar.ArgumentError):
        executor.submit(pair, 1, 2, 3)
    with pytest.raises(jumar.ArgumentError, match=r"'str': .* does not tell its parameters"):
        executor.submit(str, 1)
    with pytest.raises(jumar.FingerprintError):
        executor.submit(id, threading.Lock())
    executor.shutdown()
    assert session.counts()[:5] == (0, 0, 0, 0, 0)


def test_work_belongs_to_the_session_of_the_executor():
    with jumar.Session(jumar.Store.in_memory()) as first, jumar.Session(jumar.Store.in_memory()) as second:
        assert first.executor().submit(abs, -1).result() == 1
        assert (first.counts().computed, second.counts().computed) == (1, 0)


def test_submitted_work_may_submit(executor):
    @jumar.task(version="1", code="version")
    def outer(n):
        return sum(executor.map(abs, range(-n, 0)))

    assert executor.submit(outer, 4).result() == 10


# -- what makes it another one than the standard library's --------------------------------------------------------------


def test_equal_work_is_done_once(executor, tally):
    def count(x):
        tally.add(x)
        return [x]

    futures = [executor.submit(count, x) for x in (1, 2, 1)] + [executor.submit(count, 1)]
    assert [future.result() for future in futures] == [[1], [2], [1], [1]]
    assert (tally[1], tally[2]) == (1, 1)


def test_work_with_effects_is_done_each_time_where_its_task_says_so(executor, tally):
    @jumar.task(reuse="never")
    def count():
        tally.add("count")

    cf.wait([executor.submit(count) for _ in range(3)])
    assert tally["count"] == 3


KILLED = """
import os
import jumar

runs = os.open("runs", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

class Log:
    def __jumar_key__(self):
        return "log"
    def write(self, i):
        os.write(runs, b"%d\\n" % i)

log = Log()

def square(i):
    log.write(i)
    return i * i

with jumar.Session("store", workers=2) as session, session.executor() as executor:
    for first in range(0, 1000, 50):
        futures = [executor.submit(square, i) for i in range(first, first + 50)]
        assert [future.result() for future in futures] == [i * i for i in range(first, first + 50)]
        session.checkpoint()
        for i in range(first, first + 50):
            print(i, flush=True)
    print("total", sum(executor.map(square, range(1000))))
"""


@pytest.mark.parametrize("moment", [1, 333, 950])
def test_what_had_finished_in_a_killed_program_is_not_done_again(tmp_path, moment):
    program = Program(tmp_path, KILLED)
    printed, errors, status = program.stop_after(moment, signal.SIGKILL)
    finished = {int(line) for line in printed.split("\n")[:-1] if line.isdigit()}
    assert (errors, len(finished) >= moment) == ("", True)
    assert status == -signal.SIGKILL or "total" in printed  # it may have been faster
    recorded = program.recorded()
    assert finished <= recorded
    assert max(program.runs().values()) == 1
    output, errors, status = program.run()
    assert (errors, status) == ("", 0)
    assert output.endswith(f"total {sum(i * i for i in range(1000))}\n")
    assert set(program.runs()) == set(range(1000))
    assert {i for i, count in program.runs().items() if count > 1} <= set(range(1000)) - recorded


# -- map ---------------------------------------------------------------------------------------------------------------


def test_map_gives_values_in_the_order_of_the_inputs(executor):
    assert list(executor.map(pow, range(10), range(10))) == [x**x for x in range(10)]
    assert list(executor.map(pow, range(3), itertools.count(), chunksize=4)) == [1, 1, 4]
    assert list(executor.map(abs, [])) == []


def test_map_submits_when_it_is_called(pool, held, gate):
    values = pool.map(held, range(2))
    gate.wait_for_arrival()
    gate.wait_for_arrival()
    gate.open()
    assert list(values) == [0, 1]


def test_map_raises_an_error_in_its_place_and_ends(executor):
    values = executor.map(divmod, [5, 6, 7, 8], [2, 3, 0, 1])
    assert [next(values), next(values)] == [(2, 1), (2, 0)]
    with pytest.raises(ZeroDivisionError):
        next(values)
    assert list(values) == []


def test_map_takes_back_what_comes_after_an_error_and_has_not_started(gate):
    def first_fails(x):
        if x == 0:
            raise ZeroDivisionError
        gate.pass_through()

    with jumar.Session(jumar.Store.in_memory(), "threads", 1) as session:
        values = session.executor().map(first_fails, range(5))
        gate.wait_for_arrival()  # of the second
        with pytest.raises(ZeroDivisionError):
            next(values)
        gate.open()
    assert session.counts()[:5] == (1, 0, 1, 3, 0)


@pytest.mark.parametrize("timeout_s", [0, 0.01])
def test_map_gives_what_is_there_when_its_time_is_over(pool, gate, timeout_s):
    def last_is_held(x):
        if x == 2:
            gate.pass_through()
        return x

    assert list(pool.map(last_is_held, range(2))) == [0, 1]
    values = pool.map(last_is_held, range(3), timeout=timeout_s)
    assert [next(values), next(values)] == [0, 1]
    with pytest.raises(TimeoutError):
        next(values)
    gate.open()


def test_map_takes_back_what_has_not_started_when_it_is_closed(gate):
    def first_is_quick(x):
        if x:
            gate.pass_through()
        return x

    with jumar.Session(jumar.Store.in_memory(), "threads", 1) as session:
        values = session.executor().map(first_is_quick, range(5))
        assert next(values) == 0
        gate.wait_for_arrival()  # of the second
        values.close()
        gate.open()
    assert session.counts()[:5] == (2, 0, 0, 3, 0)


def test_map_keeps_nothing_that_it_has_given(executor):
    for value in executor.map(Token, range(4)):
        known = weakref.ref(value)
        del value
        gc.collect()
        assert known() is None


class Token:
    def __init__(self, number):
        self.number = number


def test_map_raises_wrong_arguments_at_once(executor):
    with pytest.raises(jumar.FingerprintError):
        executor.map(id, [1, threading.Lock()])
    with pytest.raises(TypeError, match="iter"):
        executor.map(abs, 3)


# -- cancel ------------------------------------------------------------------------------------------------------------


def test_what_waits_can_be_taken_back_and_what_runs_or_has_ended_cannot(pool, held, gate):
    running = [pool.submit(held, 1), pool.submit(held, 2)]
    gate.wait_for_arrival()
    gate.wait_for_arrival()
    waiting = pool.submit(held, 3)
    assert [future.running() for future in (*running, waiting)] == [True, True, False]
    assert waiting.cancel()
    assert waiting.cancel()
    assert not running[0].cancel()
    gate.open()
    assert running[0].result() == 1
    assert not running[0].cancel()
    assert (waiting.cancelled(), waiting.done(), running[0].cancelled(), running[0].done()) == (True, True, False, True)
    for ask in (waiting.result, waiting.exception):
        with pytest.raises(cf.CancelledError):
            ask()


# -- errors ------------------------------------------------------------------------------------------------------------


def test_an_error_is_raised_with_the_way_to_where_it_came_from(executor):
    future = executor.submit(failing, "nowhere")
    with pytest.raises(LookupError, match="nowhere") as raised:
        future.result()
    assert isinstance(future.exception(), LookupError)
    assert traceback.extract_tb(raised.value.__traceback__)[-1].name == "failing"
    assert executor.submit(abs, -1).exception() is None


def test_an_exit_in_submitted_work_ends_the_call_and_no_worker(pool):
    futures = [pool.submit(sys.exit, number) for number in range(5)]
    assert [future.exception().code for future in futures] == list(range(5))
    assert pool.submit(abs, -1).result() == 1


def test_waiting_for_a_result_ends_when_the_time_is_over(pool, held, gate):
    future = pool.submit(held, 1)
    for ask in (future.result, future.exception):
        for timeout_s in (0, -1, 0.001):
            with pytest.raises(TimeoutError):
                ask(timeout=timeout_s)
    gate.open()
    assert future.result(timeout=60) == 1


def test_what_was_submitted_ends_by_itself_only(executor):
    future = executor.submit(abs, -1)
    for end in (lambda: future.set_result(2), lambda: future.set_exception(ValueError())):
        with pytest.raises(cf.InvalidStateError):
            end()
    assert future.result() == 1


# -- shutdown ----------------------------------------------------------------------------------------------------------


def test_one_that_was_shut_down_takes_nothing_more(session):
    executor = session.executor()
    assert "shut down" not in repr(executor)
    executor.shutdown()
    executor.shutdown()
    assert "shut down" in repr(executor)
    with pytest.raises(RuntimeError, match="was shut down"):
        executor.submit(abs, -1)
    with pytest.raises(RuntimeError, match="was shut down"):
        executor.map(abs, [-1])


def test_its_session_and_the_other_executors_stay_open(session):
    with session.executor() as executor:
        other = session.executor()
        assert executor.submit(abs, -1).result() == 1
    assert other.submit(abs, -2).result() == 2
    assert jumar.spawn(abs, -3).result() == 3


def test_a_block_waits_for_all_that_was_submitted(pool, held, gate):
    with contextlib.suppress(ZeroDivisionError), pool:
        futures = [pool.submit(held, x) for x in range(20)]
        gate.open()
        1 / 0  # noqa: B018
    assert all(future.done() for future in futures)


def test_shutdown_returns_after_the_callbacks(threads, gate):
    start, called = threading.Event(), []
    executor = threads.executor()

    @jumar.task(version="1", code="version")
    def wait_for_start():
        assert start.wait(60)

    def callback(future):
        gate.pass_through()
        called.append(future)

    future = executor.submit(wait_for_start)
    future.add_done_callback(callback)
    start.set()
    gate.wait_for_arrival()
    assert future.done()
    with cf.ThreadPoolExecutor(1) as other:
        shut = other.submit(executor.shutdown)
        assert not cf.wait([shut], timeout=0.05).done
        gate.open()
        shut.result()
        assert called == [future]


def test_shutdown_without_waiting_lets_everything_go_on(pool, held, gate):
    futures = [pool.submit(held, x) for x in range(4)]
    pool.shutdown(wait=False)
    assert not futures[3].done()
    gate.open()
    assert [future.result() for future in futures] == [0, 1, 2, 3]


def test_shutdown_takes_back_what_has_not_started_if_it_is_told_to(pool, held, gate):
    futures = [pool.submit(held, x) for x in range(10)]
    gate.wait_for_arrival()
    gate.wait_for_arrival()
    pool.shutdown(wait=False, cancel_futures=True)
    assert [future.cancelled() for future in futures] == [False, False] + [True] * 8
    gate.open()
    pool.shutdown()
    assert [future.done() for future in futures] == [True] * 10
    assert [futures[0].result(), futures[1].result()] == [0, 1]


def test_shutdown_takes_back_nothing_that_somebody_else_asked_for(threads, held, gate):
    with threads.executor() as first, threads.executor() as second:
        busy = [first.submit(held, x) for x in range(2)]
        gate.wait_for_arrival()
        gate.wait_for_arrival()
        ours, theirs = first.submit(held, 2), second.submit(held, 2)
        first.shutdown(wait=False, cancel_futures=True)
        assert ours.cancelled()
        gate.open()
        assert theirs.result() == 2
        assert [future.result() for future in busy] == [0, 1]


def test_shutdown_waits_for_what_another_thread_is_submitting(threads, gate):
    class Slow:
        def __jumar_key__(self):
            gate.pass_through()
            return "slow"

    order = []
    executor = threads.executor()
    with cf.ThreadPoolExecutor(2) as others:
        submitted = others.submit(executor.submit, isinstance, Slow(), Slow)
        submitted.add_done_callback(lambda _: order.append("submitted"))
        gate.wait_for_arrival()
        others.submit(executor.shutdown).add_done_callback(lambda _: order.append("shut down"))
        while "shut down" not in repr(executor):
            pass
        gate.open()
    assert order == ["submitted", "shut down"]
    assert submitted.result().done()


def test_work_that_waits_for_its_own_end_is_told(threads):
    executor = threads.executor()

    @jumar.task(version="1", code="version")
    def shut_down():
        executor.shutdown()

    with pytest.raises(RuntimeError, match="cannot finish before it"):
        executor.submit(shut_down).result()


def test_a_callback_may_shut_the_executor_down(session):
    executor = session.executor()
    ended = threading.Event()

    def callback(_):
        executor.shutdown()
        ended.set()

    executor.submit(abs, -1).add_done_callback(callback)
    assert ended.wait(60)


def test_one_of_a_closed_session_takes_nothing_more_and_can_be_shut_down():
    with jumar.Session(jumar.Store.in_memory()) as session:
        executor = session.executor()
        future = executor.submit(abs, -1)
    with pytest.raises(RuntimeError, match="session of this executor is closed"):
        executor.submit(abs, -1)
    executor.shutdown()
    assert future.result() == 1


def test_it_keeps_no_results_alive(executor):
    future = executor.submit(Token, 1)
    known = weakref.ref(future.result())
    del future
    gc.collect()
    assert known() is None


# -- wait --------------------------------------------------------------------------------------------------------------


@pytest.fixture(params=[cf, jumar], ids=["concurrent.futures", "jumar"])
def waits(request):
    """Whose `wait` and `as_completed` are used."""
    return request.param


def test_wait_for_the_first(waits, pool, held, gate):
    quick, slow = pool.submit(abs, -1), pool.submit(held, 1)
    assert waits.wait([quick, slow], return_when="FIRST_COMPLETED") == ({quick}, {slow})
    assert waits.wait([quick, slow, slow], return_when="FIRST_COMPLETED") == ({quick}, {slow})


def test_wait_for_the_first_error(waits, pool, held, gate):
    fine, wrong, slow = pool.submit(abs, -1), pool.submit(failing, "x"), pool.submit(held, 1)
    done, not_done = waits.wait([fine, wrong, slow], return_when="FIRST_EXCEPTION")
    assert wrong in done
    assert slow in not_done
    gate.open()
    assert waits.wait([fine, slow], return_when="FIRST_EXCEPTION") == ({fine, slow}, set())
    assert waits.wait([wrong], return_when="FIRST_EXCEPTION") == ({wrong}, set())


def test_a_cancelled_call_is_done_and_no_error(waits, pool, held, gate):
    slow = [pool.submit(held, x) for x in range(2)]
    waiting = pool.submit(held, 2)
    assert waiting.cancel()
    assert waits.wait([waiting, *slow], return_when="FIRST_COMPLETED") == ({waiting}, set(slow))
    gate.open()
    assert waits.wait([waiting, *slow], return_when="FIRST_EXCEPTION") == ({waiting, *slow}, set())


def test_wait_for_all(waits, executor):
    futures = [executor.submit(abs, -1), executor.submit(failing, "x"), executor.submit(abs, -2)]
    assert waits.wait(futures) == (set(futures), set())
    assert waits.wait(iter(futures), return_when="ALL_COMPLETED") == (set(futures), set())
    assert waits.wait([]) == (set(), set())


def test_wait_ends_when_the_time_is_over(waits, pool, held, gate):
    quick, slow = pool.submit(abs, -1), pool.submit(held, 1)
    quick.result()
    for timeout_s in (0, 0.001):
        assert waits.wait([quick, slow], timeout=timeout_s) == ({quick}, {slow})


# -- as_completed ------------------------------------------------------------------------------------------------------


def test_futures_come_as_they_end(waits, pool, held, gate):
    slow, quick, wrong = pool.submit(held, 1), pool.submit(abs, -1), pool.submit(failing, "x")
    come = waits.as_completed([slow, quick, wrong])
    assert {next(come), next(come)} == {quick, wrong}
    gate.open()
    assert list(come) == [slow]


def test_a_future_that_is_given_twice_comes_once(waits, executor):
    future = executor.submit(abs, -1)
    assert list(waits.as_completed([future, future])) == [future]
    assert list(waits.as_completed(itertools.repeat(future, 3))) == [future]


@pytest.mark.parametrize("waits", [cf, jumar], ids=["standard", "jumar"])
def test_futures_that_have_come_are_not_kept_alive(waits, executor):
    came = waits.as_completed([executor.submit(pow, 2, i) for i in range(3)])
    for _ in range(3):
        future = weakref.ref(next(came))
        gc.collect()
        assert future() is None


def test_with_no_time_left_those_come_that_are_done(waits, pool, held, gate):
    quick, slow = pool.submit(abs, -1), pool.submit(held, 1)
    quick.result()
    come = waits.as_completed([quick, slow], timeout=0)
    assert next(come) is quick
    with pytest.raises(TimeoutError):
        next(come)


# -- callbacks ---------------------------------------------------------------------------------------------------------


def test_callbacks_are_called_in_order_with_the_future(pool, held, gate):
    future = pool.submit(held, 1)
    called = []
    for number in range(3):
        future.add_done_callback(lambda done, number=number: called.append((number, done)))
    assert called == []
    gate.open()
    pool.shutdown()
    future.add_done_callback(lambda done: called.append((3, done)))
    assert called == [(number, future) for number in range(4)]


def test_callbacks_hear_of_errors_and_cancellation(pool, held, gate):
    called = []
    slow = [pool.submit(held, x) for x in range(2)]
    gate.wait_for_arrival()
    gate.wait_for_arrival()
    waiting, wrong = pool.submit(held, 2), pool.submit(failing, "x")
    for future in (waiting, wrong):
        future.add_done_callback(called.append)
    assert waiting.cancel()
    assert called == [waiting]
    gate.open()
    pool.shutdown()
    assert called == [waiting, wrong]
    assert all(future.done() for future in slow)


def test_a_callback_that_raises_is_logged_and_stops_no_other(executor, gate, caplog):
    called = []
    future = executor.submit(abs, -1)

    def wrong(_):
        raise LookupError("in the callback")

    future.add_done_callback(wrong)
    future.add_done_callback(called.append)
    executor.shutdown()
    future.add_done_callback(wrong)
    assert called == [future]
    assert len(re.findall("in the callback", caplog.text)) >= 2
    assert future.result() == 1


# -- pickling ----------------------------------------------------------------------------------------------------------


def test_neither_it_nor_its_futures_can_be_pickled(executor):
    with pytest.raises(TypeError, match=r"jumar\.Future.* cannot be pickled"):
        pickle.dumps(executor.submit(abs, -1))
    with pytest.raises(TypeError, match=r"executor\(\)> cannot be pickled: it lives in this process"):
        pickle.dumps(executor)


# -- with others -------------------------------------------------------------------------------------------------------


def test_an_event_loop_runs_functions_in_it(executor):
    async def main():
        loop = asyncio.get_running_loop()
        many = await asyncio.gather(*[loop.run_in_executor(executor, pow, 2, x) for x in range(20)])
        with pytest.raises(LookupError, match="nowhere"):
            await loop.run_in_executor(executor, failing, "nowhere")
        return many

    assert asyncio.run(main()) == [2**x for x in range(20)]


def test_an_event_loop_takes_back_what_it_no_longer_wants(threads, pool, held, gate):
    async def main():
        loop = asyncio.get_running_loop()
        slow = [loop.run_in_executor(pool, held, x) for x in range(2)]
        waiting = loop.run_in_executor(pool, held, 2)
        waiting.cancel()
        await asyncio.sleep(0)
        assert threads.counts().cancelled == 1
        gate.open()
        return await asyncio.gather(*slow, waiting, return_exceptions=True)

    *values, cancelled = asyncio.run(main())
    assert values == [0, 1]
    assert isinstance(cancelled, asyncio.CancelledError)


def bowl(point):
    return float(((point - 0.5) ** 2).sum())


def test_an_optimizer_of_scipy_computes_no_point_again_in_a_later_run(tmp_path):
    from scipy.optimize import brute

    for computed, restored in ((25, 0), (0, 25)):
        with jumar.Session(tmp_path, workers=2) as session, session.executor() as executor:
            best = brute(bowl, [(0, 1, 5j), (0, 1, 5j)], finish=None, workers=executor.map)
            assert best.tolist() == [0.5, 0.5]
            assert session.counts()[:2] == (computed, restored)
