"""Connections to an index on disk, and what an error of SQLite means for it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeVar

from jumar.store.forking import close_inherited
from jumar.store.sqlite_schema import TABLES

_T = TypeVar("_T")
Durability = Literal["process", "power"]
"""What a committed result survives: the death of the process, or also the loss of power (slower: every commit waits
for the disk)."""

_SYNCHRONOUS = {"process": "NORMAL", "power": "FULL"}
_STATEMENTS_KEPT = 32
_NO_SHARED_MEMORY = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}
COMPANIONS = ("-wal", "-shm")
"""What SQLite appends to a database's name for its log and its shared memory."""

# What a damaged database gives: a page that cannot be right, no database at all, a schema that lost a table or column,
# a file that ends too early.
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_FORMAT}
_DAMAGED_FILES = {sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_CORRUPTFS}


def connect(
    path: Path,
    *,
    durability: Durability,
    busy_timeout_s: float,
    read_only: bool = False,
    kind: type[sqlite3.Connection] = sqlite3.Connection,
) -> sqlite3.Connection:
    """A connection that any thread may use, one at a time. Nothing is read or written yet where it can be avoided.

    Raises:
        sqlite3.Error: The file cannot be opened or is no database.
    """
    mode = "ro" if read_only else "rwc"
    connection = _open(path, f"mode={mode}", busy_timeout_s, kind)
    try:
        if read_only:
            try:
                connection.execute("SELECT 1 FROM calls LIMIT 1").fetchone()
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF not in _NO_SHARED_MEMORY:
                    raise
                # Beside a read-only file SQLite cannot keep the shared memory that it needs to see other writers;
                # where the directory takes no files there are none to see.
                connection.close()
                connection = _open(path, "mode=ro&immutable=1", busy_timeout_s, kind)
                connection.execute("SELECT 1 FROM calls LIMIT 1").fetchone()
        else:
            connection.execute(f"PRAGMA synchronous = {_SYNCHRONOUS[durability]}")
            # 16 MiB: the upper pages of the key index of 10 M results, so that a commit reads few of them again.
            connection.execute("PRAGMA cache_size = -16384")
    except BaseException:
        connection.close()
        raise
    return connection


def create_database(path: Path, fill: Callable[[sqlite3.Connection], _T]) -> _T:
    """Make a new database with its tables, under its name only when it is complete: a reader never meets half of one.

    Args:
        path: Its name. The caller holds the lock.
        fill: Puts the first rows into it, in transactions of its own.

    Returns:
        What ``fill`` gives.

    Raises:
        sqlite3.Error, OSError: It cannot be written.
    """
    beside = path.with_name(f".{path.name}.new")
    for name in ("", *COMPANIONS):
        Path(f"{beside}{name}").unlink(missing_ok=True)  # a process died while it made one
    connection = sqlite3.connect(beside, isolation_level=None)
    try:
        # The log comes last: if it could not be taken into the file at closing, the rows in it would be lost.
        connection.execute("PRAGMA journal_mode = MEMORY")
        # 64 MiB: keys come in no order, so all of the index over them is in use.
        connection.execute("PRAGMA cache_size = -65536")
        _add_tables(connection)
        filled = fill(connection)
        connection.execute("PRAGMA journal_mode = WAL")
    finally:
        connection.close()
    for companion in COMPANIONS:
        # What a deleted database left: SQLite would take the pages in its log for pages of the new one.
        Path(f"{path}{companion}").unlink(missing_ok=True)
    beside.replace(path)
    return filled


def create_tables(connection: sqlite3.Connection) -> None:
    """Make the database an index, or leave the index that it is as it is.

    Raises:
        sqlite3.Error: It is damaged, locked, or cannot be written.
    """
    connection.execute("PRAGMA journal_mode = WAL")
    _add_tables(connection)


def _add_tables(connection: sqlite3.Connection) -> None:
    connection.executescript(f"BEGIN IMMEDIATE; {TABLES} COMMIT;")


FAULTS = (sqlite3.Error, UnicodeDecodeError)
"""What a damaged database raises: SQLite's message may quote bytes of it that are no text, and then cannot be made."""


def damage(text: str) -> sqlite3.DatabaseError:
    """An error as SQLite gives it for a damaged database, for damage that it did not notice itself."""
    error = sqlite3.DatabaseError(text)
    error.sqlite_errorcode, error.sqlite_errorname = sqlite3.SQLITE_CORRUPT, "SQLITE_CORRUPT"
    return error


def is_damage(error: Exception) -> bool:
    """Whether the error says that the database is damaged, so that nothing in it can be relied on any more."""
    if isinstance(error, UnicodeDecodeError):
        return True
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:  # raised by the Python module itself: undecodable text is damage, a wrong use is not
        return isinstance(error, sqlite3.OperationalError) and "decode" in str(error).lower()
    return code in _DAMAGED_FILES or (code & 0xFF) in _DAMAGE


def _open(path: Path, options: str, busy_timeout_s: float, kind: type[sqlite3.Connection]) -> sqlite3.Connection:
    close_inherited()
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?{options}",
        uri=True,
        timeout=busy_timeout_s,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=_STATEMENTS_KEPT,
        factory=kind,
    )
