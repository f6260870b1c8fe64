"""PyArrow tables, record batches and arrays as Arrow IPC files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa

from jumar.codecs import arrow_file
from jumar.codecs.codec import Codec, Frame

_COLUMN = ""
"""The name of the only column, where the value is no table."""


def _table_of_array(array: pa.Array) -> pa.Table:
    return pa.Table.from_batches([pa.record_batch([array], names=[_COLUMN])])


_TO_TABLE: dict[bytes, Callable[[Any], pa.Table]] = {
    b"Table": lambda table: table,
    b"RecordBatch": lambda batch: pa.Table.from_batches([batch]),
    b"ChunkedArray": lambda array: pa.table([array], names=[_COLUMN]),
    b"Array": _table_of_array,
}
_FROM_TABLE: dict[bytes, Callable[[pa.Table], Any]] = {
    b"Table": lambda table: table,
    b"RecordBatch": lambda table: _only(table.to_batches()),
    b"ChunkedArray": lambda table: table.column(0),
    b"Array": lambda table: _only(table.column(0).chunks),
}


class ArrowCodec:
    """Writes what PyArrow holds in memory, as a file that every Arrow library reads.

    Example:
        >>> codec = ArrowCodec()
        >>> table = pa.table({"seed": [1, 2]})
        >>> codec.decode(memoryview(bytearray(b"".join(codec.encode(table))))).equals(table)
        True

    *Guarantees*: buffers are written from where they lie and restored as views of the memory given. Of a slice only
    the slice is written. Types, field names, nullability, metadata and chunks come back.
    """

    name = "arrow"

    def encode(self, value: Any) -> Sequence[Frame] | None:
        """The file; None for what a file cannot give back as it was (see `arrow_file.write`), and for empty arrays."""
        kind = type(value)
        if kind.__module__ != "pyarrow.lib":  # a class of the user's may hold more than its table
            return None
        mark = b"Array" if issubclass(kind, pa.Array) else kind.__name__.encode()
        if mark in (b"Array", b"RecordBatch") and len(value) == 0:  # a file has no batch for no rows
            return None
        return arrow_file.write(_TO_TABLE[mark](value), mark)

    def decode(self, data: memoryview) -> Any:
        """The value, on views of ``data``.

        Raises:
            pyarrow.ArrowInvalid: It is no Arrow file, or is cut off.
            ValueError: It holds something else.
        """
        table, mark = arrow_file.read(data)
        if mark not in _FROM_TABLE:
            raise ValueError(
                f"the Arrow file holds a {mark.decode(errors='replace')}, which codec 'arrow' does not know"
            )
        return _FROM_TABLE[mark](table)


def _only(parts: list[Any]) -> Any:
    [part] = parts
    return part


def codecs() -> dict[Codec, tuple[type, ...]]:
    """The codec of PyArrow's types."""
    return {ArrowCodec(): (pa.Table, pa.RecordBatch, pa.ChunkedArray, pa.Array)}
