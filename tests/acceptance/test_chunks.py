"""Chunks: what they say of a value, where they may stand, and how long the value is there."""

import gc
import pickle

import numpy as np
import pytest

import jumar


@pytest.fixture(params=["inline", "threads", "processes"])
def anywhere(request, tmp_path):
    """A session on disk, on each executor."""
    workers = None if request.param == "inline" else 2
    with jumar.Session(tmp_path / "store", request.param, workers) as opened:
        yield opened


@jumar.task
def ramp(n):
    return np.arange(n, dtype=np.float64)


@jumar.task
def total(parts):
    return float(sum(part.sum() for part in parts))


def test_a_chunk_tells_what_its_value_is_and_where(anywhere):
    chunk = ramp.spawn(100_000).chunk()
    assert (chunk.type, chunk.shape, chunk.dtype, chunk.length) == ("numpy.ndarray", (100_000,), "float64", 100_000)
    assert 800_000 < chunk.size_bytes < 801_000
    chunk.fetch()
    assert chunk.place == "store"
    assert (anywhere.store.path / "blobs" / chunk.digest[:2] / chunk.digest[2:]).is_file()


def test_a_restored_result_is_described_without_its_bytes(tmp_path, tally):
    with jumar.Session(tmp_path / "store", "inline"):
        written = ramp.spawn(100_000).chunk()
        digest = written.digest
    (blob,) = (tmp_path / "store" / "blobs" / digest[:2]).glob(digest[2:])
    data = bytearray(blob.read_bytes())
    data[-1] ^= 1
    blob.write_bytes(data)
    with jumar.Session(tmp_path / "store", "inline"):
        chunk = ramp.spawn(100_000).chunk()
        assert (chunk.shape, chunk.dtype, chunk.size_bytes, chunk.place) == ((100_000,), "float64", len(data), "store")
        assert chunk.digest == digest
        with pytest.warns(jumar.StoreWarning):  # only who wants the value reads it, and then it is computed again
            assert chunk.fetch()[-1] == 99_999


def test_each_reader_of_a_chunk_has_a_value_of_its_own(anywhere):
    chunk = ramp.spawn(100_000).chunk()
    first = chunk.fetch()
    first[:] = 0
    assert chunk.fetch().sum() == np.arange(100_000).sum()
    assert total.spawn([chunk]).result() == np.arange(100_000).sum()


def test_a_chunk_stands_for_its_value_in_calls_in_containers_and_in_results(anywhere):
    chunk = ramp.spawn(1000).chunk()
    direct = total.spawn([ramp.spawn(1000)])
    assert total.spawn([chunk, chunk]).result() == 999_000.0
    assert total.spawn([chunk]).key == direct.key
    assert total([chunk]) == direct.result() == 499_500.0


def test_compute_gives_a_chunk_and_collect_the_value(anywhere):
    lazy = total.lazy([ramp.lazy(10), ramp.lazy(10)])
    chunk = jumar.compute(lazy)
    assert isinstance(chunk, jumar.Chunk)
    assert (chunk.type, chunk.fetch(), jumar.collect(lazy)) == ("float", 90.0, 90.0)
    assert jumar.collect(total.lazy([jumar.compute(ramp.lazy(10))])) == 45.0
    with pytest.raises(TypeError, match="compute takes a lazy call"):
        jumar.compute(ramp)


def test_a_call_with_a_chunk_of_a_value_is_the_call_with_the_value(anywhere, tally):
    data = np.arange(200_000.0)
    chunk = jumar.put(data)
    data[:] = 0  # what is put is as it was then
    assert total.key([chunk]) == total.key([np.arange(200_000.0)])
    assert total.spawn([chunk]).result() == total([np.arange(200_000.0)]) == np.arange(200_000.0).sum()
    assert anywhere.counts().computed == 1
    assert jumar.put(np.arange(200_000.0)).key == chunk.key


def test_what_was_put_is_let_go_of_with_its_last_chunk(anywhere):
    chunk = jumar.put(np.arange(200_000.0))
    small = jumar.put([1, 2, 3])
    assert anywhere.memory().held_bytes > 1_600_000
    assert (chunk.place, small.place) == ("shared", "memory")
    del chunk, small
    gc.collect()
    assert anywhere.memory().held_bytes == 0


def test_the_call_of_a_failed_task_has_no_chunk(anywhere):
    @jumar.task
    def fail():
        raise ZeroDivisionError("no")

    with pytest.raises(ZeroDivisionError):
        fail.spawn().chunk()
    with pytest.raises(ZeroDivisionError):
        jumar.compute(fail.lazy())


