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

PICKLERS: dict[Callable[..., bytes], Any] = {pickle.dumps: pickle.Pickler}
"""What writes streams, and the class of the picklers that it uses: those whose tables we may extend."""


class PickleCodec:
    """Writes any value that pickle can write.

    Example:
        >>> codec = PickleCodec()
        >>> codec.decode(memoryview(bytearray(b"".join(codec.encode({"a": [1, 2]})))))
        {'a': [1, 2]}

    *Guarantees*: what was writable is restored writable, and two references to one object are two references to one
    object again. Arrays and tensors of more than 16 KiB are written from their memory, or from a copy of those with
    gaps, and restored on the memory given, read-only if they were. Not so arrays of objects, what comes after the first
    of them, subclasses such as masked arrays, and what NumPy copies into less than 64 KiB: these are restored writable,
    and may have the byte order of the machine. (An array that is the whole result has a codec without such gaps,
    ``NumpyCodec``.)
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

        has_tensors = hasattr(sys.modules.get("torch"), "UntypedStorage") and dumps in PICKLERS
        write = _without_tensors(dumps) if has_tensors else dumps
        stream = write(value, 5, buffer_callback=keep_in_band)
        if len(stream) >= STREAMED_MIN_BYTES and dumps in PICKLERS and _has_copies(stream):
            large.clear()
            write = _without_arrays(dumps, tensors=has_tensors)
            stream = write(value, 5, buffer_callback=keep_in_band)
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


@cache
def _without_tensors(dumps: Callable[..., bytes]) -> Callable[..., bytes]:
    """What writes the same but the numbers of tensors; ``dumps`` itself where NumPy does not show their memory."""
    if find_spec("numpy") is None:
        return dumps
    from jumar.codecs import dispatch, torch_storage  # noqa: PLC0415 # imports PyTorch, as the program has before

    return dispatch.dumps_with(PICKLERS[dumps], torch_storage.REDUCERS)


@cache
def _without_arrays(dumps: Callable[..., bytes], *, tensors: bool) -> Callable[..., bytes]:
    from jumar.codecs import dispatch, numpy_pickle  # noqa: PLC0415 # imports NumPy, whose arrays were written before

    if not tensors:
        return dispatch.dumps_with(PICKLERS[dumps], numpy_pickle.REDUCERS)
    from jumar.codecs import torch_storage  # noqa: PLC0415 # likewise

    return dispatch.dumps_with(PICKLERS[dumps], numpy_pickle.REDUCERS, torch_storage.REDUCERS)


def _has_copies(stream: bytes) -> bool:
    if sys.modules.get("numpy") is None:
        return False
    from jumar.codecs.numpy_pickle import has_copies  # noqa: PLC0415 # imports NumPy

    return has_copies(stream)


SOONER: dict[type, Codec] = {
    **dict.fromkeys((int, float, str, bool, type(None), complex), PlainPickleCodec()),
    **dict.fromkeys((bytes, bytearray), BytesPickleCodec()),
}
"""By exact type, what writes the same as `PickleCodec` with less work."""
