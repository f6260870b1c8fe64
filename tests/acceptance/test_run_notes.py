"""What a session notes when it ends: that it found results keeps them in use, and costs no write where that is known."""

import pytest

import jumar
from jumar.clock import ManualClock
from jumar.store.lineage import MemoryLineage
from jumar.store.memory_blobs import MemoryBlobs
from jumar.store.memory_index import MemoryIndex
from jumar.store.notes import SAME_USE_S
from jumar.store.sqlite_index import SqliteIndex
from jumar.store.sqlite_lineage import SqliteLineage
from jumar.store.store import Store
from jumar.store.trouble import warn
from jumar.store.writer import Writer


@pytest.fixture
def clock():
    return ManualClock(now_s=1e9)


@pytest.fixture(params=["memory", "disk"])
def store(request, tmp_path, clock):
    """One that sessions do not close."""
    index = MemoryIndex() if request.param == "memory" else SqliteIndex(tmp_path / "index.sqlite")
    lineage = MemoryLineage() if request.param == "memory" else SqliteLineage(index)
    with Store(index, MemoryBlobs(), Writer(index.add, warn), clock=clock, lineage=lineage) as opened:
        yield opened


@jumar.task
def double(number):
    return 2 * number


@jumar.task
def triple(number):
    return 3 * number


def noted(store):
    """How many runs there are, and how many codes each asked for, the latest last."""
    uses = store.lineage.code_uses()
    return len(store.lineage.runs()), [len(uses[run]) for run in sorted(uses)]


def test_a_session_that_finds_what_the_run_before_it_asked_for_writes_nothing(store, clock):
    for _ in range(3):
        with jumar.Session(store):
            assert (double(1), triple(1)) == (2, 3)
        clock.advance(SAME_USE_S / 4)
    with jumar.Session(store):
        assert double(1) == 2  # less than it asked for
    assert noted(store) == (1, [2])


def test_a_session_that_finds_something_else_is_noted(store):
    for task in (double, triple, triple, double):
        with jumar.Session(store):
            task(1)
    assert noted(store) == (3, [1, 1, 1])


def test_a_session_long_after_the_last_one_is_noted_once(store, clock):
    for advance_s in (SAME_USE_S, SAME_USE_S / 2, -2 * SAME_USE_S):
        with jumar.Session(store):
            double(1)
        clock.advance(advance_s)
    with jumar.Session(store):  # a clock that goes back makes no run the same
        double(1)
    assert noted(store) == (3, [1, 1, 1])


def test_a_session_that_asks_for_nothing_is_not_noted(store):
    with jumar.Session(store):
        pass
    assert noted(store) == (0, [])
