"""What certainly is not in an index, known without a look."""

import pytest

from jumar.clock import ManualClock
from jumar.keys.code import CodePart
from jumar.store.absence import STALE_S, Absence
from jumar.store.lineage import Loss
from jumar.store.sqlite_index import SqliteIndex
from jumar.store.store import Store
from jumar.testing.contracts_index import OTHER_TASK, TASK, entry, key_of
from jumar.testing.faults import Faults
from jumar.testing.faulty_parts import FaultyIndex


@pytest.fixture
def path(tmp_path):
    return tmp_path / "index.sqlite"


@pytest.fixture
def mine(path):
    index = SqliteIndex(path)
    yield index
    index.close()


@pytest.fixture
def theirs(path):
    index = SqliteIndex(path)
    yield index
    index.close()


def test_a_code_that_the_index_knows_is_not_new(mine, theirs):
    theirs.add_task(TASK)
    absence = Absence(mine, ManualClock())
    assert not absence.is_new(TASK.code)
    assert absence.is_new(OTHER_TASK.code)


def test_the_index_is_asked_once_for_each_code(mine):
    faults, clock = Faults(), ManualClock()
    absence = Absence(FaultyIndex(mine, faults), clock)
    for _ in range(1000):
        absence.is_new(TASK.code)
        absence.is_new(OTHER_TASK.code)
    assert faults.operations.count("index.has_code") == 2


def test_what_others_record_is_noticed_after_a_quarter_of_a_second_and_not_sooner(mine, theirs):
    clock = ManualClock()
    absence = Absence(mine, clock)
    assert absence.is_new(TASK.code)
    theirs.add_task(TASK)
    clock.advance(STALE_S)
    assert absence.is_new(TASK.code)
    clock.advance(0.01)
    assert not absence.is_new(TASK.code)


def test_what_this_process_records_does_not_make_it_look(tmp_path):
    """Tasks, runs, code and losses are written through the index's own connection: else they looked like another's."""
    with Store.open(tmp_path / "store") as store:
        clock = ManualClock()
        store._absence = Absence(store.index, clock)
        assert store.is_new(TASK.code)
        task = store.task(TASK)
        store.begin_run("script.py")
        store.lineage.remember_code(TASK.code, [CodePart("f", "function", "f.py", 1, bytes(32), "def f(): ...")])
        store.lineage.note_loss(Loss(key_of(9), 1.0, "a test"))
        store.record(entry(1, task=task))
        store.flush()
        clock.advance(2 * STALE_S)
        assert store.is_new(TASK.code)
        assert store.has_recorded(key_of(1))
        assert not store.has_recorded(key_of(2))
