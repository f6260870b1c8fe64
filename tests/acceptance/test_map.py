"""Futures for iterables of any length: in order, in bounded memory, with workers that never idle for want of inputs."""

import asyncio
import gc
import itertools
import threading
import weakref

import pytest

import jumar


@jumar.task
def square(x):
    return x * x


@jumar.task
def joined(a, b, c=""):
    return f"{a}{b}{c}"


class Inputs:
    """Endless numbers, which know how many of them were taken and in which thread."""

    def __init__(self, stop=None):
        self.taken, self.threads = 0, set()
        self._stop = stop

    def __iter__(self):
        return self

    def __next__(self):
        if self.taken == self._stop:
            raise StopIteration
        self.taken += 1
        self.threads.add(threading.current_thread())
        return self.taken - 1


def test_futures_come_in_the_order_of_the_inputs(session):
    futures = square.map(range(100))
    assert iter(futures) is futures
    assert [future.result() for future in futures] == [x * x for x in range(100)]


def test_several_iterables_give_an_argument_each(session):
    assert jumar.gather(joined.map("abc", range(3))) == ["a0", "b1", "c2"]
    assert jumar.gather(joined.map("ab", "cd", "ef")) == ["ace", "bdf"]


def test_no_inputs_give_no_futures(session):
    assert list(square.map([])) == []


def test_futures_and_lazy_calls_may_be_inputs(session):
    assert jumar.gather(square.map([square.spawn(2), square.lazy(3), 4])) == [16, 81, 16]


def test_a_map_is_an_input_of_a_map(session):
    assert jumar.gather(square.map(square.map(range(40)), window=3)) == [x**4 for x in range(40)]


def test_equal_inputs_are_one_call(session, tally):
    @jumar.task
    def count(x):
        tally.add(x)
        return x

    assert jumar.gather(count.map([1, 2] * 50)) == [1, 2] * 50
    assert tally.most() == 1


def test_a_method_is_mapped_with_its_instance(session):
    assert jumar.gather(Scale(3).scaled.map([1, 2], [0, 1])) == [3, 7]


class Scale:
    def __init__(self, by):
        self.by = by

    @jumar.task
    def scaled(self, x, plus):
        return self.by * x + plus


def test_kept_results_are_found(tmp_path):
    for computed, restored in ((50, 0), (0, 50)):
        with jumar.Session(tmp_path, "threads", 2) as session:
            assert jumar.gather(square.map(range(50))) == [x * x for x in range(50)]
            assert session.counts()[:2] == (computed, restored)


# -- how far it goes ahead ---------------------------------------------------------------------------------------------


def test_calls_begin_when_map_is_called(threads, gate):
    @jumar.task
    def held(x):
        gate.pass_through()
        return x

    futures = held.map(itertools.count())
    gate.wait_for_arrival()
    gate.wait_for_arrival()
    gate.open()
    assert next(futures).result() == 0


@pytest.mark.parametrize(("workers", "window"), [(1, 16), (2, 16), (4, 16), (5, 20)])
def test_the_default_window_is_four_calls_a_worker_and_at_least_sixteen(workers, window, gate):
    inputs = Inputs()
    with jumar.Session(jumar.Store.in_memory(), "threads", workers):
        square.map(inputs)
        assert inputs.taken == window


def test_what_is_finished_and_not_handed_out_takes_places(session):
    inputs = Inputs()
    futures = square.map(inputs, window=3)
    session.engine.drain()
    assert inputs.taken == 3
    assert next(futures).result() == 0
    assert inputs.taken == 3
    for taken in range(4, 20):
        assert next(futures).result() == (taken - 3) ** 2
        assert inputs.taken == taken


