"""Tokens of polars' frames, series and dtypes.

A series is its name, its dtype, which of its values are missing, and the values; chunks and the flag that says it is
sorted do not matter. Numbers, dates and text are digested as whole columns. Nothing but polars and NumPy is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from jumar.keys.digest import digest
from jumar.keys.value_form import digested, record, text
from jumar.keys.value_numpy import array_token
from jumar.keys.value_registry import REGISTRY
from jumar.keys.value_walk import Walk

_TIMES = (pl.Date, pl.Datetime, pl.Duration, pl.Time)
_FLAT = (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64, pl.Float32, pl.Float64)


def column_token(column: Any, walk: Walk) -> bytes:
    """The token of a series without its name.

    Raises:
        FingerprintError: An object in it has no identity.
    """
    values = digest(b"".join(_content(column, walk)))
    return digested(f"column {column.dtype} ({len(column)})", text(repr(column.dtype)) + values)


def _content(column: Any, walk: Walk) -> Iterator[bytes]:
    kind = column.dtype
    missing = column.null_count() > 0
    yield array_token(column.is_null().to_numpy(), walk) if missing else b"-"
    if isinstance(kind, _TIMES):
        column = column.to_physical()
        kind = column.dtype
    if isinstance(kind, pl.Categorical | pl.Enum):
        column = column.cast(pl.String)
        kind = pl.String()
    if kind == pl.String:
        filled = column.fill_null("") if missing else column
        yield array_token(filled.str.len_bytes().to_numpy(), walk)
        yield digest("".join(filled.to_list()).encode("utf-8"))
    elif kind == pl.Boolean:
        yield array_token((column.fill_null(False) if missing else column).to_numpy(), walk)
    elif isinstance(kind, _FLAT):
        yield array_token((column.fill_null(0) if missing else column).to_numpy(), walk)
    elif isinstance(kind, pl.Struct):
        for field in kind.fields:
            yield column_token(column.struct.field(field.name), walk)
    elif isinstance(kind, pl.List):
        yield array_token(column.list.len().fill_null(0).to_numpy(), walk)
        yield column_token(column.filter(column.list.len().fill_null(0) > 0).explode(), walk)
    else:
        # Decimals, bytes, arrays, objects, wide integers: value by value.
        yield walk.token(column.to_list())


def _encode_series(value: Any, walk: Walk) -> bytes:
    return record("polars.Series", [text(value.name), column_token(value, walk)], f"{value.dtype} ({len(value)})")


def _encode_frame(value: Any, walk: Walk) -> bytes:
    columns = [part for column in value.get_columns() for part in (text(column.name), column_token(column, walk))]
    shape = f"({value.height},{value.width})"
    return record("polars.DataFrame", [walk.token(value.height), *columns], shape)


REGISTRY.provide(pl.DataFrame, _encode_frame)
REGISTRY.provide(pl.Series, _encode_series)
REGISTRY.provide(pl.DataType, lambda value, _walk: record("polars.DataType", [text(repr(value))]), subclasses=True)
