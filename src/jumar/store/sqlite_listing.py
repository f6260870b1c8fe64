"""The listing of calls from an index on disk, for people: newest first, results and failures together."""

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Any

from jumar.store.memory_index import UNKNOWN_TASK
from jumar.store.pins import has_table
from jumar.store.records import CallRecord, TaskInfo
from jumar.store.sqlite_schema import LIST_CALLS, LIST_FAILURES, LIST_FAILURES_WITHOUT_ORIGINS

_Kind = type | tuple[type, ...]
_KEY_DIGITS = 64
_TASK_TYPES: tuple[_Kind, ...] = (bytes, str, str, str)
_TYPES: tuple[_Kind, ...] = (
    *(bytes, str, float, float, int, str, (bytes, type(None)), bytes, int, str, str),
    *((bytes, type(None)), int),
)


def list_calls(
    connection: sqlite3.Connection, prefix: str, task: str, run: int | None
) -> Generator[CallRecord, None, None]:
    """Calls, newest first; see ``Index.calls``. Rows that a damaged database has made into something else are left out.

    Raises:
        sqlite3.Error: The database is damaged or cannot be read.
    """
    prefix = prefix.lower()
    low, high = (bytes.fromhex(prefix.ljust(_KEY_DIGITS, digit)[:_KEY_DIGITS]) for digit in "0f")
    arguments = (low, high, task, task, run, run)
    failures = LIST_FAILURES if has_table(connection, "failure_origins") else LIST_FAILURES_WITHOUT_ORIGINS
    rows = heapq.merge(
        _sound(connection.execute(LIST_CALLS, arguments)),
        _sound(connection.execute(failures, arguments)),
        key=lambda record: record.created_s,
        reverse=True,
    )
    with closing(rows):  # before the connection, where the caller stops half-way
        yield from rows


def _sound(rows: sqlite3.Cursor) -> Iterator[CallRecord]:
    for row in rows:
        if (record := _record(row)) is not None:
            yield record


def _record(row: tuple[Any, ...]) -> CallRecord | None:
    # What is listed is not read back by anybody, so the types are enough: the check of a result's row would need its bytes.
    fields = (row[0], *row[5:])
    if not all(isinstance(field, kind) for field, kind in zip(fields, _TYPES, strict=True)):
        return None
    is_known = all(isinstance(field, kind) for field, kind in zip(row[1:5], _TASK_TYPES, strict=True))
    return CallRecord(row[0], TaskInfo(*row[1:5]) if is_known else UNKNOWN_TASK, *row[5:])
