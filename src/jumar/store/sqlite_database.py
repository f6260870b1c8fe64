"""The database of an index on disk: its connections, what happens to them at a fork, and its replacement when it is damaged."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

from jumar.errors import StoreError
from jumar.store.forking import Listing, Unconnected, give_up, listing, watch
from jumar.store.lock_file import locked
from jumar.store.saved import NOTHING_SAVED, Saved
from jumar.store.sqlite_connection import FAULTS, Durability, connect, create_database, create_tables, damage, is_damage
from jumar.store.sqlite_damage import UNREADABLE, finish, found_text, inode, replaced_text, set_aside, unfinished
from jumar.store.sqlite_schema import FIND, USER_VERSION
from jumar.store.trouble import Report, Trouble

_T = TypeVar("_T")


class Tenant(Protocol):
    """Whose rows are in the database."""

    def fill(self, connection: sqlite3.Connection, damaged: Sequence[Path]) -> Saved:
        """Put into a new database what can be found of the rows of lost ones."""

    def renew(self, connection: sqlite3.Connection) -> None:
        """Put into another database, inside a transaction, what this object has told others to be there."""

    def forget_rows(self) -> None:
        """Let go of rows that were read: they may have changed."""


class SqliteDatabase:
    """A SQLite database with one connection for writing and one for looking up.

    Args:
        path: The file; made if it is not there.
        tenant: Whose rows are in it.
        durability: ``"power"`` waits for the disk at each commit.
        report: Told of damage and of trouble with reading.
        busy_timeout_s: How long to wait for another process that is writing, in seconds.
        read_only: Never write, not even to mend; the file must be there.

    Raises:
        StoreError: The database cannot be opened, and not because it is damaged.

    *Guarantees*: a transaction is there whole or not at all. A damaged database is set aside, and a new one gets its name
    only when all that could be carried over is in it.
    """

    def __init__(
        self,
        path: Path,
        tenant: Tenant,
        durability: Durability,
        *,
        report: Report,
        busy_timeout_s: float,
        read_only: bool,
    ) -> None:
        self.path = path
        self.read_only = read_only
        self._tenant = tenant
        self._durability: Durability = durability
        self._report = report
        self._busy_timeout_s = busy_timeout_s
        # Taken in this order where both are needed. Readers never wait for a commit: they have a connection of their own.
        self._write_lock = threading.Lock()
        self.read_lock = threading.Lock()
        """Held while `lookup` is used."""
        self.generation = 0
        """Which database it is; another number after each replacement."""
        self.lookup: sqlite3.Cursor
        """For reading single rows, as bytes."""
        self._closed = False
        self._inherited = False
        self._renewal_lock = threading.Lock()  # taken last: by who holds either of the others
        self._elsewhere = False
        try:
            self._connect()
        except FAULTS as error:
            if read_only or not self._damaged(error):
                raise StoreError(
                    f"the index {path} cannot be opened: {error}. Check that it is a file you may read and write, and "
                    f"that the disk has room."
                ) from error
            self.replace(error, self.generation)
        watch(self)

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
        generation = self.generation
        try:
            with self._write_lock:
                if inode(self.path) == self._inode or self.read_only or self._closed:
                    return self._transaction(work)
                error: Exception = sqlite3.OperationalError(f"{self.path} is not the file any more that was opened")
        except FAULTS as caught:
            if self.read_only or self._closed or not self._damaged(caught):
                raise
            error = caught
        self.replace(error, generation)
        with self._write_lock:
            return self._transaction(work)

    def changed_elsewhere(self) -> bool:
        """Whether another connection has committed since this was last asked; see ``Index.changed_elsewhere``."""
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
        return changed

    def close(self) -> None:
        """Close the connections; a second close does nothing."""
        with self._write_lock, self.read_lock:
            if not self._closed:
                self._closed = True
                self._reader.close()
                self._writer.close()

    # -- connections ---------------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        """Open both connections, or none."""
        if not self.read_only and not self.path.exists():
            with self._locked():
                saved = self._create()
            if saved.results or saved.labelled or not saved.finished:
                self._report(Trouble("repaired", found_text(self.path, saved)))
        writer = self._open()
        try:
            version = writer.execute("PRAGMA user_version").fetchone()[0]
            if version == 0 and not self.read_only:
                raise damage("the file is empty")  # an index gets its name when it has its tables
            if version < USER_VERSION and not self.read_only:
                with self._locked():
                    create_tables(writer)
            writer.execute(FIND, (b"",)).fetchone()
            reader = self._open()
        except BaseException:
            writer.close()
            raise
        reader.text_factory = bytes
        self._writer, self._reader, self.lookup = writer, reader, reader.cursor()
        self._data_version = writer.execute("PRAGMA data_version").fetchone()[0]
        self._inode = inode(self.path)
        self._inherited = False

    def _create(self) -> Saved:
        """Make the database, unless another process has, with what can be found again. The caller holds the lock."""
        if self.path.exists():
            return NOTHING_SAVED
        damaged = unfinished(self.path)
        saved = create_database(self.path, lambda connection: self._tenant.fill(connection, damaged))
        if saved.finished:
            finish(damaged)
        return saved

    def _locked(self) -> AbstractContextManager[None]:
        return locked(Path(f"{self.path}.lock"), self._busy_timeout_s)

    def _open(self, kind: type[sqlite3.Connection] = sqlite3.Connection) -> sqlite3.Connection:
        return connect(
            self.path,
            durability=self._durability,
            busy_timeout_s=self._busy_timeout_s,
            read_only=self.read_only,
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

    # -- forks ---------------------------------------------------------------------------------------------------------

    def hold(self) -> None:
        """See ``Forks.hold``: waits for a commit that is under way."""
        self._write_lock.acquire()
        self.read_lock.acquire()

    def release(self) -> None:
        """See ``Forks.release``."""
        self.read_lock.release()
        self._write_lock.release()

    def inherit(self) -> None:
        """See ``Forks.inherit``: connections of the child's own are opened when they are needed."""
        if not self._closed and not self._inherited:
            give_up(self._reader, self._writer)
            self._inherited = True
            self._elsewhere = True
            self._tenant.forget_rows()
            self._reader = self._writer = self.lookup = cast("Any", Unconnected(self._renew))
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
        return self.lookup

    # -- damage --------------------------------------------------------------------------------------------------------

    def read_failed(self, error: Exception, generation: int, key: bytes | None) -> bool:
        """Decide on an error of reading: True if a new database has taken the place of a damaged one, else it is reported.

        Args:
            error: What was raised.
            generation: Of the database that was read.
            key: What was looked for, if it was one call.
        """
        if self._closed:
            raise error
        if isinstance(error, FAULTS) and not self.read_only and self._damaged(error):
            try:
                self.replace(error, generation)
            except (*FAULTS, OSError, StoreError) as worse:
                error = worse  # no new index can be begun either; the next operation tries again
            else:
                return True
        self._report(Trouble("unreadable", UNREADABLE.format(path=self.path, error=error), key, error))
        return False

    def replace(self, error: Exception, generation: int) -> None:
        """Set the database aside and begin a new one, unless another thread or process has done so already.

        Args:
            error: What is wrong with it.
            generation: Of the database that is to be replaced.
        """
        with self._write_lock, self.read_lock:
            if self._closed or self.generation != generation:
                return
            opened = hasattr(self, "_writer")
            if opened:
                self._reader.close()
                self._writer.close()
            with self._locked():
                present = inode(self.path)
                aside = None
                if present is not None and present == (self._inode if opened else present):
                    aside = set_aside(self.path)
                saved = self._create()
            self._connect()
            self.generation += 1
            self._elsewhere = True
            self._tenant.forget_rows()
            self._transaction(self._tenant.renew)
        self._report(Trouble("damaged", replaced_text(self.path, aside, error, saved), None, error))

    def _damaged(self, error: Exception) -> bool:
        """Whether the database is at fault; one that says "read-only" although the file is not has a damaged header."""
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_READONLY:
            return not self.read_only and os.access(self.path, os.W_OK) and os.access(self.path.parent, os.W_OK)
        # Closed connections in an open index are what a replacement leaves that failed half-way.
        return is_damage(error) or (isinstance(error, sqlite3.ProgrammingError) and "closed" in str(error))
