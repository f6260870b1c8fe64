"""Tokens of pandas' frames, series, indexes, extension arrays and scalars.

A frame is its column labels, its index, and its columns one by one: how pandas has put them in blocks does not matter.
A ``RangeIndex`` is the integers it stands for. What counts although ``equals`` overlooks it: names, dtypes with their
storage, the frequency of a time index, the order of categories, ``attrs``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray

from jumar.keys.value_form import record, text
from jumar.keys.value_numpy import array_token
from jumar.keys.value_object import fields
from jumar.keys.value_registry import REGISTRY, Parts
from jumar.keys.value_walk import Walk


def values_token(values: Any, walk: Walk) -> bytes:
    """The token of a column's values: a NumPy array or any of pandas' extension arrays.

    Raises:
        FingerprintError: An object among the values has no identity.
    """
    if isinstance(values, np.ndarray):
        return array_token(values, walk)
    dtype = values.dtype
    if isinstance(dtype, pd.core.dtypes.dtypes.NumpyEADtype):
        return record("NumpyArray", [array_token(values.to_numpy(), walk)], str(dtype))
    kind = [text(type(values).__name__), text(str(dtype))]
    return record("column", [*kind, *_content(values, dtype, walk)], f"{dtype} {len(values)}")


def _content(values: Any, dtype: Any, walk: Walk) -> list[bytes]:
    """The tokens that say what stands in an extension array, by its kind of dtype."""
    if isinstance(dtype, pd.CategoricalDtype):
        codes = np.asarray(values.codes).astype("<i8")  # pandas takes the smallest type that fits the categories
        return [index_token(dtype.categories, walk), walk.token(dtype.ordered), array_token(codes, walk)]
    if isinstance(dtype, pd.IntervalDtype):
        return [index_token(values.left, walk), index_token(values.right, walk), text(values.closed)]
    if isinstance(dtype, pd.SparseDtype):
        return [array_token(np.asarray(values), walk), walk.token(dtype.fill_value)]
    if isinstance(dtype, pd.DatetimeTZDtype | pd.PeriodDtype) or dtype.kind in "mM":
        return [walk.token(getattr(dtype, "tz", None), ".tz"), array_token(values.asi8, walk)]
    if isinstance(dtype, pd.ArrowDtype):
        return [walk.token(values.__arrow_array__())]
    return _with_missing(values, dtype, walk)


def _with_missing(values: Any, dtype: Any, walk: Walk) -> list[bytes]:
    """The tokens of arrays that know of missing values: where those are, and the rest with a filler in their place."""
    missing = np.asarray(values.isna())
    numpy_dtype = getattr(dtype, "numpy_dtype", None)
    if isinstance(dtype, pd.StringDtype):
        filled = np.asarray(values.astype(object))
        filled[missing] = ""
        kind = [text(dtype.storage), walk.token(dtype.na_value)]
        return [*kind, array_token(missing, walk), array_token(filled, walk)]
    if isinstance(numpy_dtype, np.dtype) and numpy_dtype.kind in "biuf":
        filled = values.to_numpy(dtype=numpy_dtype, na_value=numpy_dtype.type(0))
        return [array_token(missing, walk), array_token(filled, walk)]
    return [array_token(np.asarray(values, dtype=object), walk)]


def index_token(index: Any, walk: Walk) -> bytes:
    """The token of an index of any kind, or of column labels."""
    names = walk.token(list(index.names), ".names")
    if isinstance(index, pd.MultiIndex):
        levels = [index_token(index.get_level_values(level), walk) for level in range(index.nlevels)]
        return record("MultiIndex", [names, *levels], str(len(index)))
    freq = text(getattr(index, "freqstr", None) or "")
    values = index.to_numpy() if isinstance(index.dtype, np.dtype) else index.array
    return record("Index", [names, freq, values_token(values, walk)], f"{index.dtype} {len(index)}")


def _plain(column: Any) -> Any:
    """The values of a series, as NumPy where its dtype is NumPy's."""
    return column.to_numpy() if isinstance(column.dtype, np.dtype) else column.array


def _encode_series(value: pd.Series[Any], walk: Walk) -> bytes:
    return record(
        "Series",
        [
            walk.token(type(value), ".__class__"),
            walk.token(value.name, ".name"),
            index_token(value.index, walk),
            values_token(_plain(value), walk),
            walk.token(dict(value.attrs), ".attrs"),
        ],
        f"{value.dtype} ({len(value)})",
    )


def _encode_frame(value: pd.DataFrame, walk: Walk) -> bytes:
    columns = [values_token(_plain(value.iloc[:, place]), walk) for place in range(value.shape[1])]
    return record(
        "DataFrame",
        [
            walk.token(type(value), ".__class__"),
            index_token(value.columns, walk),
            index_token(value.index, walk),
            *columns,
            walk.token(dict(value.attrs), ".attrs"),
        ],
        f"({value.shape[0]},{value.shape[1]})",
    )


def _encode_timestamp(value: pd.Timestamp, _walk: Walk) -> Parts:
    named = (("value", value.asm8.view("i8").item()), ("unit", value.unit), ("fold", value.fold), ("tz", value.tz))
    return fields("Timestamp", *named, summary=str(value))


def _encode_timedelta(value: pd.Timedelta, _walk: Walk) -> Parts:
    return fields("Timedelta", ("value", value.asm8.view("i8").item()), ("unit", value.unit), summary=str(value))


def _encode_period(value: pd.Period, _walk: Walk) -> Parts:
    return fields("Period", ("ordinal", value.ordinal), ("freqstr", value.freqstr), summary=str(value))


def _encode_interval(value: pd.Interval[Any], _walk: Walk) -> Parts:
    return fields("Interval", ("left", value.left), ("right", value.right), ("closed", value.closed))


REGISTRY.provide(pd.DataFrame, _encode_frame, subclasses=True)
REGISTRY.provide(pd.Series, _encode_series, subclasses=True)
REGISTRY.provide(pd.Index, index_token, subclasses=True)
REGISTRY.provide(ExtensionArray, values_token, subclasses=True)
REGISTRY.provide(pd.Timestamp, _encode_timestamp)
REGISTRY.provide(pd.Timedelta, _encode_timedelta)
REGISTRY.provide(pd.Period, _encode_period)
REGISTRY.provide(pd.Interval, _encode_interval)
REGISTRY.provide(type(pd.NaT), lambda _value, _walk: record("NaT", []))
REGISTRY.provide(type(pd.NA), lambda _value, _walk: record("NA", []))
