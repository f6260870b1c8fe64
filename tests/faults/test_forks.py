"""Forks at bad moments: a child neither hangs nor loses what it has kept, whatever its parent is in the middle of."""

import subprocess
import sys

import pytest

BEGINNING = """
import os, signal, sys, threading
import jumar
from jumar.store.records import TaskInfo

@jumar.task
def small(i):
    return {"i": i}

@jumar.task
def large(i):
    return i.to_bytes(4) * 1500

def keep(numbers):
    with jumar.Session("store", workers=2) as session:
        for i in numbers:
            assert (small(i), large(i)) == ({"i": i}, i.to_bytes(4) * 1500)
        session.checkpoint()
        return session.counts()

def fork(work):
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # a child that hangs is killed by it
        work()
        os._exit(7)
    return child

def ended(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
"""


def run(folder, text):
    """What the program printed; it must end well and complain of nothing."""
    (folder / "script.py").write_text(BEGINNING + text)
    # From Python 3.12 on any fork beside threads is warned of: that is what is tried here.
    command = [sys.executable, "-W", "error", "-W", "ignore:This process:DeprecationWarning", "script.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100, check=False)
    assert (done.stderr, done.returncode) == ("", 0)
    return done.stdout.split()


WITHIN_A_COMMIT = """
keep(range(3))
store = jumar.Store.open("store")
began, forking = threading.Event(), threading.Event()

def commit(connection):
    connection.execute("UPDATE tasks SET module = module")
    began.set()
    forking.wait()

os.register_at_fork(before=forking.set)
thread = threading.Thread(target=store.index.transact, args=(commit,))
thread.start()
began.wait()

def work():
    WORK

print(ended(fork(work)))
thread.join()
store.close()
print(keep(range(20)).restored)
"""


@pytest.mark.parametrize(
    ("work", "kept"),
    [
        ("store.close()", 6),
        ("assert len(list(store.calls())) == 6 and store.totals().calls == 6", 6),
        ("assert all(store.find(call.key) for call in store.calls())", 6),
        ("assert store.task(TaskInfo(bytes(32), 'f', 'm')) > 0", 6),
        ("assert keep(range(10)).restored == 6", 20),
    ],
    ids=["closes", "lists", "looks up", "writes", "keeps its own results"],
)
def test_a_child_that_is_forked_within_a_commit_can_use_the_store(tmp_path, work, kept):
    assert run(tmp_path, WITHIN_A_COMMIT.replace("WORK", work)) == ["7", str(kept)]


OUTLIVING = """
closed, tell_closed = os.pipe()
kept, tell_kept = os.pipe()

def work():
    with jumar.Session("store", workers=2) as session:
        small(100)
        session.checkpoint()
        os.write(tell_kept, b".")
        os.read(closed, 1)
        small(101)
        session.checkpoint()
        os.write(tell_kept, b".")
        os.read(closed, 1)

with jumar.Store.open("store") as store, jumar.Session("store", workers=2) as session:
    for i in range(10):
        small(i)
    session.checkpoint()
    calls = store.calls()
    STATE
    child = fork(work)
    os.read(kept, 1)
    calls.close()
os.write(tell_closed, b".")
os.read(kept, 1)
with jumar.Session("store", "inline") as session:
    for i in [*range(10), *range(100, 102), *range(200, 300)]:
        small(i)
    session.checkpoint()
    print(session.counts().restored)
    os.write(tell_closed, b".")
    print(ended(child))
with jumar.Session("store", "inline") as session:
    for i in [*range(10), *range(100, 102), *range(200, 300)]:
        small(i)
    print(session.counts().restored)
"""


@pytest.mark.parametrize("state", ["pass", "next(calls)"], ids=["at rest", "half-way through a listing"])
def test_what_a_child_has_kept_stays_although_its_parent_closes_the_store_first(tmp_path, state):
    assert run(tmp_path, OUTLIVING.replace("STATE", state)) == ["12", "7", "112"]


AGAIN_AND_AGAIN = """
with jumar.Session("store", workers=2) as session:
    works = [session.store.close, session.store.totals, lambda: small(10**6), lambda: keep([10**6])]
    for count in range(60):
        futures = [task.spawn(10 * count + i) for i in range(10) for task in (small, large)]
        futures[count % 20].result()
        status = ended(fork(works[count % 4]))
        assert status == 7, (count, status)
print(keep(range(600)).restored)
"""


def test_a_busy_program_may_fork_at_any_moment(tmp_path):
    assert run(tmp_path, AGAIN_AND_AGAIN) == ["1200"]


GRANDCHILD = """
store = jumar.Store.open("store")
keep(range(3))

def work():
    assert ended(fork(lambda: keep(range(5)))) == 7
    assert store.totals().calls == 10
    store.close()
    try:
        store.find(bytes(32))
    except Exception as error:
        assert "closed" in str(error)
    else:
        raise AssertionError("a closed store was looked into")

print(ended(fork(work)))
assert store.totals().calls == 10
store.close()
print(keep(range(5)).restored)
"""


def test_a_child_of_a_child_is_no_different(tmp_path):
    assert run(tmp_path, GRANDCHILD) == ["7", "10"]


HASHED = """
from jumar.keys.digest import digest

big = bytes(4 << 20)
first = digest(big)

def work():
    assert digest(big) == first
    with jumar.Session("store", workers=2) as session:
        assert len(doubled(big)) == 8 << 20

@jumar.task
def doubled(data):
    return data + data

assert len(doubled(big)) == 8 << 20
print(ended(fork(work)), ended(fork(lambda: ended(fork(work)) == 7 or os._exit(1))))
"""


def test_a_child_can_hash_what_is_large_although_its_parent_has(tmp_path):
    assert run(tmp_path, HASHED) == ["7", "7"]
