"""The general codec: when it frames, what it refuses, and that an old frame can be read for ever."""

import io
import pickle
import struct

import numpy as np
import pandas as pd
import pytest

from jumar.codecs.framing import IN_BAND_MAX_BYTES, MAGIC
from jumar.codecs.pickle import PickleCodec

codec = PickleCodec()


def written(value):
    return b"".join(codec.encode(value))


def restored(value):
    return codec.decode(memoryview(bytearray(written(value))))


@pytest.mark.parametrize(
    "value", [None, 1, "text", [1, 2], {"a": b"bytes"}, np.arange(3), bytes(10**6), bytearray(10**6)], ids=type
)
def test_a_value_without_large_buffers_is_a_pickle_that_any_python_reads(value):
    read = pickle.load(io.BytesIO(written(value)))
    assert np.array_equal(read, value) if isinstance(value, np.ndarray) else read == value


def test_buffers_are_framed_beyond_a_size():
    assert not written(np.zeros(IN_BAND_MAX_BYTES, np.uint8)).startswith(MAGIC)
    assert written(np.zeros(IN_BAND_MAX_BYTES + 1, np.uint8)).startswith(MAGIC)


def test_a_large_array_is_written_from_its_own_memory():
    array = np.arange(10**5)
    buffer = codec.encode(array)[-1]
    assert np.shares_memory(np.frombuffer(buffer, np.int64), array)


def test_arrays_of_objects_come_back():
    array = np.array([{"a": 1}, None, [2, 3], "text"] * 1000, dtype=object)
    decoded = restored(array)
    assert decoded.dtype == object
    assert decoded.tolist() == array.tolist()


def test_masked_arrays_matrices_and_subclasses_keep_their_type():
    for array in (np.ma.masked_less(np.arange(5000.0), 9), np.rec.array([(1, 2.0)] * 5000, dtype="i4,f8")):
        decoded = restored(array)
        assert type(decoded) is type(array)
        assert decoded.tolist() == array.tolist()


def test_a_data_frame_comes_back():
    frame = pd.DataFrame({"number": np.arange(5000.0), "text": ["é"] * 5000}, index=pd.date_range("2024", periods=5000))
    pd.testing.assert_frame_equal(restored(frame), frame, check_freq=False)


@pytest.mark.parametrize("size", [10, 10_000], ids=["small", "large"])
def test_what_was_read_only_stays_so_and_what_was_writable_too(size):
    frozen, free = np.zeros(size), np.zeros(size)
    frozen.flags.writeable = False
    decoded = restored({"frozen": frozen, "free": free})
    assert not decoded["frozen"].flags.writeable
    decoded["free"][0] = 1.0
    assert free[0] == 0.0


def test_what_pickle_refuses_raises_what_pickle_says():
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        codec.encode([lambda: 1])


def test_a_frame_of_a_newer_layout_is_refused_by_its_number():
    frame = bytearray(written(np.zeros(10**5)))
    struct.pack_into("<I", frame, 8, 2)
    with pytest.raises(ValueError, match=r"has layout 2 of codec 'pickle'; this jumar reads layout 1"):
        codec.decode(memoryview(frame))


def test_a_frame_written_byte_by_byte_as_documented_is_read():
    stream = pickle.dumps(np.arange(3000, dtype="<f8"), protocol=5, buffer_callback=lambda buffer: None)
    content = np.arange(3000, dtype="<f8").tobytes()
    head = struct.pack("<8sIIQ", b"jumarP5\n", 1, 1, len(stream)) + struct.pack("<Q", len(content))
    gap = bytes(-(len(head) + len(stream)) % 64)
    decoded = codec.decode(memoryview(bytearray(head + stream + gap + content)))
    assert decoded.tolist() == list(range(3000))
