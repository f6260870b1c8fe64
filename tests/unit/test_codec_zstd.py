"""Compression: where it pays, that it can always be read, and that damage is noticed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jumar
from jumar.codecs.pickle import PickleCodec
from jumar.codecs.registry import Codecs
from jumar.codecs.zstd import MIN_BYTES, ZstdCodec, squeezed, zstd

compressing, plain = Codecs(compression="zstd"), Codecs()
NOISE = np.random.default_rng(1).bytes(1_000_000)


def test_what_compresses_well_is_compressed_and_read_by_any_store():
    array = np.arange(100_000) // 100
    name, frames = compressing.encode(array)
    assert name == "zstd+numpy"
    assert sum(map(len, frames)) < array.nbytes / 10
    restored = plain.named(name).decode(memoryview(bytearray(b"".join(frames))))
    assert restored.tolist() == array.tolist()
    assert restored.flags.writeable


@pytest.mark.parametrize(
    "value",
    [
        b"a" * (MIN_BYTES // 2),
        NOISE,
        np.frombuffer(NOISE, np.uint8).copy(),
        b"a" * 20_000 + NOISE[:400_000] + b"a" * 40_000 + NOISE[400_000:800_000] + b"a" * 20_000,
    ],
    ids=["too small", "noise", "an array of noise", "noise where no window looks"],
)
def test_what_compression_does_not_help_stays_as_it_is(value):
    assert compressing.encode(value)[0] == plain.encode(value)[0]


def test_a_result_that_a_sample_speaks_against_is_not_compressed_as_a_whole():
    hidden = NOISE[:50_000] + b"a" * 10**6 + NOISE[:50_000] + b"a" * 10**6 + NOISE[:50_000]
    assert squeezed([hidden]) is None


@settings(deadline=None)
@given(st.lists(st.integers(0, 40_000), max_size=6), st.binary(min_size=1, max_size=20))
def test_frames_of_all_sizes_come_back(sizes, pattern):
    value = [bytearray((pattern * (size // len(pattern) + 1))[:size]) for size in sizes]
    codec = ZstdCodec(PickleCodec())
    assert codec.decode(memoryview(bytearray(b"".join(codec.encode(value))))) == value


def test_a_result_much_larger_than_what_it_was_compressed_to_comes_back_in_pieces():
    value = np.zeros(5_000_000)
    codec = ZstdCodec(PickleCodec())
    frames = codec.encode(value)
    assert sum(map(len, frames)) < 10_000
    assert np.array_equal(codec.decode(memoryview(bytearray(b"".join(frames)))), value)


def test_an_altered_byte_is_an_error_or_changes_nothing():
    codec = ZstdCodec(PickleCodec())
    value = [NOISE[:1_000], "text" * 1_000]
    sound = b"".join(codec.encode(value))
    errors = 0
    for at in range(len(sound)):
        altered = bytearray(sound)
        altered[at] ^= 0x40
        try:
            assert codec.decode(memoryview(altered)) == value
        except (zstd.ZstdError, ValueError, OSError, MemoryError):
            errors += 1
    assert errors > 0.99 * len(sound)


def test_more_after_the_end_is_an_error():
    codec = ZstdCodec(PickleCodec())
    with pytest.raises(ValueError, match="does not end where its frame ends"):
        codec.decode(memoryview(bytearray(b"".join(codec.encode(1)) + b"x")))


def test_a_session_compresses_when_it_is_told_to(tmp_path):
    @jumar.task
    def zeros(size):
        return np.zeros(size)

    for compression, codec in (("zstd", "zstd+numpy"), (None, "numpy")):
        with jumar.Session(store=tmp_path / codec, compression=compression) as session:
            assert zeros(50_000).sum() == 0
            session.checkpoint()
            assert [call.codec for call in session.store.calls()] == [codec]
    with jumar.Session(store=tmp_path / "zstd+numpy") as session:
        assert zeros(50_000).shape == (50_000,)
        assert session.counts().restored == 1
