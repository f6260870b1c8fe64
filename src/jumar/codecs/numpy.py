"""NumPy arrays as ``.npy`` files, which ``np.load`` reads: the header, and the numbers as they lie in memory."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal

import numpy as np

from jumar.codecs.codec import Codec, Frame
from jumar.codecs.framing import IN_BAND_MAX_BYTES
from jumar.codecs.pickle import PickleCodec

_FORMAT = np.lib.format
_HEAD_BYTES = 10
"""The part of a header of version 1.0 before its text: magic, version, length of the text."""

_HEADER_MAX_BYTES = 10_000
"""The longest text of a header that ``np.load`` reads unless it is told otherwise."""

_STRUCTURED = b"'descr': ["
"""In headers whose dtype must be made anew for each array: a program may rename its fields in place."""

_EXACT_IN_PICKLE = frozenset("biufcSU?")
_PICKLE = PickleCodec()


class NumpyCodec:
    """Writes plain arrays whose dtype a ``.npy`` header can name.

    Args:
        writeable: Which arrays it writes, those that may be written to or those that may not. A ``.npy`` file has no
            place for that; the codec's name in the row has.

    Example:
        >>> codec = NumpyCodec()
        >>> dates = np.array(["2024-02-29"], dtype="datetime64[D]")
        >>> codec.decode(memoryview(bytearray(b"".join(codec.encode(dates)))))
        array(['2024-02-29'], dtype='datetime64[D]')

    *Guarantees*: a contiguous array, in C or Fortran order, is written from its own memory, and every array is restored
    as a view of the memory given, in the same order. One with gaps is written in C order. As with any view,
    ``ndarray.resize`` refuses a restored array.
    """

    def __init__(self, *, writeable: bool = True) -> None:
        self.name = "numpy" if writeable else "numpy-readonly"
        self._writeable = writeable

    def encode(self, value: Any) -> Sequence[Frame] | None:
        """The header and the numbers; None for what `PickleCodec` writes as exactly, or only it does.

        Those are small arrays of numbers and text (a ``.npy`` header takes ten times as long to read as all of them),
        subclasses, arrays of objects, and dtypes that a header cannot name: with metadata, aligned or of records.
        """
        if type(value) is not np.ndarray or value.flags.writeable is not self._writeable:
            return None
        if _is_small_and_plain(value) or not _has_a_name(value.dtype):
            return None
        if not (value.flags.c_contiguous or value.flags.f_contiguous):
            value = value.copy(order="C")
        header = io.BytesIO()
        try:
            _FORMAT.write_array_header_1_0(header, _FORMAT.header_data_from_array_1_0(value))
        except ValueError:  # longer than a header of this version may be
            return None
        if header.tell() > _HEADER_MAX_BYTES:
            return None
        in_order = value if value.flags.c_contiguous else value.T
        return header.getvalue(), in_order.reshape(-1).view(np.uint8).data

    def decode(self, data: memoryview) -> np.ndarray[Any, Any]:
        """The array, as a view of ``data`` unless that is small and starts where no such array may.

        Raises:
            ValueError: It is no ``.npy`` file of version 1.0, or has another length than its header says.
        """
        start = _HEAD_BYTES + int.from_bytes(data[8:_HEAD_BYTES], "little")
        header = bytes(data[:start])
        shape, order, dtype = _read(header) if _STRUCTURED in header else _read_before(header)
        size_bytes = dtype.itemsize * math.prod(shape)
        if len(data) != start + size_bytes:
            raise ValueError(f"the array is cut off or altered: {len(data) - start:,} of {size_bytes:,} bytes")
        array = np.ndarray(shape, dtype, buffer=data, offset=start, order=order)
        if not array.flags.aligned:
            array = array.copy(order=order)
        array.flags.writeable = self._writeable
        return array


def _read(header: bytes) -> tuple[tuple[int, ...], Literal["F", "C"], np.dtype[Any]]:
    file = io.BytesIO(header)
    if _FORMAT.read_magic(file) != (1, 0):
        raise ValueError("the result is a .npy file of a version that jumar does not write")
    shape, is_fortran, dtype = _FORMAT.read_array_header_1_0(file, max_header_size=_HEADER_MAX_BYTES)
    return shape, "F" if is_fortran else "C", dtype


_read_before = lru_cache(maxsize=256)(_read)
"""A header takes 13 µs to read, and many small results have the same one."""


class ReadOnlyPickleCodec:
    """Writes the other arrays that may not be written to: subclasses, and dtypes that a ``.npy`` header cannot name.

    Pickle copies most of them, and what it copies is restored writable.

    Example:
        >>> codec = ReadOnlyPickleCodec()
        >>> names = np.array(["a", None], dtype=object)
        >>> names.flags.writeable = False
        >>> codec.decode(memoryview(bytearray(b"".join(codec.encode(names))))).flags.writeable
        False
    """

    name = "pickle-readonly"

    def encode(self, value: Any) -> Sequence[Frame] | None:
        """What `PickleCodec` writes; None for what may be written to.

        Raises:
            Exception: What pickling an object in the array raises.
        """
        return None if value.flags.writeable else _PICKLE.encode(value)

    def decode(self, data: memoryview) -> np.ndarray[Any, Any]:
        """The array, which may not be written to.

        Raises:
            Exception: The framing is damaged, or unpickling an object in the array fails.
        """
        array: np.ndarray[Any, Any] = _PICKLE.decode(data)
        array.flags.writeable = False
        return array


def _is_small_and_plain(array: np.ndarray[Any, Any]) -> bool:
    flags, dtype = array.flags, array.dtype
    return (
        array.nbytes <= IN_BAND_MAX_BYTES
        and dtype.kind in _EXACT_IN_PICKLE
        and dtype.isnative
        and (flags.c_contiguous or flags.f_contiguous)
    )


def _has_a_name(dtype: np.dtype[Any]) -> bool:
    """Whether an array of the dtype comes back from a ``.npy`` file with that very dtype."""
    if dtype.hasobject or dtype.itemsize == 0 or _has_metadata(dtype):
        return False
    # dtypes of other packages (bfloat16) call themselves by the bytes that they take: they come back as those.
    named = np.dtype(dtype.str) if dtype.names is None else _FORMAT.descr_to_dtype(_FORMAT.dtype_to_descr(dtype))
    return _is_same(named, dtype)


def _has_metadata(dtype: np.dtype[Any]) -> bool:
    inner = [] if dtype.fields is None else [field[0] for field in dtype.fields.values()]
    if dtype.subdtype is not None:
        inner = [dtype.subdtype[0]]
    return bool(dtype.metadata) or any(map(_has_metadata, inner))


def _is_same(left: np.dtype[Any], right: np.dtype[Any]) -> bool:
    """Whether two dtypes are equal in what ``==`` leaves out too: the class of their scalars, and their alignment."""
    if left != right or left.type is not right.type or left.isalignedstruct != right.isalignedstruct:
        return False
    if left.subdtype is not None and right.subdtype is not None:
        return _is_same(left.subdtype[0], right.subdtype[0])
    if left.fields is None or right.fields is None:
        return True
    return all(_is_same(left.fields[name][0], right.fields[name][0]) for name in left.fields)


def codecs() -> dict[Codec, tuple[type, ...]]:
    """The codecs of arrays, in the order in which they are asked."""
    writers: list[Codec] = [NumpyCodec(), NumpyCodec(writeable=False), ReadOnlyPickleCodec()]
    return dict.fromkeys(writers, (np.ndarray,))
