"""Several stores as one: where a result is found, what is kept of it, what becomes of one that fails."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jumar.errors import DamagedError, StoreError
from jumar.keys.code import CodePart
from jumar.store.archive import export
from jumar.store.equivalence import Equivalence
from jumar.store.joined_store import JoinedStore
from jumar.store.memory_blobs import MemoryBlobs
from jumar.store.memory_index import MemoryIndex
from jumar.store.records import Entry, TaskInfo
from jumar.store.scribe import DirectScribe
from jumar.store.sources import open_stores
from jumar.store.store import Store
from jumar.testing.contracts_index import OTHER_TASK, TASK, key_of
from jumar.testing.faults import Faults, disk_full
from jumar.testing.faulty_parts import FaultyBlobs

PART = CodePart("f", "function", "f.py", 1, bytes(32), "def f(): ...")


def record(store, number, value, *, at_s=1000.0, task=TASK, content=None, script=""):
    payload = store.encode(value)
    kept = (payload.size_bytes, payload.codec, payload.inline, payload.blob)
    run = store.begin_run(script) if script else 0
    store.record(
        Entry(key_of(number), store.task(task, lambda code: [PART]), at_s, 0.5, *kept, b"args", content, run=run)
    )
    store.flush()


def value(store, number):
    entry = store.find(key_of(number))
    return None if entry is None else store.load(entry)


@pytest.fixture
def stores():
    return Store.in_memory(), Store.in_memory(), Store.in_memory()


def test_the_first_store_that_has_a_result_counts(stores):
    mine, near, far = stores
    record(far, 1, "far", at_s=3000.0)
    record(far, 2, "far")
    record(near, 1, "near")
    record(near, 3, "near")
    record(mine, 3, "mine")
    both = JoinedStore(mine, [near, far])
    assert [value(both, number) for number in (1, 2, 3, 4)] == ["near", "far", "mine", None]


def test_the_most_recent_result_counts_where_that_is_asked_for(stores):
    mine, near, far = stores
    record(mine, 1, "mine", at_s=2000.0)
    record(near, 1, "near", at_s=1000.0)
    record(far, 1, "far", at_s=3000.0)
    record(mine, 2, "mine", at_s=2000.0)
    record(near, 2, "near", at_s=2000.0)
    both = JoinedStore(mine, [near, far], prefer="recent")
    assert (value(both, 1), value(both, 2)) == ("far", "mine")
    assert value(mine, 1) == "far"  # it was adopted


@given(
    st.lists(st.dictionaries(st.integers(0, 5), st.integers(0, 9), max_size=4), min_size=1, max_size=4),
    st.sampled_from(["order", "recent"]),
    st.booleans(),
)
def test_what_is_found_is_what_looking_into_one_after_the_other_gives(places, prefer, adopts):
    """Asked twice: what was adopted does not change what is found."""
    stores = [Store.in_memory() for _ in places]
    for store, results in zip(stores, places, strict=True):
        for number, at_s in results.items():
            record(store, number, (id(store), at_s), at_s=float(at_s))
    both = JoinedStore(stores[0], stores[1:], prefer=prefer)
    both.adopts = adopts
    for number in [*range(6), *range(6)]:
        have = [(id(store), found[number]) for store, found in zip(stores, places, strict=True) if number in found]
        expected = (max(have, key=lambda each: each[1]) if prefer == "recent" else have[0]) if have else None
        assert value(both, number) == expected


def test_a_result_is_found_by_its_values_wherever_it_is(stores):
    mine, theirs, _ = stores
    record(theirs, 1, "theirs", content=key_of(100))
    both = JoinedStore(mine, [theirs])
    found = both.find_content(key_of(100))
    assert both.load(found) == "theirs"
    assert mine.find_content(key_of(100)) is not None


# -- adoption ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def folders(tmp_path):
    """A store of mine that is empty, and another's with a small and a large result, of a run and a task of its own."""
    with Store.open(tmp_path / "theirs") as theirs:
        theirs.task(OTHER_TASK)
        record(theirs, 1, "small", script="theirs.py")
        record(theirs, 2, np.arange(100_000))
    return tmp_path


def test_what_was_read_is_found_when_the_other_store_is_gone(folders):
    with open_stores([folders / "mine", folders / "theirs"]) as both:
        assert value(both, 1) == "small"
        assert value(both, 2)[7] == 7
    with Store.open(folders / "mine", verify="always") as mine:
        assert value(mine, 1) == "small"
        assert np.array_equal(value(mine, 2), np.arange(100_000))
        assert {record.task for record in mine.calls()} == {TASK}
        assert mine.lineage.code_parts(TASK.code) == [PART]
        assert [run.script for run in mine.lineage.runs()] == ["theirs.py"]
        assert mine.find(key_of(1)).run == mine.lineage.runs()[0].number < 0


