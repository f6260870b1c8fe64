"""When results reach the store: as calls end, once in a period, at the end, or when it is said."""

import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

import jumar

LATER = ["periodic", "exit", "manual"]

PROGRAM = """
import os, signal, sys
import jumar

mode, end = sys.argv[1:]

@jumar.task
def big(i):
    return bytes([i]) * 100_000

@jumar.task
def small(i):
    return i

jumar.configure(store="store", workers=1, checkpoint_mode=mode, checkpoint_period_s=3600)
for i in range(20):
    jumar.gather([big.spawn(i), small.spawn(i)])
if end == "manual":
    from jumar.session import current
    current().checkpoint()
    end = "SIGKILL"
if end == "exception":
    raise RuntimeError("a bug")
if end.startswith("SIG"):
    os.kill(os.getpid(), getattr(signal, end))
"""


def ended(folder, mode, end):
    """How many results a program leaves in the store, and its status."""
    (folder / "program.py").write_text(PROGRAM)
    done = subprocess.run([sys.executable, "program.py", mode, end], cwd=folder, capture_output=True, check=False)
    with jumar.Store.open(folder / "store", verify="always") as store:
        kept = list(store.calls())
        for record in kept:
            store.load(store.find(record.key))
    return len(kept), done.returncode


@pytest.mark.parametrize("mode", ["task_exit", *LATER])
@pytest.mark.parametrize(
    ("end", "status"),
    [("normal", 0), ("exception", 1), ("SIGTERM", 143), ("SIGINT", -signal.SIGINT), ("manual", -signal.SIGKILL)],
)
def test_every_end_but_a_kill_writes_what_has_finished_in_every_mode(tmp_path, mode, end, status):
    assert ended(tmp_path, mode, end) == (40, status)


@pytest.mark.parametrize("mode", LATER)
def test_a_kill_costs_what_was_in_memory_only(tmp_path, mode):
    assert ended(tmp_path, mode, "SIGKILL") == (0, -signal.SIGKILL)


@jumar.task
def array(n):
    return np.full(100_000, n)


@pytest.mark.parametrize("mode", LATER)
def test_held_results_are_found_in_the_session_and_are_private(tmp_path, mode):
    with jumar.Session(tmp_path, checkpoint_mode=mode) as session:
        first = array(3)
        first[:] = 7
        second = array(3)
        assert (second == 3).all()
        assert session.counts()[:2] == (1, 1)
        with jumar.Store.open(tmp_path, read_only=True) as other:
            assert other.totals().blobs == 0
        session.checkpoint()
        with jumar.Store.open(tmp_path, read_only=True) as other:
            assert (other.totals().calls, other.totals().blobs) == (1, 1)


def test_a_checkpoint_writes_only_what_is_new(tmp_path):
    with jumar.Session(tmp_path, checkpoint_mode="manual") as session:
        array(1)
        session.checkpoint()
        [blob] = (tmp_path / "blobs").glob("??/*")
        written_ns = blob.stat().st_mtime_ns
        array(2)
        session.checkpoint()
        assert blob.stat().st_mtime_ns == written_ns
    with jumar.Session(tmp_path) as session:
        jumar.gather([array.spawn(1), array.spawn(2)])
        assert session.counts()[:2] == (0, 2)


@jumar.task
def block(step, number):
    return np.full(10_000, -step if number == 7 else number)


def test_of_a_hundred_blocks_of_a_state_the_one_that_changed_is_written(tmp_path):
    blobs = {}
    for step in (1, 2):
        with jumar.Session(tmp_path) as session:
            jumar.gather([block.spawn(step, number) for number in range(100)])
            assert session.counts().computed == 100
        blobs[step] = {path: path.stat().st_mtime_ns for path in (tmp_path / "blobs").glob("??/*")}
    assert len(blobs[1]) == 100
    assert len(blobs[2].items() - blobs[1].items()) == 1


def test_a_store_that_writes_at_once_cannot_be_made_to_wait(tmp_path):
    with jumar.Store.open(tmp_path) as store, pytest.raises(jumar.SettingsError, match="deferred=True"):
        jumar.Session(store, checkpoint_mode="exit")
    with jumar.Store.open(tmp_path, deferred=True) as store:
        with jumar.Session(store, checkpoint_mode="exit"):
            array(1)
        assert store.totals().calls == 1


@pytest.mark.parametrize("seconds", [0, -1, True, "soon", 1e12])
def test_a_period_that_cannot_be_waited_for_is_refused(tmp_path, seconds):
    with pytest.raises(jumar.SettingsError, match=r"checkpoint_period_s takes a number of seconds above 0"):
        jumar.Session(tmp_path, checkpoint_period_s=seconds)


def test_what_a_period_does_is_seen_on_disk(tmp_path):
    with jumar.Session(tmp_path, checkpoint_mode="periodic", checkpoint_period_s=0.001):
        array(1)
        written = threading.Event()
        while not list((tmp_path / "blobs").glob("??/*")):
            written.wait(0.001)
