"""What retention knows of an index, on disk and in memory."""

import sqlite3

import pytest

from jumar.keys.code import CodePart
from jumar.store.pins import Pin
from jumar.store.records import Entry, Failure, TaskInfo
from jumar.store.retention import Rules
from jumar.store.stock import ROW_BYTES, Condemned, Item
from jumar.store.store import Store


@pytest.fixture(params=["on disk", "in memory"])
def store(request, tmp_path):
    with Store.open(tmp_path / "store") if request.param == "on disk" else Store.in_memory() as opened:
        yield opened


def entry(number, task, created_s=1.0, size_bytes=10, blob=None, **more):
    inline = None if blob else bytes(size_bytes)
    return Entry(bytes([number]) * 32, task, created_s, 2.0, size_bytes, "pickle", inline, blob, b"", **more)


def failure(number, task, created_s):
    return Failure(bytes([number]) * 32, task, created_s, 0.0, 1, "ValueError: no", "Traceback", b"")


def test_items_tell_what_rules_look_at_oldest_first(store):
    task = store.index.add_task(TaskInfo(b"c" * 32, "f", "m"))
    store.index.add(
        [entry(1, task, run=3, needs=b"n" * 8), entry(2, 99, created_s=2.0, size_bytes=7000, blob=b"b" * 32)]
    )
    assert list(store.stock.items()) == [
        Item(b"\x01" * 32, "f", b"c" * 32, 1.0, 2.0, 10, None, 3, b"n" * 8),
        Item(b"\x02" * 32, "", b"", 2.0, 2.0, 7000, b"b" * 32, 0, None),
    ]


def test_the_size_counts_a_shared_blob_once(store):
    task = store.index.add_task(TaskInfo(b"c" * 32, "f", "m"))
    assert store.stock.size_bytes() == 0
    store.index.add([entry(1, task), *(entry(number, task, size_bytes=7000, blob=b"b" * 32) for number in (2, 3))])
    assert store.stock.size_bytes() == 3 * ROW_BYTES + 10 + 7000


def test_a_row_that_was_pinned_or_recorded_anew_since_it_was_condemned_stays(store):
    task = store.index.add_task(TaskInfo(b"c" * 32, "f", "m"))
    store.index.add([entry(number, task) for number in (1, 2, 3)])
    condemned = [Condemned(item.key, item.created_s, "swept: test") for item in store.stock.items()]
    store.stock.pins.add([Pin(bytes([1]) * 32, 0.0, "")])
    store.index.add([entry(2, task, created_s=5.0)])
    assert store.stock.take(condemned, 9.0) == {bytes([3]) * 32}
    assert store.index.find(bytes([3]) * 32) is None
    assert [(loss.key[0], loss.at_s, loss.reason) for loss in store.lineage.losses()] == [(3, 9.0, "swept: test")]


def test_rows_that_were_read_ahead_are_not_found_when_they_were_taken(tmp_path):
    with Store.open(tmp_path / "store") as store:
        task = store.index.add_task(TaskInfo(b"c" * 32, "f", "m"))
        store.index.add([entry(number, task) for number in range(1, 100)])
        for number in range(1, 4):
            assert store.find(bytes([number]) * 32) is not None
        store.stock.take([Condemned(item.key, item.created_s, "x") for item in store.stock.items()], 9.0)
        assert [store.find(bytes([number]) * 32) for number in range(1, 100)] == [None] * 99


def test_old_failures_are_known_by_their_time(store):
    task = store.index.add_task(TaskInfo(b"c" * 32, "f", "m"))
    store.index.add([], [failure(1, task, 5.0), failure(2, task, 7.0)])
    assert store.stock.failures(6.0) == [bytes([1]) * 32]


def test_pins_are_replaced_and_listed_oldest_first(store):
    pins = store.stock.pins
    pins.add([Pin(b"a", 1.0, "one"), Pin(b"b", 2.0, "two")])
    pins.add([Pin(b"b", 3.0, "again")])
    assert pins.all() == [Pin(b"a", 1.0, "one"), Pin(b"b", 3.0, "again")]
    assert (pins.remove([b"a", b"c"]), pins.remove([b"a"])) == (1, 0)


