"""Real processes: several on one store, without room, without permission, forked."""

import random
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest

import jumar

OVERLAPPING = """
import os, sys
import jumar

class Log:
    def __jumar_key__(self):
        return "log"

    def note(self, what):
        os.write(self.file, f"{what}\\n".encode())

log = Log()

@jumar.task
def small(i):
    log.note(f"small {i}")
    return {"i": i}

@jumar.task
def large(i):
    log.note(f"large {i}")
    return i.to_bytes(4) * 1500

name, first, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
log.file = os.open(f"ran-{name}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
with jumar.Session("store", workers=4) as session:
    futures = [(i, small.spawn(i), large.spawn(i)) for i in range(first, first + count)]
    for i, one, other in futures:
        assert one.result() == {"i": i}, i
        assert other.result() == i.to_bytes(4) * 1500, i
        print(i, flush=True)
print("computed", session.counts().computed)
"""


def start(folder, text, *args):
    script = folder / "script.py"
    if not script.exists() or script.read_text() != text:  # another program may be reading it at this moment
        script.write_text(text)
    return subprocess.Popen(
        [sys.executable, "-W", "error", "script.py", *args],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(process):
    """What it printed, what it complained of, how it ended."""
    output, errors = process.communicate(timeout=100)
    return output, errors, process.returncode


def look(path):
    """Read everything there is while others write."""
    with jumar.Store.open(path, read_only=True) as store:
        for record in store.calls():
            entry = store.find(record.key)
            assert entry is not None
            assert store.load(entry) is not None
        return store.totals()


NUMBERS = 500
"""How many numbers each of the four programs works on, with two calls each."""
SHIFT = 100


def ran(folder, name):
    """What a program ran, in order."""
    return Path(folder, f"ran-{name}").read_text().splitlines()


def recorded(path):
    """What is in the store, once each: by the task and the number that it was called with; all of it is sound."""
    calls = Counter()
    with jumar.Store.open(path, verify="always") as store:
        for record in store.calls():
            value = store.load(store.find(record.key))
            calls[f"small {value['i']}" if isinstance(value, dict) else f"large {int.from_bytes(value[:4])}"] += 1
        assert store.totals()[:3] == (len(calls), 0, 2)
    assert set(calls.values()) <= {1}
    return set(calls)


def overlap(folder, seed):
    """Four programs, of which one is killed; what each of the others must have left is there."""
    victim = random.Random(seed).randrange(4)
    programs = [start(folder, OVERLAPPING, str(n), str(SHIFT * n), str(NUMBERS)) for n in range(4)]
    for _ in range(random.Random(seed).randrange(1, NUMBERS)):
        programs[victim].stdout.readline()
    programs[victim].send_signal(signal.SIGKILL)
    looks = 0
    while any(program.poll() is None for program in programs) or looks < 2:
        assert look(folder / "store").calls <= 2 * (NUMBERS + 3 * SHIFT)
        looks += 1
    for number, program in enumerate(programs):
        output, errors, status = end(program)
        if number == victim:
            assert status in (-signal.SIGKILL, 0)  # it may have been faster
        else:
            assert (errors, status, output.count("\n")) == ("", 0, NUMBERS + 1)
        assert set(Counter(ran(folder, number)).values()) <= {1}, "a program ran a call twice"
    return victim


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 13))])
def test_four_programs_on_one_store_lose_nothing_and_double_nothing_though_one_is_killed(tmp_path, seed):
    victim = overlap(tmp_path, seed)
    everything = {f"{task} {i}" for task in ("small", "large") for i in range(NUMBERS + 3 * SHIFT)}
    before = recorded(tmp_path / "store")
    for number in set(range(4)) - {victim}:
        first = SHIFT * number
        assert {f"{task} {i}" for task in ("small", "large") for i in range(first, first + NUMBERS)} <= before
    output, errors, status = end(start(tmp_path, OVERLAPPING, "fifth", "0", str(NUMBERS + 3 * SHIFT)))
    assert (output.splitlines()[-1], errors, status) == (f"computed {len(everything - before)}", "", 0)
    assert sorted(ran(tmp_path, "fifth")) == sorted(everything - before)
    assert recorded(tmp_path / "store") == everything
    assert look(tmp_path / "store").blobs == NUMBERS + 3 * SHIFT  # what the victim left behind was put to use


