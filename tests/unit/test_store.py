"""The store as a whole: what it keeps where, when it looks at bytes, and what it says when something is lost."""

import numpy as np
import pytest

from jumar.clock import ManualClock
from jumar.errors import DamagedError, StoreError, StoreWarning
from jumar.store.memory_blobs import MemoryBlobs
from jumar.store.memory_index import MemoryIndex
from jumar.store.scribe import DirectScribe
from jumar.store.store import INLINE_MAX_BYTES, Store
from jumar.testing.contracts_index import TASK, entry, failure, key_of
from jumar.testing.faults import Faults, database_full
from jumar.testing.faulty_parts import FaultyBlobs, FaultyIndex, open_faulty


@pytest.fixture
def troubles():
    return []


@pytest.fixture(params=["in memory", "on disk"])
def store(request, tmp_path, troubles):
    if request.param == "in memory":
        opened = Store.in_memory(report=troubles.append)
    else:
        opened = Store.open(tmp_path / "store", report=troubles.append)
    with opened:
        yield opened


def keep(store, number, value, **changes):
    kept = entry(number, **(store.encode(value)._asdict() | changes))
    store.record(kept)
    return kept


@pytest.mark.parametrize(
    "value", [None, [1, "two"], bytes(10**5), {"array": np.arange(10**5)}], ids=["none", "list", "bytes", "array"]
)
def test_what_is_kept_is_found_at_once_and_after_it_was_written(store, value):
    kept = keep(store, 1, value)
    for _ in range(2):
        assert store.find(key_of(1)) == kept
        assert repr(store.load(kept)) == repr(value)
        store.flush()


def test_small_results_live_in_the_row_and_large_ones_in_a_blob(store):
    payload = store.encode(b"x" * (INLINE_MAX_BYTES - 30))
    assert payload.blob is None
    assert payload.size_bytes == len(payload.inline)
    payload = store.encode(b"x" * INLINE_MAX_BYTES)
    assert payload.inline is None
    assert payload.size_bytes > INLINE_MAX_BYTES


def test_equal_results_of_different_calls_share_a_blob(store):
    keep(store, 1, bytes(10**5))
    keep(store, 2, bytes(10**5))
    assert store.totals()[:1] == (2,)
    assert store.totals().blobs == 1


def test_two_loads_are_two_values_that_do_not_know_of_each_other(store):
    for number, value in ((1, [1, [2]]), (2, np.zeros(10**5))):
        kept = keep(store, number, value)
        mine, theirs = store.load(kept), store.load(kept)
        mine[0] = 7
        assert theirs[0] != 7
        assert store.load(kept)[0] != 7


def test_what_was_not_kept_is_not_found(store):
    assert store.find(key_of(1)) is None
    assert store.find_content(key_of(1)) is None


def test_a_result_is_found_by_its_content_too(store):
    kept = keep(store, 1, "value", content=key_of(9))
    for _ in range(2):
        assert store.find_content(key_of(9)) == kept
        store.flush()


def test_removed_calls_are_forgotten_and_why_is_noted(store):
    kept = keep(store, 1, bytes(10**5))
    store.remove([kept.key])
    assert store.find(kept.key) is None
    assert [loss.reason for loss in store.lineage.losses(kept.key)] == ["it was removed"]


def test_what_cannot_be_decoded_here_is_told_and_stays(store, troubles):
    kept = keep(store, 1, "value", inline=b"cbuiltins\nno_such_name\n.", size_bytes=24)
    with pytest.raises(DamagedError, match="no_such_name"):
        store.load(kept)
    assert [trouble.kind for trouble in troubles] == ["undecodable"]
    assert "not installed" in troubles[0].text
    assert store.find(kept.key) == kept  # whoever has the class can read it


def test_a_result_of_a_codec_that_is_not_here_is_told_and_stays(store, troubles):
    kept = keep(store, 1, "value", codec="later")
    with pytest.raises(DamagedError, match="no codec 'later' here"):
        store.load(kept)
    assert store.find(kept.key) == kept


def test_a_blob_that_went_missing_is_a_reported_miss_and_the_loss_is_noted(troubles):
    blobs = MemoryBlobs()
    index = MemoryIndex()
    with Store(index, blobs, DirectScribe(index), report=troubles.append) as store:
        kept = keep(store, 1, bytes(10**5))
        blobs.remove(kept.blob)
        assert store.find(kept.key) is None
        assert store.find(kept.key) is None
        with pytest.raises(DamagedError):
            store.load(kept)
        assert "is missing" in store.lineage.losses(kept.key)[-1].reason
    assert {trouble.kind for trouble in troubles} == {"damaged"}
    assert "The call will run again" in troubles[0].text