def test_what_is_handed_out_and_not_finished_takes_places(threads, gate):
    @jumar.task
    def held(x):
        gate.pass_through()
        return x

    inputs = Inputs()
    futures = held.map(inputs, window=3)
    first = [next(futures) for _ in range(3)]
    assert inputs.taken == 3
    gate.open()
    assert jumar.gather(first) == [0, 1, 2]
    assert next(futures).result() == 3
    assert inputs.taken == 6


def test_it_waits_for_any_call_to_end_where_all_are_handed_out(threads, gate):
    @jumar.task
    def first_is_held(x):
        if x == 0:
            gate.pass_through()
        return x

    futures = first_is_held.map(range(1000), window=2)
    handed_out = list(itertools.islice(futures, 999))
    assert not handed_out[0].done()
    gate.open()
    assert jumar.gather(handed_out, futures) == list(range(1000))


def test_a_window_of_one_runs_one_call_after_the_other(threads):
    inputs = Inputs(stop=20)
    for number, future in enumerate(square.map(inputs, window=1)):
        assert inputs.taken == number + 1
        assert future.result() == number**2


def test_inputs_are_taken_in_the_threads_that_ask_for_futures(threads):
    inputs = Inputs(stop=200)
    assert sum(future.result() for future in square.map(inputs, window=4)) == sum(x * x for x in range(200))
    assert inputs.threads == {threading.current_thread()}


@pytest.mark.slow
def test_a_hundred_thousand_inputs_make_a_list(threads):
    futures = list(square.options(checkpoint=False).map(range(10**5)))
    assert [future.result() for future in futures] == [x * x for x in range(10**5)]


def test_what_nobody_keeps_is_freed_as_it_goes(threads):
    alive = weakref.WeakSet()
    most = 0
    for future in itertools.islice(square.map(itertools.count(), window=5), 500):
        assert future.result() >= 0
        alive.add(future)
        del future
        most = max(most, len(alive))
    gc.collect()
    assert most <= 2
    assert not alive


# -- how it ends -------------------------------------------------------------------------------------------------------


def test_an_error_of_the_inputs_comes_after_the_futures_before_it(session):
    def inputs():
        yield from range(3)
        raise LookupError("no more of them")

    futures = square.map(inputs())
    assert [next(futures).result() for _ in range(3)] == [0, 1, 4]
    with pytest.raises(LookupError, match="no more of them") as raised:
        next(futures)
    assert raised.value.__notes__ == ["jumar: at input 3 of square.map (the first is 0)"]
    assert list(futures) == []


def test_an_argument_without_identity_is_told_in_its_turn(session):
    inputs = Inputs(stop=5)
    futures = square.map(itertools.chain(range(2), [threading.Lock()], inputs))
    assert [next(futures).result(), next(futures).result()] == [0, 1]
    with pytest.raises(jumar.FingerprintError) as raised:
        next(futures)
    assert any("at input 2 of square.map" in note for note in raised.value.__notes__)
    assert inputs.taken == 0


def test_arguments_that_do_not_fit_are_told_in_their_turn(session):
    futures = square.map([1], [2])
    with pytest.raises(jumar.ArgumentError, match="square"):
        next(futures)


def test_the_error_of_a_call_is_its_futures_only(session):
    first, second, third = jumar.Task(divmod).map([1, 1, 1], [1, 0, 1])
    assert first.result() == third.result() == (1, 0)
    with pytest.raises(ZeroDivisionError):
        second.result()


def test_unequal_lengths_are_as_in_zip(session):
    assert jumar.gather(joined.map("abc", itertools.count())) == ["a0", "b1", "c2"]
    futures = joined.map("abc", range(2), strict=True)
    assert [next(futures).result(), next(futures).result()] == ["a0", "b1"]
    with pytest.raises(ValueError, match="shorter"):
        next(futures)
    assert jumar.gather(joined.map("ab", range(2), strict=True)) == ["a0", "b1"]


