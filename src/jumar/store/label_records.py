"""The records of the file of labels: results with their tasks, and removals; each with a mark and a check."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from blake3 import blake3

from jumar.store.memory_index import UNKNOWN_TASK
from jumar.store.records import Entry, TaskInfo
from jumar.store.row import CHECK_BYTES, Row, entry_of

MARK = b"\xf5jl1"
"""Begins each record: after one that is torn, reading goes on at the next of these. It is no text."""
HEAD = struct.Struct("<4sI8s")
"""Of a record: its mark, its length behind this head, the beginning of the BLAKE3 of that."""
RESULTS, REMOVED = 1, 2
"""The kinds of records, in their first byte. Kinds that are not known are passed over."""
RESULTS_AT_ONCE = 64
"""Results in a record: what an altered byte takes with it."""
_KEYS_AT_ONCE = 1024
_KEY_BYTES = 32
_COUNTS = struct.Struct("<BHH")
_TASK = struct.Struct("<qIIII")
_ROW = struct.Struct("<32s32sqddqqBBIII8s")
_TIME = struct.Struct("<Bd")
_HAS_CONTENT, _HAS_NEEDS = 1, 2


def payload_at(data: mmap.mmap, at: int) -> bytes:
    """The record at this place, or nothing if it is none."""
    start = at + HEAD.size
    if start > len(data):
        return b""
    _, size_bytes, check = HEAD.unpack_from(data, at)
    payload = data[start : start + size_bytes] if size_bytes <= len(data) - start else b""
    return payload if payload and _check(payload) == check else b""


def _check(payload: bytes) -> bytes:
    return blake3(payload).digest(length=CHECK_BYTES)


def _framed(payload: bytes) -> bytes:
    return HEAD.pack(MARK, len(payload), _check(payload)) + payload


def packed_results(rows: Sequence[Row], tasks: Mapping[int, TaskInfo]) -> bytes:
    """Records of results that have blobs, with their tasks under the numbers that are in the rows."""
    return b"".join(
        _framed(_packed_group(rows[start : start + RESULTS_AT_ONCE], tasks))
        for start in range(0, len(rows), RESULTS_AT_ONCE)
    )


def _packed_group(rows: Sequence[Row], tasks: Mapping[int, TaskInfo]) -> bytes:
    numbers = {row[1] for row in rows}
    parts = [_COUNTS.pack(RESULTS, len(numbers), len(rows))]
    for number in numbers:
        code, *texts = tasks.get(number, UNKNOWN_TASK)
        name, module, parameters = (text.encode() for text in texts)
        parts += _TASK.pack(number, len(code), len(name), len(module), len(parameters)), code, name, module, parameters
    for key, task, created_s, seconds, size_bytes, codec, _, blob, arguments, content, needs, run, check in rows:
        there = (content is not None) * _HAS_CONTENT | (needs is not None) * _HAS_NEEDS
        second, inputs = content or b"", needs or b""
        parts += (
            _ROW.pack(
                *(key, blob, task, created_s, seconds, size_bytes, run, there, len(codec), len(arguments)),
                *(len(second), len(inputs), check),
            ),
            codec,
            arguments,
            second,
            inputs,
        )
    return b"".join(parts)


def packed_removals(keys: Sequence[bytes], at_s: float) -> bytes:
    """Records of results that were removed at that time, seconds since the epoch."""
    known = [key for key in keys if len(key) == _KEY_BYTES]
    return b"".join(
        _framed(_TIME.pack(REMOVED, at_s) + b"".join(known[start : start + _KEYS_AT_ONCE]))
        for start in range(0, len(known), _KEYS_AT_ONCE)
    )


def removals_in(payload: bytes) -> Iterator[tuple[bytes, float]]:
    """The keys in a record of removals, with their time."""
    _, at_s = _TIME.unpack_from(payload)
    for at in range(_TIME.size, len(payload), _KEY_BYTES):
        yield payload[at : at + _KEY_BYTES], at_s


def results_in(payload: bytes) -> Iterator[tuple[Entry, TaskInfo]]:
    """The results in a record of them that pass the check of their row, with their tasks."""
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
