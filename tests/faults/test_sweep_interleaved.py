"""Sweeps beside a program that records or reads: every way in which the steps of the two can come between each other.

The steps of a program stand between the operations of a sweep, in each possible distribution, on real files. Each
program has claims of its own (a `FileBlobs` of its own), as another process would have.
"""

import itertools
from contextlib import contextmanager

import pytest

from jumar.errors import DamagedError
from jumar.store.file_blobs import FileBlobs
from jumar.store.lineage import MemoryLineage
from jumar.store.memory_index import MemoryIndex
from jumar.store.records import Entry, TaskInfo
from jumar.store.retention import Rules
from jumar.store.scribe import DirectScribe
from jumar.store.stock import MemoryStock
from jumar.store.store import Store
from jumar.store.sweep import sweep
from jumar.testing.faulty_parts import FaultyBlobs, FaultyIndex
from jumar.testing.faulty_stock import FaultyStock

VALUE = b"v" * 10_000
SWEEP_S = 1000.0


class Schedule:
    """Takes the place of `Faults`: before chosen operations of the sweep the other program takes steps."""

    def __init__(self, steps=(), places=()):
        self._steps = list(zip(places, steps, strict=True))
        self.operations = []

    @contextmanager
    def operation(self, name):
        self.take_steps()
        self.operations.append(name)
        yield

    def take_steps(self, *, all_of_them=False):
        while self._steps and (all_of_them or self._steps[0][0] <= len(self.operations)):
            self._steps.pop(0)[1]()


class Scene:
    """One set of rows and files, a sweep, and another program."""

    def __init__(self, folder):
        self.folder = folder
        self.index, self.lineage = MemoryIndex(), MemoryLineage()
        self.stock = MemoryStock(self.index, self.lineage)
        self.troubles = []
        self.stores = []
        self.program = self.open()

    def open(self, schedule=None):
        index, blobs, stock = self.index, FileBlobs(self.folder), self.stock
        if schedule is not None:
            index, blobs, stock = (
                FaultyIndex(index, schedule),
                FaultyBlobs(blobs, schedule),
                FaultyStock(stock, schedule),
            )
        store = Store(
            index, blobs, DirectScribe(self.index), lineage=self.lineage, stock=stock, report=self.troubles.append
        )
        self.stores.append(store)
        return store

    def entry(self, store, name, created_s=0.0):
        payload = store.encode(VALUE)
        task = store.task(TaskInfo(b"code", "f", "m"))
        return Entry(name.ljust(32), task, created_s, 1.0, payload.size_bytes, payload.codec, None, payload.blob, b"")

    def forget_claims(self):
        self.program.let_go()

    def sweep(self, steps=(), places=()):
        schedule = Schedule(steps, places)
        swept = sweep(self.open(schedule), Rules(older_than_s=SWEEP_S))
        schedule.take_steps(all_of_them=True)
        return swept, schedule.operations

    def check(self):
        """Every row has its blob, nobody was told of damage, and what is left goes when the programs have ended."""
        assert self.troubles == []
        reader = self.open()
        for call in list(self.index.calls()):
            assert reader.load(reader.find(call.key)) == VALUE
        for store in self.stores:
            store.blobs.let_go()
        named = set(self.index.blobs())
        sweep(self.open(), Rules())
        assert set(FileBlobs(self.folder).digests()) == named
        assert list(FileBlobs(self.folder).aside()) == []

    def close(self):
        for store in self.stores:
            store.close()


def interleavings(folder, prepare, make_steps):
    """A scene for each distribution of the steps over the operations of a sweep; the sweep has been carried out."""
    scene = Scene(folder / "first")
    prepare(scene)
    operations = scene.sweep()[1]
    scene.close()
    assert operations.index("blobs.set_aside") < operations.index("blobs.discard")
    count = len(make_steps(Scene(folder / "count")))
    # Before the first and after the last of these nothing is read or written that the steps are about.
    between = range(operations.index("blobs.claimed"), operations.index("blobs.discard") + 2)
    for number, places in enumerate(itertools.combinations_with_replacement(between, count)):
        scene = Scene(folder / str(number))
        prepare(scene)
        scene.sweep(make_steps(scene), places)
        yield scene
        scene.close()


