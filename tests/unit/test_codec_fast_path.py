"""The fast path of the codec writes the same bytes as the plain one."""

import pickle

import pytest

from jumar.codecs.registry import Codecs


@pytest.mark.parametrize("value", [0, -(2**70), 1.5, float("nan"), "", "é" * 3000, True, None, 1 + 2j], ids=repr)
def test_values_that_hold_no_buffers_are_written_as_with_the_machinery_for_buffers(value):
    name, [written] = Codecs().encode(value)
    assert name == "pickle"
    assert written == pickle.dumps(value, protocol=5, buffer_callback=lambda buffer: True)


@pytest.mark.parametrize("size", [0, 300, 2**16 - 1, 2**16, 10**6])
@pytest.mark.parametrize("kind", [bytes, bytearray])
def test_bytes_are_written_as_pickle_writes_them_and_from_their_own_memory(kind, size):
    value = kind(b"x" * size)
    name, frames = Codecs().encode(value)
    assert name == "pickle"
    assert b"".join(frames) == pickle.dumps(value, protocol=5)
    assert any(frame is value for frame in frames) == (size >= 2**16)


def test_bytes_of_more_than_4_gib_are_written_with_the_opcode_that_can_count_them():
    value = bytes(2**32)  # pages of zeros that nobody touches take no memory
    head, body, end = Codecs().encode(value)[1]
    assert head == b"\x80\x05" + pickle.BINBYTES8 + (2**32).to_bytes(8, "little")
    assert body is value
    assert end == pickle.MEMOIZE + pickle.STOP
