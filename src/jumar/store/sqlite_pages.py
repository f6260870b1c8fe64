"""The pages of a SQLite file, read one by one without its trees: what is left of a database that SQLite gives up.

A damaged page hides from SQLite all that its tree holds below it. Read by themselves the other pages still have their
records, whatever became of the header, the schema and the inner pages.

Source: the published description of the format of SQLite's database and log files, which is kept stable.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PAGE_BYTES = 4096
"""The size of a page in every index; it is also said in the header, which may be damaged."""

Value = int | float | bytes | str | None

_HEADER = b"SQLite format 3\0"
_HEADER_BYTES = 100
_FREE_LIST_AT = 32
_LEAF_TABLE, _LEAF_INDEX, _INNER_INDEX = 13, 10, 2
_LOG_HEAD_BYTES, _FRAME_HEAD_BYTES = 32, 24
_MAX_RECORD_BYTES = 1 << 24
_INTEGER_BYTES = (0, 1, 2, 3, 4, 6, 8)
_SMALL_BYTES = (PAGE_BYTES - 12) * 32 // 255 - 23
"""How much of a long record stays in its page at least."""
_LARGEST_BYTES = {
    _LEAF_TABLE: PAGE_BYTES - 35,
    _LEAF_INDEX: (PAGE_BYTES - 12) * 64 // 255 - 23,
    _INNER_INDEX: (PAGE_BYTES - 12) * 64 // 255 - 23,
}
"""How long a record may be without a part outside of its page."""

_short = struct.Struct(">H").unpack_from
_long = struct.Struct(">I").unpack_from
_two_longs = struct.Struct(">II").unpack_from
_double = struct.Struct(">d").unpack_from


class Record(NamedTuple):
    """A row of a table, or an entry of an index."""

    number: int | None
    """The row's number; None in an index and in a table without row numbers."""
    values: tuple[Value, ...]


