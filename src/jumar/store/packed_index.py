"""An index as bytes: a SQLite database that is read into memory, or made there, and is part of a file."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from itertools import chain, islice
from typing import Any, TypeVar

from jumar.errors import StoreError
from jumar.store.failure_origins import forget_failures, keep_origins
from jumar.store.forking import watch
from jumar.store.records import CallRecord, Counts, Entry, Failure, TaskInfo
from jumar.store.row import entry_of, row_of
from jumar.store.sqlite_connection import FAULTS
from jumar.store.sqlite_listing import list_calls
from jumar.store.sqlite_schema import ADD_FAILURE, COUNTS, FIND, FIND_CONTENT, TABLES, add_calls
from jumar.store.trouble import Report, Trouble, warn

_T = TypeVar("_T")
_EQUALS_LOOKED_AT = 16
"""Rows with one content key of which the newest sound one is taken."""


class PackedIndex:
    """Keeps the rows in a SQLite database in memory, with the tables of an index on disk.

    One connection serves everybody, one after the other: SQLite opens a database by its name only, and this one has
    none. So a listing is read whole before its first row is given.

    Args:
        packed: The database as bytes; None begins an empty one.
        report: Told of damaged rows.

    Raises:
        StoreError: The bytes are no index.
    """

    def __init__(self, packed: bytes | None = None, *, report: Report = warn) -> None:
        self._report = report
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        try:
            if packed is None:
                self._connection.executescript(TABLES)
            else:
                self._connection.deserialize(packed)
                self._connection.execute(FIND, (b"",)).fetchone()
        except FAULTS as error:
            self._connection.close()
            raise StoreError(f"its index cannot be read: {error}") from error
        watch(self)

    def packed(self) -> bytes:
        """The database as bytes."""
        with self._lock:
            return self._connection.serialize()

    def find(self, key: bytes) -> Entry | None:
        """The kept result of a call, or None; a row that is not as it was written is reported and counts as absent."""
        rows = self._rows(FIND, (key,), key)
        return self._newest_sound([entry_of(key, row[:-1]) for row in rows], key)

    def find_content(self, content: bytes) -> Entry | None:
        """The newest kept result of a call with these values, or None; damage as in `find`, and an older one serves."""
        rows = self._rows(FIND_CONTENT, (content, _EQUALS_LOOKED_AT), content)
        entries = [entry_of(row[0], row[1:]) for row in rows]
        return self._newest_sound([entry if entry and entry.content == content else None for entry in entries], content)

    def _rows(self, question: str, bound: tuple[object, ...], key: bytes) -> list[Any]:
        try:
            with self._lock:
                return self._connection.execute(question, bound).fetchall()
        except (*FAULTS, OverflowError) as error:
            text = f"a packed index cannot be read: {error}. The call may run again."
            self._report(Trouble("unreadable", text, key, error))
            return []

    def _newest_sound(self, entries: Sequence[Entry | None], key: bytes) -> Entry | None:
        if entries and entries[0] is None:
            text = (
                f"the row of call {key.hex()[:12]} is not as it was written: it is not used, and the call may run again"
            )
            self._report(Trouble("damaged", text, key))
        return next((entry for entry in entries if entry is not None), None)

    def add(self, entries: Sequence[Entry], failures: Sequence[Failure] = ()) -> None:
        """Record a group in one transaction; see ``Index.add``."""
        unique = {entry.key: entry for entry in entries}

        def write(connection: sqlite3.Connection) -> None:
            for entry in unique.values():
                connection.execute(add_calls(1), row_of(entry))
            forget_failures(connection, unique)
            for f in failures:
                row = (f.key, f.task, f.created_s, f.seconds, f.error, f.traceback, f.arguments)
                connection.execute(ADD_FAILURE, row)
            keep_origins(connection, failures)

        self.transact(write)

    def remove(self, keys: Sequence[bytes]) -> None:
        """Forget these calls; keys that are not there are passed over."""
        bound = [(key,) for key in keys]

        def delete(connection: sqlite3.Connection) -> None:
            connection.executemany("DELETE FROM calls WHERE key = ?", bound)
            forget_failures(connection, keys)

        self.transact(delete)

    def add_task(self, task: TaskInfo) -> int:
        """The task's number, given now if it has none."""

        def write(connection: sqlite3.Connection) -> int:
            connection.execute("INSERT OR IGNORE INTO tasks (code, name, module, parameters) VALUES (?, ?, ?, ?)", task)
            question = "SELECT id FROM tasks WHERE code = ? AND name = ? AND module = ? AND parameters = ?"
            number: int = connection.execute(question, task).fetchone()[0]
            return number

        return self.transact(write)

    def has_code(self, code: bytes) -> bool:
        """Whether any task with this code was ever recorded."""
        return bool(self._rows("SELECT 1 FROM tasks WHERE code = ? LIMIT 1", (code,), code))

    def changed_elsewhere(self) -> bool:
        """False: nobody else has it."""
        return False

    def calls(
        self, prefix: str = "", task: str = "", limit: int | None = None, run: int | None = None
    ) -> Iterator[CallRecord]:
        """Calls, newest first, as they are when the first one is asked for; see ``Index.calls``."""
        with self._lock, closing(list_calls(self._connection, prefix, task, run)) as records:
            found = list(islice(records, limit))
        yield from found

    def counts(self) -> Counts:
        """How much there is; reads the whole table of results."""
        with self._lock:
            calls, failures, tasks, inline_bytes = self._connection.execute(COUNTS).fetchone()
            pages, page_bytes = (self._connection.execute(f"PRAGMA {what}").fetchone()[0] for what in _SIZE)
        return Counts(calls, failures, tasks, inline_bytes, pages * page_bytes)

    def blobs(self) -> Iterator[bytes]:
        """Digests of all blobs that some row names, each once."""
        with self._lock:
            rows = self._connection.execute("SELECT DISTINCT blob FROM calls WHERE typeof(blob) = 'blob'").fetchall()
        return chain.from_iterable(rows)

    def close(self) -> None:
        """Let go of the database; a second close does nothing."""
        with self._lock:
            self._connection.close()

    # -- as a database -------------------------------------------------------------------------------------------------

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection, which nobody else uses in this block."""
        with self._lock:
            yield self._connection

    def transact(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Do the work in a transaction; what it raises undoes what it wrote."""
        with self._lock:
            self._connection.execute("BEGIN")
            try:
                result = work(self._connection)
                self._connection.execute("COMMIT")
            except BaseException:
                with suppress(*FAULTS):
                    self._connection.execute("ROLLBACK")
                raise
        return result

    def forget(self, keys: Collection[bytes]) -> None:
        """Nothing is ever read ahead."""

    # -- forks ---------------------------------------------------------------------------------------------------------

    def hold(self) -> None:
        """See ``Forks.hold``."""
        self._lock.acquire()

    def release(self) -> None:
        """See ``Forks.release``."""
        self._lock.release()

    def inherit(self) -> None:
        """See ``Forks.inherit``: a child has a copy of the memory, and so a database of its own."""
        self._lock.release()


_SIZE = ("page_count", "page_size")
