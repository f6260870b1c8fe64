"""Every implementation keeps its contract."""

import pickle

import pytest

from jumar.codecs.pickle import PickleCodec
from jumar.executors import InlineExecutor, ThreadsExecutor
from jumar.store.file_blobs import FileBlobs
from jumar.store.held_blobs import HeldBlobs
from jumar.store.memory_blobs import MemoryBlobs
from jumar.store.memory_index import MemoryIndex
from jumar.store.sqlite_index import SqliteIndex
from jumar.testing.contracts import (
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


class TestMemoryBlobs(BlobsContract):
    def make(self, folder):
        return MemoryBlobs()


class TestFileBlobs(LastingBlobsContract):
    def make(self, folder):
        return FileBlobs(folder / "blobs")


class TestFileBlobsThatSurvivePowerLoss(LastingBlobsContract):
    def make(self, folder):
        return FileBlobs(folder / "blobs", "power")


class TestHeldBlobs(BlobsContract):
    def make(self, folder):
        return HeldBlobs(MemoryBlobs())


class TestPickleCodec(CodecContract):
    def make(self):
        return PickleCodec()


class TestInlineExecutor(ExecutorContract):
    def make(self):
        return InlineExecutor()


class TestThreadsExecutorWithOneThread(ExecutorContract):
    def make(self):
        return ThreadsExecutor(1)


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
