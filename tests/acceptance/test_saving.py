"""Writing a large result keeps nobody from computing: shown by the order in which things happen."""

import threading

import numpy as np
import pytest

import jumar
from jumar.store.memory_blobs import MemoryBlobs
from jumar.store.memory_index import MemoryIndex
from jumar.store.scribe import DirectScribe

LARGE = 8_000_000


class SlowBlobs(MemoryBlobs):
    """Writes a blob only when the test lets it."""

    def __init__(self, gate):
        super().__init__()
        self._gate = gate

    def write(self, frames):
        self._gate.pass_through()
        return super().write(frames)


def session_with(gate, workers, **options):
    index = MemoryIndex()
    return jumar.Session(jumar.Store(index, SlowBlobs(gate), DirectScribe(index)), "threads", workers, **options)


@jumar.task
def large(seed):
    return np.full(LARGE // 8, seed)


@jumar.task
def small(x):
    return x + 1


def test_another_task_runs_on_the_only_worker_while_a_large_result_is_written(gate):
    with session_with(gate, 1):
        saved = large.spawn(1)
        gate.wait_for_arrival()
        assert small.spawn(1).result() == 2  # for ever, if the worker were not lent
        assert not saved.done()
        gate.open()
        assert saved.result()[0] == 1


def test_what_needs_the_result_waits_until_it_is_written(gate, tally):
    @jumar.task(checkpoint=False)
    def use(array):
        tally.add("use")
        return array[0]

    with session_with(gate, 1):
        used = use.spawn(large.spawn(3))
        gate.wait_for_arrival()
        assert small.spawn(2).result() == 3
        assert tally["use"] == 0
        gate.open()
        assert used.result() == 3


def test_results_cannot_outrun_the_disk(gate, tally):
    @jumar.task
    def counted(seed):
        tally.add("begun")
        return np.full(LARGE // 8, seed)

    with session_with(gate, 1):
        futures = [counted.spawn(seed) for seed in range(5)]
        waiting = small.spawn(1)
        for _ in range(3):  # two lend their place, and the third one keeps it
            gate.wait_for_arrival()
        assert tally["begun"] == 3
        assert not waiting.done()
        gate.open()
        assert [future.result()[0] for future in futures] == list(range(5))
        assert waiting.result() == 2
    assert tally["begun"] == 5


def test_resources_are_free_while_a_result_is_written(gate):
    with session_with(gate, 2, resources={"gpu": 1}):
        saved = large.options(resources={"gpu": 1}).spawn(1)
        gate.wait_for_arrival()
        assert small.options(resources={"gpu": 1}).spawn(1).result() == 2
        gate.open()
        assert saved.result()[0] == 1


def test_a_call_made_directly_is_written_before_it_returns(gate):
    with session_with(gate, 1):
        opener = threading.Thread(target=lambda: (gate.wait_for_arrival(), gate.open()))
        opener.start()
        assert large(1)[0] == 1
        opener.join()
        assert large.spawn(1).result()[0] == 1


def test_a_result_that_cannot_be_written_reaches_those_who_need_it_all_the_same():
    class FullBlobs(MemoryBlobs):
        def write(self, frames):
            raise OSError(28, "No space left on device")

    index = MemoryIndex()
    with jumar.Session(jumar.Store(index, FullBlobs(), DirectScribe(index)), "threads", 1):
        with pytest.warns(jumar.StoreWarning, match="could not be kept"):
            (future,) = jumar.wait([large.spawn(1)]).done
        assert future.result()[0] == 1
        assert small.spawn(1).result() == 2
