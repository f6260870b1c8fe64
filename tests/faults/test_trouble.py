"""Storage that fails while a program runs: every answer is right, the trouble is told, and what works again is used again."""

import shutil
import sqlite3
import warnings
from contextlib import suppress

import numpy as np
import pytest

import jumar
from jumar.testing.faults import (
    Faults,
    SimulatedCrash,
    database_failing,
    database_full,
    database_locked,
    disk_full,
    quota_exceeded,
)
from jumar.testing.faulty_parts import open_faulty

WRITES = ("index.add", "index.add_task", "blobs.write", "lineage.begin_run", "lineage.remember_code")
EXPECTED = {"small": {"x": 9}, "large": bytes(5000), "array": 10_000.0, "twice": 18}


class Program:
    """Four kinds of calls on a store whose parts fail."""

    def __init__(self, path, tally):
        self.path, self.tally = path, tally

        @jumar.task
        def small(x):
            tally.add("small")
            return {"x": x}

        @jumar.task
        def large(x):
            tally.add("large")
            return bytes(x)

        @jumar.task
        def array(n):
            tally.add("array")
            return np.ones(n)

        @jumar.task
        def twice(value):
            tally.add("twice")
            return 2 * value["x"]

        self._tasks = small, large, array, twice

    def compute(self, session):
        small, large, array, twice = self._tasks
        first = small.spawn(9)
        answers = {
            "small": first.result(),
            "large": large.spawn(5000).result(),
            "array": float(array.spawn(10_000).result().sum()),
            "twice": twice.spawn(first).result(),
        }
        session.checkpoint()
        return answers

    def run(self, faults, **settings):
        """The answers, and the texts of the warnings."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            with open_faulty(self.path, faults) as store, jumar.Session(store, "inline", **settings) as session:
                answers = self.compute(session)
        assert {warning.category for warning in caught} <= {jumar.StoreWarning}
        return answers, [str(warning.message) for warning in caught]


@pytest.fixture
def program(tmp_path, tally):
    return Program(tmp_path / "store", tally)


@pytest.mark.parametrize("error", [disk_full, quota_exceeded, database_full, database_failing, database_locked])
@pytest.mark.parametrize("operation", WRITES)
def test_a_write_that_fails_once_costs_at_most_what_it_would_have_kept(program, tally, operation, error):
    number = 1
    faults = Faults(at=number, error=error, only=[operation])
    while (outcome := program.run(faults))[1]:
        assert outcome[0] == EXPECTED
        again, warned = program.run(Faults())
        assert (again, warned) == (EXPECTED, [])
        shutil.rmtree(program.path)
        number += 1
        faults = Faults(at=number, error=error, only=[operation])
    assert outcome[0] == EXPECTED
    assert number > 1, f"{operation} was never carried out"
    assert tally.most() <= 2 * number


@pytest.mark.parametrize("error", [disk_full, quota_exceeded, database_full, database_failing])
def test_where_no_write_works_everything_is_computed_and_told(program, tally, error):
    for times in (1, 2):
        answers, warned = program.run(Faults(at=1, error=error, onwards=True, only=WRITES))
        assert answers == EXPECTED
        assert any("could not be" in text for text in warned)
        assert tally["small"] == times
    answers, warned = program.run(Faults())
    assert (answers, warned) == (EXPECTED, [])
    assert program.run(Faults()) == (EXPECTED, [])
    assert tally["small"] == 3


def test_labels_that_cannot_be_written_are_told_once_and_every_result_is_kept(program, tally):
    answers, warned = program.run(Faults(at=1, error=disk_full, onwards=True, only=["labels.append"]))
    assert answers == EXPECTED
    assert ["labels could not be written" in text for text in warned] == [True]
    assert program.run(Faults()) == (EXPECTED, [])
    assert tally.most() == 1


def test_a_disk_that_has_room_again_is_used_again(program, tally):
    class Disk(Faults):
        full = True

        def _fails(self, name):
            super()._fails(name)
            return self.full and name in WRITES

    disk = Disk(error=disk_full)
    with open_faulty(program.path, disk) as store, jumar.Session(store, "inline") as session:
        with pytest.warns(jumar.StoreWarning, match="No space left"):
            program.compute(session)
        disk.full = False
        jumar.spawn(len, "abc").result()
        session.checkpoint()
    with jumar.Session(program.path, "inline") as session:
        assert jumar.spawn(len, "abc").result() == 3
        assert session.counts().restored == 1


def test_a_blob_that_cannot_be_read_is_computed_again(program, tally):
    program.run(Faults())
    answers, warned = program.run(
        Faults(at=1, error=lambda: jumar.DamagedError("gone"), onwards=True, only=["blobs.open"])
    )
    assert answers == EXPECTED
    assert any("is damaged: gone" in text for text in warned)
    assert (tally["small"], tally["twice"], tally["large"], tally["array"]) == (1, 1, 2, 2)


@pytest.mark.parametrize("operation", ["index.add", "index.add_task", "blobs.write"])
def test_what_interrupts_a_thread_of_the_store_is_raised_where_it_is_used_and_nothing_hangs(program, operation):
    faults = Faults(at=1, error=SimulatedCrash, only=[operation])
    store = open_faulty(program.path, faults)
    session = jumar.Session(store, "inline")
    with pytest.raises(SimulatedCrash), session:
        program.compute(session)
    with pytest.raises(SimulatedCrash):
        store.totals()
    with suppress(SimulatedCrash):  # raised again where it was the writer's thread that it ended
        store.close()


def test_a_store_that_is_deleted_under_a_session_costs_only_what_was_in_it(program, tally):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with jumar.Session(program.path, "inline") as session:
            assert program.compute(session) == EXPECTED
            shutil.rmtree(program.path)
            assert program.compute(session) == EXPECTED
            session.checkpoint()
    assert {warning.category for warning in caught} == {jumar.StoreWarning}
    assert any("was removed or replaced" in str(w.message) or "could not be" in str(w.message) for w in caught)
    assert program.run(Faults())[0] == EXPECTED
    assert program.run(Faults()) == (EXPECTED, [])
    assert tally.most() <= 3


def test_a_store_that_another_program_has_locked_is_read_and_writing_it_is_told(tmp_path, tally):
    @jumar.task
    def square(x):
        tally.add(x)
        return x * x

    with jumar.Session(tmp_path / "store", "inline"):
        square(2)
    troubles = []
    other = sqlite3.connect(tmp_path / "store" / "index.sqlite", isolation_level=None)
    with jumar.Store.open(tmp_path / "store", report=troubles.append, busy_timeout_s=0.02) as store:
        other.execute("BEGIN IMMEDIATE")
        with jumar.Session(store, "inline") as session:
            assert [square(2), square(3)] == [4, 9]
            session.checkpoint()
            other.execute("ROLLBACK")
            assert square(4) == 16
    other.close()
    assert {trouble.kind for trouble in troubles} == {"unsaved"}
    assert any("database is locked" in trouble.text for trouble in troubles)
    with jumar.Session(tmp_path / "store", "inline") as session:
        assert [square(2), square(3), square(4)] == [4, 9, 16]
    assert [tally[x] for x in (2, 3, 4)] == [1, 2, 1]
