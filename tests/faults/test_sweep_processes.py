"""Sweeps beside real programs, and sweeps that die."""

import subprocess
import sys
from pathlib import Path

import pytest

import jumar
from jumar.store.lock_file import locked
from jumar.store.records import Entry, TaskInfo
from jumar.store.retention import Rules
from jumar.store.sweep import evict
from jumar.testing.faults import Faults, SimulatedCrash
from jumar.testing.faulty_parts import open_faulty

RECORDING = """
import sys
import jumar
from jumar.store.records import Entry, TaskInfo

# One line in, one round: open, record results whose blobs the other program is about to sweep, read them twice, close.
complaints = []
for number, line in enumerate(sys.stdin):
    with jumar.Store.open("store", report=complaints.append) as store:
        task = store.task(TaskInfo(b"code", "f", "m"))
        print("open", flush=True)
        entries = []
        for i in range(40):
            payload = store.encode(bytes([i % 5]) * 6000)
            key = (number * 100 + i).to_bytes(32, "big")
            entries.append(Entry(key, task, store.now_s(), 1.0, payload.size_bytes, payload.codec, None, payload.blob, b""))
            store.record(entries[-1])
            store.find(key)
        store.flush()
        for _ in range(2):
            for i, entry in enumerate(entries):
                assert store.load(entry) == bytes([i % 5]) * 6000
    print("closed", flush=True)
print(len(complaints), [trouble.text for trouble in complaints[:3]], flush=True)
"""


