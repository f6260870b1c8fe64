"""The general codec: pickle protocol 5, with large buffers beside the stream (see `framing`)."""

from __future__ import annotations

import pickle
import struct
import sys
from collections.abc import Callable, Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any

from jumar.codecs.codec import Codec, Frame
from jumar.codecs.framing import IN_BAND_MAX_BYTES, framed, load

STREAMED_MIN_BYTES = 64 * 1024
"""From this size on pickle itself writes bytes apart from the rest of the stream; so can we, without the copy."""

_SHORT, _LONG = struct.Struct("<cI"), struct.Struct("<cQ")
_BEGIN, _END = b"\x80\x05", b"\x94."
_BYTEARRAY8 = b"\x96"  # the one opcode of protocol 5 that the module does not name in public


class PickleCodec:
    """Writes any value that pickle can write.

    Example:
        >>> codec = PickleCodec()
        >>> codec.decode(memoryview(bytearray(b"".join(codec.encode({"a": [1, 2]})))))
        {'a': [1, 2]}

    *Guarantees*: what was writable is restored writable, and two references to one object are two references to one
    object again. What was read-only is restored read-only where its type gives its buffer to pickle: arrays of numbers
    and text do. NumPy copies arrays of dates, of objects and with gaps, which are restored writable, and may make their
    byte order that of the machine. (An array that is the whole result has a codec without such gaps, ``NumpyCodec``.)
    PyTorch's tensors are written like arrays of numbers where NumPy is installed too (see `torch_storage`).
    """

    name = "pickle"

    def encode(self, value: Any, dumps: Callable[..., bytes] = pickle.dumps) -> Sequence[Frame]:
        """The plain or the framed form of the value; buffers in it are views of the value's memory.

        Args:
            value: The value.
            dumps: What writes the stream, called as ``pickle.dumps`` is.

        Raises:
            Exception: What the value's own pickling raises: mostly ``PicklingError``, ``TypeError``, ``AttributeError``.
        """
        large: list[memoryview] = []

        def keep_in_band(buffer: pickle.PickleBuffer) -> bool:
            # The order of `large` is the order in which the stream asks for the buffers again.
            try:
                raw = buffer.raw()
            except BufferError:  # not contiguous: only the pickler can say how to write it
                return True
            if raw.nbytes <= IN_BAND_MAX_BYTES:
                return True
            large.append(raw)
            return False

        if dumps is pickle.dumps:
            dumps = with_tensors(dumps, pickle.Pickler)
        stream = dumps(value, 5, buffer_callback=keep_in_band)
        return framed(stream, large) if large else (stream,)

    def decode(self, data: memoryview) -> Any:
        """The value from its plain or framed form; large buffers in it are views of ``data``.

        Raises:
            ValueError: The framing is damaged, or of a newer version.
            Exception: What the value's own unpickling raises.
        """
        return load(data)


class PlainPickleCodec(PickleCodec):
    """Writes the same bytes for values that hold no buffers, without the machinery for buffers."""

    def encode(self, value: Any, dumps: Callable[..., bytes] = pickle.dumps) -> Sequence[Frame]:
        """The value's plain pickle."""
        return (dumps(value, 5),)


class BytesPickleCodec(PickleCodec):
    """Writes the same bytes for ``bytes`` and ``bytearray``, without a copy of large ones."""

    def encode(self, value: bytes | bytearray, dumps: Callable[..., bytes] = pickle.dumps) -> Sequence[Frame]:
        """The value's plain pickle; a large value is itself a frame of it."""
        size_bytes = len(value)
        if size_bytes < STREAMED_MIN_BYTES:
            return (dumps(value, 5),)
        if type(value) is bytearray:
            opcode = _LONG.pack(_BYTEARRAY8, size_bytes)
        elif size_bytes < 1 << 32:
            opcode = _SHORT.pack(pickle.BINBYTES, size_bytes)
        else:
            opcode = _LONG.pack(pickle.BINBYTES8, size_bytes)
        return _BEGIN + opcode, value, _END


def with_tensors(dumps: Callable[..., bytes], pickler: Any) -> Callable[..., bytes]:
    """What writes as ``dumps`` does, but for the numbers of tensors, which become buffers of their own.

    Args:
        dumps: What writes streams of values without tensors; it is given back where there can be no tensor, as PyTorch
            was not imported, or where NumPy does not show its memory.
        pickler: The class of what ``dumps`` uses.
    """
    return dumps if sys.modules.get("torch") is None else _with_tensors(dumps, pickler)


@cache
def _with_tensors(dumps: Callable[..., bytes], pickler: Any) -> Callable[..., bytes]:
    if find_spec("numpy") is None:
        return dumps
    from jumar.codecs import torch_storage  # noqa: PLC0415 # imports PyTorch, which the program has imported before

    return torch_storage.dumps_with(pickler)


SOONER: dict[type, Codec] = {
    **dict.fromkeys((int, float, str, bool, type(None), complex), PlainPickleCodec()),
    **dict.fromkeys((bytes, bytearray), BytesPickleCodec()),
}
"""By exact type, what writes the same as `PickleCodec` with less work."""
