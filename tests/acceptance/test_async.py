"""Asynchronous tasks: as many as one likes on one event loop, kept and found like any other."""

import asyncio
import contextvars
import gc
import threading

import pytest

import jumar
from jumar.loop import Loop


@jumar.task
def square(x):
    return x * x


def in_memory(executor="threads", **settings):
    return jumar.Session(jumar.Store.in_memory(), executor, **settings)


def test_an_asynchronous_task_is_computed_once_and_found_again(session, tally):
    @jumar.task
    async def double(x):
        await asyncio.sleep(0)
        tally.add(x)
        return 2 * x

    assert [double(4).result(), double.spawn(4).result(), jumar.collect(double.lazy(4))] == [8, 8, 8]
    assert (tally[4], session.counts().computed, session.counts().restored) == (1, 1, 2)


def test_it_may_await_other_tasks_of_both_kinds(session):
    @jumar.task
    async def inner(x):
        return await square.spawn(x)

    @jumar.task
    async def outer(n):
        return sum(await asyncio.gather(*[inner(i) for i in range(n)])) + square(1)

    assert outer(5).result() == 31


def test_a_program_with_a_loop_of_its_own_awaits_calls(session):
    @jumar.task
    async def double(x):
        return 2 * x

    async def main():
        return await double(3) + await square.spawn(4)

    assert asyncio.run(main()) == 22


def test_dependants_get_its_value(session):
    @jumar.task
    async def double(x):
        return 2 * x

    assert square.spawn(double.spawn(square.spawn(2))).result() == 64


def test_more_of_them_wait_at_a_time_than_there_are_workers():
    everybody = asyncio.Event()
    there = []

    class Meeting:
        def __jumar_key__(self):
            return "meeting"

        async def meet(self, i):
            there.append(i)
            if len(there) == 50:
                everybody.set()
            await everybody.wait()

    meeting = Meeting()

    @jumar.task
    async def arrive(i):
        await meeting.meet(i)
        return i

    with in_memory(workers=1):
        assert sum(jumar.gather(arrive.spawn(i) for i in range(50))) == sum(range(50))


def test_results_outlive_the_session(tmp_path, tally):
    @jumar.task
    async def double(x):
        tally.add(x)
        return 2 * x

    for _ in range(2):
        with jumar.Session(tmp_path):
            assert double(21).result() == 42
    assert tally[21] == 1


def test_errors_are_raised_tried_again_and_caught(session):
    left = [2]

    class Line:
        def __jumar_key__(self):
            return "line"

        def ring(self):
            if left[0]:
                left[0] -= 1
                raise ConnectionError("busy")
            return "there"

    line = Line()

    async def call(who):
        await asyncio.sleep(0)
        return line.ring()

    with pytest.raises(ConnectionError, match="busy"):
        jumar.spawn(call, "a").result()
    assert jumar.task(retries=3)(call).spawn("b").result() == "there"
    left[0] = 1
    value, error = jumar.task(catch=True)(call).spawn("c").result()
    assert (value, str(error)) == (None, "busy")


def test_a_timeout_really_stops_it(session):
    stopped = []

    class Note:
        def __jumar_key__(self):
            return "note"

        def stop(self):
            stopped.append(True)

    note = Note()

    @jumar.task(timeout_s=0.01)
    async def forever():
        try:
            await asyncio.Event().wait()
        finally:
            note.stop()

    with pytest.raises(TimeoutError, match=r"task 'forever' was given up after 0\.01 s, and stopped"):
        forever().result()
    assert stopped == [True]


def test_waiting_without_await_inside_is_refused():
    awaited = asyncio.Event()

    @jumar.task
    async def forever():
        await awaited.wait()

    @jumar.task
    async def wrong():
        return jumar.spawn(forever).result()

    with in_memory() as session:
        with pytest.raises(jumar.DeadlockError, match="await future"):
            wrong().result()
        session.close("now")


