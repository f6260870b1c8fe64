"""Stores of every format that was ever released are read for ever."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from blake3 import blake3

from jumar.store.records import TaskInfo
from jumar.store.sqlite_schema import USER_VERSION
from jumar.store.store import Store
from jumar.testing.contracts_index import entry

DATA = Path(__file__).parent.parent / "data"
FORMATS = sorted(path.name for path in DATA.glob("store-format-*"))


def described(value):
    if isinstance(value, np.ndarray):
        return {"array": blake3(value.tobytes()).hexdigest(), "dtype": value.dtype.str, "shape": list(value.shape)}
    if isinstance(value, memoryview | bytes):
        return {"bytes": blake3(bytes(value)).hexdigest()}
    return {"repr": repr(value)}


@pytest.fixture(params=FORMATS)
def kept(request, tmp_path):
    """A copy of a kept store, and what is in it."""
    shutil.copytree(DATA / request.param / "store", tmp_path / "store")
    return tmp_path / "store", json.loads((DATA / request.param / "expected.json").read_text())


def test_there_is_a_store_of_the_first_format():
    assert "store-format-1" in FORMATS


@pytest.mark.parametrize("read_only", [False, True])
def test_every_result_is_found_and_read(kept, read_only):
    path, expected = kept
    troubles = []
    with Store.open(path, read_only=read_only, verify="always", report=troubles.append) as store:
        for key, known in expected.items():
            found = store.find(bytes.fromhex(key))
            assert described(store.load(found)) == known["value"], known["name"]
            assert found.content == (known["content"] and bytes.fromhex(known["content"]))
            if found.content:
                assert store.find_content(found.content) == found
    assert troubles == []


def test_everything_else_in_it_is_read_too(kept):
    path, expected = kept
    simulate = TaskInfo(b"c" * 32, "simulate", "model", "seed size")
    with Store.open(path) as store:
        listed = list(store.calls())
        assert [record.task for record in listed] == [simulate] * (len(expected) + 1)
        failed = listed[0]
        assert (failed.state, failed.attempt, failed.error, failed.traceback) == (
            "failed",
            1,
            "ValueError: no",
            "Traceback ...",
        )
        assert [record.key.hex() for record in listed[1:]] == list(reversed(expected))
        assert {record.arguments for record in listed} == {b"\x05args"}
        assert store.totals()[:3] == (len(expected), 1, 1)
        assert [row.source for row in store.lineage.code_parts(simulate.code)] == ["source"]
        assert [run.script for run in store.lineage.runs()] == ["model.py"]
        assert [loss.reason for loss in store.lineage.losses(b"l" * 32)] == ["a reason"]
        assert store.task(simulate) == 1


def test_a_failure_is_listed_without_its_origin_where_the_tables_may_not_be_added(kept):
    path, _ = kept
    with Store.open(path, read_only=True) as store:
        failed = next(store.calls())
        assert (failed.state, failed.run, failed.needs) == ("failed", 0, None)


def test_it_can_be_written_to(kept):
    path, expected = kept
    with Store.open(path) as store:
        store.record(entry(1))
        store.flush()
        assert store.find(entry(1).key) == entry(1)
        assert store.totals().calls == len(expected) + 1


def test_an_index_of_an_earlier_revision_gets_the_tables_that_it_lacks(kept):
    path, expected = kept
    tables = "SELECT name FROM sqlite_master WHERE name IN ('pins', 'code_uses', 'leases', 'outlines') ORDER BY name"
    with closing(sqlite3.connect(path / "index.sqlite")) as before:
        assert before.execute("PRAGMA user_version").fetchone() == (1,)
        assert before.execute(tables).fetchall() == []
    with Store.open(path) as store:
        assert store.totals().calls == len(expected)
    with closing(sqlite3.connect(path / "index.sqlite")) as after:
        assert after.execute("PRAGMA user_version").fetchone() == (USER_VERSION,)
        assert after.execute(tables).fetchall() == [("code_uses",), ("leases",), ("outlines",), ("pins",)]
