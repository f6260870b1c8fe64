"""The law for what a type's own codec writes: it comes back equal in everything that a program can see, without a copy."""

import datetime as dt
import mmap

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from polars.testing import assert_frame_equal
from polars.testing.parametric import dataframes
from tests.properties.test_codec_law import memory_of

from jumar.codecs.registry import Codecs

codecs = Codecs()
quick = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def restored(value, shift=0):
    name, frames = codecs.encode(value)
    return codecs.named(name).decode(memory_of(frames, shift))


# -- arrays ------------------------------------------------------------------------------------------------------------

scalars = st.one_of(
    hnp.boolean_dtypes(),
    hnp.integer_dtypes(endianness="?"),
    hnp.floating_dtypes(endianness="?"),
    hnp.complex_number_dtypes(endianness="?"),
    hnp.datetime64_dtypes(endianness="?"),
    hnp.timedelta64_dtypes(endianness="?"),
    hnp.byte_string_dtypes(max_len=5),
    hnp.unicode_string_dtypes(max_len=5, endianness="?"),
)
dtypes = st.one_of(scalars, hnp.array_dtypes(scalars, max_size=3))
LAYOUTS = {
    "plain": lambda array: array,
    "fortran": np.asfortranarray,
    "every second": lambda array: array[::2] if array.ndim else array,
    "backwards": lambda array: array[::-1] if array.ndim else array,
    "broadcast": lambda array: np.broadcast_to(array, (3, *array.shape)),
    "repeated": lambda array: np.repeat(array, 600, axis=0) if array.ndim else array,
}


def assert_same_array(left, right):
    assert type(left) is type(right)
    assert (left.dtype, left.shape, left.dtype.metadata) == (right.dtype, right.shape, right.dtype.metadata)
    assert left.dtype.isalignedstruct == right.dtype.isalignedstruct
    assert left.flags.writeable == right.flags.writeable
    assert left.flags.aligned
    if right.dtype.hasobject:
        assert left.tolist() == right.tolist()
    else:
        assert left.tobytes() == right.tobytes()
    if right.flags.c_contiguous or right.flags.f_contiguous:
        assert left.flags.c_contiguous == right.flags.c_contiguous
        assert left.flags.f_contiguous == right.flags.f_contiguous


@quick
@given(
    hnp.arrays(dtypes, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)),
    st.sampled_from(list(LAYOUTS)),
    st.booleans(),
    st.sampled_from([0, 16]),
)
def test_an_array_comes_back_in_value_dtype_order_and_writability(array, layout, writeable, shift):
    array = LAYOUTS[layout](array)
    if array.flags.writeable:
        array.flags.writeable = writeable
    assert_same_array(restored(array, shift), array)


@pytest.mark.parametrize(
    "dtype",
    [
        np.dtype(object),
        np.dtype([("number", "i4"), ("object", object)]),
        np.dtype("f8", metadata={"unit": "m"}),
        np.dtype([("a", np.dtype("f8", metadata={"unit": "m"}))]),
        np.dtype("i1,i8", align=True),
        np.dtype([("inner", np.dtype("i1,i8", align=True), (2,))]),
        np.dtype((np.record, [("a", "i4")])),
        np.dtype([(("a title", "a"), "i4")]),
        np.dtype({"names": ["a"], "formats": [">i4"], "offsets": [4], "itemsize": 16}),
        np.dtype([("é", "i4")]),
        np.dtype([("日", "i4")]),
        np.dtype([(f"column {number}", "i4") for number in range(1_000)]),
        np.dtype("V7"),
        np.dtypes.StringDType(),
        np.dtype("g"),
        np.dtype("M8[25s]"),
    ],
    ids=lambda dtype: str(dtype)[:40],
)
@pytest.mark.parametrize("writeable", [True, False])
def test_a_dtype_that_a_npy_header_names_badly_or_not_at_all_comes_back(dtype, writeable):
    array = np.zeros(3_000, dtype)
    array.flags.writeable = writeable
    assert_same_array(restored(array), array)


@quick
@given(hnp.array_shapes(min_dims=1, max_dims=2, min_side=13, max_side=30), st.sampled_from("CF"), st.booleans())
def test_a_contiguous_array_is_written_from_its_memory_and_restored_as_a_view(shape, order, writeable):
    array = np.arange(np.prod((*shape, 300.0)), dtype=">f8").reshape((*shape, 300), order=order)
    array.flags.writeable = writeable
    name, frames = codecs.encode(array)
    assert np.shares_memory(np.frombuffer(frames[-1], np.uint8), array)
    memory = memory_of(frames)
    view = codecs.named(name).decode(memory)
    assert np.shares_memory(view, np.frombuffer(memory, np.uint8))
    assert view.ctypes.data % 64 == 0


