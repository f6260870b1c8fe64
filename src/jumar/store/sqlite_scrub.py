"""Every row of an index on disk, read as it is and looked up as a program would."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from jumar.keys.call import describe_arguments
from jumar.store.memory_index import UNKNOWN_TASK
from jumar.store.records import Entry, TaskInfo
from jumar.store.row import Row, entry_of
from jumar.store.sqlite_connection import damage
from jumar.store.sqlite_index import SqliteIndex
from jumar.store.sqlite_schema import CALL_COLUMNS

_ROWS_AT_ONCE = 500
_MESSAGES = 20
_ROWS = f"SELECT id, {CALL_COLUMNS} FROM calls WHERE id > ? ORDER BY id LIMIT {_ROWS_AT_ONCE}"  # no outside text in it
_PLACE = "SELECT id FROM calls INDEXED BY sqlite_autoindex_calls_1 WHERE key = ?"


class ScrubbedRow(NamedTuple):
    """A row of results."""

    number: int
    key: Any
    """Bytes, unless the row is damaged."""
    entry: Entry | None
    """None if the row fails its check."""
    is_found: bool
    """Whether a look-up of its key finds it."""
    row: Row
    task: TaskInfo

    @property
    def call(self) -> str:
        """The call as people write it; as far as that can be read of a damaged row."""
        if self.entry is None:
            return self.task.name
        arguments = describe_arguments(self.task.parameters.split(), self.entry.arguments)
        return f"{self.task.name}({arguments})"


class SqliteScrub:
    """Reads an index on disk from end to end.

    Args:
        index: The index.

    Raises:
        sqlite3.Error: From every method, where the database is damaged or cannot be read.

    *Guarantees*: others may write meanwhile: a row counts as not found only if it is not found within the same state of
    the database. No state is held for longer than a few hundred rows take, so the log does not grow meanwhile.
    """

    def __init__(self, index: SqliteIndex) -> None:
        self._index = index

    def complaints(self) -> list[str]:
        """What SQLite's own check says is wrong; nothing if all is right."""
        with self._index.reading() as connection:
            lines = [str(row[0]) for row in connection.execute(f"PRAGMA integrity_check({_MESSAGES})")]
        return [] if lines == ["ok"] else lines

    def rows(self) -> Iterator[ScrubbedRow]:
        """All rows, in the order of recording."""
        with self._index.reading() as connection:
            last = -(1 << 63)
            while group := self._group(connection, last):
                yield from group
                if group[-1].number <= last:
                    raise damage("the rows are not in their order")
                last = group[-1].number

    def reindex(self) -> None:
        """Sort every index of the database anew."""
        self._index.transact(lambda connection: connection.execute("REINDEX"))

    def delete(self, numbers: Sequence[int]) -> None:
        """Delete rows, whatever their keys have become."""
        bound = [(number,) for number in numbers]
        self._index.transact(lambda connection: connection.executemany("DELETE FROM calls WHERE id = ?", bound))
        self._index.forget_rows()

    def _group(self, connection: sqlite3.Connection, after: int) -> list[ScrubbedRow]:
        connection.execute("BEGIN")
        try:
            tasks = {
                row[0]: TaskInfo(*row[1:])
                for row in connection.execute("SELECT id, code, name, module, parameters FROM tasks")
            }
            return [
                _scrubbed(row, tasks, connection.execute(_PLACE, (row[1],)).fetchone())
                for row in connection.execute(_ROWS, (after,)).fetchall()
            ]
        finally:
            connection.execute("COMMIT")


def _scrubbed(row: tuple[Any, ...], tasks: dict[int, TaskInfo], place: tuple[int] | None) -> ScrubbedRow:
    number, key, task = row[:3]
    entry = entry_of(key, row[2:])
    known = tasks.get(task, UNKNOWN_TASK) if isinstance(task, int) else UNKNOWN_TASK
    return ScrubbedRow(number, key, entry, place == (number,), row[1:], known)
