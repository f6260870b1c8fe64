"""The index on disk: one SQLite database in WAL mode, shared by any number of threads and processes."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, closing
from itertools import chain, islice
from pathlib import Path
from typing import Any, TypeVar

from jumar.store.failure_origins import forget_failures, keep_origins
from jumar.store.labels import Labels
from jumar.store.read_ahead import ReadAhead
from jumar.store.rebuild import Rebuild
from jumar.store.recalls import keep_recalls
from jumar.store.records import ERROR, CallRecord, Counts, Entry, Failure, TaskInfo
from jumar.store.row import entry_of, row_of
from jumar.store.saved import Saved
from jumar.store.sqlite_connection import FAULTS, Durability, damage
from jumar.store.sqlite_damage import DAMAGED_ROW
from jumar.store.sqlite_database import SqliteDatabase
from jumar.store.sqlite_listing import list_calls
from jumar.store.sqlite_schema import (
    ADD_FAILURE,
    ADD_TASK,
    COUNTS,
    FIND,
    FIND_AFTER,
    FIND_CONTENT,
    HAS_CODE,
    ROWS_AT_ONCE,
    TASK_NUMBER,
    add_calls,
)
from jumar.store.trouble import Report, Trouble, warn

_T = TypeVar("_T")
_EQUALS_LOOKED_AT = 64
"""How many results with one content are looked at where the newest is damaged."""

_KEPT_ERROR = f"{ERROR}:".encode()


class SqliteIndex:
    """Keeps the rows in a SQLite database.

    Args:
        path: The database file; made if it is not there.
        durability: ``"power"`` waits for the disk at each commit.
        report: Told of damage and of trouble with reading.
        busy_timeout_s: How long to wait for another process that is writing, in seconds.
        read_only: Never write, not even to mend; the file must be there.
        labels: Where blobs are labelled at each commit; nowhere if not given.
        rebuild: Fills a new index where another was lost; if not given, as its pages and the labels allow without a look
            at the blobs.

    Raises:
        StoreError: The database cannot be opened, and not because it is damaged.

    *Guarantees*: a group is there whole or not at all, whatever happens to the process. A damaged database is set aside
    under another name and reported, and a new one is begun with what is sound in it: nobody who looks up or records a
    call sees an exception or a wrong row because of it.
    """

    def __init__(
        self,
        path: Path,
        durability: Durability = "process",
        *,
        report: Report = warn,
        busy_timeout_s: float = 30.0,
        read_only: bool = False,
        labels: Labels | None = None,
        rebuild: Rebuild | None = None,
    ) -> None:
        self.path = path
        """The database file."""
        self._report = report
        self.labels = labels
        """The labels of blobs, where they are kept."""
        self.rebuild = rebuild or Rebuild(labels)
        """Fills a new index."""
        self._tasks: dict[TaskInfo, int] = {}
        self._tasks_by_number: dict[int, TaskInfo] = {}
        self._ahead = ReadAhead()
        self.database = SqliteDatabase(
            path, self, durability, report=report, busy_timeout_s=busy_timeout_s, read_only=read_only
        )
        """Where the rows are."""

    def find(self, key: bytes) -> Entry | None:
        """The kept result of a call, or None; a row that is not as it was written is reported and counts as absent."""
        database = self.database
        generation = database.generation
        try:
            with database.read_lock:
                row = self._ahead.take(key) or self._look_up(key)
        except (*FAULTS, OverflowError) as error:
            row = self._again(error, generation, key, self._look_up)
        if row is None:
            return None
        entry = entry_of(key, row[:-1])
        if entry is None:
            self._report(Trouble("damaged", DAMAGED_ROW.format(key=key.hex()[:12], path=self.path), key))
        return entry

    def find_content(self, content: bytes) -> Entry | None:
        """The newest kept result of a call with these values, or None; damage as in `find`, and an older one serves."""
        generation = self.database.generation
        try:
            with self.database.read_lock:
                rows = self._look_up_content(content, 1)
        except (*FAULTS, OverflowError) as error:
            rows = self._again(error, generation, content, lambda key: self._look_up_content(key, 1)) or []
        entry = _first_sound(rows, content)
        if entry is None and rows:
            self._report(Trouble("damaged", DAMAGED_ROW.format(key=content.hex()[:12], path=self.path), content))
            generation = self.database.generation
            try:
                with self.database.read_lock:
                    entry = _first_sound(self._look_up_content(content, _EQUALS_LOOKED_AT), content)
            except (*FAULTS, OverflowError) as error:
                self.database.read_failed(error, generation, content)
        return entry

    def _look_up(self, key: bytes) -> Any:
        lookup = self.database.lookup
        row = lookup.execute(FIND, (key,)).fetchone()
        if row is not None and (count := self._ahead.after(row[-1])):
            self._ahead.hold(lookup.execute(FIND_AFTER, (row[-1], count)))
        return row

    def _look_up_content(self, content: bytes, limit: int) -> list[Any]:
        return self.database.lookup.execute(FIND_CONTENT, (content, limit)).fetchall()

    def _again(self, error: Exception, generation: int, key: bytes, look_up: Callable[[bytes], Any]) -> Any:
        """Look up in the database that took the place of a damaged one; None where it cannot be read either."""
        if not self.database.read_failed(error, generation, key):
            return None
        generation = self.database.generation
        try:
            with self.database.read_lock:
                return look_up(key)
        except (*FAULTS, OverflowError) as worse:
            self.database.read_failed(worse, generation, key)
            return None

    def add(self, entries: Sequence[Entry], failures: Sequence[Failure] = ()) -> None:
        """Record a group in one transaction; see ``Index.add``.

        Raises:
            sqlite3.Error: The disk is full, the database is locked or cannot be written; none of the group is there.
        """
        # REPLACE would do for a key that comes twice, but the later record must win and bound rows have no order.
        unique = {entry.key: entry for entry in entries}
        rows = [row_of(entry) for entry in unique.values()]
        lost = [(f.key, f.task, f.created_s, f.seconds, f.error, f.traceback, f.arguments) for f in failures]

        def write(connection: sqlite3.Connection) -> None:
            start = 0
            for size in ROWS_AT_ONCE:
                while len(rows) - start >= size:
                    group = rows[start : start + size]
                    connection.execute(add_calls(size), tuple(chain.from_iterable(group)))
                    start += size
            if rows and connection.execute("SELECT 1 FROM failures LIMIT 1").fetchone():
                forget_failures(connection, (row[0] for row in rows if not row[5].startswith(_KEPT_ERROR)))
            for failure in lost:
                connection.execute(ADD_FAILURE, failure)
            keep_recalls(connection, failures)
            keep_origins(connection, failures)

        self.transact(write)
        with self.database.read_lock:
            self._ahead.drop(unique)
        if self.labels is not None:
            self.labels.note(rows, self._tasks_by_number)

    def remove(self, keys: Sequence[bytes]) -> None:
        """Forget these calls; keys that are not there are passed over.

        Raises:
            sqlite3.Error: The database is locked or cannot be written; all of them are still there.
        """
        bound = [(key,) for key in keys]

        def delete(connection: sqlite3.Connection) -> None:
            connection.executemany("DELETE FROM calls WHERE key = ?", bound)
            forget_failures(connection, keys)

        if self.labels is not None:
            self.labels.note_removed(keys)  # first: a process that dies in between costs a redundant record
        self.transact(delete)
        self._drop(keys)

    def forget(self, keys: Collection[bytes]) -> None:
        """See ``Database.forget``."""
        if self.labels is not None:
            self.labels.note_removed(list(keys))
        self._drop(keys)

    def _drop(self, keys: Collection[bytes]) -> None:
        with self.database.read_lock:
            self._ahead.drop(keys)

    def add_task(self, task: TaskInfo) -> int:
        """The task's number, given now if it has none.

        Raises:
            sqlite3.Error: The database is locked or cannot be written, and the task is not in it.
        """
        number = self._tasks.get(task)
        if number is None:
            number = self.transact(lambda connection: _task_number(connection, task))
            self._tasks[task] = number
            self._tasks_by_number[number] = task
        return number

    def has_code(self, code: bytes) -> bool:
        """Whether any task with this code was ever recorded, or may have been: rows of lost tasks can be of any code."""
        generation = self.database.generation
        try:
            with self.database.read_lock:
                return self.database.lookup.execute(HAS_CODE, (code,)).fetchone() is not None
        except FAULTS as error:
            return self.database.read_failed(error, generation, None)  # True where it was replaced: then one looks

    def changed_elsewhere(self) -> bool:
        """Whether another connection has committed since this was last asked.

        While a commit of this index is under way the answer is what was known before it.
        """
        changed = self.database.changed_elsewhere()
        if changed:
            with self.database.read_lock:
                self._ahead.forget()
        return changed

    def calls(
        self, prefix: str = "", task: str = "", limit: int | None = None, run: int | None = None
    ) -> Iterator[CallRecord]:
        """Calls, newest first, as they are when the first one is asked for; see ``Index.calls``.

        Raises:
            sqlite3.Error: The database is damaged or cannot be read.
        """
        with self.reading() as connection, closing(list_calls(connection, prefix, task, run)) as records:
            yield from islice(records, limit)

    def counts(self) -> Counts:
        """How much there is; reads the whole table of results.

        Raises:
            sqlite3.Error: The database is damaged or cannot be read.
        """
        with self.reading() as connection:
            calls, failures, tasks, inline_bytes = connection.execute(COUNTS).fetchone()
        index_bytes = sum(_file_bytes(Path(f"{self.path}{end}")) for end in ("", "-wal"))
        return Counts(calls, failures, tasks, inline_bytes, index_bytes)

    def blobs(self) -> Iterator[bytes]:
        """Digests of all blobs that some row names, each once.

        Raises:
            sqlite3.Error: The database is damaged or cannot be read.
        """
        with self.reading() as connection:
            for (digest,) in connection.execute("SELECT DISTINCT blob FROM calls WHERE typeof(blob) = 'blob'"):
                yield digest

    def close(self) -> None:
        """Close the connections; a second close does nothing."""
        self.database.close()
        if self.labels is not None:
            self.labels.close()

    # -- the database --------------------------------------------------------------------------------------------------

    def reading(self) -> AbstractContextManager[sqlite3.Connection]:
        """See ``Database.reading``."""
        return self.database.reading()

    def transact(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """See ``Database.transact``."""
        return self.database.transact(work)

    def fill(self, connection: sqlite3.Connection, damaged: Sequence[Path]) -> Saved:
        """See ``Tenant.fill``."""
        self.renew(connection)
        return self.rebuild.fill(connection, damaged)

    def renew(self, connection: sqlite3.Connection) -> None:
        """See ``Tenant.renew``: the tasks that rows were prepared for get the numbers that these rows carry."""
        for number, task in self._tasks_by_number.items():
            connection.execute(
                "INSERT OR IGNORE INTO tasks (id, code, name, module, parameters) VALUES (?, ?, ?, ?, ?)",
                (number, *task),
            )

    def forget_rows(self) -> None:
        """See ``Tenant.forget_rows``."""
        self._ahead.forget()


def _first_sound(rows: Sequence[Any], content: bytes) -> Entry | None:
    entries = (entry_of(row[0], row[1:]) for row in rows)
    return next((entry for entry in entries if entry is not None and entry.content == content), None)


def _task_number(connection: sqlite3.Connection, task: TaskInfo) -> int:
    connection.execute(ADD_TASK, task)
    row: Any = connection.execute(TASK_NUMBER, task).fetchone()
    if row is None or type(row[0]) is not int:
        raise damage("a row that was just written is not there")
    return row[0]


def _file_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