def test_fields_that_a_program_renames_are_those_of_its_array_only():
    array = np.zeros(3, [("a", "i4"), ("b", "f8")])
    first, second = restored(array), restored(array)
    first.dtype.names = ("x", "y")
    assert second.dtype.names == restored(array).dtype.names == ("a", "b")


def test_an_array_of_more_than_2_gib_is_neither_copied_nor_cut():
    array = np.zeros(2**31 + 5_000, np.uint8)  # pages of zeros that nobody touches take no memory
    name, (header, numbers) = codecs.encode(array)
    assert len(numbers) == array.nbytes
    assert np.shares_memory(np.frombuffer(numbers, np.uint8), array)
    memory = memoryview(mmap.mmap(-1, len(header) + len(numbers)))
    memory[: len(header)] = header
    back = codecs.named(name).decode(memory)
    back[-1] = 7
    assert back.shape == array.shape
    assert memory[-1] == 7


# -- Arrow -------------------------------------------------------------------------------------------------------------

leaves = st.sampled_from(
    [
        pa.null(), pa.bool_(), pa.int8(), pa.uint64(), pa.float16(), pa.float64(), pa.string(), pa.large_string(),
        pa.string_view(), pa.binary(), pa.binary_view(), pa.binary(4), pa.date32(), pa.time64("ns"), pa.duration("ms"),
        pa.timestamp("us", tz="Europe/Paris"), pa.timestamp("ns"), pa.decimal128(20, 3), pa.month_day_nano_interval(),
        pa.dictionary(pa.int8(), pa.string()), pa.dictionary(pa.int32(), pa.string(), ordered=True),
        pa.uuid(), pa.json_(),
    ]
)  # fmt: skip
types = st.recursive(
    leaves,
    lambda inner: (
        st.builds(pa.list_, inner)
        | st.builds(lambda kind: pa.list_(kind, 2), inner)
        | st.builds(
            lambda kind, null: pa.struct([pa.field("a", kind, nullable=null or kind == pa.null())]),
            inner,
            st.booleans(),
        )
        | st.builds(lambda kind: pa.map_(pa.string(), kind), inner)
    ),
    max_leaves=3,
)
metadata = st.none() | st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2)


@st.composite
def tables(draw):
    schema = pa.schema(
        [
            pa.field(f"c{at}", kind, metadata=draw(metadata))
            for at, kind in enumerate(draw(st.lists(types, max_size=4)))
        ],
        metadata=draw(metadata),
    )
    chunks = [
        pa.record_batch([pa.nulls(rows, kind) for kind in schema.types], schema=schema)
        for rows in draw(st.lists(st.integers(0, 4), max_size=3))
    ]
    return pa.Table.from_batches(chunks, schema)


def assert_same_arrow(left, right):
    assert type(left) is type(right)
    if isinstance(right, pa.Table | pa.RecordBatch):
        assert left.schema.equals(right.schema, check_metadata=True)
        columns = zip(left.columns, right.columns, strict=True)
        if isinstance(right, pa.Table):
            for mine, theirs in columns:
                assert list(map(len, mine.chunks)) == list(map(len, theirs.chunks))
    assert left.equals(right)


@quick
@given(tables())
def test_a_table_comes_back_with_its_types_metadata_and_chunks(table):
    assert_same_arrow(restored(table), table)
    for batch in table.to_batches():
        assert_same_arrow(restored(batch), batch)
    for column in table.columns:
        assert_same_arrow(restored(column), column)
        for chunk in column.chunks:
            assert_same_arrow(restored(chunk), chunk)


