"""What every keeper of blobs that can be swept must do, as tests: derive from `AsideContract`.

Example:
    >>> from pathlib import Path
    >>> from jumar.store.memory_blobs import MemoryBlobs
    >>> class TestMemoryBlobs(AsideContract):
    ...     def make(self, folder):
    ...         return MemoryBlobs()
    >>> TestMemoryBlobs().test_what_is_aside_is_found_and_put_back_by_who_looks_for_it(Path("."))
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from jumar.errors import DamagedError
from jumar.store.aside import SweepableBlobs
from jumar.testing.contracts_blobs import content
from jumar.testing.raised import raised

_SIZES_BYTES = (5000, 300_000)


class AsideContract:
    """What holds for any keeper of blobs that can be swept. Each method is a test that takes pytest's ``tmp_path``."""

    def make(self, folder: Path) -> SweepableBlobs:
        """A keeper of blobs, with its files (if it has any) in the folder. To be overridden."""
        raise NotImplementedError("override make(folder)")

    def test_what_is_written_or_claimed_is_in_use_until_it_is_let_go(self, tmp_path: Path) -> None:
        """Whether it is there or not: who claims looks afterwards."""
        with closing(self.make(tmp_path)) as blobs:
            assert blobs.claimed() == set()
            written = blobs.write([content(5000)]).digest
            assert blobs.claimed() == {written}
            blobs.claim(bytes(32))
            blobs.claim(bytes(32))
            assert blobs.claimed() == {written, bytes(32)}
            blobs.let_go()
            assert blobs.claimed() == set()
            assert blobs.write([content(5000)]).digest == written
            assert blobs.claimed() == {written}

    def test_what_is_aside_is_found_and_put_back_by_who_looks_for_it(self, tmp_path: Path) -> None:
        """By its length, and by its bytes."""
        with closing(self.make(tmp_path)) as blobs:
            for size_bytes in _SIZES_BYTES:
                data = content(size_bytes)
                digest = blobs.write([data]).digest
                blobs.set_aside(digest)
                assert list(blobs.aside()) == [digest]
                assert list(blobs.digests()) == []
                assert blobs.size_bytes(digest) == size_bytes
                assert (list(blobs.aside()), list(blobs.digests())) == ([], [digest])
                blobs.set_aside(digest)
                assert bytes(blobs.open(digest, verify=True)) == data
                assert (list(blobs.aside()), list(blobs.digests())) == ([], [digest])
                blobs.remove(digest)

    def test_what_is_discarded_is_gone_and_who_has_it_open_keeps_it(self, tmp_path: Path) -> None:
        """Its length is told."""
        with closing(self.make(tmp_path)) as blobs:
            for size_bytes in _SIZES_BYTES:
                data = content(size_bytes)
                digest = blobs.write([data]).digest
                memory = blobs.open(digest, verify=True)
                blobs.set_aside(digest)
                assert blobs.discard(digest) == size_bytes
                assert blobs.size_bytes(digest) is None
                raised(DamagedError, blobs.open, digest, verify=False)
                assert bytes(memory) == data

    def test_what_is_written_anew_while_it_is_aside_stays(self, tmp_path: Path) -> None:
        """Discarding takes what was set aside, or nothing."""
        with closing(self.make(tmp_path)) as blobs:
            data = content(5000)
            digest = blobs.write([data]).digest
            blobs.set_aside(digest)
            blobs.write([data])
            blobs.discard(digest)
            assert bytes(blobs.open(digest, verify=True)) == data

    def test_what_is_not_there_is_passed_over(self, tmp_path: Path) -> None:
        """By all that change something."""
        with closing(self.make(tmp_path)) as blobs:
            blobs.set_aside(bytes(32))
            blobs.put_back(bytes(32))
            assert blobs.discard(bytes(32)) == 0
            assert (list(blobs.aside()), list(blobs.digests())) == ([], [])
