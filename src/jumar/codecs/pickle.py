"""The general codec: pickle protocol 5, with large buffers beside the stream (see `framing`)."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Sequence
from typing import Any

from jumar.codecs import framing
from jumar.codecs.codec import Frame

STREAMED_MIN_BYTES = 64 * 1024
"""From this size on pickle itself writes bytes apart from the rest of the stream; so can we, without the copy."""

_BUFFERLESS = frozenset({int, float, str, bool, type(None), complex})
_BYTES, _LONG_BYTES, _BYTEARRAY = struct.Struct("<cI"), struct.Struct("<cQ"), struct.Struct("<cQ")
_BEGIN, _END = b"\x80\x05", b"\x94."


class PickleCodec:
    """Writes any value that pickle can write.

    Example:
        >>> codec = PickleCodec()
        >>> codec.decode(memoryview(bytearray(b"".join(codec.encode({"a": [1, 2]})))))
        {'a': [1, 2]}

    *Guarantees*: what was writable is restored writable, and two references to one object are two references to one
    object again. What was read-only is restored read-only where its type gives its buffer to pickle: arrays of numbers
    and text do. NumPy copies arrays of dates, of objects and with gaps, which are restored writable, and may make their
    byte order that of the machine. (An array that is the whole result goes through `NumpyCodec`, which has no such gaps.)
    """

    name = "pickle"

    def encode(self, value: Any) -> Sequence[Frame]:
        """The plain or the framed form of the value; buffers in it are views of the value's memory.

        Raises:
            Exception: What the value's own pickling raises: mostly ``PicklingError``, ``TypeError``, ``AttributeError``.
        """
        kind = type(value)
        if kind in _BUFFERLESS:  # the same bytes, without the machinery for buffers
            return (pickle.dumps(value, protocol=5),)
        if kind in (bytes, bytearray) and len(value) >= STREAMED_MIN_BYTES:
            return _streamed(value)
        return framing.dump(pickle.dumps, value)

    def decode(self, data: memoryview) -> Any:
        """The value from its plain or framed form; large buffers in it are views of ``data``.

        Raises:
            ValueError: The framing is damaged, or of a newer version.
            Exception: What the value's own unpickling raises.
        """
        return framing.load(data)


def _streamed(value: bytes | bytearray) -> Sequence[Frame]:
    """Byte for byte what ``pickle.dumps`` writes, with the value itself as a frame in the place of a copy."""
    if type(value) is bytearray:
        opcode = _BYTEARRAY.pack(b"\x96", len(value))
    elif len(value) < 1 << 32:
        opcode = _BYTES.pack(pickle.BINBYTES, len(value))
    else:
        opcode = _LONG_BYTES.pack(pickle.BINBYTES8, len(value))
    return _BEGIN + opcode, value, _END
