"""What every keeper of blobs must do, as tests: derive from `BlobsContract`, or `LastingBlobsContract` for one on disk.

Example:
    >>> from jumar.store.memory_blobs import MemoryBlobs
    >>> class TestMemoryBlobs(BlobsContract):
    ...     def make(self, folder):
    ...         return MemoryBlobs()
    >>> TestMemoryBlobs().test_what_was_written_is_read(Path("."))
"""

from __future__ import annotations

import ctypes
import threading
from contextlib import closing
from pathlib import Path

from blake3 import blake3

from jumar.errors import DamagedError
from jumar.store.blobs import Blobs
from jumar.testing.raised import raised

ALIGNMENT_BYTES = 64
SIZES_BYTES = (0, 1, 63, 64, 4097, 16_384, 262_143, 262_144, 1_500_001)
"""On both sides of every threshold that an implementation here has."""
_THREADS = 4


def content(size_bytes: int, seed: int = 0) -> bytes:
    """Bytes without a pattern, the same for the same arguments."""
    return blake3(seed.to_bytes(8, "big")).digest(length=size_bytes) if size_bytes else b""


class BlobsContract:
    """What holds for any keeper of blobs. Each method is a test that takes pytest's ``tmp_path``."""

    def make(self, folder: Path) -> Blobs:
        """A keeper of blobs, with its files (if it has any) in the folder. To be overridden."""
        raise NotImplementedError("override make(folder)")

    def test_what_was_written_is_read(self, tmp_path: Path) -> None:
        """Of every length, under the BLAKE3 digest of the bytes."""
        with closing(self.make(tmp_path)) as blobs:
            for size_bytes in SIZES_BYTES:
                data = content(size_bytes)
                blob = blobs.write([data])
                assert blob == (blake3(data).digest(), size_bytes)
                for verify in (True, False):
                    assert bytes(blobs.open(blob.digest, verify=verify)) == data
                assert blobs.size_bytes(blob.digest) == size_bytes

    def test_frames_are_written_one_after_the_other(self, tmp_path: Path) -> None:
        """Of every kind, empty ones too; how bytes are cut into frames does not matter."""
        with closing(self.make(tmp_path)) as blobs:
            whole = blobs.write([b"abcdefgh"])
            pieces = blobs.write([b"ab", bytearray(b"cd"), b"", memoryview(b"xefghx")[1:-1]])
            assert pieces == whole
            assert list(blobs.digests()) == [whole.digest]
            assert blobs.write([]).size_bytes == 0

    def test_equal_bytes_are_kept_once(self, tmp_path: Path) -> None:
        """And different ones apart."""
        with closing(self.make(tmp_path)) as blobs:
            written = [blobs.write([content(5000, seed)]).digest for seed in (1, 2, 1, 2, 3)]
            assert sorted(blobs.digests()) == sorted(set(written))
            assert len(set(written)) == 3

    def test_a_blob_does_not_follow_what_its_writer_does_to_the_buffer(self, tmp_path: Path) -> None:
        """It is a copy."""
        with closing(self.make(tmp_path)) as blobs:
            for size_bytes in SIZES_BYTES[1:]:
                buffer = bytearray(content(size_bytes))
                blob = blobs.write([memoryview(buffer)])
                buffer[:] = bytes(size_bytes)
                assert bytes(blobs.open(blob.digest, verify=True)) == content(size_bytes)

    def test_what_is_read_is_private_and_writable(self, tmp_path: Path) -> None:
        """A write to it reaches neither the blob nor anybody else who has it open."""
        with closing(self.make(tmp_path)) as blobs:
            for size_bytes in SIZES_BYTES[1:]:
                blob = blobs.write([content(size_bytes)])
                mine, theirs = (blobs.open(blob.digest, verify=True) for _ in range(2))
                mine[:] = bytes(size_bytes)
                assert bytes(mine) == bytes(size_bytes)
                assert bytes(theirs) == content(size_bytes)
                assert bytes(blobs.open(blob.digest, verify=True)) == content(size_bytes)

    def test_what_is_read_is_aligned(self, tmp_path: Path) -> None:
        """Its first byte stands at a multiple of 64."""
        with closing(self.make(tmp_path)) as blobs:
            for size_bytes in SIZES_BYTES[1:]:
                memory = blobs.open(blobs.write([content(size_bytes)]).digest, verify=False)
                assert ctypes.addressof(ctypes.c_char.from_buffer(memory)) % ALIGNMENT_BYTES == 0

    def test_a_blob_that_is_not_there_is_a_damage(self, tmp_path: Path) -> None:
        """Before anything was written, after something else was, and after it was removed."""
        digest = blake3(b"never").digest()
        with closing(self.make(tmp_path)) as blobs:
            for _ in range(2):
                assert blobs.size_bytes(digest) is None
                for verify in (True, False):
                    assert str(raised(DamagedError, blobs.open, digest, verify=verify))
                blobs.write([b"something"])
            kept = blobs.write([b"kept"]).digest
            blobs.remove(kept)
            raised(DamagedError, blobs.open, kept, verify=False)

    def test_a_removed_blob_stays_with_who_has_it_open(self, tmp_path: Path) -> None:
        """Others do not find it any more; removing it once more is no error; it can be written again."""
        with closing(self.make(tmp_path)) as blobs:
            for size_bytes in SIZES_BYTES:
                blob = blobs.write([content(size_bytes)])
                memory = blobs.open(blob.digest, verify=False)
                blobs.remove(blob.digest)
                blobs.remove(blob.digest)
                assert blobs.size_bytes(blob.digest) is None
                assert bytes(memory) == content(size_bytes)
                assert blobs.write([content(size_bytes)]) == blob
                assert bytes(blobs.open(blob.digest, verify=True)) == content(size_bytes)

    def test_open_blobs_stay_readable_after_closing(self, tmp_path: Path) -> None:
        """A second close does nothing."""
        blobs = self.make(tmp_path)
        memory = [blobs.open(blobs.write([content(size)]).digest, verify=False) for size in SIZES_BYTES]
        blobs.close()
        blobs.close()
        assert [bytes(each) for each in memory] == [content(size) for size in SIZES_BYTES]

    def test_many_threads_may_write_at_once(self, tmp_path: Path) -> None:
        """Equal and different blobs."""
        with closing(self.make(tmp_path)) as blobs:
            wrong: list[int] = []

            def use() -> None:
                for seed in range(30):
                    data = content(5000 + seed, seed)
                    if bytes(blobs.open(blobs.write([data]).digest, verify=True)) != data:
                        wrong.append(seed)

            threads = [threading.Thread(target=use) for _ in range(_THREADS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert wrong == []
            assert len(list(blobs.digests())) == 30


class LastingBlobsContract(BlobsContract):
    """What also holds for blobs on disk: ``make`` may be called several times for one folder."""

    def test_another_one_on_the_folder_reads_everything(self, tmp_path: Path) -> None:
        """While the first is open and after it was closed."""
        first = self.make(tmp_path)
        digests = [first.write([content(size)]).digest for size in SIZES_BYTES]
        for blobs in (self.make(tmp_path), self.make(tmp_path)):
            with closing(blobs):
                assert sorted(blobs.digests()) == sorted(digests)
                assert [bytes(blobs.open(each, verify=True)) for each in digests] == [content(n) for n in SIZES_BYTES]
            first.close()

    def test_two_may_write_and_remove_the_same_blob(self, tmp_path: Path) -> None:
        """Whoever writes last has it there."""
        with closing(self.make(tmp_path)) as mine, closing(self.make(tmp_path)) as theirs:
            blob = mine.write([content(5000)])
            assert theirs.write([content(5000)]) == blob
            theirs.remove(blob.digest)
            assert mine.size_bytes(blob.digest) is None
            assert mine.write([content(5000)]) == blob
            assert bytes(theirs.open(blob.digest, verify=True)) == content(5000)
