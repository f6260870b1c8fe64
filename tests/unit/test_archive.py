"""Results in a single file: written whole or not at all, mounted, imported, damaged in every way."""

import random
import sqlite3
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jumar.errors import StoreError, StoreFormatError
from jumar.keys.code import CodePart
from jumar.store.archive import export, import_archive, open_archive
from jumar.store.joined_store import JoinedStore
from jumar.store.packed_blobs import packing
from jumar.store.packed_index import PackedIndex
from jumar.store.records import Entry, Failure, TaskInfo
from jumar.store.store import Store
from jumar.testing.contracts_blobs import SIZES_BYTES, content
from jumar.testing.contracts_index import OTHER_TASK, TASK, key_of

PART = CodePart("f", "function", "f.py", 1, bytes(32), "def f(): ...")


def record(store, number, value, task=TASK, run=0):
    payload = store.encode(value)
    kept = (payload.size_bytes, payload.codec, payload.inline, payload.blob)
    store.record(
        Entry(key_of(number), store.task(task, lambda code: [PART]), 1000.0 + number, 0.5, *kept, b"args", run=run)
    )


@pytest.fixture
def store(tmp_path):
    """Two runs, two tasks, three small results and two large ones, of which one is as large as to be mapped."""
    with Store.open(tmp_path / "store") as opened:
        first, second = opened.begin_run("first.py"), opened.begin_run("second.py")
        record(opened, 1, "one", run=first)
        record(opened, 2, np.arange(1000), run=first)
        record(opened, 3, np.arange(100_000), run=second)
        record(opened, 4, "four", OTHER_TASK, run=second)
        record(opened, 5, "five", OTHER_TASK)
        opened.record_failure(Failure(key_of(6), 1, 1.0, 1.0, 1, "ValueError: no", "Traceback", b"args"))
        opened.flush()
        yield opened


@pytest.fixture
def file(store, tmp_path):
    export(store, tmp_path / "results.jumar")
    return tmp_path / "results.jumar"


def found_in(store):
    return {number for number in range(10) if store.find(key_of(number)) is not None}


def value(store, number):
    return store.load(store.find(key_of(number)))


def test_what_was_exported_is_found_in_the_file_with_what_explains_it(file, store):
    with Store.open(file, read_only=True) as mounted:
        assert found_in(mounted) == {1, 2, 3, 4, 5}
        assert (value(mounted, 1), value(mounted, 4)) == ("one", "four")
        assert np.array_equal(value(mounted, 3), np.arange(100_000))
        assert [(r.key, r.task, r.run) for r in mounted.calls()] == [
            (r.key, r.task, r.run) for r in store.calls() if r.state == "done"
        ]
        assert mounted.lineage.runs() == store.lineage.runs()
        assert mounted.lineage.code_parts(TASK.code) == [PART]
        assert mounted.totals()[:6] == (5, 0, 2, store.totals().inline_bytes, 2, store.totals().blob_bytes)


def test_a_result_from_the_file_belongs_to_its_reader(file):
    file.chmod(0o400)
    before = file.read_bytes()
    with Store.open(file, read_only=True) as mounted:
        for number in (2, 3):
            first = value(mounted, number)
            assert number == 2 or first.ctypes.data % 64 == 0
            first[:] = -1
            assert value(mounted, number)[7] == 7
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("chosen", "numbers"),
    [
        ({"task": "total"}, {4, 5}),
        ({"prefix": key_of(2).hex()[:6]}, {2}),
        ({"run": 1}, {1, 2}),
        ({"run": "last"}, {3, 4}),
        ({"run": "last", "task": "simulate"}, {3}),
    ],
)
def test_results_are_chosen_by_task_key_and_run(store, tmp_path, chosen, numbers):
    done = export(store, tmp_path / "some.jumar", **chosen)
    assert done.calls == len(numbers)
    with Store.open(tmp_path / "some.jumar", read_only=True) as mounted:
        assert found_in(mounted) == numbers
        assert len(list(mounted.blobs.digests())) == done.blobs == len(numbers & {2, 3})


def test_runs_are_chosen_of_a_file_as_of_a_store(file, store):
    for place in (file, store.path):
        for runs, numbers in ([1], {1, 2}), ("last", {3, 4}), ([1, 2], {1, 2, 3, 4}), ([9], set()):
            with Store.open(place, read_only=True, runs=runs) as mounted:
                assert found_in(mounted) == numbers
                assert {r.key for r in mounted.calls()} == {key_of(number) for number in numbers}
    with pytest.raises(StoreError, match="read_only=True"):
        Store.open(store.path, runs="last")


