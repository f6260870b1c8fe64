"""The tables of `jumar.testing.conformance_values` for values of optional libraries; each is made on demand.

A table imports its library when it is asked for, so that nothing is imported that the user does not have.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from jumar.testing.conformance_values import Maker, Pair

Tables = tuple[list[Pair], list[Pair]]
"""Pairs that must differ, pairs that must be equal."""


def pandas_tables() -> Tables:
    """The tables for pandas."""
    pd: Any = importlib.import_module("pandas")

    def frame() -> Any:
        return pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", None], "c": [1.0, None, 3.0]})

    def piecewise() -> Any:
        built = pd.DataFrame({"c": [1.0, None, 3.0]})
        built.insert(0, "b", ["x", "y", None])
        built.insert(0, "a", np.array([1, 2, 3]))
        return built

    differ = [
        Pair("column names", frame, lambda: frame().rename(columns={"a": "z"}), "x['a']"),
        Pair("column order", frame, lambda: frame()[["b", "a", "c"]], "x.iloc[:, 0]"),
        Pair("index", frame, lambda: frame().set_axis([1, 2, 3]), "x.loc[1]"),
        Pair("index name", frame, lambda: frame().rename_axis("i"), "x.reset_index()"),
        Pair("one cell", frame, lambda: frame().replace({"b": {"y": "z"}}), "other values"),
        Pair("series name", lambda: pd.Series([1], name="a"), lambda: pd.Series([1], name="b"), "x.to_frame()"),
        Pair("missing and zero", lambda: pd.array([1, None], "Int64"), lambda: pd.array([1, 0], "Int64"), "x.isna()"),
        Pair("dtype", lambda: pd.Series([1, 2]), lambda: pd.Series([1, 2], dtype="Int64"), "x.isna()"),
        Pair("categories", lambda: pd.Categorical(["a"], ["a", "b"]), lambda: pd.Categorical(["a"]), "x.categories"),
        Pair(
            "time zones", lambda: pd.Timestamp("2024", tz="UTC"), lambda: pd.Timestamp("2024", tz="Asia/Tokyo"), "str"
        ),
        Pair("series and frame", lambda: pd.Series([1], name="a"), lambda: pd.DataFrame({"a": [1]}), "x['a']"),
        Pair("sparse values", lambda: pd.arrays.SparseArray([0, 1]), lambda: pd.arrays.SparseArray([1, 0]), "values"),
    ]
    equal = [
        Pair("frames built differently", frame, piecewise, "blocks are pandas' own affair"),
        Pair("frame and copy", frame, lambda: frame().copy(), "== in all they hold"),
        Pair("slice and copy", lambda: frame().iloc[::2], frame().iloc[::2].copy, "strides are no value"),
        Pair("range index", lambda: pd.Series([4, 5]), lambda: pd.Series([4, 5], index=pd.Index([0, 1])), "one index"),
        Pair("categories", lambda: pd.Categorical(["a", "b"]), lambda: pd.Categorical(["b", "a"])[::-1], "one content"),
        Pair("missing", lambda: pd.array([1, None], "Int64"), lambda: pd.array([1, pd.NA], "Int64"), "one content"),
        Pair(
            "levels of an index",
            lambda: pd.MultiIndex.from_tuples([(1, "a"), (2, "b")]),
            lambda: pd.MultiIndex.from_tuples([(0, "z"), (1, "a"), (2, "b")])[1:],
            "unused levels are pandas' own affair",
        ),
        *(
            Pair(f"{kind} column", _column(pd, kind), _slice_of_longer(pd, kind), "built twice")
            for kind in ("string", "category", "datetime64[ns]", "datetime64[ns, UTC]", "boolean", "Sparse[int]")
        ),
        Pair("intervals", lambda: pd.interval_range(0, 3), lambda: pd.interval_range(0, 3), "built twice"),
        Pair(
            "periods", lambda: pd.period_range("2024", periods=3), lambda: pd.period_range("2024", periods=3), "twice"
        ),
        Pair("offsets", lambda: pd.offsets.MonthEnd(2), lambda: pd.offsets.MonthEnd(2), "built twice"),
    ]
    return differ, equal


def _column(pd: Any, kind: str) -> Maker:
    return lambda: pd.Series([1, 0, 1]).astype(kind)


def _slice_of_longer(pd: Any, kind: str) -> Maker:
    return lambda: pd.Series([1, 0, 1, 1]).astype(kind).iloc[:3]


def _rotated(make: Maker, concatenate: Callable[[list[Any]], Any]) -> Maker:
    return lambda: concatenate([make()[1:], make()[:1]])


def _second_half(make: Maker, concatenate: Callable[[list[Any]], Any]) -> Maker:
    return lambda: concatenate([make(), make()])[-len(make()) :]


def _arrow_table(pa: Any, make: Maker) -> Maker:
    return lambda: pa.table({"a": pa.chunked_array([make()])})


def _arrow_table_of_chunks(pa: Any, make: Maker) -> Maker:
    return lambda: pa.table({"a": pa.chunked_array([make()[:1], make()[1:]])})


def _polars_frame(make: Maker) -> Maker:
    return lambda: make().to_frame()


def _polars_frame_of_chunks(pl: Any, make: Maker) -> Maker:
    return lambda: pl.concat([make()[:1], make()[1:]], rechunk=False).to_frame()


def arrow_tables() -> Tables:
    """The tables for PyArrow."""
    pa: Any = importlib.import_module("pyarrow")
    arrays: dict[str, Callable[[], Any]] = {
        "integers": lambda: pa.array([1, None, 3]),
        "text": lambda: pa.array(["a", None, "ccc"]),
        "booleans": lambda: pa.array([True, None, False]),
        "lists": lambda: pa.array([[1], None, [2, 3]]),
        "structs": lambda: pa.array([{"a": 1}, None, {"a": 3}]),
        "dictionaries": lambda: pa.array(["a", "b", None]).dictionary_encode(),
        "timestamps": lambda: pa.array([1, None, 2], pa.timestamp("us", "UTC")),
        "decimals": lambda: pa.array([1, None, 2], pa.decimal128(5, 2)),
        "pairs": lambda: pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int64(), 2)),
        "maps": lambda: pa.array([[("a", 1)], None, []], pa.map_(pa.string(), pa.int64())),
        "text views": lambda: pa.array(["a", None, "b"], pa.string_view()),
        "intervals": lambda: pa.array([None, (1, 2, 3)], pa.month_day_nano_interval()),
    }
    differ = [
        Pair("boundaries of text", lambda: pa.array(["ab", "c"]), lambda: pa.array(["a", "bc"]), "other parts"),
        Pair("boundaries of lists", lambda: pa.array([[1], [2, 3]]), lambda: pa.array([[1, 2], [3]]), "other parts"),
        Pair("missing and zero", lambda: pa.array([0, None]), lambda: pa.array([0, 0]), "null_count"),
        Pair("column names", lambda: pa.table({"a": [1]}), lambda: pa.table({"b": [1]}), "x['a']"),
        Pair("array and table", lambda: pa.array([1]), lambda: pa.table({"a": [1]}), "of different types"),
        *(
            Pair(f"order of {name}", make, _rotated(make, pa.concat_arrays), "other order")
            for name, make in arrays.items()
        ),
    ]
    equal = [
        *(
            Pair(f"slice of {name}", make, _second_half(make, pa.concat_arrays), "offsets are no value")
            for name, make in arrays.items()
        ),
        *(
            Pair(f"chunks of {name}", _arrow_table(pa, make), _arrow_table_of_chunks(pa, make), "chunks are no value")
            for name, make in arrays.items()
        ),
    ]
    return differ, equal


def polars_tables() -> Tables:
    """The tables for polars."""
    pl: Any = importlib.import_module("polars")
    columns: dict[str, Callable[[], Any]] = {
        "integers": lambda: pl.Series("a", [1, None, 3]),
        "floats": lambda: pl.Series("a", [1.0, None, 3.0]),
        "text": lambda: pl.Series("a", ["a", None, "ccc"]),
        "booleans": lambda: pl.Series("a", [True, None, False]),
        "lists": lambda: pl.Series("a", [[1], None, [], [2, 3]]),
        "structs": lambda: pl.Series("a", [{"a": 1}, None, {"a": 2}]),
        "categories": lambda: pl.Series("a", ["a", None, "b"], dtype=pl.Categorical),
        "times": lambda: pl.Series("a", [1, None, 2]).cast(pl.Datetime("us", "UTC")),
        "decimals": lambda: pl.Series("a", [1, None, 2]).cast(pl.Decimal(10, 2)),
        "bytes": lambda: pl.Series("a", [b"a", None, b"b"]),
    }
    differ = [
        Pair("boundaries of text", lambda: pl.Series(["ab", "c"]), lambda: pl.Series(["a", "bc"]), "other parts"),
        Pair("boundaries of lists", lambda: pl.Series([[1], [2, 3]]), lambda: pl.Series([[1, 2], [3]]), "other parts"),
        Pair("empty and missing lists", lambda: pl.Series([[1], []]), lambda: pl.Series([[1], None]), "is_null"),
        Pair("missing and zero", lambda: pl.Series([0, None]), lambda: pl.Series([0, 0]), "is_null"),
        Pair("column names", lambda: pl.DataFrame({"a": [1]}), lambda: pl.DataFrame({"b": [1]}), "x['a']"),
        *(Pair(f"order of {name}", make, _rotated(make, pl.concat), "other order") for name, make in columns.items()),
    ]
    equal = [
        Pair(f"chunks of {name}", _polars_frame(make), _polars_frame_of_chunks(pl, make), "chunks are no value")
        for name, make in columns.items()
    ]
    return differ, equal


def scipy_tables() -> Tables:
    """The tables for SciPy's sparse matrices."""
    sparse: Any = importlib.import_module("scipy.sparse")

    def twice_entered() -> Any:
        return sparse.coo_array(([1.0, 1.0, 3.0], ([0, 0, 1], [1, 1, 0])), shape=(2, 2))

    differ = [
        Pair("format", lambda: sparse.csr_array(np.eye(2)), lambda: sparse.csc_array(np.eye(2)), "x.indices"),
        Pair("values", lambda: sparse.csr_array(np.eye(2)), lambda: sparse.csr_array(2 * np.eye(2)), "other values"),
        Pair("shape", lambda: sparse.csr_array((2, 3)), lambda: sparse.csr_array((3, 2)), "x @ y"),
    ]
    equal = [
        Pair("entries", twice_entered, lambda: sparse.coo_array(np.array([[0.0, 2.0], [3.0, 0.0]])), "one matrix"),
        Pair("made twice", lambda: sparse.dok_array(np.eye(2)), lambda: sparse.dok_array(np.eye(2)), "built twice"),
    ]
    return differ, equal


def torch_tables() -> Tables:
    """The tables for PyTorch."""
    torch: Any = importlib.import_module("torch")
    differ = [
        Pair("shape", lambda: torch.zeros(2, 3), lambda: torch.zeros(3, 2), "x @ y"),
        Pair("dtype", lambda: torch.zeros(2), lambda: torch.zeros(2, dtype=torch.bfloat16), "other arithmetic"),
        Pair("gradient", lambda: torch.zeros(2), lambda: torch.zeros(2, requires_grad=True), "x.sum().backward()"),
        Pair("values", lambda: torch.zeros(2), lambda: torch.tensor([0.0, 1.0]), "other values"),
    ]
    equal = [
        Pair("view and copy", lambda: torch.ones(3, 2).T, lambda: torch.ones(2, 3), "strides are no value"),
        Pair("sparse", lambda: torch.eye(2).to_sparse(), lambda: torch.eye(2).to_sparse(), "built twice"),
    ]
    return differ, equal


LIBRARIES: dict[str, Callable[[], Tables]] = {
    "pandas": pandas_tables,
    "pyarrow": arrow_tables,
    "polars": polars_tables,
    "scipy": scipy_tables,
    "torch": torch_tables,
}
"""What makes the tables, by the library's import name."""