WHEN = dt.datetime(2024, 2, 29, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "array",
    [
        pa.array([1.5, None, float("nan")]),
        pa.array(["a", None, "é" * 100]),
        pa.array(["a", "b", "a"]).dictionary_encode(),
        pa.array([WHEN, None], pa.timestamp("ms", tz="Asia/Tokyo")),
        pa.array([[1], [], None]),
        pa.array([{"a": 1, "b": ["x"]}]),
        pa.array(range(100_000))[5:9],
        pa.array([True, False, None] * 50)[3:],
        pa.UnionArray.from_sparse(pa.array([0, 1], pa.int8()), [pa.array([1, 2]), pa.array(["a", "b"])]),
        pa.RunEndEncodedArray.from_arrays([2, 5], [1, 2]),
        pa.array([bytes(16)], pa.uuid()),
    ],
    ids=lambda array: str(array.type)[:30],
)
def test_values_of_every_kind_come_back(array):
    back = restored(array)
    assert back.type == array.type
    assert repr(back.to_pylist()) == repr(array.to_pylist())


def test_chunks_with_dictionaries_of_their_own_and_columns_cut_at_different_rows_come_back_as_they_were():
    parted = pa.chunked_array([pa.array(["a"]).dictionary_encode(), pa.array(["b", "c"]).dictionary_encode()])
    uneven = pa.table({"a": pa.chunked_array([[1], [2, 3]]), "b": pa.chunked_array([["x", "y"], ["z"]])})
    for value in (parted, uneven, pa.chunked_array([[], [1]], pa.int8())):
        assert_same_arrow(restored(value), value)


def test_a_table_is_written_from_its_memory_and_restored_as_a_view_of_its_slice_only():
    whole = np.arange(1_000_000.0)
    table = pa.table({"numbers": whole})[1_000:21_000]
    name, frames = codecs.encode(table)
    assert sum(map(len, frames)) < 170_000
    assert any(np.shares_memory(np.frombuffer(frame, np.uint8), whole) for frame in frames if len(frame))
    memory = memory_of(frames)
    column = codecs.named(name).decode(memory)["numbers"].chunk(0).to_numpy()
    assert np.shares_memory(column, np.frombuffer(memory, np.uint8))


# -- Polars ------------------------------------------------------------------------------------------------------------


@quick
@given(dataframes(max_cols=4, max_size=8, excluded_dtypes=[pl.Object]))
@example(pl.DataFrame({"a": ["x", "y", "x"]}, schema={"a": pl.Categorical}))
@example(pl.DataFrame({"a": [["x"]]}, schema={"a": pl.List(pl.Enum(["x", "y"]))}))
@example(pl.DataFrame({"a": [1]}, schema={"a": pl.Int128}))
@example(pl.DataFrame())
def test_a_frame_comes_back_with_its_types_and_what_is_known_of_its_order(frame):
    for value in (frame, *frame):
        back = restored(value)
        assert_frame_equal(table_of(back), table_of(value), check_exact=True, categorical_as_str=False)
        assert table_of(back).schema == table_of(value).schema
        if codecs.encode(value)[0] == "polars":  # in its own pickles Polars knows more of some columns than before
            for mine, theirs in zip(table_of(back), table_of(value), strict=True):
                for order in ("SORTED_ASC", "SORTED_DESC"):
                    assert mine.flags[order] == theirs.flags[order]


def table_of(value):
    return value.to_frame() if isinstance(value, pl.Series) else value


def test_a_frame_is_written_from_its_memory_and_restored_as_a_view():
    whole = np.arange(100_000.0)
    frame = pl.DataFrame({"numbers": whole, "texts": ["a long text that lies outside of its view"] * 100_000})
    name, frames = codecs.encode(frame)
    lies = frame["numbers"].to_numpy()
    assert any(np.shares_memory(np.frombuffer(frame, np.uint8), lies) for frame in frames if len(frame))
    memory = memory_of(frames)
    back = codecs.named(name).decode(memory)
    assert np.shares_memory(back["numbers"].to_numpy(), np.frombuffer(memory, np.uint8))
    assert_frame_equal(back, frame)


def test_writing_to_a_restored_frame_does_not_reach_the_memory_it_came_from():
    frame = pl.DataFrame({"numbers": np.arange(100_000.0)})
    name, frames = codecs.encode(frame)
    memory = memory_of(frames)
    before = bytes(memory)
    back = codecs.named(name).decode(memory)
    back[0, "numbers"] = -1.0
    assert back["numbers"][0] == -1.0
    assert memory == before


def test_a_small_slice_of_long_texts_does_not_take_all_of_them_along():
    texts = pl.DataFrame({"text": [f"a long text, number {number}" for number in range(100_000)]})
    name, frames = codecs.encode(texts.head(5))
    assert name == "pickle"
    assert sum(map(len, frames)) < 10_000
