"""Every prefix of what a run did on the disk, taken up by the run's id: the same answer, and no step twice.

The run has nested calls, steps, waits, events and a continuation. For each prefix the disk is as a kill at that moment leaves
it, and a fresh session, or a fresh process, goes on from there.
"""

import ast
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import pytest

from jumar.script import module_of
from jumar.store.named_runs import NamedRuns
from jumar.store.store import Store
from jumar.testing.disk_log import Log, Write
from jumar.testing.power_cut import Image, content_after, killed

WORKLOAD = Path(__file__).with_name("replay_workload.py")
WORKERS = 2
EVERY, EVERY_PROCESS = 25, 150
"""Of how many images the default suite takes up one, in a session of its own, and in a process; ``make test-slow`` all, and
one of ten."""
TORN_EVERY = 3


class Recording(NamedTuple):
    log: Log
    answer: object


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    folder = tmp_path_factory.mktemp("replay")
    (folder / "disk").mkdir()
    command = [sys.executable, "-W", "error", WORKLOAD, "record", folder / "disk", folder / "result"]
    subprocess.run(command, check=True, timeout=100)
    return Recording(*pickle.loads((folder / "result").read_bytes()))


@pytest.fixture
def images_folder(tmp_path):
    """Where images are built: in memory where that can be had, as opening each costs several waits for the disk."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else tmp_path) as name:
        yield Path(name)


@pytest.fixture
def workload():
    """The workload as the module that a resumed run finds its tasks in."""
    return module_of("replay_workload", str(WORKLOAD))


def effects_in(folder):
    """The keys with which each effect was done, by what it was. A torn line is one that nobody has finished."""
    keys = defaultdict(list)
    path = folder / "effects"
    for line in path.read_text().split("\n")[:-1] if path.exists() else ():
        what, key = line.split("\t")
        keys[what].append(key)
    return keys


def recorded_in(folder):
    """The keys of the steps whose results are in the store, as whoever opens it next will find them."""
    if not (folder / "store" / "index.sqlite").exists():
        return set()
    with Store.open(folder / "store", report=lambda trouble: None) as store:
        table = NamedRuns(store.index)
        keys = [step.key for run in table.all() for step in table.begun(run.token)]
        return {key.hex() for key in keys if store.find(key) is not None}


def take_up(recording, image, folder, labels, go):
    """Take up the run where an image left it; how many effects came again."""
    image.build(folder)
    effects = folder / "effects"
    if effects.exists():  # of a line that was torn the disk has a part; whoever appends to it begins a new one
        whole = effects.read_text()
        effects.write_text(whole[: whole.rfind("\n") + 1])
    before, recorded = effects_in(folder), recorded_in(folder)
    under_way = [what for what, keys in before.items() if keys[0] not in recorded]
    assert len(under_way) <= WORKERS, f"{image.what}: {under_way} were not recorded, and yet others were begun"
    assert go(folder) == recording.answer, image.what
    after = effects_in(folder)
    assert sorted(after) == sorted(labels), image.what
    for what, keys in after.items():
        assert len(set(keys)) == 1, f"{image.what}: {what} was done with two keys"
        may_come_again = before[what] and keys[0] not in recorded
        assert len(keys) <= 1 + bool(may_come_again), f"{image.what}: {what} was recorded, and yet done again"
    shutil.rmtree(folder)
    return sum(len(keys) - 1 for keys in after.values())


def prefixes(log):
    """The disk after each of the operations, and before the first one."""
    for cut in range(len(log) + 1):
        yield Image(content_after(log[:cut]), 0, f"the first {cut} of {len(log)} operations")


def in_a_process(folder):
    command = [sys.executable, "-W", "error", WORKLOAD, "go", folder]
    return ast.literal_eval(subprocess.run(command, check=True, timeout=100, capture_output=True, text=True).stdout)


def test_the_recorded_run_is_what_it_is_meant_to_be(recording, workload):
    files = content_after(recording.log)
    lines = Counter(line.partition("\t")[0] for line in files["effects"].decode().splitlines())
    assert lines == Counter(workload.LABELS)
    assert sum(isinstance(each, Write) for each in recording.log) > 200


@pytest.mark.parametrize("every", [EVERY, pytest.param(1, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
def test_a_run_is_taken_up_at_every_prefix_of_what_it_did_on_the_disk(
    recording, images_folder, workload, every, record_property
):
    count = again = 0
    for image in islice(prefixes(recording.log), 0, None, every):
        again += take_up(recording, image, images_folder / "image", workload.LABELS, workload.go)
        count += 1
    record_property("tried", (count, f"prefixes of {len(recording.log)} operations at which a run was taken up"))
    record_property("tried", (again, "effects that came again with the same key, at a prefix"))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_run_is_taken_up_after_writes_that_were_torn(recording, images_folder, workload, record_property):
    count = 0
    for image in islice((image for image in killed(recording.log) if "bytes" in image.what), 0, None, TORN_EVERY):
        take_up(recording, image, images_folder / "image", workload.LABELS, workload.go)
        count += 1
    record_property("tried", (count, "torn writes after which a run was taken up"))


@pytest.mark.parametrize("every", [EVERY_PROCESS, pytest.param(10, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
def test_a_run_is_taken_up_by_a_process_of_its_own(recording, images_folder, workload, every, record_property):
    count = 0
    for image in islice(prefixes(recording.log), every // 2, None, every):
        take_up(recording, image, images_folder / "image", workload.LABELS, in_a_process)
        count += 1
    record_property("tried", (count, "prefixes at which a run was taken up by a process of its own"))
