"""Values that are in no store: a value of its own for each reader."""

import resource
import threading
from collections import Counter
from typing import ClassVar

import numpy as np
import pytest

import jumar
from jumar.unkept import Unkept


@pytest.mark.parametrize("count", [3, 1_000, 1_000_000, 10_000_000])
def test_each_reader_has_a_value_of_its_own_and_the_first_one_the_object(count):
    made = np.arange(count)
    unkept = Unkept(made)
    first, second, third = (unkept.take() for _ in range(3))
    assert first is made
    first[:] = -1
    second[:] = -2
    assert (third == np.arange(count)).all()
    assert third.flags.writeable


def test_where_no_file_can_be_opened_each_reader_has_a_value_of_its_own_all_the_same():
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    made = np.arange(10_000_000)
    unkept = Unkept(made)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
    try:
        first, second = unkept.take(), unkept.take()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert first is made
    first[:] = -1
    assert (second == np.arange(10_000_000)).all()


class WaywardError(Exception):
    """Can be pickled, and not be made again."""

    def __init__(self, first, second):
        super().__init__(first)


@pytest.mark.parametrize("value", [threading.Lock(), [WaywardError(1, 2)], {"lock": threading.Lock()}], ids=type)
def test_what_cannot_be_copied_is_one_object_for_all(value):
    unkept = Unkept(value)
    assert unkept.take() is unkept.take() is value


def test_the_only_reader_has_the_object_and_nothing_is_written():
    class Loud:
        def __reduce__(self):
            raise AssertionError

    @jumar.task(checkpoint=False)
    def loud():
        return Loud()

    value = Loud()
    assert Unkept(value).only() is value
    with jumar.Session(jumar.Store.in_memory()):
        assert isinstance(loud(), Loud)


def test_who_joins_a_direct_call_has_a_value_of_its_own(threads, tally):
    begun, may_end = threading.Event(), threading.Event()

    @jumar.task(checkpoint=False)
    def numbers():
        tally.add("numbers")
        begun.set()
        assert may_end.wait(60)
        return [1]

    mine = []

    def call():
        with_session = threads.engine
        mine.append(with_session.run(numbers.make(with_session, (), {})))

    caller = threading.Thread(target=call)
    caller.start()
    assert begun.wait(60)
    joined = numbers.spawn()
    may_end.set()
    caller.join()
    mine[0].append(2)
    assert joined.result() == [1]
    assert tally.total == 1


class Counted(list):
    """Counts how often it is written."""

    written: ClassVar[Counter] = Counter()

    def __reduce__(self):
        self.written["times"] += 1
        return Counted, (list(self),)


def test_a_chain_of_calls_that_are_not_kept_writes_its_value_for_no_link(threads):
    Counted.written.clear()

    @jumar.task(checkpoint=False)
    def link(n):
        return link.lazy(n - 1) if n else Counted([7])

    assert link.spawn(50).result() == [7]
    assert Counted.written["times"] == 1


def test_what_a_user_s_own_function_restores_is_each_reader_s_own(threads):
    @jumar.task(restore=lambda call: [1], checkpoint=lambda call, value: None)
    def restored():
        raise AssertionError

    @jumar.task(restore=lambda call: [1], exists=lambda call: True, checkpoint=lambda call, value: None)
    def restored_on_demand():
        raise AssertionError

    @jumar.task
    def grown(numbers):
        numbers.append(2)
        return len(numbers)

    for task in (restored, restored_on_demand):
        future = task.spawn()
        assert [grown.options(version=str(i)).spawn(future).result() for i in range(3)] == [2, 2, 2]
        assert future.result() == [1]
