"""What a killed session has left of spilled values is gone with the next session on its store."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

import jumar

PROGRAM = """
import os, signal, sys
import jumar

@jumar.task(checkpoint=False)
def text(letter):
    return letter * 1_000_000

with jumar.Session(sys.argv[1], "threads", 1, memory=1_500_000) as session:
    futures = [text.spawn(letter) for letter in "abc"]
    jumar.wait(futures)
    given = jumar.put(bytearray(1_000_000))
    print(session.memory().spills, given.place, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def left_of(store, process):
    shared = Path(f"/dev/shm/jumar-{store.stat().st_uid}")
    places = [*(store / "scratch").glob(f"{process}-*"), *shared.glob(f"{process}-*")]
    return [file for place in places for file in place.iterdir() if file.name != "owner"]


@pytest.mark.parametrize("memory", [None, "1MB"])
def test_after_a_kill_the_next_session_removes_what_was_spilled(tmp_path, memory):
    store = tmp_path / "store"
    killed = subprocess.Popen([sys.executable, "-c", PROGRAM, store], stdout=subprocess.PIPE, text=True)
    printed, _ = killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL
    spills, place = printed.split()
    assert (int(spills) >= 2, place) == (True, "shared")
    assert len(left_of(store, killed.pid)) >= 3
    with jumar.Session(store, "inline", memory=memory):
        assert left_of(store, killed.pid) == []