def part(name):
    return CodePart(name, "function", "m.py", 1, name.encode().ljust(32), f"def {name}(): pass")


def test_sources_of_codes_without_results_failures_or_uses_go_and_shared_ones_stay(tmp_path):
    with Store.open(tmp_path / "store") as store:
        for code, parts in ((b"1", "fs"), (b"2", "gs"), (b"3", "h"), (b"4", "i")):
            task = store.index.add_task(TaskInfo(code * 32, "f", "m"))
            store.lineage.remember_code(code * 32, [part(name) for name in parts])
            if code == b"1":
                store.index.add([entry(1, task)])
            if code == b"3":
                store.index.add([], [failure(2, task, 5.0)])
        store.lineage.note_codes(1, [b"4" * 32])
        unused = store.stock.unused_codes()
        assert unused == [b"2" * 32]
        store.stock.drop_codes(unused)
        assert store.stock.unused_codes() == []
        assert store.lineage.code_parts(b"2" * 32) == []
        assert [each.source for each in store.lineage.code_parts(b"1" * 32)] == ["def f(): pass", "def s(): pass"]
        assert len(store.lineage.code_parts(b"3" * 32)) == len(store.lineage.code_parts(b"4" * 32)) == 1
        with store.stock._database.reading() as connection:
            assert connection.execute("SELECT count(*) FROM sources").fetchone() == (4,)


def grown(store, rows):
    task = store.index.add_task(TaskInfo(b"c" * 32, "f", "m"))
    size_bytes = 4000
    store.index.add([entry(1, task, size_bytes=size_bytes)._replace(key=number.to_bytes(32)) for number in range(rows)])
    return [Condemned(item.key, item.created_s, "x") for item in store.stock.items()]


def test_free_pages_go_back_to_the_disk_where_they_are_many_and_rows_keep_their_numbers(tmp_path):
    with Store.open(tmp_path / "store") as store:
        going = grown(store, 2000)
        store.stock.take(going[:-3], 0.0)
        before = (tmp_path / "store" / "index.sqlite").stat().st_size
        freed = store.stock.compact(0)
        assert freed > 7_000_000
        assert (tmp_path / "store" / "index.sqlite").stat().st_size <= before - freed + 8192
        assert [item.key for item in store.stock.items()] == [each.key for each in going[-3:]]
        assert all(store.find(each.key) for each in going[-3:])
        assert store.stock.compact(0) == 0


def test_gaps_in_pages_count_too(tmp_path):
    with Store.open(tmp_path / "store") as store:
        task = store.index.add_task(TaskInfo(b"c" * 32, "f", "m"))
        rows = [
            entry(1, task, size_bytes=300)._replace(key=number.to_bytes(32), run=number % 2) for number in range(50_000)
        ]
        store.index.add(rows)
        assert store.sweep(Rules(runs=frozenset({1}))).index_bytes > 5_000_000


def test_few_free_pages_are_left_for_what_comes_next(tmp_path):
    with Store.open(tmp_path / "store") as store:
        store.stock.take(grown(store, 500)[:-3], 0.0)
        assert store.stock.compact(0) == 0


def test_nobody_who_records_is_kept_waiting_for_pages(tmp_path):
    with Store.open(tmp_path / "store") as store:
        store.stock.take(grown(store, 2000), 0.0)
        other = sqlite3.connect(tmp_path / "store" / "index.sqlite", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert store.stock.compact(0) == 0
        other.execute("ROLLBACK")
        other.close()
        assert store.stock.compact(0) > 0


def test_a_read_only_store_of_the_first_revision_has_no_pins_and_no_uses(tmp_path):
    with Store.open(tmp_path / "store") as store:
        store.index.add_task(TaskInfo(b"c" * 32, "f", "m"))
    connection = sqlite3.connect(tmp_path / "store" / "index.sqlite")
    for table in ("pins", "code_uses", "leases"):
        connection.execute(f"DROP TABLE {table}")
    connection.execute("PRAGMA user_version = 1")
    connection.commit()
    connection.close()
    with Store.open(tmp_path / "store", read_only=True) as store:
        assert store.stock.pins.all() == []
        assert store.lineage.code_uses() == {}
        assert store.stock.unused_codes() == []
        assert store.sweep(dry_run=True).calls == 0