def test_a_session_that_is_stopped_cancels_what_awaits():
    with in_memory() as session:
        begun = asyncio.Event()

        class Begun:
            def __jumar_key__(self):
                return "begun"

            def tell(self):
                begun.set()

        told = Begun()

        @jumar.task
        async def forever():
            told.tell()
            await asyncio.Event().wait()

        future = forever.spawn()
        session.close("now")
        assert future.cancelled()


def test_what_it_returns_may_be_calls(session):
    @jumar.task
    async def parts(n):
        return [square.lazy(i) for i in range(n)]

    assert parts(4).result() == [0, 1, 4, 9]


def test_calls_made_inside_belong_to_its_session_and_inherit_from_it():
    @jumar.task(checkpoint=False)
    async def outer():
        return await square.spawn(3)

    with in_memory() as session:
        assert outer().result() == 9
        assert session.counts().computed == 2
        assert list(session.store.calls()) == []


def test_it_runs_in_the_context_of_its_worker_and_not_of_another_task(session):
    seen = contextvars.ContextVar("seen", default=0)

    @jumar.task
    async def count(i):
        seen.set(seen.get() + 1)
        await asyncio.sleep(0)
        return seen.get()

    assert jumar.gather(count.spawn(i) for i in range(5)) == [1] * 5


def test_a_plain_function_that_returns_a_coroutine_is_awaited(session):
    async def double(x):
        return 2 * x

    assert jumar.spawn(lambda x: double(x), 4).result() == 8  # noqa: PLW0108  (the function itself is asynchronous)


def test_an_asynchronous_generator_is_refused():
    async def values():
        yield 1

    with pytest.raises(jumar.DeclarationError, match="is a generator"):
        jumar.task(values)


def test_edits_of_an_asynchronous_function_are_seen():
    spaces = [{"jumar": jumar}, {"jumar": jumar}]
    for space, body in zip(spaces, ("2 * x", "3 * x"), strict=True):
        exec(f"async def f(x):\n    return {body}\nt = jumar.task(f)", space)
    with in_memory():
        assert spaces[0]["t"].key(1) != spaces[1]["t"].key(1)
        assert [space["t"](1).result() for space in spaces] == [2, 3]


def test_a_coroutine_that_is_cancelled_before_its_first_step_is_let_go_of_quietly():
    async def never_begun():
        raise AssertionError

    loop = Loop()
    holds, may_go = threading.Event(), threading.Event()

    async def holder():
        holds.set()
        may_go.wait(60)  # the loop cannot take a step of anything else

    held = loop.start(holder(), None)
    holds.wait(60)
    landing = loop.start(never_begun(), None)
    landing.cancel()
    may_go.set()
    held.result(60)
    loop.close()
    gc.collect()
    assert landing.cancelled()


def test_a_session_that_is_closed_on_calls_of_coroutines_leaves_none_unawaited():
    @jumar.task(checkpoint=False)
    async def forever(x):
        await asyncio.get_running_loop().create_future()

    with jumar.Session(jumar.Store.in_memory(), "threads", 2) as session:
        futures = [forever.spawn(x) for x in range(50)]
        session.close("now")
    gc.collect()
    assert all(future.cancelled() for future in futures)


@jumar.task
async def takes_a_turn():
    await asyncio.sleep(0)
    return 1


@jumar.task
def waits_for_an_asynchronous_one():
    return takes_a_turn().result() + 1


def test_a_plain_task_waits_for_an_asynchronous_one(threads):
    assert waits_for_an_asynchronous_one.spawn().result() == 2


def test_what_a_task_says_itself_when_its_time_is_over_is_not_replaced():
    @jumar.task(timeout_s=0.01, checkpoint=False)
    async def patient():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise TimeoutError("the sensor is silent") from None

    with in_memory(), pytest.raises(TimeoutError, match="the sensor is silent"):
        patient().result()
