"""Tokens of Arrow's arrays, tables, scalars and types.

An array is its type, which of its values are missing, and the values in order; where its chunks end, where its buffers
begin and what lies under a missing value do not matter. Fixed-width values and text are digested where they lie.
A schema's metadata counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from jumar.keys.digest import digest, digest_all
from jumar.keys.value_builtin import integer
from jumar.keys.value_form import digested, record, text
from jumar.keys.value_registry import REGISTRY, Parts
from jumar.keys.value_walk import Walk

_types = pa.types


def chunks_token(kind: Any, chunks: Sequence[Any], walk: Walk) -> bytes:
    """The token of the values of consecutive arrays of one type.

    Args:
        kind: The arrays' type.
        chunks: The arrays.
        walk: Used for values that have no buffers of their own.
    """
    length = sum(len(chunk) for chunk in chunks)
    values = digest(b"".join(_content(kind, chunks, walk)))
    return digested(f"arrow {kind} ({length})", _type_token(kind) + integer(length) + values)


def _type_token(kind: Any) -> bytes:
    return text(str(kind))


def _content(kind: Any, chunks: Sequence[Any], walk: Walk) -> Iterator[bytes]:
    if any(chunk.null_count for chunk in chunks):
        yield digest_all(_values(chunk.is_valid().cast(pa.uint8()), 1) for chunk in chunks)
    else:
        yield b"-" * 32  # nothing is missing; told apart from a digest as well as two digests are
    if isinstance(kind, pa.BaseExtensionType):
        yield chunks_token(kind.storage_type, [chunk.storage for chunk in chunks], walk)
    elif _types.is_null(kind):
        return
    elif _types.is_boolean(kind):
        yield digest_all(_values(_filled(chunk, False).cast(pa.uint8()), 1) for chunk in chunks)
    elif _types.is_dictionary(kind):
        yield chunks_token(kind.value_type, [chunk.dictionary_decode() for chunk in chunks], walk)
    elif _is_text(kind):
        yield from _text_content(kind, chunks)
    elif _types.is_struct(kind):
        for place in range(kind.num_fields):
            fields = [chunk.flatten()[place] for chunk in chunks]
            yield chunks_token(kind.field(place).type, fields, walk)
    elif _types.is_list(kind) or _types.is_large_list(kind):
        lengths = [_filled(pc.list_value_length(chunk).cast(pa.int64()), 0) for chunk in chunks]
        yield digest_all(_values(length, 8) for length in lengths)
        yield chunks_token(kind.value_type, [chunk.flatten() for chunk in chunks], walk)
    elif _types.is_primitive(kind) and not _types.is_interval(kind):
        zero = pa.scalar(0, pa.int64() if kind.bit_width == 64 else pa.int32())
        yield digest_all(_values(_filled_bits(chunk, kind, zero), kind.bit_width // 8) for chunk in chunks)
    else:
        # Unions, maps, decimals, views, calendar intervals: rare, and without one buffer that says it all.
        yield walk.token([item for chunk in chunks for item in chunk.to_pylist()])


def _is_text(kind: Any) -> bool:
    tests = (_types.is_string, _types.is_large_string, _types.is_binary, _types.is_large_binary)
    return any(test(kind) for test in tests)


def _text_content(kind: Any, chunks: Sequence[Any]) -> Iterator[bytes]:
    wide = _types.is_large_string(kind) or _types.is_large_binary(kind)
    filled = [_filled(chunk, "" if _types.is_string(kind) or _types.is_large_string(kind) else b"") for chunk in chunks]
    yield digest_all(_values(pc.binary_length(chunk).cast(pa.int64()), 8) for chunk in filled)
    yield digest_all(_letters(chunk, 8 if wide else 4) for chunk in filled if len(chunk))


def _letters(chunk: Any, offset_bytes: int) -> memoryview:
    _, offsets, letters = chunk.buffers()
    places = memoryview(offsets).cast("B").cast("q" if offset_bytes == 8 else "i")
    first, last = places[chunk.offset], places[chunk.offset + len(chunk)]
    return memoryview(letters if letters is not None else b"")[first:last]


def _filled(chunk: Any, value: Any) -> Any:
    return pc.fill_null(chunk, pa.scalar(value, chunk.type)) if chunk.null_count else chunk


def _filled_bits(chunk: Any, kind: Any, zero: Any) -> Any:
    if not chunk.null_count:
        return chunk
    if _types.is_floating(kind):
        return pc.fill_null(chunk, pa.scalar(0.0, kind))
    return pc.fill_null(chunk, zero.cast(kind) if not _types.is_integer(kind) else pa.scalar(0, kind))


def _values(chunk: Any, width_bytes: int) -> memoryview:
    """The bytes of a fixed-width array without missing values, where they lie."""
    if not len(chunk):
        return memoryview(b"")
    data = memoryview(chunk.buffers()[1])
    return data[chunk.offset * width_bytes : (chunk.offset + len(chunk)) * width_bytes]


def _encode_array(value: Any, walk: Walk) -> bytes:
    return record("Array", [chunks_token(value.type, [value], walk)], f"{value.type} {len(value)}")


def _encode_chunked(value: Any, walk: Walk) -> bytes:
    return record("ChunkedArray", [chunks_token(value.type, value.chunks, walk)], f"{value.type} {len(value)}")


def _schema_token(schema: Any, walk: Walk) -> bytes:
    named = [walk.token([field.name, str(field.type), field.nullable, field.metadata]) for field in schema]
    return record("Schema", [walk.token(schema.metadata), *named], str(len(schema)))


def _encode_table(value: Any, walk: Walk) -> bytes:
    columns = [chunks_token(column.type, column.chunks, walk) for column in value.columns]
    return record("Table", [_schema_token(value.schema, walk), *columns], f"({value.num_rows},{value.num_columns})")


def _encode_batch(value: Any, walk: Walk) -> bytes:
    columns = [chunks_token(column.type, [column], walk) for column in value.columns]
    shape = f"({value.num_rows},{value.num_columns})"
    return record("RecordBatch", [_schema_token(value.schema, walk), *columns], shape)


def _encode_scalar(value: Any, walk: Walk) -> bytes:
    return record("Scalar", [chunks_token(value.type, [pa.array([value.as_py()], value.type)], walk)], str(value.type))


def _encode_field(value: Any, _walk: Walk) -> Parts:
    children = (value.name, str(value.type), value.nullable, value.metadata)
    return children, lambda tokens: record("Field", tokens), lambda _children, index: f"[{index}]"


REGISTRY.provide(pa.Array, _encode_array, subclasses=True)
REGISTRY.provide(pa.MonthDayNano, lambda value, _walk: record("MonthDayNano", map(integer, value)))
REGISTRY.provide(pa.ChunkedArray, _encode_chunked)
REGISTRY.provide(pa.Table, _encode_table)
REGISTRY.provide(pa.RecordBatch, _encode_batch)
REGISTRY.provide(pa.Scalar, _encode_scalar, subclasses=True)
REGISTRY.provide(pa.Schema, _schema_token)
REGISTRY.provide(pa.Field, _encode_field)
REGISTRY.provide(pa.DataType, lambda value, _walk: record("DataType", [_type_token(value)]), subclasses=True)