def test_what_was_found_and_not_read_is_not_copied(folders):
    with open_stores([folders / "mine", folders / "theirs"]) as both:
        assert both.find(key_of(2)) is not None
        assert both.totals().calls == both.totals().blobs == 0


def test_nothing_is_copied_where_that_is_not_wanted(folders):
    with open_stores([folders / "mine", folders / "theirs"]) as both:
        both.adopts = False
        assert value(both, 2)[7] == 7
        assert both.totals().calls == both.totals().blobs == both.totals().tasks == 0


def test_a_row_that_is_recorded_under_another_key_brings_its_blob(folders):
    """As early cutoff does: it finds a result by the values and records it under the new key, before anybody reads it."""
    with open_stores([folders / "mine", folders / "theirs"]) as both:
        found = both.find(key_of(2))
        both.record(found._replace(key=key_of(50)))
    with Store.open(folders / "mine", verify="always") as mine:
        assert value(mine, 50)[7] == 7


@pytest.mark.parametrize("adopts", [True, False])
def test_a_row_of_ones_own_that_names_their_blob_is_recorded_with_it_or_not_at_all(folders, adopts):
    """Of a call that ended as one did whose result was found there."""
    with open_stores([folders / "mine", folders / "theirs"]) as both:
        both.adopts = adopts
        both.record(Entry(*both.find(key_of(2)))._replace(key=key_of(50)))
    with Store.open(folders / "mine", verify="always") as mine:
        found = value(mine, 50)
        assert found is None if not adopts else found[7] == 7


def test_a_reader_cannot_change_what_others_read(folders):
    with open_stores([folders / "mine", folders / "theirs"]) as both:
        for _ in range(3):  # from theirs, and then from mine
            array = value(both, 2)
            array[:] = -1
    with Store.open(folders / "theirs", verify="always") as theirs:
        assert np.array_equal(value(theirs, 2), np.arange(100_000))


def test_a_full_disk_costs_the_copy_and_not_the_result(stores):
    _, theirs, _ = stores
    record(theirs, 1, bytes(10_000))
    troubles = []
    index = MemoryIndex()
    blobs = FaultyBlobs(MemoryBlobs(), Faults(1, disk_full, onwards=True, only=["blobs.write"]))
    both = JoinedStore(Store(index, blobs, DirectScribe(index), report=troubles.append), [theirs])
    assert value(both, 1) == bytes(10_000)
    assert index.find(key_of(1)) is None
    assert [trouble.kind for trouble in troubles] == ["unsaved"]
    assert "could not be copied" in troubles[0].text


def test_where_the_first_store_is_only_read_results_are_found_and_none_are_kept(folders):
    Store.open(folders / "mine").close()
    with Store.open(folders / "mine", read_only=True) as mine, Store.open(folders / "theirs", read_only=True) as theirs:
        both = JoinedStore(mine, [theirs], closes=[])
        assert value(both, 1) == "small"
        assert mine.totals().calls == 0


# -- what is known -----------------------------------------------------------------------------------------------------


def test_a_code_is_new_only_if_it_is_new_to_all(stores):
    mine, theirs, _ = stores
    theirs.task(TASK)
    both = JoinedStore(mine, [theirs])
    assert mine.is_new(TASK.code)
    assert (both.is_new(TASK.code), both.is_new(OTHER_TASK.code)) == (False, True)


def test_what_others_declared_counts_and_ones_own_comes_first(stores):
    mine, theirs, _ = stores
    declared = Equivalence(0, b"new", b"old of theirs", "", b"", 0.0, "f", "")
    theirs.accepted.add(declared)
    mine.accepted.add(declared._replace(old=b"old of mine"))
    both = JoinedStore(mine, [theirs])
    # The last one is looked for first.
    assert [each.old for each in both.accepted.by(b"new")] == [b"old of theirs", b"old of mine"]
    assert [each.old for each in both.accepted.all()] == [b"old of mine"]
    both.accepted.revoke(1)
    assert [each.old for each in both.accepted.by(b"new")] == [b"old of theirs"]
    both.accepted.add(declared._replace(old=b"another"))
    assert [each.old for each in mine.accepted.all()] == [b"another"]


def test_calls_of_all_stores_are_listed_once_each_newest_first(stores):
    mine, near, far = stores
    record(mine, 1, "x", at_s=1.0)
    record(near, 1, "x", at_s=1.0, script="near.py")
    record(near, 2, "x", at_s=4.0, script="near.py")
    record(far, 3, "x", at_s=3.0)
    both = JoinedStore(mine, [near, far])
    assert [(each.key, each.run) for each in both.calls()] == [(key_of(2), 0), (key_of(3), 0), (key_of(1), 0)]
    assert [each.key for each in both.calls(limit=1)] == [key_of(2)]
    assert list(both.calls(run=1)) == []  # runs have their numbers in one store each
    assert both.lineage.code_parts(TASK.code) == [PART]
    assert both.lineage.runs() == []