class Pages:
    """Reads the pages of a database and of the log beside it; writes nothing.

    Args:
        path: The database. What is in its log and was committed counts as in the page.

    Raises:
        OSError: It cannot be opened.

    *Guarantees*: whatever the file holds, nothing but `OSError` is raised, and the work is bounded by its size. The
    records of free pages, which may have been deleted long ago, are left out as long as the list of these pages is sound.
    Of any other record the bytes may be wrong: whoever uses it must have a way to tell.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        log = Path(f"{path}-wal")
        self._log = os.open(log, os.O_RDONLY | os.O_CLOEXEC) if log.exists() else None
        size_pages = -(-os.fstat(self._file).st_size // PAGE_BYTES)
        self._newer = self._committed_frames(size_pages)
        self.count = max([size_pages, *self._newer])
        """How many pages there are."""
        self._free = self._free_pages()

    def records(self, page: int) -> Iterator[Record]:
        """The records that can be read in a page, in its order.

        Args:
            page: Its number, from 1 to `count`.
        """
        data = b"" if page in self._free else self._page(page)
        head = _HEADER_BYTES if page == 1 else 0
        kind = data[head] if data else 0
        if kind not in _LARGEST_BYTES:
            return
        start = head + (12 if kind == _INNER_INDEX else 8)
        end = min(start + 2 * _short(data, head + 3)[0], PAGE_BYTES - 1)
        for at in range(start, end, 2):
            try:
                record = self._record(data, kind, _short(data, at)[0])
            except (ValueError, IndexError, struct.error):
                continue  # not a record, or not any more
            yield record

    def close(self) -> None:
        """Close the files."""
        os.close(self._file)
        if self._log is not None:
            os.close(self._log)

    def _page(self, number: int) -> bytes:
        at = self._newer.get(number)
        if at is None or self._log is None:
            return _read(self._file, PAGE_BYTES, (number - 1) * PAGE_BYTES)
        return _read(self._log, PAGE_BYTES, at)

    def _committed_frames(self, file_pages: int) -> dict[int, int]:
        """Where in the log the newest committed state of each page is."""
        if self._log is None:
            return {}
        # A log is written from the beginning again and again, each time under another pair of numbers. They are in its
        # head and in each frame: of the head and the first frame one may be damaged.
        salts = {_read(self._log, 8, 16), _read(self._log, 8, _LOG_HEAD_BYTES + 8)}
        committed: dict[int, int] = {}
        gathered: dict[int, int] = {}
        step = _FRAME_HEAD_BYTES + PAGE_BYTES
        for at in range(_LOG_HEAD_BYTES, os.fstat(self._log).st_size, step):
            head = _read(self._log, _FRAME_HEAD_BYTES, at)
            number, size_pages = _two_longs(head)
            if head[8:16] not in salts or not number:
                continue
            gathered[number] = at + _FRAME_HEAD_BYTES
            if size_pages:
                committed.update(gathered)
                gathered = {}
        most = file_pages + os.fstat(self._log).st_size // step  # a damaged number may be any
        return {number: at for number, at in committed.items() if number <= most}

    def _free_pages(self) -> frozenset[int]:
        """The pages that hold nothing any more; none if their list is not as long as the header says."""
        first = self._page(1)
        if not first.startswith(_HEADER):
            return frozenset()
        trunk, count = _two_longs(first, _FREE_LIST_AT)
        free: set[int] = set()
        while trunk and trunk not in free and trunk <= self.count and len(free) < count:
            page = self._page(trunk)
            following, leaves = _two_longs(page)
            leaves = min(leaves, PAGE_BYTES // 4 - 2)
            free.update((trunk, *struct.unpack_from(f">{leaves}I", page, 8)))
            trunk = following
        return frozenset(free) if len(free) == count else frozenset()

    def _record(self, page: bytes, kind: int, at: int) -> Record:
        if kind == _INNER_INDEX:
            at += 4
        size_bytes, at = _varint(page, at)
        number = None
        if kind == _LEAF_TABLE:
            number, at = _varint(page, at)
            if number >= 1 << 63:
                number -= 1 << 64
        if size_bytes > _MAX_RECORD_BYTES:
            raise ValueError
        largest = _LARGEST_BYTES[kind]
        if size_bytes <= largest:
            return Record(number, _values(page[at : at + size_bytes]))
        here = _SMALL_BYTES + (size_bytes - _SMALL_BYTES) % (PAGE_BYTES - 4)
        if here > largest:
            here = _SMALL_BYTES
        parts = [page[at : at + here]]
        following = _long(page, at + here)[0]
        left = size_bytes - here
        while left > 0:
            if not 0 < following <= self.count:
                raise ValueError
            more = self._page(following)
            following = _long(more)[0]
            parts.append(more[4 : 4 + left])
            left -= PAGE_BYTES - 4
        return Record(number, _values(b"".join(parts)))


def _read(file: int, size_bytes: int, at: int) -> bytes:
    """So many bytes; zeros where the file ends or the disk gives none."""
    try:
        data = os.pread(file, size_bytes, at)
    except OSError:
        data = b""
    return data.ljust(size_bytes, b"\0")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of one to nine bytes, and where the next thing begins."""
    value = data[at]
    at += 1
    if value < 0x80:
        return value, at
    value &= 0x7F
    for _ in range(7):
        byte = data[at]
        at += 1
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at
    return value << 8 | data[at], at + 1


def _values(record: bytes) -> tuple[Value, ...]:
    """The columns of a record.

    Raises:
        ValueError, IndexError, struct.error: It is none.
    """
    at, column = _varint(record, 0)
    end = at
    values: list[Value] = []
    while column < end:
        kind, column = _varint(record, column)
        if kind >= 12:
            size_bytes = (kind - 12) >> 1
            data = record[at : at + size_bytes]
            values.append(data.decode() if kind & 1 else data)
        elif kind == 0:
            values.append(None)
            continue
        elif kind <= 6:
            size_bytes = _INTEGER_BYTES[kind]
            values.append(int.from_bytes(record[at : at + size_bytes], "big", signed=True))
        elif kind == 7:
            size_bytes = 8
            values.append(_double(record, at)[0])
        elif kind <= 9:
            size_bytes = 0
            values.append(kind - 8)
        else:
            raise ValueError
        at += size_bytes
    if at != len(record) or column != end:
        raise ValueError
    return tuple(values)