def test_a_task_with_meta_is_given_chunks(anywhere, tally):
    def describe(part, parts):
        assert isinstance(part, jumar.Chunk)
        return part.shape, [(each.type, each.length) for each in parts.values()], part.fetch().sum()

    described = jumar.task(meta=True)(describe)
    future = described.spawn(ramp.spawn(4), {"a": ramp.spawn(5), "b": jumar.put([1, 2])})
    assert future.result() == ((4,), [("numpy.ndarray", 5), ("list", 2)], 6.0)
    assert described.key(ramp.spawn(4), {}) != jumar.task(describe).key(ramp.spawn(4), {})
    assert described.spawn(ramp.spawn(4), {"a": ramp.spawn(5), "b": jumar.put([1, 2])}).key == future.key


def test_a_task_that_returns_a_chunk_returns_its_value(session, tally):
    @jumar.task
    def pick(flag):
        tally.add("pick")
        chunk = ramp.spawn(3).chunk()
        return chunk if flag else [chunk, jumar.put([7])]

    assert pick.spawn(True).result().tolist() == [0, 1, 2]
    array, seven = pick.spawn(False).result()
    assert (array.tolist(), seven) == ([0, 1, 2], [7])
    pick(True)
    pick(False)
    assert tally["pick"] == 2


class Box:
    """Holds a chunk where nothing looks for it."""

    def __init__(self, chunk):
        self.chunk = chunk


def test_a_pickled_chunk_refers_to_what_the_store_keeps(tmp_path):
    with jumar.Session(tmp_path / "store", "inline"):
        chunk = ramp.spawn(50_000).chunk()
        data = pickle.dumps(Box(chunk))
        with pytest.raises(TypeError, match="cannot be pickled: the store does not keep its value"):
            pickle.dumps(jumar.put([1]))
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(ramp.options(checkpoint=False).spawn(9).chunk())
    with jumar.Session(tmp_path / "store", "inline"):
        again = pickle.loads(data).chunk
        assert (again.key, again.shape, again.fetch().sum()) == (chunk.key, (50_000,), chunk.fetch().sum())
    with (
        jumar.Session(jumar.Store.in_memory(), "inline"),
        pytest.raises(jumar.JumarError, match="refers to the result of call"),
    ):
        pickle.loads(data)


def test_a_chunk_of_another_session_can_be_an_argument(tmp_path, tally):
    @jumar.task
    def double(x):
        tally.add("double")
        return 2 * x

    with jumar.Session(tmp_path / "a", "inline"):
        kept, given = ramp.spawn(3).chunk(), jumar.put(21)
        with jumar.Session(tmp_path / "b", "threads", 1):
            assert double.spawn(given).result() == double(21) == 42
            assert double.spawn(kept).result().tolist() == [0, 2, 4]
    assert tally["double"] == 2


def test_a_chunk_in_an_attribute_is_no_argument(session):
    with pytest.raises(jumar.ArgumentError, match="stands where it cannot be replaced"):
        total.spawn(Box(ramp.spawn(3).chunk()))


def test_what_has_no_identity_cannot_be_put(session):
    with pytest.raises(jumar.FingerprintError):
        jumar.put(iter([]))


@jumar.task
def inside(n):
    """Uses chunks where a task runs."""
    chunk = ramp.spawn(n).chunk()
    given = jumar.put(np.ones(n))
    lazy = jumar.compute(ramp.lazy(3))
    with chunk.pinned(), given.pinned():
        told = [(each.type, each.shape, each.dtype, each.length) for each in (chunk, given, lazy)]
        places = chunk.place, given.place, len(chunk.digest)
        mine = given.fetch()
        mine[:] = 5
        sums = [float(each.fetch().sum()) for each in (chunk, given, lazy)]
        return told, places, sums, total.spawn([chunk, given]).result(), total([given])


def test_a_task_uses_chunks_wherever_it_runs(anywhere):
    n = 100_000
    told, places, sums, both, ones = inside.spawn(n).result()
    assert told == [("numpy.ndarray", (length,), "float64", length) for length in (n, n, 3)]
    assert (places[0] in ("memory", "store"), places[1:]) == (True, ("shared", 64))
    assert sums == [n * (n - 1) / 2, n, 3]
    assert (both, ones) == (sum(sums[:2]), n)


def test_a_task_returns_the_value_of_a_chunk_wherever_it_runs(anywhere):
    @jumar.task
    def pass_on():
        return {"it": ramp.spawn(4).chunk(), "put": jumar.put([7])}

    found = pass_on.spawn().result()
    assert (found["it"].tolist(), found["put"]) == ([0, 1, 2, 3], [7])


def test_a_chunk_inside_of_an_object_reaches_a_worker_process(tmp_path):
    @jumar.task
    def opened(box):
        return float(box.chunk.fetch().sum()), box.chunk.shape

    @jumar.task
    def boxed():
        return Box(ramp.spawn(50_000).chunk())

    with jumar.Session(tmp_path / "store", "inline"):
        ramp(50_000)
        boxed()
    with jumar.Session(tmp_path / "store", "processes", 1):
        assert opened.spawn(boxed.spawn()).result() == (49_999 * 25_000.0, (50_000,))