def test_a_result_of_mine_that_is_damaged_is_found_with_the_others(folders):
    troubles = []
    with open_stores([folders / "mine", folders / "theirs"]) as both:
        assert value(both, 2)[7] == 7
        digest = both.find(key_of(2)).blob.hex()
    blob = folders / "mine" / "blobs" / digest[:2] / digest[2:]
    blob.write_bytes(blob.read_bytes()[:-1])
    with open_stores([folders / "mine", folders / "theirs"], report=troubles.append) as both:
        assert value(both, 2)[7] == 7
        assert [trouble.kind for trouble in troubles] == ["damaged"]
    with Store.open(folders / "mine", verify="always") as mine:  # and it is whole again
        assert value(mine, 2)[7] == 7


# -- sources that fail -------------------------------------------------------------------------------------------------


def test_sources_that_cannot_be_opened_are_reported_and_left_out(folders):
    (folders / "text").write_text("no store")
    (folders / "other").mkdir()
    (folders / "other" / "file").touch()
    (folders / "broken").mkdir()
    (folders / "broken" / "format").write_text("jumar store, format 1\n")
    (folders / "broken" / "index.sqlite").write_text("no database")
    troubles = []
    names = ["missing", "text", "other", "broken"]
    places = [folders / "mine", *(folders / name for name in names), folders / "theirs"]
    with open_stores(places, report=troubles.append) as both:
        assert value(both, 1) == "small"
    assert [trouble.kind for trouble in troubles] == ["unreadable"] * len(names)
    assert all(str(folders / name) in trouble.text for name, trouble in zip(names, troubles, strict=True))
    assert not (folders / "missing").exists()


def test_a_source_that_lost_its_blobs_is_told_once_and_passed_over(folders):
    with Store.open(folders / "theirs") as theirs:
        record(theirs, 3, bytes(50_000))
    for blob in (folders / "theirs" / "blobs").glob("??/*"):
        blob.unlink()
    troubles = []
    with open_stores([folders / "mine", folders / "theirs"], report=troubles.append) as both:
        assert [value(both, number) for number in (1, 2, 3)] == ["small", None, None]
    assert [trouble.kind for trouble in troubles] == ["damaged"]
    assert "which is only read" in troubles[0].text


def test_an_altered_blob_of_a_source_is_a_miss_that_is_reported(folders):
    with Store.open(folders / "theirs") as theirs:
        digest = theirs.find(key_of(2)).blob.hex()
    blob = folders / "theirs" / "blobs" / digest[:2] / digest[2:]
    blob.write_bytes(blob.read_bytes()[:-1] + b"?")
    troubles = []
    with open_stores([folders / "mine", folders / "theirs"], report=troubles.append) as both:
        found = both.find(key_of(2))
        with pytest.raises(DamagedError):
            both.load(found)
        assert both.totals().calls == both.totals().blobs == 0
    assert [trouble.kind for trouble in troubles] == ["damaged"]


def test_nothing_in_a_source_is_touched(folders):
    def state():
        return {path: path.read_bytes() for path in (folders / "theirs").rglob("*") if path.is_file()}

    before = state()
    with open_stores([folders / "mine", folders / "theirs"]) as both:
        assert value(both, 2)[7] == 7
        record(both, 9, bytes(20_000), task=TaskInfo(b"n" * 32, "new", "m"))
    after = state()
    assert {path for path in after if not path.name.endswith(("-wal", "-shm"))} == {
        path for path in before if not path.name.endswith(("-wal", "-shm"))
    }
    assert all(after[path] == content for path, content in before.items() if path.name[-4:] not in ("-wal", "-shm"))


def test_the_first_store_must_open_and_open_stores_stay_open(folders):
    (folders / "file").write_text("no store")
    with pytest.raises(StoreError, match="is a file"):
        open_stores([folders / "file", folders / "theirs"])
    with Store.open(folders / "theirs", read_only=True) as theirs:
        open_stores([folders / "mine", theirs]).close()
        assert value(theirs, 1) == "small"


def test_a_file_serves_as_a_folder_does(folders):
    with Store.open(folders / "theirs") as theirs:
        export(theirs, folders / "theirs.jumar")
    with open_stores([folders / "mine", folders / "theirs.jumar"]) as both:
        assert (value(both, 1), value(both, 2)[7]) == ("small", 7)
    with Store.open(folders / "mine") as mine:
        assert (value(mine, 1), value(mine, 2)[7]) == ("small", 7)
    with open_stores(folders / "theirs.jumar") as alone:
        assert value(alone, 1) == "small"
        assert alone.read_only
