"""What can be carried over from a damaged index into a new one: never a row that is not as it was written.

Results carry their own check, code and sources are compressed and so have one too. Of the other rows a page may be damaged
without a trace, so only what decides nothing is taken from them, and only where it looks as it should.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from jumar.keys.digest import digest
from jumar.store.actor_rows import ActorRow
from jumar.store.awaited import EventRow, WaitRow
from jumar.store.graft import Graft
from jumar.store.lineage import SUSPICION
from jumar.store.named_runs import NamedRun
from jumar.store.records import Entry, TaskInfo
from jumar.store.row import entry_of
from jumar.store.saved import Saved
from jumar.store.sqlite_connection import FAULTS, connect
from jumar.store.sqlite_pages import Pages, Value

_DIGEST_BYTES = 32
_CALL_COLUMNS = 14
_PAGES_AT_ONCE = 64
_BUSY_S = 1.0
_Kind = type | tuple[type, ...]
_REAL: _Kind = (float, int)  # SQLite keeps 1.0 as 1
_NONE = type(None)


class _Table(NamedTuple):
    """A table, recognised by the types of its columns."""

    name: str
    types: tuple[_Kind, ...]
    is_sane: Callable[[tuple[Any, ...]], bool]
    numbered: bool = True


def _is_digest(value: Any) -> bool:
    return type(value) is bytes and len(value) == _DIGEST_BYTES


def _is_source(row: tuple[Any, ...]) -> bool:
    return _is_digest(row[0]) and _unpacked(row[1]) is not None


def _is_code(row: tuple[Any, ...]) -> bool:
    text = _unpacked(row[1])
    try:
        parts = json.loads(text) if text and text.startswith(b"[") else None
    except ValueError:
        return False
    return isinstance(parts, list) and all(isinstance(part, list) and len(part) == 5 for part in parts)


def _unpacked(data: bytes) -> bytes | None:
    try:
        return zlib.decompress(data)
    except zlib.error:
        return None


_TABLES = (
    _Table("tasks", (_NONE, bytes, str, str, str), lambda row: _is_digest(row[1])),
    _Table("runs", (_NONE, _REAL, str, str, int), lambda row: row[0] > 0),
    _Table("codes", (bytes, bytes), _is_code, numbered=False),
    _Table("sources", (bytes, bytes), _is_source, numbered=False),
    _Table("losses", (_NONE, bytes, _REAL, str), lambda row: _is_digest(row[1])),
    _Table("failures", (_NONE, bytes, int, _REAL, _REAL, int, str, str, bytes), lambda row: _is_digest(row[1])),
    _Table(
        "equivalences",
        (_NONE, bytes, bytes, str, bytes, _REAL, str, str),
        lambda row: _is_digest(row[1]) and _is_digest(row[2]),
    ),
    _Table("pins", (bytes, _REAL, str), lambda row: _is_digest(row[0]), numbered=False),
    _Table("code_uses", (int, bytes), lambda row: _is_digest(row[1]), numbered=False),
    _Table(
        "named_runs",
        (
            str,
            bytes,
            _REAL,
            (float, int, _NONE),
            *(str,) * 3,
            bytes,
            bytes,
            str,
            *((bytes, _NONE),) * 3,
            *(str,) * 4,
            bytes,
        ),
        lambda row: NamedRun(*row)._replace(created_s=float(row[2])).is_sound(),
        numbered=False,
    ),
    _Table(
        "actors",
        (str, bytes, str, str, _REAL, _REAL, int, bytes, bytes),
        lambda row: ActorRow(*row)._replace(created_s=float(row[4]), changed_s=float(row[5])).is_sound(),
        numbered=False,
    ),
    _Table("journal", (*(bytes,) * 3, int, str, str, bytes, _REAL), lambda row: _is_digest(row[0]), numbered=False),
    _Table(
        "waits",
        (bytes, bytes, str, _REAL, (float, int, _NONE), bytes),
        lambda row: WaitRow(*row).is_sound(),
        numbered=False,
    ),
    _Table(
        "events",
        (_NONE, bytes, str, str, _REAL, str, (bytes, _NONE), bytes),
        lambda row: EventRow(*row).is_sound() and (row[6] is None or _is_digest(row[6])),
    ),
)


class Salvage:
    """Carries the rows of one database over into a new one.

    Args:
        path: The database that was set aside; it is only read.
        graft: Where they go.
        removed: When results were removed, by their keys: an older one may still be in a page that is not in use.
        has_time: Asked now and then; where it says no, the rest is left.
    """

    def __init__(self, path: Path, graft: Graft, removed: Mapping[bytes, float], has_time: Callable[[], bool]) -> None:
        self._path = path
        self._graft = graft
        self._removed = dict(removed)
        self._has_time = has_time
        self._calls: list[int] = []
        self._runs: set[int] = set()
        self._tasks: dict[int, int] = {}
        self._failures: list[tuple[Any, ...]] = []

    def carry(self) -> Saved:
        """Carry over what is sound.

        Raises:
            sqlite3.Error: The new database cannot take it.
            OSError: The old one cannot be opened.
        """
        with closing(Pages(self._path)) as pages:
            declarations_left = self._read_explanations(pages)
            # Newest first: what there is no time for is what was recorded long ago.
            results = sum(self._carry_results(pages, page) for page in self._in_time(reversed(self._calls)))
        for failure in self._failures:
            self._graft.add("failures", (*failure[:2], self._tasks.get(failure[2], 0), *failure[3:]))
        return Saved(results, _recorded(self._path), 0, declarations_left, finished=self._has_time())

    def _in_time(self, pages: Iterator[int]) -> Iterator[int]:
        for count, page in enumerate(pages):
            if count % _PAGES_AT_ONCE == 0 and not self._has_time():
                return
            yield page

    def _read_explanations(self, pages: Pages) -> int:
        """Carry over everything but results, and note where these are; how many declarations were left."""
        declarations_left = 0
        for page in self._in_time(iter(range(1, pages.count + 1))):
            for record in pages.records(page):
                if len(record.values) == _CALL_COLUMNS:
                    self._calls.append(page)
                    break  # a page belongs to one table
                if len(record.values) == 2 and type(record.values[1]) is int:
                    break  # or to an index: a key, and the number of its row
                table = _table_of(record.values)
                if table is None:
                    continue
                row: tuple[Any, ...] = (record.number, *record.values[1:]) if table.numbered else record.values
                if not table.is_sane(row):
                    continue
                if table.name == "equivalences" and (row[3] or row[4]):
                    # A declaration decides which results are used. A digest that was altered fits no code; a value that was
                    # altered is another value.
                    declarations_left += 1
                else:
                    self._take(table.name, row)
        return declarations_left

    def _take(self, table: str, row: tuple[Any, ...]) -> None:
        if table == "tasks":
            self._tasks[row[0]] = self._graft.task(TaskInfo(*row[1:]), row[0])
        elif table == "failures":
            self._failures.append(row)
        elif table == "runs":
            if self._graft.run(row):
                self._runs.add(row[0])
        elif table == "actors":
            self._graft.actor(row)
        else:
            if table == "losses" and row[3] != SUSPICION:
                self._removed[row[1]] = max(row[2], self._removed.get(row[1], row[2]))
            self._graft.add(table, row)
            if table == "sources" and digest(zlib.decompress(row[1])) == row[0]:
                # Outlines have the same columns. A source may prove itself like this too; as an outline it harms nobody.
                self._graft.add("outlines", row)

    def _carry_results(self, pages: Pages, page: int) -> int:
        carried = 0
        for number, values in pages.records(page):
            entry = _entry_of(values)
            if entry is None or self._removed.get(entry.key, -1.0) >= entry.created_s:
                continue
            task = self._tasks[entry.task] if entry.task in self._tasks else self._graft.unknown_task()
            run = entry.run if entry.run in self._runs else 0
            carried += self._graft.result(entry._replace(task=task, run=run), number)
        return carried


def _table_of(values: tuple[Value, ...]) -> _Table | None:
    for table in _TABLES:
        if len(values) == len(table.types) and all(map(isinstance, values, table.types)):
            if table.name == "codes" and not _is_code(values):
                continue  # a source has the same columns
            return table
    return None


def _entry_of(values: tuple[Value, ...]) -> Entry | None:
    if len(values) != _CALL_COLUMNS:
        return None
    _, key, task, created_s, seconds, *rest = values
    if not (_is_digest(key) and isinstance(created_s, _REAL) and isinstance(seconds, _REAL)):
        return None
    # Some builds of SQLite keep whole numbers as such where a column is for others.
    return entry_of(key, (task, float(created_s), float(seconds), *rest))  # type: ignore[arg-type] # it is bytes


def _recorded(path: Path) -> int | None:
    """How many results the index over their keys has, as long as SQLite can read that."""
    try:
        with closing(connect(path, durability="process", busy_timeout_s=_BUSY_S, read_only=True)) as connection:
            return int(connection.execute("SELECT count(*) FROM calls").fetchone()[0])
    except FAULTS:
        return None
