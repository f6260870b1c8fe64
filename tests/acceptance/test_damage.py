"""A program on a damaged store: never an exception, never a wrong value; only the calls that are lost run again.

Every byte of a blob and every page of an index: in ``tests/faults/test_damage.py`` and ``test_salvage.py``.
"""

import shutil
import warnings

import pytest

import jumar

VALUES = {i: bytes([i]) * 5000 for i in range(3)}


@pytest.fixture
def made(tmp_path, tally):
    """A store with three small results and three blobs, and the tasks that made it."""
    return Made(tmp_path / "store", tally)


class Made:
    def __init__(self, path, tally):
        self.path, self.tally = path, tally

        @jumar.task
        def small(i):
            tally.add("small", i)
            return {"i": i}

        @jumar.task
        def large(i):
            tally.add("large", i)
            return VALUES[i]

        self._small, self._large = small, large
        self.ask()
        self.ran = self.counts()

    def counts(self):
        return {(kind, i): self.tally[kind, i] for kind in ("small", "large") for i in range(3)}

    def ask(self):
        """Ask for everything; the values must be right. What was warned of."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            with jumar.Session(self.path, "inline"):
                for i in range(3):
                    assert self._small(i) == {"i": i}
                    assert self._large.spawn(i).result() == VALUES[i]
        assert {warning.category for warning in caught} <= {jumar.StoreWarning}
        return [str(warning.message) for warning in caught]

    def ran_again(self):
        """The calls that have run since this was last asked."""
        now = self.counts()
        again = {call for call in now if now[call] > self.ran[call]}
        self.ran = now
        return again

    def blob_of(self, i):
        with jumar.Store.open(self.path) as store:
            digest = store.find(bytes.fromhex(self._large.key(i))).blob.hex()
        return self.path / "blobs" / digest[:2] / digest[2:]


def test_a_damaged_blob_heals_although_its_bytes_come_out_equal(made):
    with jumar.Session(jumar.Store.in_memory()):
        blob = made.blob_of(0)
    sound = blob.read_bytes()
    blob.write_bytes(sound[:-1] + b"\0")
    made.ask()
    assert made.ran_again() == {("large", 0)}
    assert blob.read_bytes() == sound
    assert made.ask() == []
    assert made.ran_again() == set()


def test_any_one_file_of_the_store_may_be_deleted(made, tmp_path):
    files = sorted(path.relative_to(made.path) for path in made.path.rglob("*") if path.is_file())
    assert len(files) >= 6
    sound = tmp_path / "sound"
    shutil.copytree(made.path, sound)
    for file in files:
        shutil.rmtree(made.path)
        shutil.copytree(sound, made.path)
        (made.path / file).unlink()
        made.ask()
        again = made.ran_again()
        if file.parts[0] == "blobs" and len(file.parts[1]) == 2:
            assert len(again) == 1
        elif file.name == "index.sqlite":
            assert again == {("small", i) for i in range(3)}  # large ones are found by their labels
        else:
            assert again == set()
        assert made.ask() == []
        assert made.ran_again() == set()


def test_everything_may_be_deleted(made):
    shutil.rmtree(made.path)
    assert made.ask() == []
    assert len(made.ran_again()) == 6


@pytest.mark.parametrize("length", [0, 1, 100, 4096, 5000, 8192, 12288])
def test_the_index_may_be_cut_anywhere_and_large_results_are_found(made, length):
    index = made.path / "index.sqlite"
    index.write_bytes(index.read_bytes()[:length])
    made.ask()
    assert made.ran_again() == {("small", i) for i in range(3)}
    assert made.ask() == []


def test_an_index_that_is_lost_is_told_with_what_was_found_again(made):
    (made.path / "index.sqlite").unlink()
    (warned,) = made.ask()
    assert "was missing; a new one was begun. 3 large results were found again by the labels of blobs" in warned
    assert made.ran_again() == {("small", i) for i in range(3)}


def test_labels_that_cannot_be_read_cost_what_they_would_have_found_and_that_is_told(made):
    (made.path / "index.sqlite").unlink()
    (made.path / "labels").unlink()
    (made.path / "labels").mkdir()
    warned = made.ask()
    assert len(made.ran_again()) == 6
    assert "was missing; a new one was begun. 0 results were carried over. Not all could be looked at" in warned[0]
    assert "labels could not be written" in warned[1]


def test_a_result_whose_blob_is_gone_or_cut_is_not_found_by_its_label(made):
    with jumar.Session(jumar.Store.in_memory()):
        gone, cut = made.blob_of(0), made.blob_of(1)
    gone.unlink()
    cut.write_bytes(cut.read_bytes()[:-1])
    (made.path / "index.sqlite").unlink()
    made.ask()
    assert made.ran_again() == {("large", 0), ("large", 1), *(("small", i) for i in range(3))}


def test_a_result_that_was_removed_does_not_come_back_with_the_index(made):
    with jumar.Store.open(made.path) as store:
        store.remove([bytes.fromhex(made._large.key(1))])
    (made.path / "index.sqlite").unlink()
    made.ask()
    assert made.ran_again() == {("large", 1), *(("small", i) for i in range(3))}


def test_an_index_that_is_lost_while_it_is_used_begins_anew_with_large_results(made):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with jumar.Session(made.path, "inline") as session:
            assert made._large(0) == VALUES[0]
            (made.path / "index.sqlite").unlink()
            made._small(7)
            session.checkpoint()
    assert any("3 large results were found again" in str(warning.message) for warning in caught)
    assert made.ran_again() == set()
    made.ask()
    assert made.ran_again() == {("small", i) for i in range(3)}


def test_a_result_that_turns_out_to_be_damaged_when_a_dependant_needs_it_is_computed_again(made):
    @jumar.task
    def length(data):
        return len(data)

    with jumar.Session(jumar.Store.in_memory()):
        blob = made.blob_of(2)
    blob.write_bytes(bytes(blob.stat().st_size))  # the length is right, the bytes are not
    with jumar.Session(made.path, "threads", 2) as session:
        future = made._large.spawn(2)
        assert future.done()
        with pytest.warns(jumar.StoreWarning, match="was altered on disk"):
            assert length.spawn(future).result() == 5000
        assert future.result() == VALUES[2]
        session.checkpoint()
    assert made.ran_again() == {("large", 2)}