WITHOUT_ROOM = """
import resource, signal, warnings
import jumar

@jumar.task
def small(i):
    return {"i": [i] * 100}

@jumar.task
def large(n):
    return bytes(n)

warnings.simplefilter("always")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (250_000, 250_000))
with jumar.Session("store", "inline", on_store_error=MODE) as session:
    small(0)
    session.checkpoint()  # a group that fits, whatever the threads do
    assert [small(i) for i in range(2000)] == [{"i": [i] * 100} for i in range(2000)]
    futures = [large.spawn(n) for n in (100_000, 300_000)]
    if MODE == "warn":
        assert [future.result() for future in futures] == [bytes(100_000), bytes(300_000)]
        assert isinstance(futures[1].store_error, jumar.StoreError)
        assert futures[0].store_error is None
    kinds = {trouble.kind for trouble in session.troubles}
    try:
        session.checkpoint()
    except jumar.StoreError as error:
        print("raised", error)
kinds |= {trouble.kind for trouble in session.troubles}
print(sorted(kinds))
"""


def test_a_program_whose_files_may_not_grow_computes_everything_and_says_what_was_not_kept(tmp_path):
    output, errors, status = end(start(tmp_path, WITHOUT_ROOM.replace("MODE", "'warn'")))
    assert (output.strip(), status) == ("['unsaved']", 0)
    assert "StoreWarning" in errors
    assert "Traceback" not in errors
    assert "File too large" in errors  # the blob
    assert "could not be written to the index" in errors
    with jumar.Store.open(tmp_path / "store") as store:
        kept = list(store.calls())
        assert 0 < len(kept) < 2001
        assert all(store.load(store.find(record.key)) for record in kept)
        assert store.totals().blobs == 1
    again, errors, status = end(start(tmp_path, WITHOUT_ROOM.replace("250_000", "-1").replace("MODE", "'raise'")))
    assert (again.strip(), errors, status) == ("[]", "", 0)
    with jumar.Store.open(tmp_path / "store") as store:
        assert store.totals().calls == 2002


RAISING = """
import resource, signal
import jumar

@jumar.task
def small(i):
    return {"i": [i] * 100}

@jumar.task
def large(n):
    return bytes(n)

@jumar.task
def length(value):
    return len(value)

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (250_000, -1))
with jumar.Session("store", "inline", on_store_error="raise") as session:
    assert [small(i) for i in range(2000)] == [{"i": [i] * 100} for i in range(2000)]
    try:
        session.checkpoint()
    except jumar.StoreError as error:
        print(error)
    too_large = large.spawn(300_000)
    assert length.spawn(too_large).result() == 300_000
    for tell in (too_large.result, session.checkpoint):
        try:
            tell()
        except jumar.StoreError as error:
            print(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))  # what is noted at the end finds room
"""


def test_where_trouble_is_to_be_raised_a_checkpoint_and_the_future_raise_it(tmp_path):
    output, errors, status = end(start(tmp_path, RAISING))
    assert (errors, status) == ("", 0)
    assert "could not be written to the index" in output
    assert "make room" in output
    assert output.count("File too large") == 2


