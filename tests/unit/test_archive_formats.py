"""Exports of every format that was ever released are read for ever."""

import json
from pathlib import Path

import pytest
from tests.unit.test_store_formats import described

from jumar.store.archive import import_archive
from jumar.store.records import TaskInfo
from jumar.store.store import Store

DATA = Path(__file__).parent.parent / "data"
EXPORTS = sorted(DATA.glob("export-format-*.jumar"))
EXPECTED = json.loads((DATA / "store-format-1" / "expected.json").read_text())
SIMULATE = TaskInfo(b"c" * 32, "simulate", "model", "seed size")


def test_there_is_an_export_of_the_first_format():
    assert [path.name for path in EXPORTS][:1] == ["export-format-1.jumar"]


def assert_all_is_there(store):
    for key, known in EXPECTED.items():
        found = store.find(bytes.fromhex(key))
        assert described(store.load(found)) == known["value"], known["name"]
        if known["content"]:
            assert store.find_content(bytes.fromhex(known["content"])).key.hex() == key
    listed = [record for record in store.calls() if record.state == "done"]
    assert [record.key.hex() for record in listed][::-1] == list(EXPECTED)
    assert {record.task for record in listed} == {SIMULATE}
    assert [row.source for row in store.lineage.code_parts(SIMULATE.code)] == ["source"]
    assert [run.script for run in store.lineage.runs()] == ["model.py"]


@pytest.mark.parametrize("path", EXPORTS, ids=lambda path: path.stem)
def test_every_result_is_found_and_read_where_it_is(path):
    with Store.open(path, read_only=True, verify="always") as store:
        assert_all_is_there(store)
        assert store.read_only


@pytest.mark.parametrize("path", EXPORTS, ids=lambda path: path.stem)
def test_it_is_imported(path, tmp_path):
    with Store.open(tmp_path / "store", verify="always") as store:
        assert import_archive(store, path) == (len(EXPECTED), 0, 0)
        assert_all_is_there(store)
