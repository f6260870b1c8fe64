"""What the index on disk does beyond its contract: groups, damage, locks, plans of queries."""

import sqlite3
import threading

import pytest

from jumar.errors import StoreError
from jumar.store.sqlite_index import SqliteIndex
from jumar.store.sqlite_schema import FIND, FIND_CONTENT, LIST_CALLS, USER_VERSION
from jumar.testing.contracts_index import TASK, entry, failure, key_of


@pytest.fixture
def troubles():
    return []


@pytest.fixture
def make(tmp_path, troubles):
    """Opens indexes of one database; they are closed at the end."""
    opened = []

    def made(**how):
        opened.append(SqliteIndex(tmp_path / "index.sqlite", report=troubles.append, **how))
        return opened[-1]

    yield made
    for index in opened:
        index.close()


def names(tmp_path):
    return sorted(path.name for path in tmp_path.iterdir())


@pytest.mark.parametrize("rows", [1, 7, 8, 9, 63, 64, 65, 255, 256, 257, 1000])
def test_groups_of_every_size_are_written_whole(make, rows):
    index = make()
    index.add([entry(number) for number in range(rows)])
    assert index.counts().calls == rows
    assert [record.key for record in index.calls()] == [key_of(number) for number in reversed(range(rows))]


def test_a_group_that_cannot_be_written_leaves_nothing_behind(make):
    index = make()
    with pytest.raises(sqlite3.IntegrityError):
        index.add([entry(number) for number in range(300)], [failure(1), failure(2, error=None)])
    assert index.counts().calls == 0
    index.add([entry(1)])
    assert index.find(key_of(1)) == entry(1)


def test_nobody_sees_half_a_group(make):
    mine, theirs = make(), make()
    ended, seen = threading.Event(), set()

    def watch():
        while not ended.is_set():
            seen.add(theirs.counts().calls)

    watcher = threading.Thread(target=watch)
    watcher.start()
    for group in range(10):
        mine.add([entry(100 * group + number) for number in range(100)])
    ended.set()
    watcher.join()
    assert seen <= {100 * groups for groups in range(11)}


def test_look_ups_use_an_index_and_never_read_the_table(make, tmp_path):
    make().add([entry(1)])
    connection = sqlite3.connect(tmp_path / "index.sqlite")
    for statement, bound in ((FIND, (b"",)), (FIND_CONTENT, (b"", 1)), (LIST_CALLS, (b"", b"", "", "", None, None))):
        plan = connection.execute(f"EXPLAIN QUERY PLAN {statement}", bound).fetchall()
        assert not any("SCAN c" in row[3] and "USING" not in row[3] for row in plan), (statement, plan)
    connection.close()


def test_another_program_that_writes_is_waited_for_no_longer_than_said(make, tmp_path):
    index = make(busy_timeout_s=0.01)
    index.add([entry(1)])
    other = sqlite3.connect(tmp_path / "index.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        index.add([entry(2)])
    assert index.find(key_of(1)) == entry(1)
    other.execute("COMMIT")
    other.close()
    index.add([entry(2)])
    assert index.find(key_of(2)) == entry(2)


def test_a_database_that_another_program_keeps_for_itself_cannot_be_opened(make, tmp_path):
    make().close()
    other = sqlite3.connect(tmp_path / "index.sqlite", isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreError, match=r"index\.sqlite cannot be opened: database is locked"):
        make(busy_timeout_s=0.01)
    with pytest.raises(StoreError, match=r"index\.sqlite cannot be opened: database is locked"):
        make(busy_timeout_s=0.01, read_only=True)
    other.execute("COMMIT")
    other.close()
    assert "index.sqlite.damaged-1" not in names(tmp_path)


@pytest.mark.parametrize("content", [b"", b"no database at all" * 300, bytes(8192)], ids=["empty", "text", "zeros"])
def test_a_file_that_is_no_database_is_set_aside_and_a_new_one_begun(make, tmp_path, troubles, content):
    (tmp_path / "index.sqlite").write_bytes(content)
    index = make()
    index.add([entry(1)])
    assert index.find(key_of(1)) == entry(1)
    if content.startswith(b"no"):
        assert (tmp_path / "index.sqlite.damaged-1").read_bytes() == content
        assert [trouble.kind for trouble in troubles] == ["damaged"]
        assert "set aside as index.sqlite.damaged-1" in troubles[0].text


def test_damage_that_shows_later_is_set_aside_too_each_under_a_name_of_its_own(make, tmp_path, troubles):
    for number in (1, 2):
        index = make()
        task = index.add_task(TASK)
        index.add([entry(1, task=task)])
        index.close()
        with (tmp_path / "index.sqlite").open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * (100 * 4096))
        index = make()
        assert index.find(key_of(1)) is None
        index.add([entry(2)])
        assert index.find(key_of(2)) == entry(2)
        assert f"index.sqlite.damaged-{number}" in names(tmp_path)
        assert {trouble.kind for trouble in troubles} == {"damaged"}
        index.close()


