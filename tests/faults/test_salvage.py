"""A damaged index, page by page: what is on other pages comes back, and what comes back is right."""

import importlib.util
from contextlib import closing
from pathlib import Path

import pytest

from jumar.keys.digest import digest
from jumar.store.check import check_directory
from jumar.store.equivalence import Equivalence
from jumar.store.labels import Labels
from jumar.store.memory_index import UNKNOWN_TASK
from jumar.store.rebuild import Rebuild
from jumar.store.sqlite_index import SqliteIndex
from jumar.store.sqlite_pages import PAGE_BYTES, Pages
from jumar.store.store import Store
from jumar.testing.contracts_index import OTHER_TASK, TASK, entry, key_of

_spec = importlib.util.spec_from_file_location("store_copies", Path(__file__).with_name("store_copies.py"))
store_copies = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(store_copies)

CALL_COLUMNS = 14


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A store of some hundred pages, closed; its entries by their keys; without labels, so that only pages count."""
    path = tmp_path_factory.mktemp("sound") / "store"
    entries = store_copies.make(path)
    (path / "labels").unlink()
    return path, {each.key: each for each in entries.values()}


def overwrite(path, page, data):
    with (path / "index.sqlite").open("r+b") as file:
        file.seek((page - 1) * PAGE_BYTES)
        file.write(data)


def keys_in(path, page):
    """The keys of the results in a page, and whether it has any records at all."""
    with closing(Pages(path / "index.sqlite")) as pages:
        records = list(pages.records(page))
    return {record.values[1] for record in records if len(record.values) == CALL_COLUMNS}, bool(records)


@pytest.mark.parametrize("filling", [b"\0", b"\xff", b"\x0d"], ids=["zeros", "ones", "heads of leaves"])
def test_results_of_untouched_pages_come_back_whichever_page_is_lost(sound, tmp_path, filling):
    original, entries = sound
    pages = (original / "index.sqlite").stat().st_size // PAGE_BYTES
    assert pages > 60
    hit = 0
    for page in range(1, pages + 1, 1 if filling == b"\0" else 5):
        path = store_copies.copy(original, tmp_path / "store")
        here, has_records = keys_in(path, page)
        overwrite(path, page, filling * PAGE_BYTES)
        troubles = []
        with Store.open(path, report=troubles.append) as store:
            found = {key: store.find(key) for key in entries}
            lost = {key for key, each in found.items() if each is None}
            assert all(
                each is None or each._replace(task=0, run=0) == entries[key]._replace(task=0, run=0)
                for key, each in found.items()
            )
            if troubles:  # where nothing was noticed, listing may say that it cannot
                assert {call.task for call in store.calls()} <= {TASK, OTHER_TASK, UNKNOWN_TASK}
            assert store.find(key_of(5)) is None, "it was removed"
            # A page without records may be the second half of a long one.
            assert lost <= here if has_records else len(lost) <= 1, page
            assert not lost or troubles
        hit += bool(lost)
    assert hit > 5


def test_with_its_results_an_index_keeps_what_explains_them(sound, tmp_path):
    path = store_copies.copy(sound[0], tmp_path / "store")
    plain = Equivalence(0, b"n" * 32, b"o" * 32, "", b"", 3.0, "f", "a note")
    valued = plain._replace(parameter="by", token=b"token")
    with Store.open(path) as store:
        store.accepted._equivalences.add(plain)
        store.accepted._equivalences.add(valued)
        store.index.transact(
            lambda connection: connection.execute("INSERT INTO pins VALUES (?, 1.0, 'mine')", (key_of(3),))
        )
        store.lineage.remember_outlines({digest(b"[1, 2]"): b"[1, 2]"})
        before = sorted(store.index.calls(), key=lambda call: call.key)
        parts, runs, losses = store.lineage.code_parts(TASK.code), store.lineage.runs(), store.lineage.losses()
    overwrite(path, 1, bytes(PAGE_BYTES))
    troubles = []
    with Store.open(path, report=troubles.append) as store:
        assert sorted(store.index.calls(), key=lambda call: call.key) == before
        assert store.lineage.code_parts(TASK.code) == parts != []
        assert store.lineage.outline(digest(b"[1, 2]")) == b"[1, 2]"
        assert (store.lineage.runs(), store.lineage.losses()) == (runs, losses)
        assert [each._replace(number=0) for each in store.accepted.all()] == [plain]
        with store.index.reading() as connection:
            assert connection.execute("SELECT key, note FROM pins").fetchall() == [(key_of(3), "mine")]
    (trouble,) = troubles
    assert f"{len(sound[1])} results were carried over" in trouble.text
    assert "1 accepted edits name a value" in trouble.text


def test_how_many_were_carried_over_of_how_many_is_told_where_it_can_be_read(sound, tmp_path):
    path = store_copies.copy(sound[0], tmp_path / "store")
    page = next(page for page in range(2, 200) if keys_in(path, page)[0])
    lost = keys_in(path, page)[0]
    overwrite(path, page, bytes(PAGE_BYTES))
    troubles = []
    with Store.open(path, report=troubles.append) as store:
        for key in sound[1]:
            store.find(key)
    total = len(sound[1])
    assert f"{total - len(lost)} of about {total} results were carried over" in troubles[0].text


def test_a_result_that_was_removed_does_not_come_back_from_a_page_that_is_not_in_use(tmp_path):
    path = tmp_path / "index.sqlite"
    labels = Labels(tmp_path / "labels")
    index = SqliteIndex(path, labels=labels)
    index.add([entry(number, arguments=bytes(1000)) for number in range(100)])
    index.transact(lambda connection: connection.execute("PRAGMA secure_delete = OFF"))  # some builds wipe, most do not
    index.remove([key_of(number) for number in range(90)])
    index.close()
    data = bytearray(path.read_bytes())
    assert sum(key_of(number) in data for number in range(90)) > 50
    data[:PAGE_BYTES] = bytes(PAGE_BYTES)
    path.write_bytes(data)
    index = SqliteIndex(path, labels=labels, report=lambda _: None)
    assert {call.key for call in index.calls()} == {key_of(number) for number in range(90, 100)}
    index.close()


def test_results_keep_their_order_and_their_numbers(tmp_path):
    path = tmp_path / "index.sqlite"
    index = SqliteIndex(path)
    number = index.add_task(TASK)
    entries = [entry(each, task=number, content=key_of(7)) for each in range(300)]
    index.add(entries)
    index.close()
    data = bytearray(path.read_bytes())
    data[:PAGE_BYTES] = bytes(PAGE_BYTES)
    path.write_bytes(data)
    index = SqliteIndex(path, report=lambda _: None)
    assert index.find_content(key_of(7)) == entries[-1]
    assert [index.find(each.key) for each in entries] == entries
    assert index.has_code(TASK.code)
    index.close()


def test_where_the_task_of_a_result_is_lost_any_code_may_have_it(sound, tmp_path):
    path = store_copies.copy(sound[0], tmp_path / "store")
    with closing(Pages(path / "index.sqlite")) as pages:
        (page,) = (
            number
            for number in range(1, pages.count + 1)
            if any(record.values[1:2] == (TASK.code,) and len(record.values) == 5 for record in pages.records(number))
        )
    overwrite(path, page, bytes(PAGE_BYTES))
    overwrite(path, 1, bytes(PAGE_BYTES))
    with Store.open(path, report=lambda _: None) as store:
        assert store.index.has_code(TASK.code)
        assert all(store.find(key) for key in sound[1])
        new = store.task(TASK)
        assert {call.task for call in store.calls() if call.state == "done"} == {UNKNOWN_TASK}
        store.record(entry(9000, task=new))
        assert next(store.calls(prefix=key_of(9000).hex())).task == TASK


def test_what_there_was_no_time_for_is_carried_over_by_a_repair(sound, tmp_path):
    path = store_copies.copy(sound[0], tmp_path / "store")
    overwrite(path, 1, bytes(PAGE_BYTES))
    troubles = []
    SqliteIndex(path / "index.sqlite", report=troubles.append, rebuild=Rebuild(limit_s=0.0)).close()
    assert "0 results were carried over. Not all could be looked at" in troubles[0].text
    assert [finding.kind for finding in check_directory(path).findings] == ["unfinished"]
    with Store.open(path) as store:
        newer = sound[1][key_of(4)]._replace(created_s=9999.0)
        store.record(newer)
    (finding,) = check_directory(path, repair=True).findings
    assert finding.repaired
    assert check_directory(path).is_sound
    with Store.open(path) as store:
        assert all(store.find(key) for key in sound[1])
        assert store.find(newer.key) == newer


def test_a_process_that_dies_while_it_mends_leaves_the_rest_to_the_next(sound, tmp_path):
    class Dies(BaseException):
        pass

    class Dying(Rebuild):
        def add(self, *args, **how):
            super().add(*args, **how)
            raise Dies

    path = store_copies.copy(sound[0], tmp_path / "store")
    overwrite(path, 1, bytes(PAGE_BYTES))
    with pytest.raises(Dies):
        SqliteIndex(path / "index.sqlite", rebuild=Dying())
    assert not (path / "index.sqlite").exists()
    troubles = []
    with Store.open(path, report=troubles.append) as store:
        assert all(store.find(key) for key in sound[1])
    assert "was missing; a new one was begun" in troubles[0].text
    assert check_directory(path).is_sound


def test_where_there_is_no_room_for_what_was_found_the_index_begins_empty(sound, tmp_path):
    class Full(Rebuild):
        def add(self, connection, *args, **how):
            connection.execute("PRAGMA max_page_count = 60")
            return super().add(connection, *args, **how)

    path = store_copies.copy(sound[0], tmp_path / "store")
    overwrite(path, 1, bytes(PAGE_BYTES))
    troubles = []
    index = SqliteIndex(path / "index.sqlite", report=troubles.append, rebuild=Full())
    assert index.counts().calls == 0
    index.add([entry(1)])
    assert index.find(key_of(1)) == entry(1)
    index.close()
    assert "Not all could be looked at" in troubles[0].text
