"""A program that dies at every single storage operation, and within every write of a blob, and is then run again."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from jumar.testing.faults import KILLED_STATUS

CALLS = 12
WRITES = (
    *("index.add", "index.add_task", "blobs.write", "labels.append"),
    *("lineage.begin_run", "lineage.remember_code", "lineage.note_codes"),
)
"""Operations that change the disk: dying after them is not the same as dying before the next one."""


class Program:
    """The workload, ready to be run in a process of its own each time."""

    def __init__(self, folder, durability):
        self.folder = folder
        self.durability = durability
        self.orders = 0
        self.process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("crash_workload.py")],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def order(self, do, store, *, every=1, torn=None, **faults):
        """The end status of the process that did it, and its result, if it came to that."""
        self.orders += 1
        result = self.folder / f"result-{self.orders}"
        order = {"do": do, "store": str(store), "log": f"{store}.log", "result": str(result), "every": every}
        order["durability"] = self.durability
        self.process.stdin.write(json.dumps({**order, "faults": faults, "torn": torn}) + "\n")
        status = int(self.process.stdout.readline())
        return status, json.loads(result.read_text()) if result.exists() else None

    def runs(self, store):
        """How often each call ran, by its name."""
        log = Path(f"{store}.log")
        return Counter(log.read_text().splitlines()) if log.exists() else Counter()

    def dies_and_is_run_again(self, name, **how):
        """Everything that must hold after a crash; whether there was one."""
        store = self.folder / name
        status, _ = self.order("run", store, **how)
        before = self.runs(store)
        _, again = self.order("resume", store)
        after = self.runs(store)
        assert again is not None, f"{name}: the run after the crash failed"
        assert again["answer"] == self.answer, name
        twice = {call for call in after if after[call] > before[call] > 0}
        assert twice.isdisjoint(again["recorded"]), f"{name}: recorded, and yet run again"
        assert set(before) - twice - {"broken"} <= set(again["recorded"]), f"{name}: neither recorded nor run again"
        assert max(after.values()) <= 2
        assert again["totals"] == self.totals, name
        assert again["left"] == ["lock"], f"{name}: left in blobs/tmp"
        assert again["lost"] == again["wrong"] == [], f"{name}: a check finds something wrong"
        return status == KILLED_STATUS

    def run_without_faults(self, **how):
        """The operations it takes."""
        status, done = self.order("run", self.folder / f"sound-{how}", **how)
        assert status == 0
        self.answer = done["answer"]
        _, again = self.order("resume", self.folder / f"sound-{how}")
        assert again["answer"] == self.answer
        assert sorted(self.runs(self.folder / f"sound-{how}").values()) == [1] * (CALLS - 1) + [2]  # the failing one
        self.totals = again["totals"]
        return done["operations"]


@pytest.fixture(params=["process", "power"])
def program(tmp_path, request):
    program = Program(tmp_path, request.param)
    yield program
    program.process.stdin.close()
    assert program.process.wait(60) == 0
    program.process.stdout.close()


def _tell(record_property, points, program):
    record_property("tried", (points, f'crash points in real processes, durability="{program.durability}"'))


@pytest.mark.parametrize("program", ["process", pytest.param("power", marks=pytest.mark.slow)], indirect=True)
def test_a_program_that_dies_at_any_storage_operation_loses_and_repeats_nothing_that_was_recorded(
    program, record_property
):
    operations = program.run_without_faults()
    assert program.totals["calls"] == CALLS - 1
    assert program.totals["failures"] == 1
    assert set(WRITES) <= set(operations)
    points = 0
    while program.dies_and_is_run_again(f"before-{points + 1}", at=points + 1):
        points += 1
    # An inner call's record and the outer one's may be committed together or not: that depends on the threads.
    assert abs(points - len(operations)) <= 1
    _tell(record_property, points, program)


@pytest.mark.slow
def test_a_program_that_dies_after_any_write_loses_and_repeats_nothing_that_was_recorded(program, record_property):
    # Records are committed in groups here, whose number depends on the threads: the program is run until it survives.
    program.run_without_faults(every=4)
    points = 0
    for operation in WRITES:
        number = 1
        how = {"every": 4, "when": "after", "only": [operation]}
        while program.dies_and_is_run_again(f"after-{operation}-{number}", at=number, **how):
            number += 1
        assert number > 1
        points += number - 1
    _tell(record_property, points, program)


@pytest.mark.parametrize("kept", ["nothing", "half", "all but one byte"])
@pytest.mark.parametrize("place", ["scratch", "final"])
def test_a_program_that_dies_within_any_write_of_a_blob_leaves_nothing_that_is_taken_for_a_result(
    program, place, kept, record_property
):
    program.run_without_faults()
    blob = 1
    while program.dies_and_is_run_again(f"torn-{blob}", torn={"at": blob, "kept_bytes": kept, "place": place}):
        blob += 1
    assert blob == program.totals["blobs"] + 1
    points = blob - 1
    _tell(record_property, points, program)
