"""Pages of SQLite files, read without SQLite: the same records, and nothing but records from anything else."""

import random
import sqlite3
from contextlib import closing

import pytest

from jumar.store.sqlite_pages import PAGE_BYTES, Pages

VALUES = [
    *(0, 1, -1, 127, -128, 2**15, -(2**23), 2**31, 2**47, -(2**63), 2**63 - 1, 0.5, -1e300, None, "", "é" * 40, b""),
    *(bytes(57), bytes(58), bytes(4000), bytes(range(256)) * 16, b"x" * 70_000),
]


def everything(path):
    with closing(Pages(path)) as pages:
        return [record for page in range(1, pages.count + 1) for record in pages.records(page)]


@pytest.fixture
def database(tmp_path):
    """A connection to a database of two tables and an index, some of which is in its log only."""
    connection = sqlite3.connect(tmp_path / "database", isolation_level=None)
    connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE numbered (id INTEGER PRIMARY KEY, value, other)")
    connection.execute("CREATE TABLE named (key BLOB PRIMARY KEY, value) WITHOUT ROWID")
    yield connection
    connection.close()


def fill(database, start, count):
    chance = random.Random(start)
    for number in range(start, start + count):
        value = chance.choice(VALUES)
        database.execute("INSERT INTO numbered VALUES (?, ?, ?)", (number, value, chance.choice(VALUES)))
        database.execute("INSERT INTO named VALUES (?, ?)", (number.to_bytes(8, "big", signed=True), value))


def assert_all_is_read(database, path):
    numbered = {row[0]: row[1:] for row in database.execute("SELECT id, value, other FROM numbered")}
    named = dict(database.execute("SELECT key, value FROM named"))
    read = everything(path)
    assert {record.number: record.values[1:] for record in read if len(record.values) == 3} == numbered
    pairs = [record.values for record in read if record.number is None and len(record.values) == 2]
    assert dict(pairs) == named
    assert len(pairs) == len(named)


def test_every_record_is_read_from_the_file_and_from_its_log(database, tmp_path):
    path = tmp_path / "database"
    fill(database, -5, 400)
    assert_all_is_read(database, path)
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert_all_is_read(database, path)
    fill(database, 1000, 100)
    database.execute("UPDATE numbered SET value = 'new' WHERE id % 3 = 0")
    assert_all_is_read(database, path)


def test_what_was_not_committed_and_what_was_deleted_is_not_read(database, tmp_path):
    fill(database, 0, 300)
    database.execute("DELETE FROM numbered WHERE id < 250")
    database.execute("DELETE FROM named WHERE key < ?", ((250).to_bytes(8, "big"),))
    database.execute("PRAGMA cache_size = 1")  # so that a transaction writes to the log before it ends
    database.execute("BEGIN")
    fill(database, 5000, 300)
    before = sqlite3.connect(tmp_path / "database")
    assert_all_is_read(before, tmp_path / "database")
    before.close()
    database.execute("ROLLBACK")


def test_whatever_a_file_holds_reading_it_ends_and_raises_nothing(database, tmp_path):
    fill(database, 0, 60)
    database.execute("PRAGMA wal_checkpoint")
    fill(database, 100, 10)
    chance = random.Random(8)
    for name in ("database", "database-wal"):
        sound = (tmp_path / name).read_bytes()
        for _ in range(40):
            data = bytearray(sound)
            for _ in range(chance.choice((1, 30, 2000))):
                data[chance.randrange(len(data))] = chance.choice((0, 1, 13, 255, chance.randrange(256)))
            copy = tmp_path / "copy"
            copy.write_bytes((tmp_path / "database").read_bytes())
            (tmp_path / name.replace("database", "copy")).write_bytes(data[: chance.randrange(len(data))])
            everything(copy)
        (tmp_path / "copy-wal").unlink(missing_ok=True)
