"""Tokens of NumPy's scalars, arrays, dtypes and random generators.

An array is its shape, its dtype and its values in logical (C) order: views, copies, strides and Fortran order do not
matter. The byte order is part of the dtype and counts, because a function can see it. Floats in arrays count bit by
bit, so NaNs with different payloads differ there; looking at each element would cost more than the digest. A contiguous
array is digested where it lies, any other one in pieces, so no second copy of a large array is ever made. A scalar such
as ``np.int64(1)`` differs from ``1``, and from an array of no dimensions: functions can tell them apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from jumar.errors import FingerprintError
from jumar.keys.digest import digest, digest_all
from jumar.keys.value_builtin import integer
from jumar.keys.value_form import digested, record, text
from jumar.keys.value_object import attributes, encode_instance, fields
from jumar.keys.value_registry import REGISTRY, Parts
from jumar.keys.value_walk import Walk

PIECE_BYTES = 1 << 24
"""How much of an array that is not contiguous is brought into order at a time."""

_OBJECT_KINDS = "OT"  # Python objects, and strings of variable length
# Extended precision keeps 10 bytes in 16 and leaves the other 6 arbitrary.
_IS_EXTENDED = np.finfo(np.longdouble).nmant == 63
_PADDED = frozenset({np.dtype(np.longdouble).char, np.dtype(np.clongdouble).char} if _IS_EXTENDED else ())


def dtype_token(dtype: np.dtype[Any], walk: Walk) -> bytes:
    """The token of a dtype: kind, size, byte order, unit; for structured ones the fields with their offsets."""
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return record("dtype", [dtype_token(base, walk), walk.token(shape)])
    if dtype.names is not None and dtype.fields is not None:
        named = []
        for name in dtype.names:
            inner, offset, *title = dtype.fields[name]
            named.append(record("field", [text(name), dtype_token(inner, walk), integer(offset), walk.token(title)]))
        layout = [integer(dtype.itemsize), walk.token(dtype.isalignedstruct), text(dtype.type.__name__)]
        return record("dtype", [*layout, *named], "structured")
    if dtype.kind == "T":
        missing = getattr(dtype, "na_object", None)
        return record("dtype", [text("T"), walk.token(hasattr(dtype, "na_object")), walk.token(missing)])
    return record("dtype", [text(dtype.str)], str(dtype))


def array_token(array: np.ndarray[Any, Any], walk: Walk) -> bytes:
    """The token of an array as a plain ``ndarray``, whatever its class.

    Raises:
        FingerprintError: An object in it has no identity.
    """
    dtype = array.dtype
    kind = dtype_token(dtype, walk)
    shape = ",".join(map(str, array.shape))
    if dtype.names is not None:
        # Field by field: the bytes between them are arbitrary.
        values = digest(b"".join(array_token(array[name], walk) for name in dtype.names))
    elif dtype.kind in _OBJECT_KINDS:
        values = digest(_objects_token(array.ravel().tolist(), walk))
    else:
        values = digest_values(array)
    return digested(f"ndarray {dtype} ({shape})", kind + text(shape) + values)


def digest_values(array: np.ndarray[Any, Any]) -> bytes:
    """The digest of an array's items in logical order, wherever they lie; no copy is made of more than a piece."""
    if array.size == 0 or array.dtype.itemsize == 0:
        return digest(b"")
    if array.flags.c_contiguous and array.dtype.char not in _PADDED:
        return digest(_octets(array))
    return digest_all(_octets(piece) for piece in _pieces(array))


def _octets(array: np.ndarray[Any, Any]) -> memoryview:
    # As unsigned bytes, because dates and long doubles have no buffer format.
    flat = np.asarray(array).reshape(-1).view(np.uint8)
    return flat.data


