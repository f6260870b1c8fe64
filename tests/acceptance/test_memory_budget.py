"""A budget for results in memory: what leaves it, what does not, and what waits for room."""

import gc
import shutil
import threading

import numpy as np
import pytest

import jumar
from jumar.events import Spilled

MB = 1_000_000


@jumar.task(checkpoint=False)
def block(seed, megabytes=1):
    return np.full(megabytes * MB // 8, seed, dtype=np.float64)


@jumar.task
def kept_block(seed, megabytes=1):
    return np.full(megabytes * MB // 8, seed, dtype=np.float64)


@jumar.task(checkpoint=False)
def total(*parts):
    return float(sum(part.sum() for part in parts))


def bounded(folder, megabytes, executor="threads", workers=2):
    workers = None if executor == "inline" else workers
    return jumar.Session(folder / "store", executor, workers, memory=int(megabytes * MB))


def files_of(session):
    return [
        path
        for path in (session.store.path / "scratch").rglob("*")
        if path.is_file() and path.name not in ("owner", "lock")
    ]


@pytest.mark.parametrize("executor", ["inline", "threads", "processes"])
def test_what_is_not_kept_is_spilled_least_recently_used_first(tmp_path, executor):
    spilled = []
    with bounded(tmp_path, 3.5, executor) as session:
        session.listen(lambda event: spilled.append(event) if isinstance(event, Spilled) else None)
        futures = []
        for seed in range(6):
            futures.append(block.spawn(seed))
            jumar.wait(futures)
        assert [future.chunk().place in ("memory", "shared") for future in futures] == [False] * 3 + [True] * 3
        counts = session.memory()
        assert (counts.spills, counts.drops, counts.spilled_bytes > 3 * MB) == (3, 0, True)
        assert counts.held_bytes <= counts.peak_bytes <= 4.6 * MB
        assert [(event.task, event.size_bytes > MB - 1) for event in spilled] == [("block", True)] * 3
        assert total.spawn(*futures).result() == sum(range(6)) * MB / 8
        counts = session.memory()
        assert (counts.hits, counts.misses) == (3, 3)


def test_what_the_store_has_is_dropped_and_not_written_again(tmp_path):
    with bounded(tmp_path, 2.5) as session:
        futures = [kept_block.spawn(seed) for seed in range(8)]
        jumar.wait(futures)
        counts = session.memory()
        assert (counts.spills, counts.drops >= 5) == (0, True)
        assert files_of(session) == []
        assert [future.result()[0] for future in futures] == list(range(8))
        counts = session.memory()
        assert counts.hits + counts.misses == 8
        assert counts.misses == counts.drops


def test_a_compressed_result_counts_by_what_it_takes_in_memory(tmp_path):
    with jumar.Session(tmp_path / "store", "inline", memory=int(2.5 * MB), compression="zstd") as session:
        futures = [kept_block.spawn(seed) for seed in range(4)]
        assert [future.chunk().place for future in futures] == ["store", "store", "memory", "memory"]
        counts = session.memory()
        assert (counts.held_bytes > 2 * MB, counts.drops, counts.spills) == (True, 2, 0)


def test_one_value_larger_than_the_budget_goes_to_disk(tmp_path):
    with bounded(tmp_path, 0.5) as session:
        kept, unkept, given = kept_block.spawn(1), block.spawn(2), jumar.put(np.full(MB // 8, 3.0))
        assert (kept.chunk().place, unkept.chunk().place, given.place) == ("store", "disk", "disk")
        assert total.spawn(kept, unkept, given).result() == 6 * MB / 8
        assert session.memory().spills == 2
        assert session.memory().held_bytes == 0


def test_spilled_files_vanish_with_their_references_and_with_the_session(tmp_path):
    with bounded(tmp_path, 0.5, "inline") as session:
        futures = [block.spawn(seed) for seed in range(3)]
        jumar.wait(futures)
        assert len(files_of(session)) == 3
        value = futures.pop().chunk().fetch()
        gc.collect()
        assert len(files_of(session)) == 2
        assert value[0] == 2
    assert files_of(session) == []
    assert [future.result()[0] for future in futures] == [0, 1]  # as long as somebody refers to them


def test_a_spilled_value_comes_back_as_it_was(tmp_path):
    with bounded(tmp_path, 1.5) as session:
        values = {"a": [1, (2, None)], "text": "é" * 2 * MB, "array": np.arange(MB // 8)}

        @jumar.task(checkpoint=False)
        def structure():
            return values

        future, _ = structure.spawn(), block.spawn(1)
        jumar.wait([future, _])
        assert future.chunk().place == "disk"
        found = future.result()
        assert found["array"].flags.writeable
        assert (found["a"], found["text"]) == (values["a"], values["text"])
        assert session.memory().spills >= 1


def test_large_texts_are_shared_and_come_back_into_memory(tmp_path):
    @jumar.task(checkpoint=False)
    def text(letter):
        return letter * MB

    with bounded(tmp_path, 2.5) as session:
        one = text.spawn("a")
        assert one.chunk().fetch() is one.chunk().fetch()
        jumar.wait([block.spawn(1), two := text.spawn("b")])
        jumar.wait([three := text.spawn("c"), four := text.spawn("d")])
        assert one.chunk().place == "disk"
        assert one.chunk().fetch() == "a" * MB
        assert one.chunk().place == "memory"
        assert [future.result()[0] for future in (two, three, four)] == ["b", "c", "d"]
        assert session.memory().misses >= 1


def test_pinned_values_stay_where_they_are(tmp_path):
    with bounded(tmp_path, 2.5) as session:
        first = block.spawn(0).chunk()
        with first.pinned():
            jumar.wait(others := [block.spawn(seed) for seed in range(1, 5)])
            assert first.place == "memory"
        jumar.wait([block.spawn(5)])
        assert first.place == "disk"
        assert session.memory().spills >= 3
        assert len(others) == 4


def test_what_cannot_be_spilled_is_told_and_stays_in_memory(tmp_path):
    with bounded(tmp_path, 1.5) as session:
        first = block.spawn(1)
        jumar.wait([first])
        shutil.rmtree(session.engine.pooled().scratch().grounds.disk)
        with pytest.warns(jumar.StoreWarning, match="memory is short, and the result of task 'block'"):
            jumar.wait([second := block.spawn(2)])
        assert total.spawn(first, second).result() == 3 * MB / 8


def test_what_is_larger_than_memory_and_disk_take_reaches_those_who_need_it(tmp_path):
    with bounded(tmp_path, 0.5, "inline") as session:
        jumar.wait([block.spawn(0)])
        shutil.rmtree(session.engine.pooled().scratch().grounds.disk)
        with pytest.warns(jumar.StoreWarning, match="memory is short, and the result of task 'block'"):
            future = block.spawn(1)
        assert future.chunk().place == "memory"
        assert total.spawn(future, future).result() == 2 * MB / 8
        with pytest.raises(OSError, match="No such file"):
            jumar.put(np.zeros(MB // 8))


@pytest.mark.parametrize(("megabytes", "at_most"), [(1.9, 1), (3.5, 2), (100, 4)])
def test_calls_wait_where_memory_is_short_and_one_always_goes_on(tmp_path, together, megabytes, at_most):
    pause = threading.Barrier(at_most)

    class Quiet:
        def __jumar_key__(self):
            return "pause"

        def wait(self):
            pause.wait(60)

    quiet = Quiet()

    @jumar.task(checkpoint=False)
    def use(part, seed):
        with together:
            quiet.wait()  # as many as may run at a time do
            return np.full(MB // 8, part.sum() + seed)

    with bounded(tmp_path, megabytes, workers=4) as session:
        given = jumar.put(np.full(MB // 8, 1.0))
        first = [use.spawn(given, seed) for seed in range(at_most)]
        jumar.wait(first)  # from here on it is known how large a result is
        futures = [use.spawn(given, seed) for seed in range(10, 22)]
        assert [future.chunk().fetch()[0] - MB / 8 for future in futures] == list(range(10, 22))
        assert together.most == at_most
        assert session.memory().used_bytes == 0


def test_a_call_that_waits_for_another_one_lets_it_in_though_memory_is_short(tmp_path):
    @jumar.task(checkpoint=False)
    def outer(part, depth):
        if depth == 0:
            return part.sum()
        return outer.spawn(part, depth - 1).result() + 1

    with bounded(tmp_path, 1.1, workers=2):
        given = jumar.put(np.full(MB // 8, 1.0))
        assert outer.spawn(given, 5).result() == MB / 8 + 5


def test_chunks_take_no_room_until_their_values_are_fetched(tmp_path):
    @jumar.task(meta=True, checkpoint=False)
    def count(chunks):
        return sum(chunk.length for chunk in chunks)

    with bounded(tmp_path, 1.5) as session:
        chunks = [block.spawn(seed).chunk() for seed in range(6)]
        before = session.memory()
        assert count.spawn(chunks).result() == 6 * MB // 8
        after = session.memory()
        assert (after.peak_bytes, after.spills, after.misses) == (before.peak_bytes, before.spills, before.misses)


def test_persisted_results_stay_at_hand_when_nobody_refers_to_them(tmp_path, tally):
    @jumar.task(checkpoint=False, persist=True)
    def make(seed):
        tally.add(seed)
        return np.full(MB // 8, seed)

    with bounded(tmp_path, 2.5) as session:
        for seed in (1, 2, 3, 4):
            make(seed)
        gc.collect()
        assert session.memory().held_bytes > 2 * MB - 1
        assert [make(seed)[0] for seed in (1, 2, 3, 4)] == [1, 2, 3, 4]
        assert session.memory().spills >= 2
    assert tally.total == 4


def test_cached_results_are_computed_again_once_there_was_no_room(tmp_path, tally):
    @jumar.task(checkpoint=False, cache=True)
    def make(seed):
        tally.add(seed)
        return np.full(MB // 8, seed)

    with bounded(tmp_path, 2.5) as session:
        make(1)
        assert make(1)[0] == make.spawn(1).result()[0] == 1
        assert tally[1] == 1
        for seed in (2, 3, 4):
            make(seed)
        assert make(1)[0] == 1
        assert tally[1] == 2
        assert session.memory().spills == 0
        assert files_of(session) == []


def test_a_cached_result_that_somebody_refers_to_is_not_lost(tmp_path, tally):
    @jumar.task(checkpoint=False, cache=True)
    def make(seed):
        tally.add(seed)
        return np.full(MB // 8, seed)

    with bounded(tmp_path, 1.5):
        first = make.spawn(1)
        jumar.wait([first])
        jumar.wait([make.spawn(2)])
        assert total.spawn(first).result() == MB / 8
        assert tally.total == 2


@pytest.mark.parametrize("option", ["persist", "cache"])
def test_without_a_budget_results_stay_at_hand_until_the_session_ends(session, tally, option):
    @jumar.task(checkpoint=False, **{option: True})
    def make(seed):
        tally.add(seed)
        return [seed]

    make(1).append(2)
    assert make(1) == make.spawn(1).result() == [1]
    assert tally.total == 1
    with jumar.Session(jumar.Store.in_memory(), "inline"):
        assert make(1) == [1]
    assert tally.total == 2


def test_how_old_a_cached_result_may_be_is_said_by_ttl(session, tally):
    @jumar.task(checkpoint=False, cache=True, ttl_s=0)
    def make():
        tally.add("run")
        return [1]

    make()
    make()
    assert tally["run"] == 2


def test_cached_results_are_found_by_the_values_of_arguments(session, tally):
    @jumar.task
    def source(x):
        return [1, x * 0]

    @jumar.task(checkpoint=False, cache=True)
    def use(items):
        tally.add("use")
        return sum(items)

    assert use.spawn(source.spawn(1)).result() == use.spawn(source.spawn(2)).result() == 1
    assert tally["use"] == 1


def test_options_that_exclude_each_other_are_refused():
    with pytest.raises(jumar.DeclarationError, match="exclude each other"):
        jumar.task(persist=True, cache=True)(lambda: 1)
    with pytest.raises(jumar.DeclarationError, match="finds none"):
        jumar.task(cache=True, reuse="never")(lambda: 1)
    with pytest.raises(jumar.DeclarationError, match="cannot be said for a block"):
        jumar.options(meta=True)


def test_a_block_that_caches_leaves_tasks_alone_that_persist(session):
    @jumar.task(persist=True, checkpoint=False)
    def make():
        return [1]

    with jumar.options(cache=True):
        assert make.spawn().result() == [1]
        assert jumar.spawn(divmod, 7, 2).result() == (3, 1)


@pytest.mark.parametrize("written", ["lots", 0, -1, True, "1 parsec"])
def test_a_budget_that_is_no_size_is_refused(written):
    with pytest.raises(jumar.SettingsError, match="memory takes a size"):
        jumar.Session(jumar.Store.in_memory(), memory=written)


def test_the_budget_is_a_setting(tmp_path, monkeypatch):
    monkeypatch.setenv("JUMAR_MEMORY", "64MiB")
    with jumar.Session(tmp_path / "store") as session:
        assert session.memory().budget_bytes == 64 << 20


def test_a_value_that_no_codec_can_write_stays_as_it_is(tmp_path):
    @jumar.task(checkpoint=False)
    def lock():
        return threading.Lock()

    with bounded(tmp_path, 0.001) as session:
        assert not lock.spawn().result().locked()
        assert session.memory().held_bytes == 0


def test_a_store_that_is_only_read_takes_no_spilled_files(tmp_path):
    with jumar.Session(tmp_path / "store", "inline"):
        kept_block(1)
    with jumar.Session(jumar.Store.open(tmp_path / "store", read_only=True), "inline", memory=MB // 2) as session:
        future = kept_block.spawn(2)
        assert future.chunk().place == "disk"
        assert future.result()[0] == 2
        assert not (tmp_path / "store" / "scratch").exists()
        assert session.memory().spills == 1
