"""The check of a store finds each kind of damage, and its repair leaves nothing to find."""

import json
import sqlite3
import subprocess
import sys
import warnings
from contextlib import closing

import pytest
from click.testing import CliRunner

import jumar
from jumar.cli import cli
from jumar.store.check import check, check_directory
from jumar.why import explain


@jumar.task(name="small")
def small(i):
    return {"i": i}


@jumar.task(name="large")
def large(i):
    return bytes([i]) * 5000


class Damaged:
    """A store with five small and five large results, and the means to damage it."""

    def __init__(self, path):
        self.path = path
        self.ask()

    def ask(self):
        """All values, which must be right; how many of them were found."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", jumar.StoreWarning)
            with jumar.Session(self.path, "inline") as session:
                for i in range(5):
                    assert (small(i), large(i)) == ({"i": i}, bytes([i]) * 5000)
                return session.counts().restored

    def blob(self, i):
        with jumar.Store.open(self.path, read_only=True) as store:
            name = store.find(bytes.fromhex(large.key(i))).blob.hex()
        return self.path / "blobs" / name[:2] / name[2:]

    def execute(self, statement, *values):
        with closing(sqlite3.connect(self.path / "index.sqlite")) as connection:
            connection.execute(statement, values)
            connection.commit()

    def page_of(self, table):
        with closing(sqlite3.connect(self.path / "index.sqlite")) as connection:
            return connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0]

    def alter(self, page, at, data):
        with (self.path / "index.sqlite").open("r+b") as file:
            file.seek((page - 1) * 4096 + at)
            file.write(data)


@pytest.fixture
def store(tmp_path):
    return Damaged(tmp_path / "store")


def run(*args):
    return CliRunner().invoke(cli, [str(arg) for arg in args], env={"COLUMNS": "200"})


def a_blob_that_is_missing(store):
    store.blob(1).unlink()


def a_blob_that_was_cut(store):
    store.blob(1).write_bytes(b"short")


def a_blob_that_was_altered(store):
    blob = store.blob(1)
    blob.write_bytes(b"x" * blob.stat().st_size)


def a_blob_that_no_row_names_and_that_was_altered(store):
    (store.path / "blobs" / "ab").mkdir(exist_ok=True)
    (store.path / "blobs" / "ab" / ("cd" * 31)).write_bytes(b"other bytes")


def a_row_that_was_altered(store):
    store.execute("UPDATE calls SET inline = ? WHERE key = ?", b"altered", bytes.fromhex(small.key(1)))


def a_row_with_another_key(store):
    store.execute("UPDATE calls SET key = ? WHERE key = ?", b"k" * 32, bytes.fromhex(small.key(1)))


def a_row_with_text_for_a_key(store):
    store.execute("UPDATE calls SET key = 'text' WHERE key = ?", bytes.fromhex(small.key(1)))


def an_index_of_the_database_in_another_order(store):
    """The key of a row is altered in the index over the keys: SQLite does not notice, and does not find the row."""
    key = bytes.fromhex(small.key(1))
    data = (store.path / "index.sqlite").read_bytes()
    page = store.page_of("sqlite_autoindex_calls_1")
    at = data.index(key, (page - 1) * 4096, page * 4096)
    store.alter(page, at % 4096, bytes([key[0] ^ 0xFF]))


def a_page_of_the_database_that_is_none(store):
    store.alter(store.page_of("calls_by_content"), 0, b"\xff" * 64)


def a_table_that_is_lost(store):
    store.alter(store.page_of("calls"), 0, bytes(4096))


def a_database_that_is_none(store):
    store.alter(1, 0, bytes(4096))


def a_database_that_is_gone(store):
    (store.path / "index.sqlite").unlink()


def a_small_file_that_is_gone(store):
    (store.path / "format").unlink()


def another_small_file_that_is_gone(store):
    (store.path / "CACHEDIR.TAG").unlink()


def what_a_dead_process_left(store):
    (store.path / "blobs" / "tmp" / "1-dead").mkdir(parents=True)
    (store.path / "blobs" / "tmp" / "1-dead" / "0").write_bytes(b"half a blob")


DAMAGES = {
    a_blob_that_is_missing: ("blob", "is missing", 1),
    a_blob_that_was_cut: ("blob", "has 5 bytes instead of", 1),
    a_blob_that_was_altered: ("blob", "was altered on disk", 1),
    a_blob_that_no_row_names_and_that_was_altered: ("blob", "which no row names, was altered", 0),
    a_row_that_was_altered: ("row", "is not as it was written", 1),
    a_row_with_another_key: ("row", "is not as it was written", 1),
    a_row_with_text_for_a_key: ("row", "is not as it was written", 1),
    an_index_of_the_database_in_another_order: ("database", "SQLite's own check", 0),
    a_page_of_the_database_that_is_none: ("database", "", 0),
    a_table_that_is_lost: ("database", "", 5),
    a_database_that_is_none: ("database", "", 0),
    a_database_that_is_gone: ("database", "", 5),
    a_small_file_that_is_gone: ("files", "format", 0),
    another_small_file_that_is_gone: ("files", "CACHEDIR.TAG", 0),
    what_a_dead_process_left: ("scratch", "left by a process that died", 0),
}


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_each_kind_of_damage_is_found_and_repaired(store, damage):
    kind, text, lost = DAMAGES[damage]
    damage(store)
    before = {
        path: path.read_bytes() for path in store.path.rglob("*") if path.is_file() and "sqlite-" not in path.name
    }
    found = check_directory(store.path)
    assert kind in {finding.kind for finding in found.findings}
    assert any(finding.kind == kind and text in finding.text for finding in found.findings)
    assert not any(finding.repaired for finding in found.findings)
    for path, content in before.items():
        assert path.read_bytes() == content, "a check changes nothing"
    repaired = check_directory(store.path, repair=True)
    assert all(finding.repaired for finding in repaired.findings)
    assert kind in {finding.kind for finding in repaired.findings} or kind == "scratch"
    again = check_directory(store.path)
    assert again.is_sound, again.findings
    assert store.ask() == 10 - lost
    assert check_directory(store.path).is_sound


def test_a_sound_store_passes_and_its_numbers_are_told(store):
    report = check_directory(store.path, decode=True)
    assert report.is_sound
    assert report[:5] == (10, 5, report.blob_bytes, 0, 0)
    assert report.blob_bytes > 25_000


def test_a_row_that_a_look_up_does_not_find_is_named(store):
    an_index_of_the_database_in_another_order(store)
    found = check_directory(store.path).findings
    # Others may be hidden behind it, where the search goes the wrong way.
    assert (bytes.fromhex(small.key(1)), "small(i=1)") in {
        (each.key, each.call) for each in found if each.kind == "order"
    }


def test_a_blob_that_no_row_names_is_told_and_never_deleted(store):
    with jumar.Store.open(store.path) as opened:
        blob = opened.blobs.write([b"about to be named" * 1000])
    report = check_directory(store.path, repair=True)
    assert report.is_sound
    assert (report.unreferenced, report.unreferenced_bytes) == (1, blob.size_bytes)
    with jumar.Store.open(store.path) as opened:
        assert opened.blobs.size_bytes(blob.digest) == blob.size_bytes


def set_aside(store, digest):
    """As a sweep leaves it that died at that moment."""
    with jumar.Store.open(store.path) as opened:
        opened.blobs.set_aside(digest)


def digest_of_large(store, i):
    with jumar.Store.open(store.path, read_only=True) as opened:
        return opened.find(bytes.fromhex(large.key(i))).blob


@pytest.mark.parametrize("repair", [False, True], ids=["looking", "repairing"])
def test_a_blob_that_a_dead_sweep_has_set_aside_is_no_loss(store, repair):
    set_aside(store, digest_of_large(store, 1))
    before = sorted(store.path.glob("blobs/??/*"))
    report = check_directory(store.path, repair=repair)
    assert report[:5] == (10, 5, report.blob_bytes, 0, 0)
    assert report.is_sound
    assert (sorted(store.path.glob("blobs/??/*")) == before) != repair
    with jumar.Store.open(store.path, read_only=True) as opened:
        assert opened.load(opened.find(bytes.fromhex(large.key(1)))) == b"\1" * 5000
    assert store.ask() == 10


def test_a_blob_that_is_aside_is_read_and_counted_as_any_other(store):
    with jumar.Store.open(store.path) as opened:
        loose = opened.blobs.write([b"about to be deleted" * 1000])
    set_aside(store, loose.digest)
    set_aside(store, digest_of_large(store, 1))
    (aside,) = store.path.glob(f"blobs/??/{digest_of_large(store, 1).hex()[2:]}.aside")
    aside.write_bytes(b"x" * aside.stat().st_size)
    report = check_directory(store.path)
    assert [(each.kind, each.call) for each in report.findings] == [("blob", "large(i=1)")]
    assert (report.blobs, report.unreferenced, report.unreferenced_bytes) == (6, 1, loose.size_bytes)


def test_what_a_repair_drops_runs_again_and_why_says_so(store):
    a_blob_that_was_altered(store)
    report = check_directory(store.path, repair=True)
    assert [(each.call, each.runs_again) for each in report.findings] == [("large(i=1)", True)]
    assert report.results == 9
    assert store.ask() == 9
    with jumar.Store.open(store.path) as opened:
        reasons = [reason.text for reason in explain(opened, large.key(1)).reasons]
    assert any("`jumar check --repair` dropped it: blob" in text for text in reasons)


def test_a_value_that_cannot_be_made_here_is_found_where_that_is_asked_for(store, tmp_path, monkeypatch):
    (tmp_path / "passing.py").write_text("class Thing:\n    pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    import passing

    with jumar.Session(store.path, "inline"):
        jumar.task(passing.Thing, name="thing", version="1", code="version")()
    monkeypatch.delitem(sys.modules, "passing")
    (tmp_path / "passing.py").write_text("")
    assert check_directory(store.path).is_sound
    (finding,) = check_directory(store.path, decode=True, repair=True).findings
    assert (finding.kind, finding.call, finding.repaired) == ("undecodable", "thing()", False)
    assert "Thing" in finding.text


def test_a_store_in_memory_is_checked_too():
    with jumar.Store.in_memory() as opened:
        with jumar.Session(opened, "inline"):
            large(1)
            small(1)
        assert check(opened)[:5] == (2, 1, check(opened).blob_bytes, 0, 0)
        (digest,) = opened.blobs.digests()
        opened.blobs.remove(digest)
        (finding,) = check(opened, repair=True).findings
        assert (finding.kind, finding.call) == ("blob", "large(i=1)")
        assert check(opened).is_sound


def test_a_store_that_may_not_be_written_is_not_repaired(store):
    with jumar.Store.open(store.path, read_only=True) as opened, pytest.raises(jumar.JumarError, match="not repaired"):
        check(opened, repair=True)


def test_an_older_store_gets_its_labels_by_a_repair(store):
    (store.path / "labels").unlink()
    assert check_directory(store.path).is_sound
    assert check_directory(store.path, repair=True).is_sound
    (store.path / "index.sqlite").unlink()
    assert store.ask() == 5


@pytest.mark.parametrize("command", [("check", "--repair"), ("gc",)], ids=["repair", "gc"])
def test_a_torn_label_is_told_and_no_fault_and_written_anew(store, command):
    labels = store.path / "labels"
    data = labels.read_bytes()
    labels.write_bytes(data[:-7] + data)  # a program died as it wrote, and another one wrote on
    report = check_directory(store.path)
    assert (report.is_sound, report.torn_labels) == (True, 1)
    assert "1 labels of blobs are torn or damaged" in run("check", "--store", store.path).stdout
    assert run(*command, "--store", store.path).exit_code == 0
    assert check_directory(store.path).torn_labels == 0
    (store.path / "index.sqlite").unlink()
    assert store.ask() == 5


def test_labels_are_kept_short_by_a_repair(store):
    labels = store.path / "labels"
    size_bytes = labels.stat().st_size
    with jumar.Store.open(store.path) as opened:
        entry = opened.find(bytes.fromhex(large.key(1)))
        for _ in range(20):
            opened.record(entry)
            opened.flush()
        opened.remove([bytes.fromhex(large.key(2))])
    assert labels.stat().st_size > 2 * size_bytes
    check_directory(store.path, repair=True)
    assert labels.stat().st_size < size_bytes


def test_the_command_prints_what_it_found_and_ends_with_status_1(store):
    assert (run("check", "--store", store.path).exit_code, run("check", "--store", store.path).stdout) == (
        0,
        f"10 results, 5 blobs ({sum(store.blob(i).stat().st_size for i in range(5)) / 1024:.1f} KiB); unreferenced: 0, 0 B\n"
        "Nothing is wrong.\n",
    )
    a_blob_that_was_altered(store)
    shown = run("check", "--store", store.path)
    assert shown.exit_code == 1
    for text in (f"blob: large(i=1) [key {large.key(1)[:12]}]: blob ", "1 call will run again", "jumar check --repair"):
        assert text in shown.stdout
    found = run("check", "--store", store.path, "--json", "--repair")
    assert found.exit_code == 1
    as_json = json.loads(found.stdout)
    assert [(each["kind"], each["key"], each["repaired"]) for each in as_json["findings"]] == [
        ("blob", large.key(1), True)
    ]
    assert run("check", "--store", store.path, "--decode").exit_code == 0


def test_the_command_checks_a_store_that_lost_its_format_file_and_refuses_what_is_none(store, tmp_path):
    a_small_file_that_is_gone(store)
    assert run("check", "--store", store.path).exit_code == 1
    assert run("check", "--store", store.path, "--repair").exit_code == 1
    assert run("check", "--store", store.path).exit_code == 0
    refused = run("check", "--store", tmp_path / "none")
    assert refused.exit_code == 1
    assert "there is no store at" in refused.stderr


WRITING = """
import sys, jumar

@jumar.task
def value(i):
    return bytes([i % 256]) * (5000 if i % 2 else 50)

with jumar.Store.open(sys.argv[1]) as store, jumar.Session(store, "threads", 2) as session:
    i = 0
    while sys.stdin.readable() and i < 200_000:
        value.spawn(i).result()
        if i % 7 == 0:
            session.checkpoint()
            store.remove([bytes.fromhex(value.key(i))])
        if i == 50:
            print("began", flush=True)
        i += 1
"""


@pytest.mark.parametrize("repair", [False, True], ids=["looking", "repairing"])
def test_a_check_beside_a_program_that_writes_finds_nothing(store, repair):
    script = store.path.parent / "writing.py"
    script.write_text(WRITING)
    writer = subprocess.Popen([sys.executable, script, store.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert writer.stdout.readline() == b"began\n"
        seen = []
        for _ in range(5):
            report = check_directory(store.path, repair=repair)
            assert report.findings == ()
            seen.append(report.results)
        assert writer.poll() is None
        assert seen[-1] > seen[0]
    finally:
        writer.kill()
        writer.wait()
        writer.stdin.close()
        writer.stdout.close()
    assert {each.kind for each in check_directory(store.path).findings} <= {"scratch"}
