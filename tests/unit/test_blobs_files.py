"""Blobs in files: names that appear only when all is written, scratch that the living keep, memory that is private."""

import shutil
import subprocess
import sys

import pytest
from blake3 import blake3

from jumar.errors import DamagedError, StoreError
from jumar.store.file_blobs import FileBlobs
from jumar.store.held_blobs import HeldBlobs
from jumar.store.lock_file import locked
from jumar.store.mapping import MAP_MIN_BYTES
from jumar.store.memory_index import MemoryIndex
from jumar.store.records import Entry
from jumar.store.scribe import DirectScribe
from jumar.store.store import Store
from jumar.testing.contracts_blobs import content
from jumar.testing.faults import disk_full
from jumar.testing.faulty_parts import TornFileBlobs


def names(root):
    """Every file below, but for locks."""
    return sorted(
        path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file() and path.name != "lock"
    )


@pytest.fixture
def blobs(tmp_path):
    blobs = FileBlobs(tmp_path)
    yield blobs
    blobs.close()


def file_of(root, digest):
    name = digest.hex()
    return root / name[:2] / name[2:]


def test_a_blob_is_a_file_under_its_digest(blobs, tmp_path):
    blob = blobs.write([b"hello"])
    blobs.close()
    assert names(tmp_path) == [file_of(tmp_path, blake3(b"hello").digest()).relative_to(tmp_path).as_posix()]
    assert file_of(tmp_path, blob.digest).read_bytes() == b"hello"


def test_a_reader_makes_no_directory(tmp_path):
    blobs = FileBlobs(tmp_path / "blobs")
    assert blobs.size_bytes(bytes(32)) is None
    assert list(blobs.digests()) == []
    blobs.close()
    assert not (tmp_path / "blobs").exists()


def test_a_blob_that_is_there_is_not_written_again(blobs, tmp_path):
    digest = blobs.write([b"hello"]).digest
    before = file_of(tmp_path, digest).stat()
    blobs.write([b"hello"])
    assert file_of(tmp_path, digest).stat() == before


def test_a_blob_of_another_length_is_written_again(blobs, tmp_path):
    digest = blobs.write([b"hello"]).digest
    file_of(tmp_path, digest).write_bytes(b"hell")
    blobs.write([b"hello"])
    assert bytes(blobs.open(digest, verify=True)) == b"hello"


def test_an_altered_byte_is_noticed_where_one_verifies(blobs, tmp_path):
    digest = blobs.write([b"hello"]).digest
    file_of(tmp_path, digest).write_bytes(b"hellO")
    with pytest.raises(DamagedError, match="was altered on disk: its 5 bytes have another digest"):
        blobs.open(digest, verify=True)
    assert bytes(blobs.open(digest, verify=False)) == b"hellO"


def test_a_write_that_fails_leaves_nothing_behind(tmp_path):
    blobs = TornFileBlobs(tmp_path, at=1, kept_bytes=3, error=disk_full)
    with pytest.raises(OSError, match="No space left"):
        blobs.write([b"hello"])
    digest = blobs.write([b"hello"]).digest
    blobs.close()
    assert names(tmp_path) == [file_of(tmp_path, digest).relative_to(tmp_path).as_posix()]


def test_a_file_that_does_not_have_the_length_that_was_to_be_written_is_an_error_and_no_blob(blobs, tmp_path):
    wrong = memoryview(bytearray(10)).cast("B", (2, 5))  # not what a frame may be: its length is not its bytes
    with pytest.raises(OSError, match="only 100,010 of 100,002 bytes were written"):
        blobs.write([b"x" * 100_000, wrong])
    assert [name for name in names(tmp_path) if not name.endswith(("owner", "claims"))] == []


@pytest.mark.parametrize("size_bytes", [MAP_MIN_BYTES - 1, MAP_MIN_BYTES], ids=["copied", "mapped"])
def test_a_writer_to_a_restored_value_reaches_neither_the_file_nor_another_reader(blobs, tmp_path, size_bytes):
    data = content(size_bytes)
    digest = blobs.write([data]).digest
    mine, theirs = blobs.open(digest, verify=True), blobs.open(digest, verify=True)
    mine[:] = bytes(size_bytes)
    assert bytes(theirs) == data
    assert file_of(tmp_path, digest).read_bytes() == data


