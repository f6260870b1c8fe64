"""A row of results with its own check, so that a byte altered on disk is noticed before anybody sees a wrong value."""

from __future__ import annotations

import struct
from typing import Any

from blake3 import blake3

from jumar.store.records import Entry

CHECK_BYTES = 8

Row = tuple[
    bytes, int, float, float, int, bytes, bytes | None, bytes | None, bytes, bytes | None, bytes | None, int, bytes
]
"""The columns in the order of ``sqlite_schema.CALL_COLUMNS``: an entry and, last, its check."""

# The lengths are in the check too, as otherwise bytes could move from one column to the next unnoticed, and which of the
# columns are there: in a damaged database the least that a NULL becomes is a number or empty bytes.
_fixed = struct.Struct("<qddqBBIIIq").pack
_new = tuple.__new__


def row_of(entry: Entry) -> Row:
    """The entry as columns, with its check."""
    key, task, created_s, seconds, size_bytes, codec, inline, blob, arguments, content, needs, run = entry
    name = codec.encode("ascii")
    check = _check(key, task, created_s, seconds, size_bytes, name, inline, blob, arguments, content, needs, run)
    return (key, task, created_s, seconds, size_bytes, name, inline, blob, arguments, content, needs, run, check)


def entry_of(key: bytes, row: Any) -> Entry | None:
    """The entry in the columns after the key, or None if it is not what was written under this key.

    Args:
        key: The key that was looked for, which need not be the one in the row if the database is damaged.
        row: The columns after the key; of any type, as a damaged database may hold anything.
    """
    task, created_s, seconds, size_bytes, name, inline, blob, arguments, content, needs, run, check = row
    try:
        expected = _check(key, task, created_s, seconds, size_bytes, name, inline, blob, arguments, content, needs, run)
        if check != expected:
            return None
        codec = name.decode("ascii")
        # As Entry(...) does, which is a function in Python around this, and a third of the cost of a row.
        return _new(
            Entry, (key, task, created_s, seconds, size_bytes, codec, inline, blob, arguments, content, needs, run)
        )
    except (TypeError, ValueError, AttributeError, struct.error):  # a column of another type than was written
        return None


def _check(
    key: bytes,
    task: int,
    created_s: float,
    seconds: float,
    size_bytes: int,
    name: bytes,
    inline: bytes | None,
    blob: bytes | None,
    arguments: bytes,
    content: bytes | None,
    needs: bytes | None,
    run: int,
) -> bytes:
    there, payload = 0, b""
    if inline is not None:
        there, payload = 1, inline
    if blob is not None:
        there, payload = there | 2, payload + blob
    if content is None:
        content = b""
    else:
        there |= 4
    if needs is None:
        needs = b""
    else:
        there |= 8
    fixed = _fixed(
        task, created_s, seconds, size_bytes, there, len(name), len(payload), len(arguments), len(content), run
    )
    return blake3(b"".join((key, fixed, name, payload, arguments, content, needs))).digest(length=CHECK_BYTES)