def test_one_that_is_left_early_takes_no_more_inputs_and_lets_its_calls_end(session, tally):
    @jumar.task
    def count(x):
        tally.add(x)
        return x

    inputs = Inputs()
    futures = count.map(inputs, window=4)
    assert next(futures).result() == 0
    futures.close()
    session.engine.drain()
    assert list(futures) == []
    assert inputs.taken == tally.total == 4


def test_the_inputs_are_let_go_of_with_the_iterator_though_calls_run(threads, gate):
    @jumar.task
    def held(x):
        gate.pass_through()

    inputs = Inputs()
    known = weakref.ref(inputs)
    futures = held.map(inputs)
    future = next(futures)
    del inputs, futures
    gc.collect()
    assert known() is None
    gate.open()
    assert future.result() is None


def test_a_closed_session_is_told_after_the_futures_before_it():
    with jumar.Session(jumar.Store.in_memory(), "threads", 1):
        futures = square.map(itertools.count(), window=3)
    assert [next(futures).result() for _ in range(3)] == [0, 1, 4]
    with pytest.raises(jumar.JumarError, match="the session is closed"):
        next(futures)
    assert list(futures) == []


@pytest.mark.parametrize("window", [0, -1, 1.5, True, "4"])
def test_a_wrong_window_is_refused_at_once(session, window):
    inputs = Inputs()
    with pytest.raises(ValueError, match=f"square.map: window must be a whole number.*not {window!r}"):
        square.map(inputs, window=window)
    assert inputs.taken == 0


def test_what_cannot_be_iterated_is_refused_at_once(session):
    with pytest.raises(jumar.ArgumentError, match=r"square\.map needs an iterable"):
        square.map()
    for wrong in (3, square.spawn(1), square.lazy(1)):
        with pytest.raises(TypeError, match="itera"):
            square.map(wrong)


# -- where it runs -----------------------------------------------------------------------------------------------------


def test_it_belongs_to_the_session_in_which_it_was_called():
    with jumar.Session(jumar.Store.in_memory(), "threads", 1) as first:
        futures = square.map(range(100), window=2)
        with jumar.Session(jumar.Store.in_memory(), "threads", 1) as second:
            assert len(jumar.gather(futures)) == 100
            assert (first.counts().computed, second.counts().computed) == (100, 0)


@pytest.mark.parametrize("workers", [1, 2])
def test_inside_a_task_it_lends_the_workers_place(workers):
    @jumar.task
    def outer(n):
        return sum(jumar.gather(list(square.map(range(n), window=2))))

    with jumar.Session(jumar.Store.in_memory(), "threads", workers):
        assert outer.spawn(200).result() == sum(x * x for x in range(200))


def test_inside_an_inline_task_it_works_as_well():
    @jumar.task
    def outer(n):
        return [future.result() for future in list(square.map(range(n), window=2))]

    with jumar.Session(jumar.Store.in_memory(), "inline"):
        assert outer(50) == [x * x for x in range(50)]


def test_maps_inside_of_mapped_tasks_end(threads):
    @jumar.task
    def paths(path):
        if len(path) == 4:
            return 1
        return sum(jumar.gather(list(paths.map([path + step for step in "abc"], window=1))))

    assert paths.spawn("").result() == 81


def test_asynchronous_tasks_are_mapped_and_map(session):
    @jumar.task
    async def later(x):
        await asyncio.sleep(0)
        return x + 1

    @jumar.task
    async def total(n):
        return sum([await future for future in later.map(range(n), window=2)])

    assert jumar.gather(later.map(range(20))) == list(range(1, 21))
    assert total(50).result() == sum(range(51))


def test_an_asynchronous_task_does_not_stop_its_loop_for_a_map(threads):
    @jumar.task
    async def forever(x):
        await asyncio.get_running_loop().create_future()

    @jumar.task
    async def outer():
        futures = forever.map(range(3), window=2)
        return list(futures)

    with pytest.raises(jumar.DeadlockError, match="`await` each future before you ask for the next"):
        outer().result()
    threads.close("now")
