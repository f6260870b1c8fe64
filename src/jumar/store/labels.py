"""Labels: what the index knows of each blob, written a second time, so that large results outlive the index.

A blob alone is bytes under a digest: nobody could tell which call it is the result of. The file ``labels`` says so. It is
appended to at each commit and read only when an index was lost.
"""

from __future__ import annotations

import mmap
import os
import struct
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from blake3 import blake3

from jumar.clock import Clock, SystemClock
from jumar.store.memory_index import UNKNOWN_TASK
from jumar.store.records import Entry, TaskInfo
from jumar.store.row import CHECK_BYTES, Row, entry_of
from jumar.store.trouble import Report, Trouble, warn

_MARK = b"\xf5jl1"
"""Begins each record: after one that is torn, reading goes on at the next of these. It is no text."""
_HEAD = struct.Struct("<4sI8s")
_RESULTS, _REMOVED = 1, 2
_RESULTS_AT_ONCE = 64
_KEYS_AT_ONCE = 1024
_KEY_BYTES = 32
_COUNTS = struct.Struct("<BHH")
_TASK = struct.Struct("<qIIII")
_ROW = struct.Struct("<32s32sqddqqBBIBI8s")
_TIME = struct.Struct("<Bd")
_HAS_CONTENT, _HAS_NEEDS = 1, 2


class Labels:
    """Appends to the file of labels, and reads it.

    Args:
        path: The file; made when there is something to be written.
        report: Told once if labels cannot be written: nothing is lost by that as long as the index is sound.
        clock: For when results were removed.

    *Guarantees*: several processes may append at once. A record is taken whole or not at all when it is read, wherever
    the file was torn or altered, and those behind it are found all the same. Nobody waits for the disk.
    """

    def __init__(self, path: Path, *, report: Report = warn, clock: Clock | None = None) -> None:
        self.path = path
        self._report = report
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._file: int | None = None
        self._inode: int | None = None
        self._told = False

    def note(self, rows: Sequence[Row], tasks: Mapping[int, TaskInfo]) -> None:
        """Label the blobs of results that were committed.

        Args:
            rows: Results; those without a blob are passed over.
            tasks: The tasks under the numbers that are in the rows.
        """
        large = [row for row in rows if row[7] is not None]
        if large:
            self._append_or_tell(_packed_results(large, tasks))

    def note_removed(self, keys: Sequence[bytes]) -> None:
        """Note that results are going to be removed, so that no rebuilding brings them back."""
        if keys:
            self._append_or_tell(_packed_removals(keys, self._clock.now_s()))

    def results(self) -> Iterator[tuple[Entry, TaskInfo]]:
        """What is labelled and was not removed since, in the order of the newest labels; the numbers of tasks mean nothing.

        Raises:
            OSError: The file is there and cannot be read.
        """
        newest: dict[bytes, int] = {}
        for place, payload in self._payloads():
            if payload[0] == _REMOVED:
                for key, _ in _removals(payload):
                    newest.pop(key, None)
            else:
                newest.update((entry.key, place) for entry, _ in _results(payload))
        for place, payload in self._payloads():
            if payload[0] == _RESULTS:
                latest = {entry.key: (entry, task) for entry, task in _results(payload)}
                yield from (found for key, found in latest.items() if newest.get(key) == place)

    def removed(self) -> dict[bytes, float]:
        """When results were removed, by their keys; seconds since the epoch.

        Raises:
            OSError: The file is there and cannot be read.
        """
        times: dict[bytes, float] = {}
        for _, payload in self._payloads():
            if payload[0] == _REMOVED:
                times.update(_removals(payload))
        return times

    def torn(self) -> int:
        """How many stretches within the file are no record. One at its end does not count: it may be in the making.

        Raises:
            OSError: The file is there and cannot be read.
        """
        stretches, expected = 0, 0
        for place, payload in self._payloads():
            stretches += place != expected
            expected = place + _HEAD.size + len(payload)
        return stretches

    def rewrite(self, results: Iterable[tuple[Row, TaskInfo]], removed: Mapping[bytes, float]) -> int:
        """Begin a new file in the place of this one; what others append meanwhile is taken along.

        Args:
            results: What is to be in it, with the tasks under the rows' own numbers.
            removed: When which results were removed.

        Returns:
            How many results are in it.

        Raises:
            OSError: It could not be written; the old one is still there.
        """
        old_bytes = self.path.stat().st_size if self.path.exists() else 0
        beside = self.path.with_name(f".{self.path.name}.new")
        count = 0
        with beside.open("wb") as file:
            for key, at_s in removed.items():
                file.write(_packed_removals([key], at_s))
            left = iter(results)
            while group := list(islice(left, _RESULTS_AT_ONCE)):
                file.write(_packed_results([row for row, _ in group], {row[1]: task for row, task in group}))
                count += len(group)
        old = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC) if self.path.exists() else None
        beside.replace(self.path)
        if old is not None:
            try:
                # Who has looked which file it is and not written yet loses a label by this, and no more.
                if later := os.pread(old, os.fstat(old).st_size - old_bytes, old_bytes):
                    self._append(later)
            finally:
                os.close(old)
        return count

    def close(self) -> None:
        """Close the file; a second close does nothing, and appending opens it again."""
        with self._lock:
            self._close()

    def _append_or_tell(self, data: bytes) -> None:
        try:
            self._append(data)
        except OSError as error:
            if not self._told:
                self._told = True
                text = (
                    f"labels could not be written to {self.path} ({error}): no result is lost by that, but if the index is "
                    f"lost some day, large results are not found again by their labels. `jumar check --repair` writes them anew."
                )
                self._report(Trouble("unsaved", text, None, error))

    def _append(self, data: bytes) -> None:
        """Append in one write, so that records of several processes do not mix."""
        with self._lock:
            if self._file is None or self._inode != _inode(self.path):
                self._close()
                self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
                self._inode = os.fstat(self._file).st_ino
            written = os.write(self._file, data)
            if written != len(data):
                raise OSError(f"only {written:,} of {len(data):,} bytes were written")

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            os.close(file)

    def _payloads(self) -> Iterator[tuple[int, bytes]]:
        """The sound records with their places in the file; what is not one is passed over."""
        with suppress(FileNotFoundError), self.path.open("rb") as file:
            size_bytes = os.fstat(file.fileno()).st_size
            if not size_bytes:
                return
            with mmap.mmap(file.fileno(), size_bytes, access=mmap.ACCESS_READ) as data:
                at = data.find(_MARK)
                while at >= 0:
                    payload = _payload(data, at)
                    if payload:
                        yield at, payload
                    at = data.find(_MARK, at + (_HEAD.size + len(payload) if payload else 1))


