"""Real trouble with a store, one row each: nothing hangs, values reach who needs them, and the trouble is told where promised.

Elsewhere are: no room (`test_processes`: files that may not grow; `test_trouble`: a full disk or quota at each write), no
permission (`test_processes`), results that cannot be pickled (`acceptance/test_bad_input`), network file systems
(`unit/test_layout`), and damage of every kind (`test_damage`).
"""

import re
import resource
import shutil
import subprocess
import sys
import warnings
from contextlib import contextmanager
from pathlib import Path

import pytest

import jumar
from jumar.clock import ManualClock
from jumar.engine import Engine

ANSWERS = {"small": [7], "large": bytes(6000), "both": 6007}


class Program:
    """A small call, a large one, and one that needs both."""

    def __init__(self, tally):
        @jumar.task
        def small(x):
            tally.add("small")
            return [x]

        @jumar.task
        def large(n):
            tally.add("large")
            return bytes(n)

        @jumar.task
        def both(one, other):
            tally.add("both")
            return one[0] + len(other)

        self._tasks = small, large, both

    def spawn(self):
        small, large, both = self._tasks
        one, other = small.spawn(7), large.spawn(6000)
        return {"small": one, "large": other, "both": both.spawn(one, other)}


@contextmanager
def every_descriptor_taken():
    """As in a process that has opened as many files as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with open("/dev/null") as lowest_free:  # noqa: PTH123
        first = lowest_free.fileno()
    resource.setrlimit(resource.RLIMIT_NOFILE, (first, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextmanager
def blobs_are_a_file(path):
    shutil.rmtree(path / "blobs", ignore_errors=True)
    (path / "blobs").write_text("in the way")
    yield
    (path / "blobs").unlink()


@contextmanager
def deleted(path):
    shutil.rmtree(path)
    yield


@contextmanager
def index_overwritten(path):
    for name in ("index.sqlite", "index.sqlite-wal"):
        (path / name).write_bytes(b"no database " * 2000)
    yield


@contextmanager
def locked(path):
    """Another program holds the index for longer than one cares to wait."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, path / "index.sqlite"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout.readline() == b"held\n"
    yield
    holder.communicate(timeout=60)
    assert holder.returncode == 0


HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
"""

TROUBLES = {
    "too many open files": (lambda _: every_descriptor_taken(), "Too many open files"),
    "blobs are a file": (blobs_are_a_file, r"could not be kept"),
    "index overwritten": (index_overwritten, "is damaged"),
    "deleted": (deleted, "was removed or replaced"),
    "locked": (locked, "database is locked"),
}
BEFORE_THE_COMMIT = ("too many open files", "blobs are a file")
"""Where the trouble is met before a future is done: it is told on the future, too."""
trouble = pytest.mark.parametrize("name", TROUBLES)


@pytest.fixture
def program(tally):
    return Program(tally)


def zeros(n):
    return bytes(n)


@contextmanager
def opened(path, **settings):
    """A session that has begun its work, and waits for no more than a moment for others."""
    with jumar.Session(path, "threads", 2, **settings) as session:
        jumar.spawn(zeros, 4500).result()
        session.checkpoint()
        session.store.index.transact(lambda connection: connection.execute("PRAGMA busy_timeout = 20"))
        yield session


@trouble
def test_trouble_with_a_store_is_told_and_values_reach_who_needs_them(tmp_path, program, tally, name):
    breaking, text = TROUBLES[name]
    with opened(tmp_path / "store") as session:
        with warnings.catch_warnings(record=True) as caught, breaking(tmp_path / "store"):
            warnings.simplefilter("always")
            futures = program.spawn()
            assert {name: future.result(60) for name, future in futures.items()} == ANSWERS
            session.checkpoint()
        assert any(re.search(text, str(w.message)) and w.category is jumar.StoreWarning for w in caught)
        assert any(told.kind in ("unsaved", "damaged") for told in session.troubles)
        assert (futures["large"].store_error is not None) == (name in BEFORE_THE_COMMIT)
        assert all(isinstance(future.store_error, jumar.StoreError | None) for future in futures.values())
    assert tally.most() == 1
    with (
        warnings.catch_warnings(action="ignore", category=jumar.StoreWarning),
        jumar.Session(tmp_path / "store") as session,
    ):
        assert {name: future.result() for name, future in program.spawn().items()} == ANSWERS
        assert {told.kind for told in session.troubles} <= {
            "repaired"
        }  # of a deleted store only the index was begun anew
    with jumar.Session(tmp_path / "store") as session:
        assert {name: future.result() for name, future in program.spawn().items()} == ANSWERS
        assert session.counts().computed == 0
    assert tally.most() <= 2


@trouble
def test_trouble_with_a_store_is_raised_where_that_was_asked_for(tmp_path, program, name):
    breaking, text = TROUBLES[name]
    with opened(tmp_path / "store", on_store_error="raise") as session, breaking(tmp_path / "store"):
        futures = program.spawn()
        assert futures["both"].result(60) == ANSWERS["both"]
        if name in BEFORE_THE_COMMIT:
            with pytest.raises(jumar.StoreError, match=text):
                futures["large"].result()
        with pytest.raises(jumar.StoreError, match=r"could not be|is damaged|was removed"):
            session.checkpoint()


def test_a_result_that_cannot_be_read_for_now_stays_kept(tmp_path, program, tally):
    with jumar.Session(tmp_path / "store"):
        assert program.spawn()["both"].result() == ANSWERS["both"]
    with opened(tmp_path / "store") as session, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with every_descriptor_taken():
            assert program.spawn()["large"].result(60) == ANSWERS["large"]
        assert "unreadable" in {told.kind for told in session.troubles}
    assert any("cannot be read now" in str(warning.message) for warning in caught)
    assert tally["large"] == 2
    with jumar.Session(tmp_path / "store") as session:
        assert program.spawn()["large"].result() == ANSWERS["large"]
        assert not session.troubles
    assert tally["large"] == 2


def test_a_clock_that_goes_back_loses_nothing_and_makes_nothing_last_longer_than_it_may(tmp_path, tally):
    clock = ManualClock(1_000_000.0)

    @jumar.task(ttl_s=60)
    def price(x):
        tally.add(x)
        return tally[x]

    def ask(*numbers):
        with jumar.Session(tmp_path / "store", "inline") as session:
            session.engine = Engine(session.store, session.engine._executor, session._hear, owner=session, clock=clock)
            return [price(x) for x in numbers]

    assert ask(1, 2) == [1, 1]
    clock.set_back(30)
    assert ask(1, 3) == [1, 1]  # a little in the future: clocks of two machines differ as much
    clock.set_back(500_000)
    assert ask(1) == [2]
    assert ask(1) == [2]
    with jumar.Store.open(tmp_path / "store") as store:
        assert next(store.calls()).created_s < 600_000  # the newest comes first, whatever its time says


def test_a_store_whose_index_is_a_directory_is_refused_with_advice(tmp_path):
    jumar.Store.open(tmp_path / "store").close()
    for path in (tmp_path / "store").glob("index.sqlite*"):
        path.unlink()
    (tmp_path / "store" / "index.sqlite").mkdir()
    with pytest.raises(jumar.StoreError, match=r"cannot be opened.*Check that it is a file"):
        jumar.Session(tmp_path / "store")
    assert Path(tmp_path / "store" / "index.sqlite").is_dir()
