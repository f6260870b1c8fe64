"""The law of codecs: what is decoded is what was encoded, for arrays of every kind and for containers that share parts."""

import mmap
import pickle

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from jumar.codecs.framing import ALIGNMENT_BYTES, IN_BAND_MAX_BYTES
from jumar.codecs.pickle import PickleCodec

codec = PickleCodec()
quick = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def memory_of(frames, shift=0):
    """The frames in memory as a store gives it: private, writable, and for blobs at a multiple of 64 bytes."""
    data = b"".join(frames)
    memory = memoryview(mmap.mmap(-1, len(data) + 64))[shift : shift + len(data)]
    memory[:] = data
    return memory


def restored(value, shift=0):
    return codec.decode(memory_of(codec.encode(value), shift))


def gives_its_buffer(array):
    """Whether NumPy pickles it as a buffer, and so keeps whether it may be written.

    Not dates, objects, nor records with a field whose name has a colon: of these it can make no buffer.
    """
    try:
        memoryview(array)
    except ValueError:
        return False
    return not array.dtype.hasobject


def assert_same_array(left, right):
    assert type(left) is type(right)
    # NumPy's own pickling makes the byte order of some arrays native; the numbers stay the same.
    assert left.dtype.newbyteorder("=") == right.dtype.newbyteorder("=")
    assert left.shape == right.shape
    if right.dtype.hasobject:
        assert left.tolist() == right.tolist()
    else:
        assert left.astype(right.dtype).tobytes() == right.tobytes()
    if right.flags.c_contiguous or right.flags.f_contiguous:
        assert left.flags.c_contiguous == right.flags.c_contiguous
        assert left.flags.f_contiguous == right.flags.f_contiguous
        assert left.flags.writeable == right.flags.writeable or not gives_its_buffer(right)


scalars = st.one_of(
    hnp.boolean_dtypes(),
    hnp.integer_dtypes(endianness="?"),
    hnp.floating_dtypes(endianness="?"),
    hnp.complex_number_dtypes(),
    hnp.datetime64_dtypes(),
    hnp.timedelta64_dtypes(),
    hnp.byte_string_dtypes(max_len=5),
    hnp.unicode_string_dtypes(max_len=5),
)
dtypes = st.one_of(scalars, hnp.array_dtypes(scalars, max_size=3))


LAYOUTS = {
    "plain": lambda array: array,
    "fortran": np.asfortranarray,
    "every second": lambda array: array[::2] if array.ndim else array,
    "backwards": lambda array: array[::-1] if array.ndim else array,
    "transposed": lambda array: array.T,
    "read-only": lambda array: np.frombuffer(array.tobytes(), array.dtype).reshape(array.shape),
    "broadcast": lambda array: np.broadcast_to(array, (3, *array.shape)),
    "from the middle": lambda array: array[1:] if array.ndim else array,
}
"""How a program may hold an array in memory."""
layouts = st.sampled_from(list(LAYOUTS))


@quick
@given(hnp.arrays(dtypes, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)), layouts, st.integers(0, 1))
def test_small_arrays_of_every_kind_come_back(array, layout, shift):
    array = LAYOUTS[layout](array)
    assert_same_array(restored(array, shift), array)


@quick
@given(dtypes, st.integers(0, 2**32), layouts)
def test_large_arrays_of_every_kind_come_back(dtype, seed, layout):
    """As views of the memory that they are decoded from, where they were contiguous."""
    flat = np.frombuffer(np.random.default_rng(seed).bytes(64 * 32 * max(dtype.itemsize, 1) * 20), np.uint8)
    array = np.resize(flat, (64 * 20, 32, max(dtype.itemsize, 1))).copy()
    array = array.view(dtype)[..., 0] if dtype.itemsize else np.zeros((64 * 20, 32), dtype)
    if array.dtype.kind == "U":
        array = np.full(array.shape, "é", dtype)  # random bytes are no text
    array = LAYOUTS[layout](np.ascontiguousarray(array))
    frames = codec.encode(array)
    memory = memory_of(frames)
    decoded = codec.decode(memory)
    assert_same_array(decoded, array)
    if len(frames) > 1:
        assert np.shares_memory(decoded, np.frombuffer(memory, np.uint8))
        assert decoded.ctypes.data % ALIGNMENT_BYTES == 0


small = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.binary())
nested = st.recursive(
    small, lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner), max_leaves=15
)


@quick
@given(nested, st.integers(0, 3))
def test_nested_containers_come_back_equal_and_share_what_they_shared(value, extra):
    shared = [value]
    large = np.arange(IN_BAND_MAX_BYTES // 8 + extra, dtype=np.int64)
    given_value = {"a": shared, "b": (shared, value), "large": [large, large], "small": large[:2].copy()}
    given_value["self"] = given_value
    decoded = restored(given_value)
    assert decoded["self"] is decoded
    assert decoded["a"] is decoded["b"][0]
    assert decoded["a"] == shared
    assert decoded["b"] == (shared, value)
    assert decoded["large"][0] is decoded["large"][1]
    assert_same_array(decoded["large"][0], large)
    assert_same_array(decoded["small"], given_value["small"])


@quick
@given(st.lists(st.integers(IN_BAND_MAX_BYTES - 2, IN_BAND_MAX_BYTES + 70), min_size=1, max_size=6))
def test_each_large_buffer_starts_at_a_multiple_of_64_and_none_touches_another(sizes_bytes):
    arrays = [np.full(size, number + 1, np.uint8) for number, size in enumerate(sizes_bytes)]
    memory = memory_of(codec.encode(arrays))
    decoded = codec.decode(memory)
    for number, array in enumerate(decoded):
        if array.nbytes > IN_BAND_MAX_BYTES:
            assert array.ctypes.data % ALIGNMENT_BYTES == 0
        array[:] = 100 + number  # all are writable, and writing to one changes no other
    for number, array in enumerate(decoded):
        assert array.tolist() == [100 + number] * sizes_bytes[number]


@quick
@given(st.data())
def test_a_damaged_frame_is_an_error_and_never_a_value(data):
    arrays = [np.zeros(IN_BAND_MAX_BYTES + 1, dtype=np.uint8), np.ones(3000)]
    sound = b"".join(codec.encode(arrays))
    head_bytes = 24 + 8 * len(arrays)
    broken = bytearray(sound)
    broken[data.draw(st.integers(8, head_bytes - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises((ValueError, pickle.UnpicklingError)):
        codec.decode(memoryview(broken))