WITHOUT_PERMISSION = """
import os, sys, tempfile, warnings
from pathlib import Path
import jumar

@jumar.task
def small(i):
    return [i]

@jumar.task
def large(i):
    return bytes(i)

folder = Path.cwd()
with tempfile.TemporaryDirectory() as other, jumar.Session(other, "inline"):
    small(0), large(7000)  # everything is imported before the right to read it is given up
if os.getuid() == 0:
    os.setuid(65534)

def compute(path):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with jumar.Session(path, "inline") as session:
            assert (small(1), large(5000), small(2)) == ([1], bytes(5000), [2])
            if not session.store.read_only:
                return
            assert large(6000) == bytes(6000)
    print(session.counts().restored, *sorted({trouble.kind for trouble in session.troubles}))
    for warning in caught:
        print(warning.message)

compute(folder / "store")
everything = [folder / "store", *(folder / "store").rglob("*")]
before = {path: path.stat().st_mtime_ns for path in everything}
for path in everything:
    path.chmod(0o500 if path.is_dir() else 0o400)
compute(folder / "store")
assert before == {path: path.stat().st_mtime_ns for path in everything}, "something was written"
try:
    jumar.Session(folder / "store" / "inside")
except jumar.StoreError as error:
    print("refused:", error)
for path in everything:
    path.chmod(0o700)
"""


@pytest.fixture
def open_folder():
    """A folder that anybody may use; those that pytest makes are closed to others."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        yield Path(name)


def test_a_store_that_may_not_be_written_is_read_and_that_is_said_once(open_folder):
    output, errors, status = end(start(open_folder, WITHOUT_PERMISSION))
    assert (errors, status) == ("", 0)
    counts, warned, refused = output.splitlines()
    assert counts == "3 read-only"
    assert "may not be written: results are found in it, and none are kept" in warned
    assert refused.startswith("refused: the store ")
    assert "Permission denied" in refused


FORKED = """
import os, sys
import jumar

@jumar.task
def small(i):
    return {"i": i}

@jumar.task
def large(i):
    return bytes([i]) * 5000

session = jumar.Session("store", workers=2)
with session:
    futures = [(small.spawn(i), large.spawn(i)) for i in range(100)]
    [future.result() for pair in futures for future in pair]
    session.checkpoint()
    child = os.fork()
    if child == 0:
        MODE
        sys.exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    futures = [(small.spawn(i), large.spawn(i)) for i in range(100, 200)]
    [future.result() for pair in futures for future in pair]
with jumar.Session("store", workers=2) as session:
    assert [(small(i), large(i)) for i in range(200)] == [({"i": i}, bytes([i]) * 5000) for i in range(200)]
    print(session.counts().restored, session.store.totals().calls)
print(len(list(session.store.path.glob("blobs/tmp/*"))))
"""


@pytest.mark.parametrize(
    "mode",
    [
        "pass",
        "session.store.close()",
        "with jumar.Session('store', workers=2): assert small(1000) == {'i': 1000} and large(200) == bytes([200]) * 5000",
        "with jumar.Session('other', workers=2): assert small(1000) == {'i': 1000}",
    ],
    ids=["does nothing", "closes its parent's store", "uses the same store", "uses another store"],
)
def test_a_child_that_is_forked_harms_nothing_of_its_parents(tmp_path, mode):
    output, errors, status = end(start(tmp_path, FORKED.replace("MODE", mode)))
    added = 2 if "'store'" in mode else 0
    assert (output.split(), errors, status) == (["400", str(400 + added), "1"], "", 0)


RECORDED_IN_A_CHILD = """
import os, sys, warnings
import jumar
from jumar.store.records import Entry

store = jumar.Store.open("store")
child = os.fork()
if child == 0:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        store.record(Entry(bytes(32), 0, 0.0, 0.0, 1, "pickle", b"x", None, b""))
        assert store.flush() in (True, False)
    print(*(warning.message for warning in caught))
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
store.close()
"""


def test_a_child_that_records_into_its_parents_store_is_refused_and_does_not_hang(tmp_path):
    output, errors, status = end(start(tmp_path, RECORDED_IN_A_CHILD))
    assert (errors, status) == ("", 0)
    assert "belongs to the process that this one was forked from" in output
    with jumar.Store.open(tmp_path / "store") as store:
        assert store.totals().calls == 0