def test_of_two_that_meet_damage_one_replaces_and_both_go_on(make, tmp_path, troubles):
    mine, theirs = make(), make()
    number = mine.add_task(TASK)
    (tmp_path / "index.sqlite").unlink()
    mine.add([entry(1, task=number)])
    theirs.add([entry(2)])
    for index in (mine, theirs):
        assert index.counts().calls == 2
    # Rows that were prepared for the old index carry its numbers: their task must be the same one in the new.
    assert next(record.task for record in mine.calls(prefix=key_of(1).hex())) == TASK
    assert len(troubles) == 2
    assert all("was removed or replaced" in trouble.text for trouble in troubles)


def test_a_row_that_was_altered_is_reported_and_not_found(make, tmp_path, troubles):
    index = make()
    index.add([entry(1, content=key_of(7)), entry(2)])
    other = sqlite3.connect(tmp_path / "index.sqlite")
    other.execute("UPDATE calls SET inline = ?", (b"abd",))
    other.commit()
    other.close()
    assert index.find(key_of(1)) is None
    assert index.find_content(key_of(7)) is None
    assert [(trouble.kind, trouble.key) for trouble in troubles] == [("damaged", key_of(1)), ("damaged", key_of(7))]
    index.add([entry(1)])
    assert index.find(key_of(1)) == entry(1)


def test_where_the_newest_of_equal_results_is_altered_an_older_one_is_found(make, tmp_path, troubles):
    index = make()
    older, newer = entry(1, content=key_of(7)), entry(2, content=key_of(7))
    index.add([older, newer])
    other = sqlite3.connect(tmp_path / "index.sqlite")
    other.execute("UPDATE calls SET inline = ? WHERE key = ?", (b"abd", newer.key))
    other.commit()
    other.close()
    assert index.find_content(key_of(7)) == older
    assert [(trouble.kind, trouble.key) for trouble in troubles] == [("damaged", key_of(7))]


def test_what_was_looked_for_when_damage_was_met_is_found_in_the_new_index(make, tmp_path, troubles):
    index = make()
    index.add([entry(number, content=key_of(number + 500)) for number in range(50)])
    index.close()
    root = sqlite3.connect(tmp_path / "index.sqlite")
    page = root.execute("SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_autoindex_calls_1'").fetchone()[0]
    root.close()
    index = make()
    with (tmp_path / "index.sqlite").open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)
    assert index.find(key_of(20)) == entry(20, content=key_of(520))
    assert ["50 results were carried over" in trouble.text for trouble in troubles] == [True]


def test_rows_that_damage_made_something_else_are_not_listed(make, tmp_path):
    index = make()
    index.add([entry(1), entry(2)], [failure(3)])
    other = sqlite3.connect(tmp_path / "index.sqlite")
    other.execute("UPDATE calls SET arguments = 5 WHERE key = ?", (key_of(1),))
    other.execute("UPDATE calls SET blob = 'text' WHERE key = ?", (key_of(2),))
    other.execute("UPDATE failures SET error = x'ff'")
    other.commit()
    other.close()
    assert [record.key for record in index.calls() if record.state == "done"] == []
    assert list(index.blobs()) == []


def test_a_change_is_told_once_and_ones_own_are_none(make):
    mine, theirs = make(), make()
    mine.changed_elsewhere()
    mine.add([entry(1)])
    mine.add_task(TASK)
    assert not mine.changed_elsewhere()
    theirs.add([entry(2)])
    assert mine.changed_elsewhere()
    assert not mine.changed_elsewhere()


def test_a_new_database_beside_an_old_log_does_not_take_it_for_its_own(make, tmp_path):
    index = make()
    index.add([entry(1)])
    log = (tmp_path / "index.sqlite-wal").read_bytes()
    index.close()
    for name in ("index.sqlite", "index.sqlite-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    (tmp_path / "index.sqlite-wal").write_bytes(log)
    index = make()
    assert index.find(key_of(1)) is None
    assert index.counts().calls == 0


def test_a_reader_that_may_not_write_makes_nothing(make, tmp_path):
    make().close()
    before = names(tmp_path)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        make(read_only=True).add([entry(1)])
    assert set(names(tmp_path)) - {"index.sqlite-shm", "index.sqlite-wal"} == set(before)
    (tmp_path / "index.sqlite").unlink()
    with pytest.raises(StoreError, match="cannot be opened"):
        make(read_only=True)


def test_the_database_says_which_format_it_has(make, tmp_path):
    make().close()
    connection = sqlite3.connect(tmp_path / "index.sqlite")
    assert connection.execute("PRAGMA user_version").fetchone() == (USER_VERSION,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


@pytest.mark.parametrize(("durability", "level"), [("process", 1), ("power", 2)])
def test_durability_is_how_long_a_commit_waits_for_the_disk(make, durability, level):
    index = make(durability=durability)
    assert index.database._writer.execute("PRAGMA synchronous").fetchone() == (level,)


def test_a_look_up_after_closing_is_an_error(make):
    index = make()
    index.close()
    with pytest.raises(sqlite3.ProgrammingError):
        index.find(key_of(1))
