"""Any object with arrays inside restores as memory maps: in containers, dataclasses and frames as on their own."""

import collections
import dataclasses
import mmap
import pickle
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.properties.test_codec_law import LAYOUTS, dtypes, memory_of

from jumar.codecs.framing import ALIGNMENT_BYTES, IN_BAND_MAX_BYTES
from jumar.codecs.pickle import STREAMED_MIN_BYTES
from jumar.codecs.registry import Codecs

codecs = Codecs()
quick = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


class Pair(NamedTuple):
    left: object
    right: object


@dataclasses.dataclass
class Record:
    name: str
    numbers: object


class Slotted:
    __slots__ = ("numbers",)

    def __init__(self, numbers):
        self.numbers = numbers


CONTAINERS = {
    "list": (lambda array: [1, array], lambda value: value[1]),
    "tuple in dict": (lambda array: {"a": (array, None)}, lambda value: value["a"][0]),
    "named tuple": (lambda array: Pair(array, 1), lambda value: value.left),
    "dataclass": (lambda array: [Record("a", array)], lambda value: value[0].numbers),
    "object with slots": (Slotted, lambda value: value.numbers),
    "deque": (lambda array: collections.deque([array]), lambda value: value[0]),
}
"""How a program may hold an array, and how it gets at it."""


def restored(value):
    """What is decoded, and the memory that it is decoded from."""
    name, frames = codecs.encode(value)
    memory = memory_of(frames)
    return codecs.named(name).decode(memory), np.frombuffer(memory, np.uint8)


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize(
    "array",
    [
        np.arange(20_000.0),
        np.arange(20_000).reshape(100, 200).T,
        np.arange(40_000.0)[::2],
        np.arange(60_000.0).reshape(300, 200)[:, 1:90],
        np.arange(20_000).astype("M8[s]"),
        np.arange(20_000).astype(">m8[ms]").reshape(100, 200).T,
        np.zeros(20_000, [("when", "M8[D]"), ("value", "f4")]),
        np.array(["some text"] * 20_000),
        np.arange(20_000, dtype=">i8"),
    ],
    ids=lambda array: f"{array.dtype}{array.strides}",
)
def test_an_array_in_a_container_is_a_view_of_the_memory_that_it_is_restored_from(container, array):
    hold, get = CONTAINERS[container]
    value, memory = restored(hold(array))
    back = get(value)
    assert np.shares_memory(back, memory)
    assert back.ctypes.data % ALIGNMENT_BYTES == 0
    assert (back.dtype, back.shape, back.flags.writeable) == (array.dtype, array.shape, True)
    assert back.tolist() == array.tolist()
    back[...] = back[:1]
    assert get(restored(hold(array))[0]).tolist() == array.tolist()


FRAMES = {
    "numbers": lambda: pd.DataFrame({"a": np.arange(20_000.0), "b": np.arange(20_000.0)}),
    "numbers and dates": lambda: pd.DataFrame({"a": np.arange(20_000.0), "d": np.arange(20_000).astype("M8[s]")}),
    "a series of spans": lambda: pd.Series(np.arange(20_000).astype("m8[ms]")),
    "an index of dates": lambda: pd.Series(np.arange(20_000.0), pd.DatetimeIndex(np.arange(20_000).astype("M8[s]"))),
    "dates with a zone": lambda: pd.Series(pd.DatetimeIndex(np.arange(20_000).astype("M8[us]"), tz="Europe/Paris")),
    "missing integers": lambda: pd.Series(pd.array(np.arange(20_000), dtype="Int64")),
    "categories": lambda: pd.Series(pd.Categorical.from_codes(np.arange(20_000) % 3, ["a", "b", "c"])),
}


@pytest.mark.parametrize("inside", [False, True], ids=["alone", "in a container"])
@pytest.mark.parametrize("frame", FRAMES)
def test_of_a_frame_with_what_it_holds_hardly_anything_is_in_the_stream(frame, inside):
    value = FRAMES[frame]()
    _, frames = codecs.encode({"frame": [value]} if inside else value)
    assert len(frames[2]) < 2_000
    back, _ = restored({"frame": [value]} if inside else value)
    back = back["frame"][0] if inside else back
    equal = pd.testing.assert_frame_equal if isinstance(value, pd.DataFrame) else pd.testing.assert_series_equal
    equal(back, value)
    back.iloc[0] = back.iloc[1]  # it may be written to
    equal(FRAMES[frame](), value)


@quick
@given(dtypes, st.sampled_from(list(LAYOUTS)), st.integers(0, 2**32))
def test_large_arrays_of_every_kind_come_back_from_a_container(dtype, layout, seed):
    whole = 64 * 20 * 32
    flat = np.random.default_rng(seed).bytes(whole * dtype.itemsize)
    array = np.frombuffer(bytearray(flat), dtype) if dtype.itemsize else np.zeros(whole, dtype)
    if array.dtype.kind == "U":
        array = np.full(whole, "é", dtype)  # random bytes are no text
    array = LAYOUTS[layout](array.reshape(64 * 20, 32))
    [back], memory = restored([array])
    assert back.dtype.newbyteorder("=") == array.dtype.newbyteorder("=")
    assert back.shape == array.shape
    assert back.astype(array.dtype).tobytes() == array.tobytes()
    if array.nbytes >= STREAMED_MIN_BYTES:
        assert back.dtype == array.dtype
        assert back.flags.writeable == array.flags.writeable
        assert np.shares_memory(back, memory)
    if array.flags.c_contiguous or array.flags.f_contiguous:
        assert back.flags.c_contiguous == array.flags.c_contiguous


def test_what_numpy_alone_can_read_needs_no_jumar():
    value = [np.arange(20_000).astype("M8[s]"), np.arange(40_000.0)[::2]]
    _, frames = codecs.encode(value)
    assert b"jumar" not in frames[2]
    buffers = [frame for frame in frames[3:] if len(frame) > IN_BAND_MAX_BYTES]
    back = pickle.loads(frames[2], buffers=buffers)
    assert [array.tolist() for array in back] == [array.tolist() for array in value]


def test_an_object_that_many_parts_of_a_value_hold_is_one_again():
    dates = np.arange(20_000).astype("M8[s]")
    back, _ = restored({"a": dates, "b": [dates]})
    assert back["a"] is back["b"][0]


def test_arrays_of_objects_and_small_ones_stay_in_the_stream():
    texts = np.array([f"text {number}" for number in range(20_000)], dtype=object)
    small = np.arange(100).astype("M8[s]")
    _, frames = codecs.encode([texts, small])
    assert len(frames) == 1
    back, memory = restored([small, np.arange(20_000).astype("M8[s]"), texts])
    assert [part.tolist() for part in back[::2]] == [small.tolist(), texts.tolist()]
    assert [np.shares_memory(part, memory) for part in back] == [False, True, False]


def test_an_array_of_more_than_2_gib_in_a_container_is_neither_copied_nor_cut():
    array = np.zeros(2**28 + 700)  # pages of zeros that nobody touches take no memory
    name, frames = codecs.encode([array])
    assert len(frames[-1]) == array.nbytes > 2**31
    assert np.shares_memory(np.frombuffer(frames[-1], np.uint8), array.view(np.uint8))
    memory = memoryview(mmap.mmap(-1, sum(map(len, frames))))
    start = 0
    for frame in frames[:-1]:
        memory[start : start + len(frame)] = frame
        start += len(frame)
    [back] = codecs.named(name).decode(memory)
    back.view(np.uint8)[-1] = 7
    assert back.shape == array.shape
    assert memory[-1] == 7
