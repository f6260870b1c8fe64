"""What every codec must do, as tests: derive a class from `CodecContract`.

Example:
    >>> from jumar.codecs.pickle import PickleCodec
    >>> class TestPickleCodec(CodecContract):
    ...     def make(self):
    ...         return PickleCodec()
    >>> TestPickleCodec().test_a_value_comes_back_equal()
"""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from typing import Any

from jumar.codecs.codec import Codec, Frame
from jumar.testing.raised import raised

_LONGEST_NAME = 255
_CUTS = 64


class CodecContract:
    """What holds for any codec. Each method is a test."""

    def make(self) -> Codec:
        """The codec. To be overridden."""
        raise NotImplementedError("override make()")

    def examples(self) -> Sequence[Any]:
        """Values that it writes and that compare with ``==``. To be overridden by codecs for certain types only."""
        return [None, True, 0, -(2**70), 1.5, "text é", b"bytes", bytes(300_000), [1, [2, {"a": (3,)}]], {1, 2}, {}]

    def same(self, left: Any, right: Any) -> bool:
        """Whether two values are equal and of one type. To be overridden where ``==`` does not say."""
        return type(left) is type(right) and bool(left == right)

    def test_its_name_fits_into_a_row(self) -> None:
        """ASCII, not empty, at most 255 characters, the same each time."""
        name = self.make().name
        assert name.isascii()
        assert 0 < len(name) <= _LONGEST_NAME
        assert self.make().name == name

    def test_a_value_comes_back_equal(self) -> None:
        """From aligned memory, as it is for a blob, and from memory that starts anywhere."""
        codec = self.make()
        for value in self.examples():
            for shift in (0, 1):
                assert self.same(codec.decode(_memory(_written(codec, value), shift)), value), repr(value)[:80]

    def test_frames_can_be_written_one_after_the_other(self) -> None:
        """Each is contiguous bytes: its length is its number of bytes."""
        codec = self.make()
        for value in self.examples():
            for frame in _written(codec, value):
                view = memoryview(frame)
                assert (view.format, view.ndim, view.contiguous) == ("B", 1, True)
                assert len(frame) == view.nbytes

    def test_encoding_leaves_the_value_as_it_was(self) -> None:
        """And so does decoding it, and writing to what was decoded from."""
        codec = self.make()
        for value, untouched in zip(self.examples(), self.examples(), strict=True):
            memory = _memory(_written(codec, value))
            codec.decode(memory)
            memory[:] = bytes(len(memory))
            assert self.same(value, untouched), repr(value)[:80]

    def test_two_readers_get_values_of_their_own(self) -> None:
        """What is decoded from other memory is another object, unless nobody could tell."""
        codec = self.make()
        for value in self.examples():
            first, second = (codec.decode(_memory(_written(codec, value))) for _ in range(2))
            assert first is not second or type(first).__hash__ is not None

    def test_bytes_that_are_cut_off_are_an_error(self) -> None:
        """Never a value."""
        codec = self.make()
        for value in self.examples():
            data = b"".join(_written(codec, value))
            for length in range(0, len(data), max(1, len(data) // _CUTS)):
                raised(Exception, codec.decode, memoryview(bytearray(data[:length])))


def _written(codec: Codec, value: Any) -> Sequence[Frame]:
    frames = codec.encode(value)
    assert frames is not None, f"the codec does not write {value!r:.80}"
    return frames


def _memory(frames: Sequence[Any], shift: int = 0) -> memoryview:
    """The frames in private memory that starts so many bytes after a multiple of 64."""
    data = b"".join(frames)
    memory = memoryview(mmap.mmap(-1, len(data) + shift or 1))[shift : shift + len(data)]
    memory[:] = data
    return memory