def test_a_program_that_records_without_pause_beside_sweeps_loses_no_blob(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(RECORDING)
    command = [sys.executable, "-W", "error", script]
    program = subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    complaints = []
    rounds = 60
    program.stdin.write("go\n" * rounds)
    program.stdin.close()
    assert program.stdout.readline() == "open\n"
    sweeps = went = 0
    with jumar.Store.open(tmp_path / "store", report=complaints.append) as store:
        while program.poll() is None:
            swept = store.sweep(Rules(older_than_s=0))
            went += swept.calls
            sweeps += 1
            for call in store.calls():
                entry = store.find(call.key)
                assert entry is None or len(store.load(entry)) == 6000
            store.let_go()
        with program:
            output = program.stdout.read().splitlines()
        assert program.returncode == 0
        assert output[-1] == "0 []"
        assert complaints == []
        assert output.count("closed") == rounds
        went += store.sweep(Rules(older_than_s=0)).calls
        assert went == rounds * 40
        assert store.totals()[:1] + store.totals()[4:6] == (0, 0, 0)
    assert sweeps > 0


HOLDING = """
import sys
import jumar

@jumar.task
def large(i):
    return bytes([i]) * 100_000

@jumar.task
def length(value):
    return len(value)

with jumar.Session("store", "inline") as session:
    futures = [large.spawn(i) for i in map(int, sys.argv[1:])]
    values = [future.result() for future in futures]
    session.checkpoint()
    print(session.counts().computed, session.counts().restored, flush=True)
    assert sys.stdin.readline() == "swept\\n"
    # Other readers of these results, of which the index knows nothing any more.
    assert [length.spawn(future).result() for future in futures] == [100_000] * len(futures)
    print(session.counts().computed - len(futures), flush=True)
    assert not session.troubles
"""


def test_results_that_a_living_program_uses_stay_readable_for_it_and_go_when_it_has_ended(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(HOLDING)

    def start(*numbers):
        command = [sys.executable, "-W", "error", script, *numbers]
        return subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    with start("2") as before:
        before.communicate("swept\n", timeout=60)
    with start("1", "2") as program, jumar.Store.open(tmp_path / "store") as store:
        assert program.stdout.readline() == "1 1\n"
        swept = store.sweep(Rules(tasks=frozenset({"large"})))
        assert (swept.calls, swept.blobs, swept.blobs_in_use) == (2, 0, 2)
        output, _ = program.communicate("swept\n", timeout=60)
        assert (output, program.returncode) == ("0\n", 0)
        after = store.sweep()
        assert (after.blobs, after.blobs_in_use) == (2, 0)


def fill(store):
    """Four results with three blobs, one unnamed blob, a failure."""
    task = store.task(TaskInfo(b"code", "f", "m"))
    for number, value in enumerate([b"a" * 6000, b"b" * 6000, b"b" * 6000, b"c" * 6000]):
        payload = store.encode(value)
        key = bytes([number]) * 32
        created_s = store.now_s() - (1000 if number < 2 else 0)
        store.record(Entry(key, task, created_s, 1.0, payload.size_bytes, payload.codec, None, payload.blob, b""))
    store.encode(b"d" * 6000)
    store.flush()


def look(path):
    """What is found, each result read; nothing may be damaged."""
    complaints = []
    with jumar.Store.open(path, report=complaints.append) as store:
        found = {call.key[0]: bytes(store.load(store.find(call.key)))[:1] for call in store.calls()}
    assert complaints == []
    return found


RULES = Rules(older_than_s=500)
LEFT = {2: b"b", 3: b"c"}


def operations_of_a_sweep(folder):
    """What opening the store takes, and what the sweep takes after it."""
    with jumar.Store.open(folder) as store:
        fill(store)
    faults = Faults()
    with open_faulty(folder, faults) as store:
        opening = len(faults.operations)
        store.sweep(RULES)
        return opening, faults.operations[opening:]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_sweep_that_dies_at_any_operation_leaves_a_sound_store_and_the_next_one_finishes_it(tmp_path, when):
    opening, operations = operations_of_a_sweep(tmp_path / "whole")
    assert {"stock.take", "blobs.set_aside", "blobs.discard", "stock.drop_codes"} <= set(operations)
    for number in range(1, len(operations) + 1):
        folder = tmp_path / f"{number}"
        with jumar.Store.open(folder) as store:
            fill(store)
        faults = Faults(opening + number, SimulatedCrash, when=when)
        with open_faulty(folder, faults) as store, pytest.raises(SimulatedCrash):
            store.sweep(RULES)
        found = look(folder)
        assert LEFT.items() <= found.items(), operations[number - 1]
        with jumar.Store.open(folder) as store:
            store.sweep(RULES)
            assert store.totals().blobs == 2
            assert list(store.blobs.aside()) == []
        assert look(folder) == LEFT
        assert list(Path(folder, "blobs").rglob("*.aside")) == []


def test_a_set_aside_index_keeps_blobs_without_rows_from_being_swept(tmp_path):
    with jumar.Store.open(tmp_path / "store") as store:
        fill(store)
    damaged = tmp_path / "store" / "index.sqlite.damaged-1"
    damaged.write_bytes(b"")
    with jumar.Store.open(tmp_path / "store") as store:
        told = [store.sweep(RULES, dry_run=dry) for dry in (True, False)]
        assert [(each.calls, each.blobs) for each in told] == [(2, 0), (2, 0)]
        assert all("index.sqlite.damaged-1 may name them" in each.spared for each in told)
        assert store.totals().blobs == 4
        damaged.unlink()
        assert store.sweep().blobs == 2


def test_a_store_that_may_not_be_written_is_not_swept_but_says_what_would_go(tmp_path):
    with jumar.Store.open(tmp_path / "store") as store:
        fill(store)
    with jumar.Store.open(tmp_path / "store", read_only=True) as store:
        assert store.sweep(RULES, dry_run=True).calls == 2
        with pytest.raises(jumar.StoreError, match="may not be written, so nothing can be removed"):
            store.sweep(RULES)


def test_trouble_with_the_disk_in_a_sweep_is_told_with_what_to_do(tmp_path):
    from jumar.testing.faults import disk_full

    with jumar.Store.open(tmp_path / "store") as store:
        fill(store)
    with (
        open_faulty(tmp_path / "store", Faults(1, disk_full, only=["blobs.set_aside"])) as store,
        pytest.raises(
            jumar.StoreError, match=r"could not be swept to the end .*No space left.*is done by the next `jumar gc`"
        ),
    ):
        store.sweep(RULES)
    assert look(tmp_path / "store") == LEFT


FORKING = """
import os, sys
import jumar

with jumar.Session("store", "inline") as session:
    value = jumar.task(lambda n: bytes(n), name="zeros").spawn(100_000).result()
    child = os.fork()
    if child == 0:
        session.store.let_go()
        session.store.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    session.checkpoint()
    print("forked", flush=True)
    sys.stdin.readline()
"""


def test_a_forked_child_lets_go_of_nothing_that_its_parent_uses(tmp_path):
    command = [sys.executable, "-W", "error", "-c", FORKING]
    program = subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with program, jumar.Store.open(tmp_path / "store") as store:
        assert program.stdout.readline() == "forked\n"
        assert store.sweep(Rules(older_than_s=0)).blobs_in_use == 1
        program.communicate("on\n", timeout=60)
        assert program.returncode == 0
        assert store.sweep().blobs == 1


def test_two_programs_do_not_sweep_at_once_and_a_budget_leaves_it_to_the_other(tmp_path):
    with jumar.Store.open(tmp_path / "store") as store:
        fill(store)
        store.let_go()
        with locked(tmp_path / "store" / "sweep.lock"):
            assert evict(store, 1000, 900) == store.stock.size_bytes() > 18_000
        assert evict(store, 1000, 900) == 0
