"""Disks as a power loss may leave them: what was promised with ``durability="power"`` is there, and nothing is wrong."""

import os
import pickle
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from jumar.errors import DamagedError
from jumar.store.check import check
from jumar.store.records import Entry
from jumar.store.store import Store
from jumar.testing.disk_log import Log, Promise, Sync, Write
from jumar.testing.power_cut import content_after, images, killed

WORKLOAD = Path(__file__).with_name("power_workload.py")


class Recording(NamedTuple):
    log: Log
    values: Mapping[bytes, object]
    promised: list[list[bytes]]
    disk: Path


def record(folder, durability, length="short"):
    disk, result = folder / "disk", folder / "result"
    disk.mkdir()
    subprocess.run([sys.executable, "-W", "error", WORKLOAD, disk, durability, result, length], check=True, timeout=100)
    return Recording(*pickle.loads(result.read_bytes()), disk)


@pytest.fixture(scope="module", params=["power", "mixed", "process"])
def recorded(request, tmp_path_factory):
    return request.param, record(tmp_path_factory.mktemp(request.param), request.param)


def plain(value):
    return value.tolist() if isinstance(value, np.ndarray) else value


@pytest.fixture
def images_folder(tmp_path):
    """Where images are built: in memory where that can be had, as opening each costs several waits for the disk."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else tmp_path) as name:
        yield Path(name)


class Survivor:
    """A store on an image, and what is found in it."""

    def __init__(self, folder, recording, image):
        self.path, self.recording, self.image = folder / "results" / "store", recording, image
        self.troubles = []
        self.wrong = []
        image.build(folder)

    def found(self, store):
        """The keys of the results that are there; each has the right value."""
        keys = set()
        for key, value in self.recording.values.items():
            entry = store.find(key)
            if entry is None:
                continue
            try:
                assert plain(store.load(entry)) == value, self.image.what
            except DamagedError:
                continue
            keys.add(key)
        return keys

    def look(self, *, checked):
        """What is found after the power loss; and that the store then works: what is missing is recorded anew, and stays.

        What a check finds before and after that is kept, if it is to be checked.
        """
        with Store.open(self.path, report=self.troubles.append) as store:
            self.wrong += check(store).findings if checked else []
            keys = self.found(store)
            assert {call.key for call in store.calls() if call.state == "done"} <= set(self.recording.values)
            missing = self.recording.values.keys() - keys
            for key in missing:
                coded = store.encode(self.recording.values[key])
                store.record(Entry(key, 0, 0.0, 0.0, coded.size_bytes, coded.codec, coded.inline, coded.blob, b""))
        if missing:
            later = []
            with Store.open(self.path, report=later.append) as store:
                assert self.found(store) == set(self.recording.values), self.image.what
                again = check(store).findings if checked else []
                assert not [finding for finding in again if finding.kind != "blob" or finding.key], self.image.what
                self.wrong += again
            assert later == [], self.image.what
        return keys


def look_at(recording, folder, chosen, checked_every=1):
    """How many images there were; those in which promised results are missing; the kinds of trouble; what checks found."""
    count, lossy, kinds, wrong = 0, [], set(), []
    for image in chosen:
        survivor = Survivor(folder / "image", recording, image)
        try:
            keys = survivor.look(checked=count % checked_every == 0)
        except Exception as error:
            error.add_note(image.what)
            raise
        count += 1
        if not keys.issuperset(recording.promised[image.promised]):
            lossy.append(image.what)
        kinds.update(trouble.kind for trouble in survivor.troubles)
        wrong += [f"{image.what}: {finding.text}" for finding in survivor.wrong]
        shutil.rmtree(folder / "image")
    return count, lossy, kinds, wrong


def test_the_log_leaves_the_very_disk_that_the_program_left(recorded):
    _, recording = recorded
    real = {
        str(path.relative_to(recording.disk)): None if path.is_dir() else path.read_bytes()
        for path in recording.disk.rglob("*")
    }
    assert content_after(recording.log) == real


EVERY = 10
"""Of how many images the default suite looks at one; ``make test-slow`` looks at all, and at more."""
CHECKED_EVERY = 5
"""Of how many of these it has one checked whole; ``make test-slow`` has all."""


def _prove(durability, recording, folder, chosen, record_property, checked_every=1):
    count, lossy, kinds, wrong = look_at(recording, folder, chosen, checked_every)
    record_property("tried", (count, f'disk images after a power loss, durability="{durability}"'))
    record_property(
        "tried", (len(lossy), f'disk images after a power loss that lack promised results, durability="{durability}"')
    )
    if durability != "process":
        assert lossy == []
    if durability == "power":
        assert kinds <= {"repaired"}  # one of the small files that the store was only about to begin with
        assert wrong == []
    if durability == "process":
        assert lossy != [], "the model finds no loss where nobody waited for the disk: it shows nothing"


def test_a_power_loss_at_any_moment_loses_nothing_that_was_promised_and_leaves_nothing_wrong(
    recorded, images_folder, record_property
):
    durability, recording = recorded
    chosen = islice(images(recording.log), 0, None, EVERY)
    _prove(durability, recording, images_folder, chosen, record_property, CHECKED_EVERY)


@pytest.mark.parametrize("every", [EVERY, pytest.param(1, marks=pytest.mark.slow)])
def test_a_program_that_is_killed_within_any_write_has_kept_what_was_promised(
    recorded, images_folder, record_property, every
):
    durability, recording = recorded
    count, lossy, kinds, wrong = look_at(recording, images_folder, islice(killed(recording.log), 0, None, every))
    record_property("tried", (count, f'disk images of a killed program, durability="{durability}"'))
    assert lossy == wrong == []
    assert kinds <= {"repaired"}


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_every_image_of_a_power_loss_has_what_was_promised_and_nothing_wrong(recorded, images_folder, record_property):
    durability, recording = recorded
    _prove(durability, recording, images_folder, images(recording.log, subsets=40), record_property)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("durability", ["power", "process"])
def test_a_power_loss_while_the_log_is_taken_into_the_database_loses_nothing_that_was_promised(
    durability, tmp_path, images_folder, record_property
):
    recording = record(tmp_path, durability, "long")
    log = recording.log
    assert sum(isinstance(each, Write) for each in log) > 3000  # past the thousand pages after which SQLite does so
    cuts = [number for number, each in enumerate(log) if isinstance(each, Sync | Promise)]
    chosen = images(log, cuts=[*cuts, len(log)], singles=4, subsets=4)
    _prove(durability, recording, images_folder, chosen, record_property)
