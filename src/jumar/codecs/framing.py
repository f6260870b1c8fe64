r"""A pickle whose large buffers stand beside the stream, so that they restore as memory maps.

A value without large buffers is written as its plain pickle, which any Python can read with ``pickle.load``. A value
with large buffers (arrays, as a rule) is *framed*::

    offset 0    8 bytes   b"jumarP5\n"
           8    u32       version of this layout: 1
          12    u32       n, the number of buffers
          16    u64       length of the pickle stream in bytes
          24    n x u64   length of each buffer in bytes
                          the pickle stream
                          each buffer, from the next multiple of 64 on; zeros between

All integers are little-endian. A plain pickle starts with byte 0x80, so the two cannot be confused. Buffers are not
copied in either direction: written from the value's own memory, and read as views of the memory given.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Sequence
from typing import Any

from jumar.codecs.codec import Frame

MAGIC = b"jumarP5\n"
VERSION = 1
ALIGNMENT_BYTES = 64
IN_BAND_MAX_BYTES = 16 * 1024
"""Buffers up to this size are copied into the stream: cheaper than an aligned place of their own, and they pack well."""

_HEAD = struct.Struct("<8sIIQ")


def load(data: memoryview) -> Any:
    """The value from its plain or framed form; large buffers in it are views of ``data``.

    Raises:
        ValueError: The framing is damaged, or of a newer version.
        Exception: What the value's own unpickling raises.
    """
    if data[: len(MAGIC)] == MAGIC:
        stream, buffers = _unframed(data)
        return pickle.loads(stream, buffers=buffers)  # a store holds what its owner wrote (mode 0700)
    return pickle.loads(data)


def framed(stream: bytes, buffers: Sequence[memoryview]) -> list[Frame]:
    """The frames of a pickle and of the buffers that it asks for, in that order."""
    head = _HEAD.pack(MAGIC, VERSION, len(buffers), len(stream))
    lengths = struct.pack(f"<{len(buffers)}Q", *(buffer.nbytes for buffer in buffers))
    frames: list[Frame] = [head, lengths, stream]
    offset = len(head) + len(lengths) + len(stream)
    for buffer in buffers:
        gap = -offset % ALIGNMENT_BYTES
        frames.append(bytes(gap))
        frames.append(buffer)
        offset += gap + buffer.nbytes
    return frames


def _unframed(data: memoryview) -> tuple[memoryview, list[memoryview]]:
    if len(data) < _HEAD.size:
        raise ValueError(f"the head of the result is cut off: {len(data)} of {_HEAD.size} bytes")
    _, version, count, stream_bytes = _HEAD.unpack_from(data)
    if version != VERSION:
        raise ValueError(f"the result has layout {version} of codec 'pickle'; this jumar reads layout {VERSION}")
    start = _HEAD.size + 8 * count
    if start + stream_bytes > len(data):
        raise ValueError(f"the result is cut off: its stream ends at {start + stream_bytes}, the data at {len(data)}")
    lengths = struct.unpack_from(f"<{count}Q", data, _HEAD.size)
    offset = start + stream_bytes
    stream = data[start:offset]
    if stream[-1:].tobytes() != pickle.STOP:
        raise ValueError(f"the result is altered: the {stream_bytes} bytes of its stream do not end as a pickle does")
    buffers = []
    for length in lengths:
        offset += -offset % ALIGNMENT_BYTES
        buffers.append(data[offset : offset + length])
        offset += length
    if offset != len(data):
        raise ValueError(f"the result is cut off or altered: its buffers end at {offset}, the data at {len(data)}")
    return stream, buffers