def _payload(data: mmap.mmap, at: int) -> bytes:
    """The record at this place, or nothing if it is none."""
    start = at + _HEAD.size
    if start > len(data):
        return b""
    _, size_bytes, check = _HEAD.unpack_from(data, at)
    payload = data[start : start + size_bytes] if size_bytes <= len(data) - start else b""
    return payload if payload and _check(payload) == check else b""


def _check(payload: bytes) -> bytes:
    return blake3(payload).digest(length=CHECK_BYTES)


def _inode(path: Path) -> int | None:
    try:
        return os.stat(path).st_ino  # noqa: PTH116 # at every commit: no Path object
    except OSError:
        return None


def _framed(payload: bytes) -> bytes:
    return _HEAD.pack(_MARK, len(payload), _check(payload)) + payload


def _packed_results(rows: Sequence[Row], tasks: Mapping[int, TaskInfo]) -> bytes:
    return b"".join(
        _framed(_packed_group(rows[start : start + _RESULTS_AT_ONCE], tasks))
        for start in range(0, len(rows), _RESULTS_AT_ONCE)
    )


def _packed_group(rows: Sequence[Row], tasks: Mapping[int, TaskInfo]) -> bytes:
    numbers = {row[1] for row in rows}
    parts = [_COUNTS.pack(_RESULTS, len(numbers), len(rows))]
    for number in numbers:
        code, *texts = tasks.get(number, UNKNOWN_TASK)
        name, module, parameters = (text.encode() for text in texts)
        parts += _TASK.pack(number, len(code), len(name), len(module), len(parameters)), code, name, module, parameters
    for key, task, created_s, seconds, size_bytes, codec, _, blob, arguments, content, needs, run, check in rows:
        there = (content is not None) * _HAS_CONTENT | (needs is not None) * _HAS_NEEDS
        content, needs = content or b"", needs or b""
        parts += (
            _ROW.pack(
                *(key, blob, task, created_s, seconds, size_bytes, run, there, len(codec), len(arguments)),
                *(len(content), len(needs), check),
            ),
            codec,
            arguments,
            content,
            needs,
        )
    return b"".join(parts)


def _packed_removals(keys: Sequence[bytes], at_s: float) -> bytes:
    known = [key for key in keys if len(key) == _KEY_BYTES]
    return b"".join(
        _framed(_TIME.pack(_REMOVED, at_s) + b"".join(known[start : start + _KEYS_AT_ONCE]))
        for start in range(0, len(known), _KEYS_AT_ONCE)
    )


def _removals(payload: bytes) -> Iterator[tuple[bytes, float]]:
    _, at_s = _TIME.unpack_from(payload)
    for at in range(_TIME.size, len(payload), _KEY_BYTES):
        yield payload[at : at + _KEY_BYTES], at_s


def _results(payload: bytes) -> Iterator[tuple[Entry, TaskInfo]]:
    _, tasks_count, rows_count = _COUNTS.unpack_from(payload)
    reader = _Reader(payload, _COUNTS.size)
    tasks: dict[int, TaskInfo] = {}
    for _ in range(tasks_count):
        number, *lengths = reader.fields(_TASK)
        code, name, module, parameters = map(reader.bytes, lengths)
        tasks[number] = TaskInfo(code, name.decode(), module.decode(), parameters.decode())
    for _ in range(rows_count):
        key, blob, task, created_s, seconds, size_bytes, run, there, *lengths, check = reader.fields(_ROW)
        codec, arguments, content, needs = map(reader.bytes, lengths)
        optional = (content if there & _HAS_CONTENT else None, needs if there & _HAS_NEEDS else None)
        columns = (task, created_s, seconds, size_bytes, codec, None, blob, arguments, *optional, run, check)
        entry = entry_of(key, columns)
        if entry is not None:
            yield entry, tasks[task]


class _Reader:
    """Reads a record that has passed its check from one end to the other."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at

    def fields(self, form: struct.Struct) -> tuple[Any, ...]:
        found = form.unpack_from(self._data, self._at)
        self._at += form.size
        return found

    def bytes(self, count: int) -> bytes:
        self._at += count
        return self._data[self._at - count : self._at]
