"""Compressed results: the bytes of another codec in one frame of Zstandard, where a sample says that it pays."""

from __future__ import annotations

import mmap
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from jumar.codecs.codec import Codec, Frame

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PREFIX = "zstd+"
"""Stands before the name of the codec whose bytes are compressed."""

MIN_BYTES = 64 * 1024
"""Smaller results stay as they are: there is little to save, and they are read often."""

MAX_RATIO = 0.8
"""The most that may be left of the bytes; above it, a restored map is worth more than the room."""

_WINDOWS = 3
_WINDOW_BYTES = 16 * 1024
_PIECE_BYTES = 1 << 20
_OPTIONS: dict[int, int] = {
    zstd.CompressionParameter.compression_level: 3,
    zstd.CompressionParameter.checksum_flag: 1,
    zstd.CompressionParameter.content_size_flag: 1,
}
_SAMPLE_LEVEL = 1


class ZstdCodec:
    """Compresses what another codec writes.

    Args:
        inner: The other codec.

    Example:
        >>> from jumar.codecs.pickle import PickleCodec
        >>> codec = ZstdCodec(PickleCodec())
        >>> codec.name
        'zstd+pickle'
        >>> codec.decode(memoryview(bytearray(b"".join(codec.encode([1, 2])))))
        [1, 2]

    *Guarantees*: a restored value lies in fresh memory of its own, decompressed as a whole: never a map. A flipped bit
    is an error (Zstandard's checksum).
    """

    def __init__(self, inner: Codec) -> None:
        self.name = PREFIX + inner.name
        self._inner = inner

    def encode(self, value: Any) -> Sequence[Frame] | None:
        """The other codec's frames, compressed, whether it pays or not; None where it gives none."""
        frames = self._inner.encode(value)
        return None if frames is None else _compressed(frames)

    def decode(self, data: memoryview) -> Any:
        """The value from what was compressed.

        Raises:
            ZstdError: It is no frame of Zstandard, or was altered.
            ValueError: It is cut off.
            Exception: What the other codec raises.
        """
        return self._inner.decode(_decompressed(data))


def squeezed(frames: Sequence[Frame]) -> Sequence[Frame] | None:
    """The frames, compressed; None where it does not pay.

    Three windows are tried first: compressing all of an array of noise takes a second for each few hundred megabytes.
    """
    size_bytes = sum(map(len, frames))
    if size_bytes < MIN_BYTES:
        return None
    sample = b"".join(_sample(frames, size_bytes))
    if len(zstd.compress(sample, _SAMPLE_LEVEL)) > MAX_RATIO * len(sample):
        return None
    smaller = _compressed(frames)
    return smaller if sum(map(len, smaller)) <= MAX_RATIO * size_bytes else None


def _sample(frames: Sequence[Frame], size_bytes: int) -> Iterator[memoryview]:
    """The bytes of the windows, evenly spread from the first byte to the last."""
    starts = [(size_bytes - _WINDOW_BYTES) * number // (_WINDOWS - 1) for number in range(_WINDOWS)]
    offset = 0
    for frame in frames:
        view = memoryview(frame)
        for start in starts:
            low, high = max(start - offset, 0), min(start + _WINDOW_BYTES - offset, len(view))
            if low < high:
                yield view[low:high]
        offset += len(view)


def _compressed(frames: Sequence[Frame]) -> list[Frame]:
    compressor = zstd.ZstdCompressor(options=_OPTIONS)
    compressor.set_pledged_input_size(sum(map(len, frames)))
    return [*map(compressor.compress, frames), compressor.flush()]


def _decompressed(data: memoryview) -> memoryview:
    """Private, writable, page-aligned memory with what was compressed."""
    size_bytes = zstd.get_frame_info(data[:64]).decompressed_size
    if size_bytes is None:
        raise ValueError("the compressed result does not say how long it is: jumar did not write it")
    memory = memoryview(mmap.mmap(-1, size_bytes or 1))[:size_bytes]
    offset = 0
    for piece in _pieces(data):
        memory[offset : offset + len(piece)] = piece  # raises where there is more than was said
        offset += len(piece)
    if offset != size_bytes:
        raise ValueError(f"the compressed result is cut off: {offset:,} of {size_bytes:,} bytes come out")
    return memory


def _pieces(data: memoryview) -> Iterator[bytes]:
    decompressor = zstd.ZstdDecompressor()
    for start in range(0, len(data), _PIECE_BYTES):
        yield decompressor.decompress(data[start : start + _PIECE_BYTES], _PIECE_BYTES)
        while not (decompressor.needs_input or decompressor.eof):
            yield decompressor.decompress(b"", _PIECE_BYTES)
    if not decompressor.eof or decompressor.unused_data:
        raise ValueError("the compressed result is cut off or altered: it does not end where its frame ends")