def test_nothing_chosen_is_an_error_and_leaves_no_file(store, tmp_path):
    with pytest.raises(StoreError, match="there is nothing to export"):
        export(store, tmp_path / "none.jumar", task="no such task")
    with pytest.raises(StoreError, match="no run is recorded"):
        export(Store.in_memory(), tmp_path / "none.jumar", run="last")
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_an_export_that_fails_leaves_what_was_there(tmp_path):
    path = tmp_path / "results.jumar"
    path.write_text("the one before")

    def write_half():
        with packing(path) as entries:
            entries.add("index.sqlite", memoryview(b"half of it"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert path.read_text() == "the one before"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(StoreError, match="could not be written"):
        export(Store.in_memory(), tmp_path / "no" / "such" / "folder.jumar", task="")


def test_equal_results_are_in_the_file_once(tmp_path):
    with Store.open(tmp_path / "store") as store:
        for number in (1, 2, 3):
            record(store, number, np.arange(5000))
        assert export(store, tmp_path / "x.jumar").blobs == 1


def test_a_damaged_result_is_left_out_and_counted(store, tmp_path):
    digest = store.find(key_of(3)).blob.hex()
    blob = store.path / "blobs" / digest[:2] / digest[2:]
    data = bytearray(blob.read_bytes())
    data[-1] ^= 1
    blob.write_bytes(data)
    assert export(store, tmp_path / "x.jumar")[::3] == (4, 1)
    with Store.open(tmp_path / "x.jumar", read_only=True) as mounted:
        assert found_in(mounted) == {1, 2, 4, 5}


def test_any_zip_program_can_look_into_it_and_finds_a_store(file, tmp_path):
    with zipfile.ZipFile(file) as packed:
        assert packed.testzip() is None
        packed.extractall(tmp_path / "unpacked")
    with sqlite3.connect(tmp_path / "unpacked" / "index.sqlite") as database:
        assert database.execute("SELECT count(*) FROM calls").fetchone() == (5,)
    database.close()


def test_blobs_of_every_size_are_aligned_and_come_back(tmp_path):
    with Store.open(tmp_path / "store") as store:
        for number, size_bytes in enumerate(SIZES_BYTES):
            record(store, number, content(size_bytes))
        export(store, tmp_path / "x.jumar")
    with Store.open(tmp_path / "x.jumar", read_only=True, verify="never") as mounted:
        for number, size_bytes in enumerate(SIZES_BYTES):
            assert bytes(value(mounted, number)) == content(size_bytes)


# -- import ------------------------------------------------------------------------------------------------------------


def test_an_import_numbers_tasks_and_runs_as_the_store_does(file, tmp_path):
    with Store.open(tmp_path / "other") as other:
        other.task(TaskInfo(b"e" * 32, "unrelated", "model"))
        mine = other.begin_run("mine.py")
        assert import_archive(other, file) == (5, 0, 0)
        assert found_in(other) == {1, 2, 3, 4, 5}
        tasks = {record.key: record.task for record in other.calls()}
        assert (tasks[key_of(1)], tasks[key_of(4)]) == (TASK, OTHER_TASK)
        runs = {run.number: run.script for run in other.lineage.runs()}
        assert runs[other.find(key_of(1)).run] == "first.py"
        assert runs[other.find(key_of(3)).run] == "second.py"
        assert other.find(key_of(5)).run == 0
        # The last run is still the store's own, and so is the next.
        assert other.lineage.runs()[0].number == mine
        assert other.begin_run("mine.py") == mine + 1
    with Store.open(tmp_path / "other", verify="always") as again:
        assert np.array_equal(value(again, 3), np.arange(100_000))


def test_the_first_run_of_a_store_that_began_with_an_import_is_number_one(file, tmp_path):
    with Store.open(tmp_path / "other") as other:
        import_archive(other, file)
        assert other.begin_run("mine.py") == 1


def test_a_second_import_changes_nothing(file, tmp_path):
    with Store.open(tmp_path / "other") as other:
        import_archive(other, file)
        runs = other.lineage.runs()
        assert import_archive(other, file) == (0, 5, 0)
        assert other.lineage.runs() == runs


def test_what_is_there_is_replaced_only_where_that_is_asked_for(file, tmp_path):
    with Store.open(tmp_path / "other") as other:
        record(other, 1, "mine")
        assert import_archive(other, file) == (4, 1, 0)
        assert value(other, 1) == "mine"
        assert import_archive(other, file, replace=True) == (5, 0, 0)
        assert value(other, 1) == "one"


def test_of_several_stores_the_first_gets_what_is_imported(file, store, tmp_path):
    with Store.open(tmp_path / "other") as other:
        import_archive(JoinedStore(other, [store], closes=[]), file)
        assert found_in(other) == {1, 2, 3, 4, 5}


def test_a_store_that_is_only_read_takes_no_import(file):
    with Store.open(file, read_only=True) as mounted, pytest.raises(StoreError, match="is only read"):
        import_archive(mounted, file)


# -- damage ------------------------------------------------------------------------------------------------------------


def test_a_file_cut_anywhere_is_refused(file, tmp_path):
    whole = file.read_bytes()
    cut = tmp_path / "cut.jumar"
    for size_bytes in {0, 1, 100, len(whole) // 2, len(whole) - 1, *random.Random(1).sample(range(len(whole)), 20)}:
        cut.write_bytes(whole[:size_bytes])
        with pytest.raises(StoreFormatError, match=r"cut\.jumar"):
            Store.open(cut, read_only=True)


def test_a_file_with_any_byte_altered_gives_no_wrong_value(file, tmp_path):
    whole = file.read_bytes()
    rng = random.Random(2)
    with zipfile.ZipFile(file) as packed:
        index = packed.getinfo("index.sqlite").header_offset
    places = [*rng.sample(range(len(whole)), 40), *rng.sample(range(index, len(whole)), 120)]
    sound = altered = refused = 0
    for at in places:
        data = bytearray(whole)
        data[at] ^= 1 << rng.randrange(8)
        (tmp_path / "x.jumar").write_bytes(data)
        target = Store.in_memory()
        try:
            done = import_archive(target, tmp_path / "x.jumar")
        except StoreError:
            refused += 1
            continue
        sound += done.damaged == 0
        altered += done.damaged > 0
        for number in found_in(target):
            expected = {1: "one", 2: np.arange(1000), 3: np.arange(100_000), 4: "four", 5: "five"}[number]
            assert np.array_equal(value(target, number), expected), at
    assert min(sound, altered, refused) > 0, (sound, altered, refused)


def test_a_damaged_blob_costs_its_result_alone(file, store, tmp_path):
    data = file.read_bytes().replace(np.arange(90_000, 90_010).tobytes(), bytes(80))
    file.write_bytes(data)
    with Store.open(tmp_path / "other") as other:
        assert import_archive(other, file) == (4, 0, 1)
        assert found_in(other) == {1, 2, 4, 5}


def test_other_files_and_newer_formats_are_refused_by_name(tmp_path):
    path = tmp_path / "x.jumar"
    path.write_text("a text")
    with pytest.raises(StoreFormatError, match="a file that `jumar export` wrote"):
        open_archive(path)
    with zipfile.ZipFile(path, "w") as other:
        other.writestr("hello", "a zip of somebody else's")
    with pytest.raises(StoreFormatError, match="no entry that says its format"):
        open_archive(path)
    with zipfile.ZipFile(path, "w") as newer:
        newer.writestr("format", "jumar export, format 2\n")
    with pytest.raises(StoreFormatError, match="has format 2; this jumar reads formats up to 1"):
        open_archive(path)
    with zipfile.ZipFile(path, "w") as empty:
        empty.writestr("format", "jumar export, format 1\n")
    with pytest.raises(StoreError, match="has no index"):
        open_archive(path)
    with zipfile.ZipFile(path, "w") as empty:
        empty.writestr("format", "jumar export, format 1\n")
        empty.writestr("index.sqlite", "no database")
    with pytest.raises(StoreError, match="its index cannot be read"):
        open_archive(path)


def test_an_export_is_never_written_to(file):
    with Store.open(file, read_only=True) as mounted:
        for change in (lambda: mounted.blobs.write([b"x"]), lambda: mounted.blobs.remove(key_of(1))):
            with pytest.raises(OSError, match="only read"):
                change()


# -- laws --------------------------------------------------------------------------------------------------------------


@given(st.dictionaries(st.integers(0, 30), st.binary(max_size=9000), min_size=1, max_size=8))
def test_export_and_import_give_back_what_was_there(tmp_path_factory, results):
    path = tmp_path_factory.mktemp("law") / "x.jumar"
    source, target = Store.in_memory(), Store.in_memory()
    for number, result in results.items():
        record(source, number, result)
    export(source, path)
    import_archive(target, path)
    assert {number: bytes(value(target, number)) for number in results} == results
    assert [r[:2] for r in target.calls()] == [r[:2] for r in source.calls()]


def test_a_packed_index_is_the_same_after_packing():
    index = PackedIndex()
    entry = Entry(
        key_of(1), index.add_task(TASK), 1.0, 0.5, 1, "pickle", b"x", None, b"args", key_of(2), b"needs678", 3
    )
    index.add([entry])
    again = PackedIndex(index.packed())
    assert again.find(key_of(1)) == again.find_content(key_of(2)) == entry
    assert (again.has_code(TASK.code), again.has_code(OTHER_TASK.code)) == (True, False)
    assert list(again.calls()) == list(index.calls())
    index.close()
    again.close()
