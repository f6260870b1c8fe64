"""Rows of other indexes, put into a new one: under the numbers that its tasks have there, and never over newer rows."""

from __future__ import annotations

import sqlite3
from typing import Any

from jumar.store.memory_index import UNKNOWN_TASK
from jumar.store.records import Entry, TaskInfo
from jumar.store.row import row_of
from jumar.store.sqlite_schema import ADD_TASK, CALL_COLUMNS, TASK_NUMBER

_COLUMNS = CALL_COLUMNS.split(", ")
_ADD_RESULT = (
    f"INSERT OR IGNORE INTO calls (id, {CALL_COLUMNS}) VALUES ({', '.join('?' * (len(_COLUMNS) + 1))}) "  # our own words
    f"ON CONFLICT (key) DO UPDATE SET {', '.join(f'{column} = excluded.{column}' for column in _COLUMNS[1:])} "
    f"WHERE excluded.created_s > calls.created_s"
)
_ADD_ACTOR = """
INSERT INTO actors VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET
    token = excluded.token, kind = excluded.kind, place = excluded.place, created_s = excluded.created_s,
    changed_s = excluded.changed_s, turn = excluded.turn, state = excluded.state, "check" = excluded."check"
WHERE excluded.changed_s > actors.changed_s
"""


class Graft:
    """Adds rows to an index inside a transaction.

    Args:
        connection: To the new index.
        ordered: Whether results keep their numbers, which are their order: only where no others have been recorded.

    Raises:
        sqlite3.Error: From every method, where the database cannot be written.
    """

    def __init__(self, connection: sqlite3.Connection, *, ordered: bool) -> None:
        self._connection = connection
        self._ordered = ordered

    def task(self, task: TaskInfo, number: int | None = None) -> int:
        """The task's number, given now if it has none: the one that is asked for, if it is free."""
        execute = self._connection.execute
        if number is not None:
            execute(
                "INSERT OR IGNORE INTO tasks (id, code, name, module, parameters) VALUES (?, ?, ?, ?, ?)",
                (number, *task),
            )
        execute(ADD_TASK, task)
        return int(execute(TASK_NUMBER, task).fetchone()[0])

    def unknown_task(self) -> int:
        """The number of the task that stands for those whose rows are lost.

        Where it is there, results of any code may be: see ``SqliteIndex.has_code``.
        """
        return self.task(UNKNOWN_TASK)

    def run(self, row: tuple[Any, ...]) -> bool:
        """Add a run; whether its number means this run here."""
        self.add("runs", row)
        found = self._connection.execute("SELECT started_s, process FROM runs WHERE number = ?", row[:1]).fetchone()
        return tuple(found) == (row[1], row[4])

    def actor(self, row: tuple[Any, ...]) -> None:
        """Add an actor; of several rows of one the latest counts, as pages that are not in use still have older ones."""
        self._connection.execute(_ADD_ACTOR, row)

    def add(self, table: str, row: tuple[Any, ...]) -> None:
        """Add a row of any other table, unless its place is taken."""
        self._connection.execute(f"INSERT OR IGNORE INTO {table} VALUES ({', '.join('?' * len(row))})", row)

    def result(self, entry: Entry, number: int | None = None) -> bool:
        """Add a result, unless there is a newer one of its call; whether it was added.

        Args:
            entry: With the number of its task in this index.
            number: Its own number in the other one.
        """
        row = row_of(entry)
        execute = self._connection.execute
        if self._ordered and execute(_ADD_RESULT, (number, *row)).rowcount > 0:
            return True
        # The number may be taken: it is given again when the last row is removed.
        return execute(_ADD_RESULT, (None, *row)).rowcount > 0

    def has(self, key: bytes) -> bool:
        """Whether there is a result of this call."""
        return self._connection.execute("SELECT 1 FROM calls WHERE key = ?", (key,)).fetchone() is not None
