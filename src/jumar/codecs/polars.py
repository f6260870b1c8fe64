"""Polars frames and series as Arrow IPC files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import polars as pl
import pyarrow as pa

from jumar.codecs import arrow_file
from jumar.codecs.codec import Codec, Frame

_MOST_OVERHEAD = 2
"""How much larger a file may be than its values: long texts of a slice come with all that they were sliced from."""
_OVERHEAD_FREE_BYTES = 64 * 1024
_VIEW_BYTES = 16
"""What a text takes beside its letters, which is all that `estimated_size` counts."""


class PolarsCodec:
    """Writes frames and series, as a file that every Arrow library reads. Needs PyArrow.

    Example:
        >>> codec = PolarsCodec()
        >>> frame = pl.DataFrame({"seed": [1, 2]})
        >>> codec.decode(memoryview(bytearray(b"".join(codec.encode(frame))))).equals(frame)
        True

    *Guarantees*: buffers are written from where they lie and restored as views of the memory given. Types, names,
    chunks and what Polars knows of sorted columns come back.
    """

    name = "polars"

    def encode(self, value: Any) -> Sequence[Frame] | None:
        """The file; None for what would come back as something else.

        Those are subclasses, columns of objects, categories and integers of 128 bits, frames without columns, and
        slices of texts that are much smaller than what they were sliced from.
        """
        if type(value) not in (pl.DataFrame, pl.Series):
            return None
        frame = value.to_frame() if type(value) is pl.Series else value
        if not _comes_back(frame.clear()):
            return None
        sorted_columns = {str(at): _direction(column) for at, column in enumerate(frame) if _direction(column)}
        mark = json.dumps({"kind": type(value).__name__, "sorted": sorted_columns})
        frames = arrow_file.write(_table(frame), mark.encode())
        if frames is None:
            return None
        own_bytes = frame.estimated_size() + _VIEW_BYTES * frame.height * frame.width
        allowed_bytes = _MOST_OVERHEAD * own_bytes + _OVERHEAD_FREE_BYTES
        return frames if sum(map(len, frames)) <= allowed_bytes else None

    def decode(self, data: memoryview) -> pl.DataFrame | pl.Series:
        """The frame or series, on views of ``data``.

        Raises:
            pyarrow.ArrowInvalid: It is no Arrow file, or is cut off.
            ValueError: It holds something else.
        """
        table, mark = arrow_file.read(data)
        said = json.loads(mark)
        columns = _frame(table).get_columns()
        for at, direction in said["sorted"].items():
            columns[int(at)] = columns[int(at)].set_sorted(descending=direction == "descending")
        return columns[0] if said["kind"] == "Series" else pl.DataFrame(columns)


def _table(frame: pl.DataFrame) -> pa.Table:
    return frame.to_arrow(compat_level=pl.CompatLevel.newest())


def _frame(table: pa.Table) -> pl.DataFrame:
    frame = pl.from_arrow(table, rechunk=False)
    assert isinstance(frame, pl.DataFrame)
    return frame


def _comes_back(empty: pl.DataFrame) -> bool:
    """Whether a frame of these types is the same after a way through Arrow, tried without any rows."""
    if empty.width == 0 or any(_has_categories(kind) for kind in empty.dtypes):
        return False
    try:
        return bool(_frame(_table(empty)).schema == empty.schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pl.exceptions.PolarsError):
        return False  # a type that Arrow does not have


def _has_categories(kind: Any) -> bool:
    # The numbers behind categories belong to a table of the process; Polars' own format knows how to take them along.
    if kind.is_nested():
        inner = [field.dtype for field in kind.fields] if isinstance(kind, pl.Struct) else [kind.inner]
        return any(map(_has_categories, inner))
    return bool(kind == pl.Categorical)


def _direction(column: pl.Series) -> str:
    flags = column.flags
    return "ascending" if flags["SORTED_ASC"] else "descending" if flags["SORTED_DESC"] else ""


def codecs() -> dict[Codec, tuple[type, ...]]:
    """The codec of frames and series; none for a Polars that cannot hand over its texts as they lie in memory."""
    return {PolarsCodec(): (pl.DataFrame, pl.Series)} if hasattr(pl, "CompatLevel") else {}