@pytest.mark.parametrize(
    ("verify", "checks"), [("always", [True] * 3), ("first", [True, False, False]), ("never", [False] * 3)]
)
def test_bytes_are_looked_at_as_often_as_was_said(verify, checks):
    asked = []

    class Watched(MemoryBlobs):
        def open(self, digest, *, verify):
            asked.append(verify)
            return super().open(digest, verify=verify)

    blobs, index = Watched(), MemoryIndex()
    with Store(index, blobs, DirectScribe(index), verify=verify) as store:
        kept = keep(store, 1, bytes(10**5))
        for _ in range(3):
            store.load(kept)
    assert asked == checks


def test_a_result_whose_index_takes_no_task_is_kept_without_its_name(tmp_path, troubles):
    faults = Faults(at=1, error=database_full, only=["index.add_task"])
    with open_faulty(tmp_path / "store", faults, report=troubles.append) as store:
        assert store.task(TASK) == 0
        kept = keep(store, 1, "value", task=0)
        assert store.task(TASK) == 1
        assert store.find(kept.key) == kept
        assert [record.task.name for record in store.calls()] == ["?"]
    assert [trouble.kind for trouble in troubles] == ["unsaved"]
    assert "'simulate'" in troubles[0].text


def test_calls_that_cannot_be_removed_are_an_error_that_says_how_many(troubles):
    inner = MemoryIndex()
    index = FaultyIndex(inner, Faults(at=1, error=database_full, only=["index.remove"]))
    with Store(index, MemoryBlobs(), DirectScribe(inner), report=troubles.append) as store:
        keep(store, 1, "value")
        with pytest.raises(StoreError, match="2 calls could not be removed"):
            store.remove([key_of(1), key_of(2)])
        assert store.find(key_of(1)) is not None


def test_an_index_that_cannot_be_listed_is_an_error_that_says_why():
    index = MemoryIndex()
    faults = Faults(at=1, error=database_full, onwards=True, only=["index.calls", "index.counts"])
    with Store(FaultyIndex(index, faults), FaultyBlobs(MemoryBlobs(), faults), DirectScribe(index)) as store:
        with pytest.raises(StoreError, match=r"cannot be read \(database or disk is full\)"):
            list(store.calls())
        with pytest.raises(StoreError, match="cannot be read"):
            store.totals()


def test_totals_are_those_of_rows_blobs_and_bytes(store):
    keep(store, 1, "value")
    keep(store, 2, bytes(10**5))
    store.record_failure(failure(3))
    store.task(TASK)
    totals = store.totals()
    assert totals[:3] == (2, 1, 1)
    assert totals.blobs == 1
    assert totals.blob_bytes == store.find(key_of(2)).size_bytes
    assert totals.inline_bytes == store.find(key_of(1)).size_bytes
    assert (totals.index_bytes > 0) == (store.path is not None)


def test_without_anybody_to_report_to_trouble_is_a_warning():
    blobs, index = MemoryBlobs(), MemoryIndex()
    with Store(index, blobs, DirectScribe(index)) as store:
        kept = keep(store, 1, bytes(10**5))
        blobs.remove(kept.blob)
        with pytest.warns(StoreWarning, match="is damaged"):
            store.find(kept.key)


def test_a_read_only_store_hands_large_results_around_in_memory(tmp_path, troubles):
    with Store.open(tmp_path / "store") as store:
        keep(store, 1, "value")
    with Store.open(tmp_path / "store", read_only=True, report=troubles.append) as store:
        kept = keep(store, 2, np.arange(10**5))
        assert store.load(kept).sum() == np.arange(10**5).sum()
        assert store.find(key_of(2)) is None
        assert store.load(store.find(key_of(1))) == "value"
        assert (store.task(TASK), store.begin_run("script.py")) == (0, 0)
        assert store.totals()[:5] == (1, 0, 0, store.totals().inline_bytes, 0)
        with pytest.raises(StoreError, match="could not be removed"):
            store.remove([key_of(1)])
    assert troubles == []


def test_a_second_close_does_nothing(store):
    keep(store, 1, "value")
    store.close()
    store.close()


def test_a_clock_that_goes_back_hides_nothing(tmp_path):
    clock = ManualClock(now_s=1000.0)
    index = MemoryIndex()
    with Store(index, MemoryBlobs(), DirectScribe(index), clock=clock) as store:
        kept = keep(store, 1, "value", created_s=clock.now_s())
        clock.advance(-500.0)
        later = keep(store, 2, "value", created_s=clock.now_s())
        assert store.find(kept.key) == kept
        assert store.find(later.key) == later
        assert not store.has_recorded(key_of(3))
        assert {record.key for record in store.calls()} == {kept.key, later.key}