def test_an_open_map_survives_that_its_blob_is_replaced_and_removed(blobs, tmp_path):
    data = content(MAP_MIN_BYTES)
    digest = blobs.write([data]).digest
    memory = blobs.open(digest, verify=False)
    file_of(tmp_path, digest).unlink()
    blobs.write([data])
    blobs.remove(digest)
    assert bytes(memory) == data


def test_what_a_dead_process_left_half_written_is_cleared_and_what_a_living_one_writes_is_not(tmp_path):
    living = FileBlobs(tmp_path)
    path = living._scratch.new_path()
    path.write_bytes(b"half")
    script = """
import os, sys
from pathlib import Path
from jumar.store.file_blobs import FileBlobs
FileBlobs(Path(sys.argv[1]))._scratch.new_path().write_bytes(b"half")
os._exit(9)
"""
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert len([name for name in names(tmp_path) if not name.endswith(("owner", "claims"))]) == 2
    later = FileBlobs(tmp_path)
    assert [name for name in names(tmp_path) if not name.endswith(("owner", "claims"))] == [
        path.relative_to(tmp_path).as_posix()
    ]
    later.close()
    living.close()
    assert names(tmp_path) == []


def test_a_scratch_directory_that_was_taken_away_is_made_anew(blobs, tmp_path):
    blobs.write([b"one"])
    shutil.rmtree(tmp_path / "tmp")
    digest = blobs.write([b"two"]).digest
    assert bytes(blobs.open(digest, verify=True)) == b"two"


def test_files_that_are_no_blobs_are_passed_over(blobs, tmp_path):
    digest = blobs.write([b"hello"]).digest
    (tmp_path / "ab").mkdir(exist_ok=True)
    for name in ("notes.txt", "ab/short", "ab/" + "x" * 62, "abc"):
        (tmp_path / name).write_bytes(b"")
    assert list(blobs.digests()) == [digest]


def test_a_lock_that_somebody_holds_is_waited_for_no_longer_than_said(tmp_path):
    again = locked(tmp_path / "lock", timeout_s=0)
    with locked(tmp_path / "lock"), pytest.raises(StoreError, match="was held by another process for 0 s"), again:
        raise AssertionError
    with locked(tmp_path / "lock", timeout_s=0):
        pass


class Looking(FileBlobs):
    """Notes at each look whether the blob was claimed by then."""

    def size_bytes(self, digest):
        self.claimed_by_then = digest in self.claimed()
        return super().size_bytes(digest)


def test_a_blob_is_claimed_before_one_looks_whether_it_is_there(tmp_path):
    blobs = Looking(tmp_path)
    for _ in range(2):
        digest = blobs.write([b"hello"]).digest
        assert blobs.claimed_by_then
        blobs.let_go()
    held = HeldBlobs(blobs)
    held.write([b"hello"])
    assert blobs.claimed_by_then
    held.let_go()
    entry = Entry(bytes(32), 1, 0.0, 0.0, 5, "pickle", None, digest, b"")
    index = MemoryIndex()
    index.add([entry])
    assert Store(index, blobs, DirectScribe(index)).find(bytes(32)) == entry
    assert blobs.claimed_by_then
    blobs.close()


def test_claims_of_the_dead_and_of_the_closed_do_not_count(tmp_path):
    script = "import os, sys; from pathlib import Path; from jumar.store.file_blobs import FileBlobs\n"
    script += "FileBlobs(Path(sys.argv[1])).write([b'x' * 5000]); os._exit(0)"
    living, other = FileBlobs(tmp_path), FileBlobs(tmp_path)
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True)
    assert living.claimed() == set()
    digest = other.write([b"hello"]).digest
    assert living.claimed() == {digest}
    other.close()
    other.claim(digest)
    assert living.claimed() == set()
    living.close()


def test_what_was_claimed_is_claimed_again_when_somebody_removed_the_scratch_directory(blobs, tmp_path):
    first = blobs.write([b"first"]).digest
    shutil.rmtree(tmp_path / "tmp")
    second = blobs.write([b"second"]).digest
    assert blobs.claimed() == {first, second}
