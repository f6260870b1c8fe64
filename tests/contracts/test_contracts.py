"""Every implementation keeps its contract."""

import pickle

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from jumar.codecs.arrow import ArrowCodec
from jumar.codecs.cloudpickle import CloudpickleCodec
from jumar.codecs.numpy import NumpyCodec, ReadOnlyPickleCodec
from jumar.codecs.pickle import BytesPickleCodec, PickleCodec, PlainPickleCodec
from jumar.codecs.polars import PolarsCodec
from jumar.codecs.zstd import ZstdCodec
from jumar.executors import InlineExecutor, ThreadsExecutor
from jumar.processes.executor import ProcessesExecutor
from jumar.store.chosen_runs import ChosenRuns
from jumar.store.file_blobs import FileBlobs
from jumar.store.held_blobs import HeldBlobs
from jumar.store.joined_blobs import JoinedBlobs
from jumar.store.memory_blobs import MemoryBlobs
from jumar.store.memory_index import MemoryIndex
from jumar.store.packed_index import PackedIndex
from jumar.store.sqlite_index import SqliteIndex
from jumar.testing.contracts import (
    AsideContract,
    BlobsContract,
    CodecContract,
    ExecutorContract,
    IndexContract,
    LastingBlobsContract,
    LastingIndexContract,
)
from jumar.testing.raised import raised


class TestMemoryIndex(IndexContract):
    def make(self, folder):
        return MemoryIndex()


class TestSqliteIndex(LastingIndexContract):
    def make(self, folder):
        return SqliteIndex(folder / "index.sqlite")


class TestSqliteIndexThatSurvivesPowerLoss(LastingIndexContract):
    def make(self, folder):
        return SqliteIndex(folder / "index.sqlite", "power")


class TestPackedIndex(IndexContract):
    def make(self, folder):
        return PackedIndex()


class TestChosenRuns(IndexContract):
    def make(self, folder):
        return ChosenRuns(MemoryIndex(), frozenset(range(100)))


class TestMemoryBlobs(BlobsContract, AsideContract):
    def make(self, folder):
        return MemoryBlobs()


class TestFileBlobs(LastingBlobsContract, AsideContract):
    def make(self, folder):
        return FileBlobs(folder / "blobs")


class TestFileBlobsThatSurvivePowerLoss(LastingBlobsContract):
    def make(self, folder):
        return FileBlobs(folder / "blobs", "power")


class TestHeldBlobs(BlobsContract):
    def make(self, folder):
        return HeldBlobs(MemoryBlobs())


class TestHeldBlobsOnDisk(AsideContract):
    def make(self, folder):
        return ReleasedAtOnce(FileBlobs(folder / "blobs"))


class ReleasedAtOnce(HeldBlobs):
    """What is in memory only cannot be swept."""

    def write(self, frames):
        blob = super().write(frames)
        self.release()
        return blob


class TestJoinedBlobs(BlobsContract):
    def make(self, folder):
        return JoinedBlobs(MemoryBlobs(), [MemoryBlobs(), MemoryBlobs()])


class TestPickleCodec(CodecContract):
    def make(self):
        return PickleCodec()


class TestPlainPickleCodec(CodecContract):
    def make(self):
        return PlainPickleCodec()


class TestBytesPickleCodec(CodecContract):
    def make(self):
        return BytesPickleCodec()

    def examples(self):
        return [kind(size) for kind in (bytes, bytearray) for size in (0, 1, 65_535, 65_536, 300_000)]


class TestCloudpickleCodec(CodecContract):
    def make(self):
        return CloudpickleCodec()


class TestZstdCodec(CodecContract):
    def make(self):
        return ZstdCodec(PickleCodec())


class ArrayContract(CodecContract):
    """For codecs of arrays, which ``==`` does not compare as a whole."""

    def same(self, left, right):
        return type(left) is type(right) and left.dtype == right.dtype and left.tolist() == right.tolist()


class TestNumpyCodec(ArrayContract):
    def make(self):
        return NumpyCodec()

    def examples(self):
        dates = np.arange("2024-01-01", "2024-03-01", dtype="datetime64[D]")
        return [np.arange(5_000.0), dates, dates[:0], np.ones((50, 100, 2), ">i4", order="F"), np.zeros((), "m8[s]")]


class TestNumpyCodecOfReadOnlyArrays(ArrayContract):
    def make(self):
        return NumpyCodec(writeable=False)

    def examples(self):
        return [np.broadcast_to(np.arange(5_000.0), (2, 5_000)), np.frombuffer(bytes(20_000), np.uint8)]


class TestReadOnlyPickleCodec(ArrayContract):
    def make(self):
        return ReadOnlyPickleCodec()

    def examples(self):
        return [np.broadcast_to(np.array(["a", None, (1, 2)], dtype=object), (2, 3)), np.frombuffer(b"12345", np.uint8)]


class TestArrowCodec(CodecContract):
    def make(self):
        return ArrowCodec()

    def examples(self):
        table = pa.table({"seed": range(5_000), "name": ["é", None] * 2_500})
        return [table, table[3:5], table.to_batches()[0], table["name"], table["seed"].chunk(0), pa.table({})]


class TestPolarsCodec(CodecContract):
    def make(self):
        return PolarsCodec()

    def examples(self):
        frame = pl.DataFrame({"seed": range(5_000), "name": ["é", None] * 2_500})
        return [frame, frame[3:5], frame["name"], frame["seed"].sort(descending=True)]

    def same(self, left, right):
        return type(left) is type(right) and left.equals(right)


class TestInlineExecutor(ExecutorContract):
    def make(self):
        return InlineExecutor()


class TestThreadsExecutorWithOneThread(ExecutorContract):
    def make(self):
        return ThreadsExecutor(1)


class TestProcessesExecutor(ExecutorContract):
    def make(self):
        return ProcessesExecutor(2)


class TestThreadsExecutorWithTwoThreads(ExecutorContract):
    def make(self):
        return ThreadsExecutor(2)


class Forgetful(MemoryIndex):
    """Breaks the contract in a way that only one test can notice."""

    def find_content(self, content):
        return None


def test_a_suite_fails_for_an_implementation_that_breaks_its_contract(tmp_path):
    class Suite(IndexContract):
        def make(self, folder):
            return Forgetful()

    Suite().test_a_result_is_found_as_it_was_recorded(tmp_path)
    raised(AssertionError, Suite().test_the_newest_result_with_a_content_is_found_by_it, tmp_path)


def test_a_suite_without_a_maker_says_what_to_do():
    assert "override make" in str(raised(NotImplementedError, CodecContract().make))


def test_an_error_that_does_not_come_is_a_failure_and_another_one_passes_through():
    assert "UnpicklingError was expected, and 3 came" in str(
        raised(AssertionError, raised, pickle.UnpicklingError, int, "3")
    )
    with pytest.raises(ValueError, match="invalid literal"):
        raised(KeyError, int, "x")
