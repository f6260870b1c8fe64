"""Futures of somebody else among the arguments: waited for, found by their values, failing with their errors."""

import asyncio
import concurrent.futures as cf

import pytest

import jumar


@jumar.task
def add(x, y=0):
    return x + y


@jumar.task
def summed(parts):
    return sum(parts)


def test_a_call_waits_for_a_foreign_future_without_a_worker_of_its_own(threads):
    foreign = [cf.Future() for _ in range(5)]  # more than there are workers
    waiting = [add.spawn(each, 1) for each in foreign]
    assert add.spawn(1, 1).result() == 2
    assert not any(future.done() for future in waiting)
    for number, each in enumerate(foreign):
        each.set_result(number)
    assert jumar.gather(waiting) == [1, 2, 3, 4, 5]


def test_work_of_another_pool_is_an_argument_in_every_form(session):
    with cf.ThreadPoolExecutor(1) as pool:
        assert summed.spawn([pool.submit(abs, -3), 4, add.spawn(pool.submit(abs, -5))]).result() == 12
        assert add(pool.submit(abs, -1), y=pool.submit(abs, -2)) == 3
        assert jumar.collect(add.lazy(pool.submit(abs, -4))) == 4


def test_its_value_is_what_the_call_is_found_by(tally):
    store = jumar.Store.in_memory()

    @jumar.task
    def count(x):
        tally.add("count")
        return x

    @jumar.task
    def after(x):
        tally.add("after")
        return x + 1

    for number in (1, 1, 2):
        with jumar.Session(store), cf.ThreadPoolExecutor(1) as pool:
            assert after.spawn(count.spawn(pool.submit(abs, number))).result() == number + 1
    with jumar.Session(store):
        assert count(1) == 1
    assert (tally["count"], tally["after"]) == (2, 2)


def test_one_foreign_future_in_two_calls_is_one_dependency(session):
    foreign = cf.Future()
    same = [add.spawn(foreign), add.spawn(foreign), add.spawn(foreign, foreign)]
    foreign.set_result(2)
    assert jumar.gather(same) == [2, 2, 4]
    assert session.counts()[:2] == (2, 0)
    assert add.spawn(foreign).result() == 2
    assert session.counts()[:2] == (2, 1)


def test_its_error_is_the_error_of_what_needs_it(session):
    foreign = cf.Future()
    waiting = [add.spawn(foreign), add.spawn(add.spawn(foreign), 1)]
    foreign.set_exception(ZeroDivisionError("elsewhere"))
    late = add.spawn(foreign, 5)
    for future in (*waiting, late):
        with pytest.raises(ZeroDivisionError, match="elsewhere") as raised:
            future.result()
        assert any("concurrent.futures.Future" in note for note in raised.value.__notes__)
    assert session.counts()[:5] == (0, 0, 3, 0, 0)


def test_its_cancellation_cancels_what_needs_it(session):
    foreign = cf.Future()
    waiting = [add.spawn(foreign), add.spawn(add.spawn(foreign), 1)]
    assert foreign.cancel()
    late = add.spawn(foreign, 5)
    for future in (*waiting, late):
        with pytest.raises(cf.CancelledError):
            future.result()
        assert future.cancelled()
    assert session.counts()[:5] == (0, 0, 0, 3, 0)


def test_a_call_that_waits_for_one_can_be_taken_back(session):
    foreign = cf.Future()
    waiting = add.spawn(foreign)
    assert waiting.cancel()
    foreign.set_result(1)
    assert waiting.cancelled()
    assert session.counts()[:5] == (0, 0, 0, 1, 0)


def test_a_session_that_ends_waits_for_it_or_lets_go_of_it():
    foreign = cf.Future()
    with jumar.Session(jumar.Store.in_memory(), "threads", 1) as session:
        waiting = add.spawn(foreign)
        session.close("finish")
    assert waiting.cancelled()
    foreign.set_result(1)
    with cf.ThreadPoolExecutor(1) as pool, jumar.Session(jumar.Store.in_memory(), "threads", 1):
        waiting = add.spawn(pool.submit(abs, -2), 1)
    assert waiting.result() == 3


def test_a_part_of_what_needs_one_waits_as_well(session):
    foreign = cf.Future()
    future = jumar.spawn(divmod, foreign, 2)[0]
    foreign.set_result(7)
    assert future.result() == 3


def test_a_call_of_another_session_is_waited_for_and_brings_its_key(gate):
    store = jumar.Store.in_memory()

    @jumar.task
    def held():
        gate.pass_through()
        return 1

    with jumar.Session(jumar.Store.in_memory(), "threads", 1):
        foreign = held.spawn()
        with jumar.Session(store, "threads", 1) as session:
            key = add.key(held.spawn())
            waiting = add.spawn(foreign, 1)
            assert not waiting.done()
            gate.open()
            assert waiting.result() == 2
            assert add.spawn(foreign, 1).key == waiting.key
            assert add.key(foreign) == key
            assert summed.spawn([foreign, 2]).result() == 3
            assert session.counts().computed == 3


def test_a_call_of_another_session_that_fails_or_is_cancelled_there_ends_what_needs_it(gate):
    def fail():
        gate.pass_through()
        raise ZeroDivisionError("there")

    with jumar.Session(jumar.Store.in_memory(), "threads", 1):
        failing, never = jumar.spawn(fail), jumar.spawn(abs, -1)
        with jumar.Session(jumar.Store.in_memory(), "threads", 1):
            first, second = add.spawn(failing), add.spawn(never)
            assert never.cancel()
            with pytest.raises(cf.CancelledError):
                second.result()
            gate.open()
            with pytest.raises(ZeroDivisionError, match="there"):
                first.result()


def test_what_belongs_to_an_event_loop_is_refused_with_the_way_out(session):
    async def main():
        task = asyncio.ensure_future(asyncio.sleep(0, 5))
        for foreign in (task, asyncio.get_running_loop().create_future()):
            with pytest.raises(jumar.FingerprintError, match=r"bound to an event loop.*run_coroutine_threadsafe"):
                add.spawn(foreign)
        coroutine = asyncio.sleep(0)
        with pytest.raises(jumar.FingerprintError, match="a coroutine runs once"):
            add.spawn(coroutine)
        coroutine.close()
        return await task

    assert asyncio.run(main()) == 5


def test_a_coroutine_on_a_loop_in_another_thread_is_waited_for(session):
    async def five():
        return 5

    loop = asyncio.new_event_loop()
    with cf.ThreadPoolExecutor(1) as pool:
        running = pool.submit(loop.run_forever)
        try:
            assert add.spawn(asyncio.run_coroutine_threadsafe(five(), loop), 1).result() == 6
        finally:
            loop.call_soon_threadsafe(loop.stop)
            running.result()
            loop.close()


def test_a_foreign_future_where_it_cannot_be_replaced_is_refused(session):
    with pytest.raises(jumar.ArgumentError, match="stands where it cannot be replaced"):
        summed.spawn({cf.Future(): 1})
