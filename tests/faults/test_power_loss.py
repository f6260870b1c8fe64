"""Disks as a power loss may leave them: what was promised with ``durability="power"`` is there, and nothing is wrong."""

import pickle
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from jumar.errors import DamagedError
from jumar.store.records import Entry
from jumar.store.store import Store
from jumar.testing.disk_log import Log
from jumar.testing.power_cut import content_after, images

WORKLOAD = Path(__file__).with_name("power_workload.py")


class Recording(NamedTuple):
    log: Log
    values: Mapping[bytes, object]
    promised: list[list[bytes]]
    disk: Path


def record(folder, durability):
    disk, result = folder / "disk", folder / "result"
    disk.mkdir()
    subprocess.run([sys.executable, "-W", "error", WORKLOAD, disk, durability, result], check=True, timeout=100)
    return Recording(*pickle.loads(result.read_bytes()), disk)


@pytest.fixture(scope="module", params=["power", "process"])
def recorded(request, tmp_path_factory):
    return request.param, record(tmp_path_factory.mktemp(request.param), request.param)


def plain(value):
    return value.tolist() if isinstance(value, np.ndarray) else value


class Survivor:
    """A store on an image, and what is found in it."""

    def __init__(self, folder, recording, image):
        self.path, self.recording, self.image = folder / "results" / "store", recording, image
        self.troubles = []
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

    def look(self):
        """What is found after the power loss, and that the store then works: what is missing is recorded anew, and stays."""
        with Store.open(self.path, report=self.troubles.append, durability="power") as store:
            keys = self.found(store)
            assert {record.key for record in store.calls() if record.state == "done"} <= set(self.recording.values)
            for key in self.recording.values.keys() - keys:
                payload = store.encode(self.recording.values[key])
                store.record(Entry(key, 0, 0.0, 0.0, payload.size_bytes, payload.codec, payload.inline, payload.blob, b""))
            store.flush()
        later = []
        with Store.open(self.path, report=later.append) as store:
            assert self.found(store) == set(self.recording.values), self.image.what
        assert later == [], self.image.what
        return keys


def look_at_all(recording, folder, chosen):
    """How many images there were, and how many results that were promised each of them has lost."""
    losses = []
    for number, image in enumerate(chosen):
        survivor = Survivor(folder / str(number), recording, image)
        keys = survivor.look()
        losses.append((set(recording.promised[image.promised]) - keys, survivor.troubles, image.what))
        shutil.rmtree(folder / str(number))
    return losses


def test_the_log_leaves_the_very_disk_that_the_program_left(recorded):
    _, recording = recorded
    real = {
        str(path.relative_to(recording.disk)): None if path.is_dir() else path.read_bytes()
        for path in recording.disk.rglob("*")
    }
    assert content_after(recording.log) == real


def test_a_power_loss_at_any_moment_loses_nothing_that_was_promised_and_leaves_nothing_wrong(tmp_path, capsys):
    recording = record(tmp_path, "power")
    losses = look_at_all(recording, tmp_path, images(recording.log))
    bad = [(what, len(lost), troubles) for lost, troubles, what in losses if lost or troubles]
    for b in bad: print(b)
    assert bad == []
    with capsys.disabled():
        print(f" {len(losses)} disk images ", end="")