def _pieces(array: np.ndarray[Any, Any]) -> Iterator[np.ndarray[Any, Any]]:
    """Contiguous copies of an array, in logical order, each of a bounded size where the shape allows it."""
    if array.nbytes <= PIECE_BYTES or array.ndim == 0:
        yield _without_padding(np.array(array, order="C", subok=False))
        return
    row_bytes = array.nbytes // array.shape[0]
    if row_bytes > PIECE_BYTES:
        for row in array:
            yield from _pieces(row)
        return
    rows = max(1, PIECE_BYTES // row_bytes)
    for start in range(0, array.shape[0], rows):
        yield _without_padding(np.array(array[start : start + rows], order="C", subok=False))


def _without_padding(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    if array.dtype.char in _PADDED:
        array.reshape(-1).view(np.uint8).reshape(-1, 16)[:, 10:] = 0
    return array


def _objects_token(items: list[Any], walk: Walk) -> bytes:
    """The tokens of items; text, by far the most frequent, all at once: its lengths and then its letters."""
    if items and set(map(type, items)) == {str}:
        lengths = np.fromiter(map(len, items), dtype="<i8", count=len(items))
        return b"s" + digest(_octets(lengths)) + digest("".join(items).encode("utf-8", "surrogatepass"))
    return b"o" + walk.token(items)


def _encode_array(value: np.ndarray[Any, Any], walk: Walk) -> bytes:
    kind = type(value)
    mine = array_token(value, walk)
    if kind is np.ndarray or kind is np.memmap:
        return mine  # where the memory of an array comes from is not part of its value
    state = walk.token(attributes(dict(vars(value)))) if hasattr(value, "__dict__") else b"N"
    return record("ndarray", [walk.token(kind, ".__class__"), mine, state], kind.__qualname__)


def _encode_masked(value: np.ma.MaskedArray[Any, Any], walk: Walk) -> bytes:
    # What lies under the mask counts too: a function can read it.
    named = [array_token(np.asarray(value.data), walk), array_token(np.ma.getmaskarray(value), walk)]
    fill = array_token(np.asarray(value.fill_value), walk)
    kind = walk.token(type(value), ".__class__")
    return record("masked", [kind, *named, fill, walk.token(value.hardmask)], f"{value.dtype} {value.shape}")


def _encode_scalar(value: np.generic, walk: Walk) -> bytes:
    kind = dtype_token(value.dtype, walk)
    if value.dtype.kind in "fc" and value != value:  # noqa: PLR0124 - NaN, one for all as for float
        return record("scalar", [kind, text("nan")], str(value.dtype))
    if value.dtype.kind == "M" and np.isnat(value):
        return record("scalar", [kind, text("nat")], str(value.dtype))
    if value.dtype.names is not None or value.dtype.kind in _OBJECT_KINDS:
        return record("scalar", [kind, array_token(np.asarray(value), walk)], str(value.dtype))
    octets = _without_padding(np.array(value).reshape(1)).tobytes()
    return record("scalar", [kind, walk.token(octets)], f"{value.dtype} {value}")


def _encode_generator(value: np.random.Generator, _walk: Walk) -> Parts:
    return fields("Generator", ("__class__", type(value)), ("bit_generator", value.bit_generator))


def _encode_bits(value: np.random.BitGenerator, _walk: Walk) -> Parts:
    # The seed sequence counts: spawned generators come from it.
    return fields("BitGenerator", ("__class__", type(value)), ("state", value.state), ("seed_seq", value.seed_seq))


def _encode_seeds(value: np.random.SeedSequence, _walk: Walk) -> Parts:
    return fields("SeedSequence", ("state", value.state))


def _encode_random_state(value: np.random.RandomState, _walk: Walk) -> Parts:
    return fields("RandomState", ("get_state()", value.get_state(legacy=False)))


def _refuse_iterator(value: object, _walk: Walk) -> bytes:
    raise FingerprintError(f"a {type(value).__name__} has no identity: an iterator is used up by being read")


REGISTRY.provide(np.ndarray, _encode_array, subclasses=True)
REGISTRY.provide(np.ma.MaskedArray, _encode_masked, subclasses=True)
REGISTRY.provide(type(np.ma.masked), encode_instance)
REGISTRY.provide(np.generic, _encode_scalar, subclasses=True)
REGISTRY.provide(np.dtype, dtype_token, subclasses=True)
REGISTRY.provide(np.random.Generator, _encode_generator, subclasses=True)
REGISTRY.provide(np.random.BitGenerator, _encode_bits, subclasses=True)
REGISTRY.provide(np.random.SeedSequence, _encode_seeds, subclasses=True)
REGISTRY.provide(np.random.RandomState, _encode_random_state, subclasses=True)
REGISTRY.provide(np.nditer, _refuse_iterator)
REGISTRY.provide(np.flatiter, _refuse_iterator)
