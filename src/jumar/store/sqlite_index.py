"""The index on disk: one SQLite database in WAL mode, shared by any number of threads and processes."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from itertools import chain, islice
from pathlib import Path
from typing import Any, TypeVar, cast

from jumar.errors import StoreError
from jumar.store.forking import Listing, Unconnected, give_up, listing, watch
from jumar.store.lock_file import locked
from jumar.store.read_ahead import ReadAhead
from jumar.store.records import CallRecord, Counts, Entry, Failure, TaskInfo
from jumar.store.row import entry_of, row_of
from jumar.store.sqlite_connection import FAULTS, Durability, connect, create_database, create_tables, damage, is_damage
from jumar.store.sqlite_damage import DAMAGED_ROW, UNREADABLE, inode, replaced_text, set_aside
from jumar.store.sqlite_listing import list_calls
from jumar.store.sqlite_schema import (
    ADD_FAILURE,
    COUNTS,
    FIND,
    FIND_AFTER,
    FIND_CONTENT,
    ROWS_AT_ONCE,
    USER_VERSION,
    add_calls,
)
from jumar.store.trouble import Report, Trouble, warn

_T = TypeVar("_T")


class SqliteIndex:
    """Keeps the rows in a SQLite database.

    Args:
        path: The database file; made if it is not there.
        durability: ``"power"`` waits for the disk at each commit.
        report: Told of damage and of trouble with reading.
        busy_timeout_s: How long to wait for another process that is writing, in seconds.
        read_only: Never write, not even to mend; the file must be there.

    Raises:
        StoreError: The database cannot be opened, and not because it is damaged.

    *Guarantees*: a group is there whole or not at all, whatever happens to the process. A damaged database is set aside
    under another name and reported, and a new one is begun: nobody who looks up or records a call sees an exception or
    a wrong row because of it.
    """

    def __init__(
        self,
        path: Path,
        durability: Durability = "process",
        *,
        report: Report = warn,
        busy_timeout_s: float = 30.0,
        read_only: bool = False,
    ) -> None:
        self._path = path
        self._durability: Durability = durability
        self._report = report
        self._busy_timeout_s = busy_timeout_s
        self._read_only = read_only
        # Taken in this order where both are needed. Readers never wait for a commit: they have a connection of their own.
        self._write_lock = threading.Lock()
        self._read_lock = threading.Lock()
        self._closed = False
        self._inherited = False
        self._renewal_lock = threading.Lock()  # taken last: by who holds either of the others
        self._tasks: dict[TaskInfo, int] = {}
        self._generation = 0
        self._elsewhere = False
        self._ahead = ReadAhead()
        try:
            self._connect()
        except FAULTS as error:
            if read_only or not self._damaged(error):
                raise StoreError(
                    f"the index {path} cannot be opened: {error}. Check that it is a file you may read and write, and "
                    f"that the disk has room."
                ) from error
            self._replace(error, self._generation)
        watch(self)

    def find(self, key: bytes) -> Entry | None:
        """The kept result of a call, or None; a row that is not as it was written is reported and counts as absent."""
        generation = self._generation
        try:
            with self._read_lock:
                row = self._ahead.take(key) or self._look_up(key)
        except (*FAULTS, OverflowError) as error:
            self._read_failed(error, generation, key)
            return None
        if row is None:
            return None
        entry = entry_of(key, row[:-1])
        if entry is None:
            self._report(Trouble("damaged", DAMAGED_ROW.format(key=key.hex()[:12], path=self._path), key))
        return entry

    def find_content(self, content: bytes) -> Entry | None:
        """The newest kept result of a call with these values, or None; damage as in `find`."""
        generation = self._generation
        try:
            with self._read_lock:
                row = self._lookup.execute(FIND_CONTENT, (content,)).fetchone()
        except (*FAULTS, OverflowError) as error:
            self._read_failed(error, generation, content)
            return None
        if row is None:
            return None
        entry = entry_of(row[0], row[1:])
        if entry is None or entry.content != content:
            self._report(Trouble("damaged", DAMAGED_ROW.format(key=content.hex()[:12], path=self._path), content))
            return None
        return entry

    def _look_up(self, key: bytes) -> Any:
        row = self._lookup.execute(FIND, (key,)).fetchone()
        if row is not None and (count := self._ahead.after(row[-1])):
            self._ahead.hold(self._lookup.execute(FIND_AFTER, (row[-1], count)))
        return row

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
                connection.executemany("DELETE FROM failures WHERE key = ?", [(row[0],) for row in rows])
            for failure in lost:
                connection.execute(ADD_FAILURE, failure)

        self.transact(write)
        with self._read_lock:
            self._ahead.drop(unique)

    def remove(self, keys: Sequence[bytes]) -> None:
        """Forget these calls; keys that are not there are passed over.

        Raises:
            sqlite3.Error: The database is locked or cannot be written; all of them are still there.
        """
        bound = [(key,) for key in keys]

        def delete(connection: sqlite3.Connection) -> None:
            connection.executemany("DELETE FROM calls WHERE key = ?", bound)
            connection.executemany("DELETE FROM failures WHERE key = ?", bound)

        self.transact(delete)
        self.forget(keys)

    def forget(self, keys: Collection[bytes]) -> None:
        """See ``Database.forget``."""
        with self._read_lock:
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
        return number

    def has_code(self, code: bytes) -> bool:
        """Whether any task with this code was ever recorded."""
        generation = self._generation
        try:
            with self._read_lock:
                return (
                    self._lookup.execute("SELECT 1 FROM tasks WHERE code = ? LIMIT 1", (code,)).fetchone() is not None
                )
        except FAULTS as error:
            self._read_failed(error, generation, None)
            return False

    def changed_elsewhere(self) -> bool:
        """Whether another connection has committed since this was last asked.

        While a commit of this index is under way the answer is what was known before it.
        """
        if self._write_lock.acquire(blocking=False):
            try:
                if not self._closed:
                    self._look_elsewhere()
            except FAULTS:
                # Whatever is wrong with the database, the look-up that follows meets it and reports it.
                self._elsewhere = True
            finally:
                self._write_lock.release()
        changed, self._elsewhere = self._elsewhere, False
        if changed:
            with self._read_lock:
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
        index_bytes = sum(_file_bytes(Path(f"{self._path}{end}")) for end in ("", "-wal"))
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
        with self._write_lock, self._read_lock:
            if not self._closed:
                self._closed = True
                self._reader.close()
                self._writer.close()

    # -- connections ---------------------------------------------------------------------------------------------------

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection of one's own for reading many rows at leisure, so that nobody else waits."""
        with closing(self._open(Listing)) as connection, listing(connection):
            connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
            yield connection

    def transact(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Do the work in a transaction; once more if the database turns out to be damaged or gone.

        Args:
            work: Takes a connection inside a transaction; what it raises undoes what it wrote.

        Raises:
            sqlite3.Error: The database is locked or cannot be written; nothing was.
        """
        generation = self._generation
        try:
            with self._write_lock:
                if inode(self._path) == self._inode or self._read_only or self._closed:
                    return self._transaction(work)
                error: Exception = sqlite3.OperationalError(f"{self._path} is not the file any more that was opened")
        except FAULTS as caught:
            if self._read_only or self._closed or not self._damaged(caught):
                raise
            error = caught
        self._replace(error, generation)
        with self._write_lock:
            return self._transaction(work)

    def _connect(self) -> None:
        """Open both connections, or none."""
        if not self._read_only and not self._path.exists():
            with locked(Path(f"{self._path}.lock"), self._busy_timeout_s):
                if not self._path.exists():
                    create_database(self._path)
        writer = self._open()
        try:
            version = writer.execute("PRAGMA user_version").fetchone()[0]
            if version < USER_VERSION and not self._read_only:
                with locked(Path(f"{self._path}.lock"), self._busy_timeout_s):
                    create_tables(writer)
            writer.execute(FIND, (b"",)).fetchone()
            reader = self._open()
        except BaseException:
            writer.close()
            raise
        reader.text_factory = bytes
        self._writer, self._reader, self._lookup = writer, reader, reader.cursor()
        self._data_version = writer.execute("PRAGMA data_version").fetchone()[0]
        self._inode = inode(self._path)
        self._inherited = False

    # -- forks ---------------------------------------------------------------------------------------------------------

    def hold(self) -> None:
        """See ``Forks.hold``: waits for a commit that is under way."""
        self._write_lock.acquire()
        self._read_lock.acquire()

    def release(self) -> None:
        """See ``Forks.release``."""
        self._read_lock.release()
        self._write_lock.release()

    def inherit(self) -> None:
        """See ``Forks.inherit``: connections of the child's own are opened when they are needed."""
        if not self._closed and not self._inherited:
            give_up(self._reader, self._writer)
            self._inherited = True
            self._elsewhere = True
            self._ahead.forget()
            self._reader = self._writer = self._lookup = cast("Any", Unconnected(self._renew))
        self.release()

    def _renew(self) -> sqlite3.Cursor:
        """Connect in a child, unless another thread has; the cursor for look-ups."""
        with self._renewal_lock:
            if self._inherited:
                if self._closed:
                    raise sqlite3.ProgrammingError("Cannot operate on a closed database.")
                try:
                    self._connect()
                except (OSError, StoreError) as error:
                    raise sqlite3.OperationalError(str(error)) from error
        return self._lookup

    def _open(self, kind: type[sqlite3.Connection] = sqlite3.Connection) -> sqlite3.Connection:
        return connect(
            self._path,
            durability=self._durability,
            busy_timeout_s=self._busy_timeout_s,
            read_only=self._read_only,
            kind=kind,
        )

    def _transaction(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        self._renew()
        connection = self._writer
        connection.execute("BEGIN IMMEDIATE")
        try:
            self._look_elsewhere()
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            # The error at hand is the one to tell; SQLite has rolled back by itself after some of them.
            with suppress(*FAULTS):
                connection.execute("ROLLBACK")
            raise
        return result

    def _look_elsewhere(self) -> None:
        self._renew()
        version = self._writer.execute("PRAGMA data_version").fetchone()[0]
        if version != self._data_version:
            self._data_version = version
            self._elsewhere = True

    # -- damage --------------------------------------------------------------------------------------------------------

    def _damaged(self, error: Exception) -> bool:
        """Whether the database is at fault; one that says "read-only" although the file is not has a damaged header."""
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_READONLY:
            return not self._read_only and os.access(self._path, os.W_OK) and os.access(self._path.parent, os.W_OK)
        # Closed connections in an open index are what a replacement leaves that failed half-way.
        return is_damage(error) or (isinstance(error, sqlite3.ProgrammingError) and "closed" in str(error))

    def _read_failed(self, error: Exception, generation: int, key: bytes | None) -> None:
        if self._closed:
            raise error
        if isinstance(error, FAULTS) and not self._read_only and self._damaged(error):
            try:
                self._replace(error, generation)
            except (*FAULTS, OSError, StoreError) as worse:
                error = worse  # no new index can be begun either; the next operation tries again
            else:
                return
        self._report(Trouble("unreadable", UNREADABLE.format(path=self._path, error=error), key, error))

    def _replace(self, error: Exception, generation: int) -> None:
        """Set the database aside and begin a new one, unless another thread or process has done so already."""
        with self._write_lock, self._read_lock:
            if self._closed or self._generation != generation:
                return
            opened = hasattr(self, "_writer")
            if opened:
                self._reader.close()
                self._writer.close()
            with locked(Path(f"{self._path}.lock"), self._busy_timeout_s):
                present = inode(self._path)
                aside = None
                if present is not None and present == (self._inode if opened else present):
                    aside = set_aside(self._path)
            self._connect()
            self._generation += 1
            self._elsewhere = True
            self._ahead.forget()
            # The new index gives the tasks that rows were prepared for the numbers that these rows carry.
            self._transaction(self._write_tasks)
        self._report(Trouble("damaged", replaced_text(self._path, aside, error), None, error))

    def _write_tasks(self, connection: sqlite3.Connection) -> None:
        for task, number in self._tasks.items():
            connection.execute(
                "INSERT OR IGNORE INTO tasks (id, code, name, module, parameters) VALUES (?, ?, ?, ?, ?)",
                (number, *task),
            )


def _task_number(connection: sqlite3.Connection, task: TaskInfo) -> int:
    connection.execute("INSERT OR IGNORE INTO tasks (code, name, module, parameters) VALUES (?, ?, ?, ?)", task)
    row: Any = connection.execute(
        "SELECT id FROM tasks WHERE code = ? AND name = ? AND module = ? AND parameters = ?", task
    ).fetchone()
    if row is None or type(row[0]) is not int:
        raise damage("a row that was just written is not there")
    return row[0]


def _file_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
