"""Whatever is recorded, pinned and swept: rows have their blobs, pinned results stay, the bound holds when it can."""

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from jumar.store.lineage import MemoryLineage
from jumar.store.pins import Pin
from jumar.store.records import Entry, TaskInfo
from jumar.store.retention import Rules
from jumar.store.store import Store

KEYS = st.integers(0, 7).map(lambda number: bytes([number]) * 32)
SIZES = st.sampled_from([10, 5000, 5001, 20_000])
AGES_S = st.integers(0, 50)
RULES = st.builds(
    Rules,
    older_than_s=st.none() | AGES_S.map(float),
    tasks=st.frozensets(st.sampled_from("fg"), max_size=1),
    runs=st.frozensets(st.integers(1, 3), max_size=1),
    keep_last=st.none() | st.integers(1, 2),
    unused_for_runs=st.none() | st.integers(1, 2),
    max_size_bytes=st.none() | st.integers(0, 40_000),
)


class Sweeping(RuleBasedStateMachine):
    """A store on disk; after each step all claims are dropped, as if the program that took it had ended."""

    @initialize()
    def begin(self):
        self.folder = tempfile.TemporaryDirectory()
        self.troubles = []
        self.store = Store.open(Path(self.folder.name, "store"), report=self.troubles.append)
        self.pinned = {}
        self.kept = {}

    @rule(
        key=KEYS,
        size=SIZES,
        task=st.sampled_from("fg"),
        code=st.binary(min_size=1, max_size=1),
        age_s=AGES_S,
        run=st.integers(1, 3),
    )
    def record(self, key, size, task, code, age_s, run):
        value = bytes(size)
        payload = self.store.encode(value)
        number = self.store.task(TaskInfo(code * 32, task, "m"))
        entry = Entry(
            key,
            number,
            self.store.now_s() - age_s,
            size / 1e4,
            payload.size_bytes,
            payload.codec,
            payload.inline,
            payload.blob,
            b"",
            run=run,
        )
        self.store.record(entry)
        self.store.flush()
        self.store.let_go()
        self.kept[key] = value

    @rule(run=st.integers(1, 5), code=st.binary(min_size=1, max_size=1))
    def note_use(self, run, code):
        self.store.lineage.note_codes(run, [code * 32])

    @rule(key=KEYS)
    def pin(self, key):
        self.store.stock.pins.add([Pin(key, 0.0, "")])
        self.pinned[key] = True

    @rule(key=KEYS)
    def unpin(self, key):
        assert self.store.stock.pins.remove([key]) == self.pinned.pop(key, False)

    @rule(rules=RULES)
    def sweep(self, rules):
        before = {item.key for item in self.store.stock.items()}
        told = self.store.sweep(rules, dry_run=True)
        assert {item.key for item in self.store.stock.items()} == before
        done = self.store.sweep(rules)
        assert done.calls == told.calls
        assert (done.shares, done.blobs, done.blob_bytes) == (told.shares, told.blobs, told.blob_bytes)
        left = {item.key for item in self.store.stock.items()}
        assert before & self.pinned.keys() <= left
        assert len(before) - len(left) == done.calls
        for key in before - left:
            assert self.store.lineage.losses(key)[0].reason.startswith("swept: ")
            del self.kept[key]
        again = self.store.sweep(rules)
        assert (again.calls, again.blobs, again.freed_bytes) == (0, 0, 0)
        is_bound_alone = rules.max_size_bytes is not None and rules == Rules(max_size_bytes=rules.max_size_bytes)
        if is_bound_alone and self.store.stock.size_bytes() > rules.max_size_bytes:
            stuck = {item.blob for item in self.store.stock.items() if item.key in self.pinned}
            assert all(item.key in self.pinned or item.blob in stuck - {None} for item in self.store.stock.items())

    @invariant()
    def every_row_has_its_blob_and_every_blob_its_row(self):
        assert {item.key for item in self.store.stock.items()} == self.kept.keys()
        for key, value in self.kept.items():
            assert self.store.load(self.store.find(key)) == value
        self.store.let_go()
        assert self.troubles == []
        named = {item.blob for item in self.store.stock.items()} - {None}
        assert named <= set(self.store.blobs.digests())

    def teardown(self):
        if hasattr(self, "store"):
            self.store.close()
            self.folder.cleanup()


Sweeping.TestCase.settings = settings(
    max_examples=40, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestSweeping = Sweeping.TestCase


def test_a_run_uses_are_kept_for_a_thousand_runs_on_disk_as_in_memory(tmp_path):
    with Store.open(tmp_path / "store") as store:
        for lineage in (store.lineage, MemoryLineage()):
            lineage.note_codes(1, [b"a"])
            lineage.note_codes(2, [b"a", b"b"])
            lineage.note_codes(2, [b"c"])
            assert lineage.code_uses() == {1: {b"a"}, 2: {b"a", b"b", b"c"}}
            lineage.note_codes(1001, [])
            lineage.note_codes(1002, [b"z"])
            assert lineage.code_uses() == {1002: {b"z"}}