def an_unnamed_blob(scene):
    scene.entry(scene.program, b"dead")
    scene.forget_claims()


def an_old_result(scene):
    scene.program.record(scene.entry(scene.program, b"old"))
    scene.forget_claims()


@pytest.mark.parametrize(
    ("prepare", "in_one"),
    [
        (an_unnamed_blob, True),
        (an_old_result, True),
        pytest.param(an_unnamed_blob, False, marks=pytest.mark.slow),
        pytest.param(an_old_result, False, marks=pytest.mark.slow),
    ],
)
def test_a_result_that_is_recorded_during_a_sweep_has_its_blob(tmp_path, prepare, in_one):
    def steps(scene):
        store, made = scene.program, []

        def write():
            made.append(scene.entry(store, b"new", created_s=store.now_s()))

        # Writing takes two: the claim, then the look with what follows from it.
        claim = lambda: store.blobs.claim(digest)  # noqa: E731
        record = lambda: store.record(made[0])  # noqa: E731
        return [claim, write, lambda: (record(), store.let_go())] if in_one else [claim, write, record, store.let_go]

    scene = Scene(tmp_path / "digest")
    digest = scene.entry(scene.program, b"x").blob
    kept = 0
    for scene in interleavings(tmp_path, prepare, steps):
        assert [call.key.strip() for call in scene.index.calls()] == [b"new"]
        scene.check()
        kept += 1
    assert kept > 100


def test_a_result_that_is_found_during_a_sweep_is_read_as_often_as_one_likes_or_is_quietly_not_there(tmp_path):
    outcomes = set()

    def steps(scene):
        store, found, seen = scene.program, [], []

        def read():
            if found[0] is None:
                seen.append("missed")
            else:
                assert store.load(found[0]) == VALUE
                seen.append("read")

        def end():
            assert len(set(seen)) == 1
            outcomes.update(seen)

        return [lambda: found.append(store.find(b"old".ljust(32))), read, lambda: (read(), end())]

    for scene in interleavings(tmp_path, an_old_result, steps):
        scene.check()
    assert outcomes == {"missed", "read"}


def test_a_result_that_is_found_and_recorded_under_another_key_during_a_sweep_has_its_blob(tmp_path):
    def steps(scene):
        store, found = scene.program, []

        def copy():
            if found[0] is not None:
                store.record(found[0]._replace(key=b"copy".ljust(32), created_s=store.now_s()))

        return [lambda: found.append(store.find(b"old".ljust(32))), copy, store.let_go]

    ends = set()
    for scene in interleavings(tmp_path, an_old_result, steps):
        ends.add(len(list(scene.index.calls())))
        scene.check()
    assert ends == {0, 1}


def test_a_reader_who_cannot_claim_gets_the_value_or_a_quiet_miss(tmp_path):
    outcomes = set()

    def steps(scene):
        blobs = FileBlobs(scene.folder, read_only=True)
        reader = Store(scene.index, blobs, DirectScribe(scene.index), report=scene.troubles.append, read_only=True)
        scene.stores.append(reader)
        found = []

        def read():
            if found[0] is None:
                outcomes.add("missed")
                return
            try:
                value = reader.load(found[0])
            except DamagedError as error:
                outcomes.add(str(error).partition(" was ")[2])
            else:
                assert value == VALUE
                outcomes.add("read")

        return [lambda: found.append(reader.find(b"old".ljust(32))), read]

    for scene in interleavings(tmp_path, an_old_result, steps):
        scene.check()
    assert outcomes == {"missed", "read", "removed meanwhile"}


def test_two_sweeps_at_once_on_what_the_first_one_left_halfway_agree(tmp_path):
    """The lock keeps sweeps apart; should it fail (another machine), nothing is lost all the same."""

    def steps(scene):
        new = scene.entry(scene.program, b"new", created_s=scene.program.now_s())
        scene.program.record(new)
        return [lambda: sweep(scene.open(), Rules(older_than_s=SWEEP_S))]

    for scene in interleavings(tmp_path, an_old_result, steps):
        assert [call.key.strip() for call in scene.index.calls()] == [b"new"]
        scene.check()
