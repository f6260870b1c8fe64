"""A bound for the store of a session."""

import warnings

import pytest

import jumar
from jumar.store.labels import REMOVED_KEPT, Labels
from jumar.store.pins import Pin


@jumar.task
def piece(i, size_bytes=20_000):
    return bytes([i]) * size_bytes


@jumar.task
def joined(parts):
    return b"".join(part[:1] for part in parts)


def fill(path, numbers, **options):
    with jumar.Session(path, "inline", **options) as session:
        for i in numbers:
            piece(i)
    return session


def kept(path):
    with jumar.Store.open(path) as store:
        assert all(store.load(store.find(call.key)) is not None for call in store.calls())
        return sorted(
            int(call.size_bytes > 0) and store.load(store.find(call.key))[0] for call in store.calls(task="piece")
        )


def size_bytes(path):
    with jumar.Store.open(path) as store:
        assert store.totals().blobs == len(set(store.index.blobs()))
        return store.stock.size_bytes()


def test_results_of_earlier_programs_go_when_a_program_makes_the_store_too_large(tmp_path):
    path = tmp_path / "store"
    fill(path, range(10))
    assert kept(path) == list(range(10))
    session = fill(path, [10], max_store_size="150kB")
    assert not session.troubles
    assert size_bytes(path) <= 0.9 * 150_000
    assert 10 in kept(path)


def test_the_labels_of_what_went_do_not_pile_up_where_nobody_sweeps(tmp_path):
    path = tmp_path / "store"
    fill(path, range(10))
    labels = Labels(path / "labels")
    labels.note_removed([number.to_bytes(32) for number in range(300_000)])  # as years of evictions leave them
    assert labels.size_bytes() > 9_000_000
    fill(path, [10], max_store_size="150kB")
    assert labels.size_bytes() < 6_000_000
    assert len(labels.removed()) == REMOVED_KEPT
    left = sorted(value_of(path, entry.key)[0] for entry, _ in labels.results())
    assert left == kept(path)


def value_of(path, key):
    with jumar.Store.open(path, read_only=True) as store:
        return store.load(store.find(key))


def test_what_went_is_computed_again_and_why_tells(tmp_path):
    path = tmp_path / "store"
    fill(path, range(10))
    fill(path, [10], max_store_size="150kB")
    gone = sorted(set(range(10)) - set(kept(path)))
    assert gone
    session = fill(path, range(10))
    assert session.counts().computed == len(gone)
    with jumar.Session(path, "inline") as session:
        future = piece.spawn(gone[0])
        assert "to keep the store below 135,000 bytes" in str(future.why())


def test_what_a_program_needs_itself_stays_for_it_and_it_is_told_that_this_is_too_much(tmp_path):
    path = tmp_path / "store"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with jumar.Session(path, "threads", 2, max_store_size="100kB") as session:
            parts = [piece.spawn(i) for i in range(20)]
            first = [part.result() for part in parts]
            session.checkpoint()
            assert joined.spawn(parts).result() == bytes(range(20))
            assert first == [piece.fn(i) for i in range(20)]
    (warning,) = caught
    assert "more than max_store_size=100,000: what is left is pinned or in use" in str(warning.message)
    assert kept(path) == list(range(20))
    fill(path, [99], max_store_size="100kB")  # the next program makes room
    assert size_bytes(path) <= 90_000


def test_pinned_results_are_no_candidates(tmp_path):
    path = tmp_path / "store"
    fill(path, range(10))
    with jumar.Store.open(path) as store:
        pinned = [call.key for call in store.calls() if store.load(store.find(call.key))[0] in (0, 5)]
        store.stock.pins.add([Pin(key, 0.0, "") for key in pinned])
    fill(path, [10], max_store_size="70kB")
    assert set(kept(path)) >= {0, 5, 10}
    assert size_bytes(path) <= 70_000


def test_a_store_that_fits_is_left_alone(tmp_path):
    path = tmp_path / "store"
    fill(path, range(10))
    fill(path, [10], max_store_size="10GiB")
    assert kept(path) == list(range(11))


def test_results_that_are_written_at_the_end_are_bounded_too(tmp_path):
    path = tmp_path / "store"
    fill(path, range(10))
    fill(path, [10], max_store_size="150kB", checkpoint_mode="exit")
    assert size_bytes(path) <= 0.9 * 150_000
    assert 10 in kept(path)


def test_a_store_that_is_open_already_has_its_own_bound(tmp_path):
    with jumar.Store.in_memory() as store, pytest.raises(jumar.SettingsError, match="Open it with max_size_bytes="):
        jumar.Session(store, max_store_size="1GiB")
    fill(tmp_path / "store", range(10))
    with jumar.Store.open(tmp_path / "store", max_size_bytes=150_000) as store, jumar.Session(store, "inline"):
        piece(10)
    assert size_bytes(tmp_path / "store") <= 0.9 * 150_000


@pytest.mark.parametrize("wrong", ["many", "0", -1, 1.5])
def test_a_bound_that_is_no_size_is_refused(tmp_path, wrong):
    with pytest.raises(jumar.SettingsError, match="max_store_size takes a size such as 10GiB"):
        jumar.Session(tmp_path / "store", max_store_size=wrong)


def test_a_store_in_memory_can_be_swept_when_its_sessions_have_ended():
    with jumar.Store.in_memory() as store:
        with jumar.Session(store, "inline"), jumar.Session(store, "inline"):
            first = piece.spawn(1)
            assert first.result() == piece(1)
            swept = store.sweep(jumar.store.retention.Rules(older_than_s=0))
            assert (swept.calls, swept.blobs, swept.blobs_in_use) == (1, 0, 1)
            assert joined.spawn([first]).result() == b"\x01"
        assert store.sweep(jumar.store.retention.Rules(tasks=frozenset({"piece"}))).blobs == 1
        assert store.totals().blobs == 0
