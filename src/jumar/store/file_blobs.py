"""Blobs as files: ``ab/cdef…`` under the digest in hex, each written beside and renamed into place."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from jumar.codecs.codec import Frame
from jumar.errors import DamagedError
from jumar.keys.digest import PARALLEL_SIZE_BYTES, digest_all
from jumar.keys.digest import digest as digest_of
from jumar.store.blobs import Blob
from jumar.store.claims import Claims, claimed_below
from jumar.store.mapping import file_memory
from jumar.store.scratch import Scratch, abandoned
from jumar.store.sqlite_connection import Durability

_SCRATCH = "tmp"
_ASIDE = ".aside"
_DIGEST_BYTES = 32
_PIECE_BYTES = 1 << 20


class FileBlobs:
    """Keeps blobs in files of one directory.

    Args:
        root: The directory; made when the first blob is written.
        durability: ``"power"`` waits until a blob and its name are on the disk before ``write`` returns.
        read_only: Leave alone what dead processes left behind.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as root:
        ...     blobs = FileBlobs(Path(root))
        ...     blob = blobs.write([b"ab", b"c"])
        ...     bytes(blobs.open(blob.digest, verify=True))
        b'abc'

    *Guarantees*: a blob has its name only once all its bytes are written; several processes may write, also the same
    blob at the same time; what a process left half-written when it died is deleted by the next that opens the directory.
    What this object has written or was told to claim is deleted by no sweep until it is closed.
    """

    def __init__(self, root: Path, durability: Durability = "process", *, read_only: bool = False) -> None:
        self._root = root
        self._synced = durability == "power"
        self._read_only = read_only
        self._scratch = Scratch(root / _SCRATCH, clear=not read_only)
        self._claims = Claims(self._scratch)
        self._met: set[bytes] = set()
        """Blobs that were there already when they were to be written, and turned out whole."""

    @property
    def place(self) -> tuple[str, Durability]:
        """What another process needs to write blobs here: the directory, and how durable they are."""
        return str(self._root), "power" if self._synced else "process"

    def write(self, frames: Sequence[Frame]) -> Blob:
        """Keep the frames as one blob; one that is there whole is not written again.

        Raises:
            OSError: The bytes could not be written, or not all of them; nothing is left behind.
        """
        size_bytes = sum(map(len, frames))
        digest = digest_all(frames) if size_bytes >= PARALLEL_SIZE_BYTES else digest_of(b"".join(frames))
        self._claims.add(digest)  # before the look: a sweep that does not see this has already moved the blob away
        if not self._is_kept(digest, size_bytes):
            self._write_file(self.path(digest), frames, size_bytes)
        return Blob(digest, size_bytes)

    def open(self, digest: bytes, *, verify: bool) -> memoryview:
        """The blob's bytes as private memory; large ones are mapped, so that pages come in as they are touched.

        Raises:
            DamagedError: The blob is not there, cannot be read or, with ``verify``, does not have this digest.
        """
        path = self.path(digest)
        try:
            descriptor = self._descriptor(path, digest)
            try:
                memory = file_memory(descriptor, os.fstat(descriptor).st_size)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise DamagedError(f"blob {path} cannot be read: {error.strerror or error}") from error
        if verify and digest_of(memory) != digest:
            raise DamagedError(f"blob {path} was altered on disk: its {len(memory):,} bytes have another digest")
        return memory

    def digest_now(self, digest: bytes) -> bytes:
        """The digest that the bytes of a blob have now, read from one end to the other.

        They are not mapped: a page that the disk does not give would end the process.

        Raises:
            OSError: It is not there or cannot be read.
        """
        with os.fdopen(self._descriptor(self.path(digest), digest), "rb", buffering=0) as file:  # in large pieces
            return digest_all(iter(lambda: file.read(_PIECE_BYTES), b""))

    def size_bytes(self, digest: bytes) -> int | None:
        """The blob's length, or None where there is no such file (or one that cannot be reached)."""
        path = self.path(digest)
        try:
            return os.stat(path).st_size  # noqa: PTH116 # on the path of every hit: no Path object
        except OSError:
            try:
                self.put_back(digest)
                return os.stat(f"{path}{_ASIDE}" if self._read_only else path).st_size  # noqa: PTH116
            except OSError:
                return None

    def remove(self, digest: bytes) -> None:
        """Delete the blob; one that is not there is passed over. Readers that have it open keep it."""
        self._met.discard(digest)
        Path(self.path(digest)).unlink(missing_ok=True)

    def digests(self) -> Iterator[bytes]:
        """All blobs that are there, in no order; files that are no blobs are passed over."""
        if not self._root.is_dir():
            return
        for directory in self._root.iterdir():
            if len(directory.name) != 2 or not directory.is_dir():
                continue
            for file in directory.iterdir():
                try:
                    digest = bytes.fromhex(directory.name + file.name)
                except ValueError:
                    continue
                if len(digest) == _DIGEST_BYTES:
                    yield digest

    def abandoned(self) -> list[Path]:
        """The directories for blobs being written whose processes died."""
        return abandoned(self._root / _SCRATCH)

    def close(self) -> None:
        """Remove this object's scratch directory; a second close does nothing."""
        self._claims.close()
        self._scratch.close()

    # -- what sweeps ask, see `jumar.store.aside.Aside` ----------------------------------------------------------------

    def claim(self, digest: bytes) -> None:
        """See ``Aside.claim``."""
        if not self._read_only:
            self._claims.add(digest)

    def let_go(self) -> None:
        """See ``Aside.let_go``."""
        self._claims.clear()

    def claimed(self) -> set[bytes]:
        """See ``Aside.claimed``; nothing where the lock cannot be tried that tells the living from the dead."""
        return set() if self._read_only else claimed_below(self._root / _SCRATCH)

    def set_aside(self, digest: bytes) -> None:
        """See ``Aside.set_aside``."""
        with suppress(FileNotFoundError):
            path = Path(self.path(digest))
            path.rename(f"{path}{_ASIDE}")

    def aside(self) -> Iterator[bytes]:
        """See ``Aside.aside``."""
        for file in self._root.glob(f"??/*{_ASIDE}"):
            with suppress(ValueError):
                yield bytes.fromhex(file.parent.name + file.name.removesuffix(_ASIDE))

    def put_back(self, digest: bytes) -> None:
        """See ``Aside.put_back``."""
        path = self.path(digest)
        if not self._read_only:
            with suppress(FileNotFoundError):  # it was not aside, or another process was faster
                Path(f"{path}{_ASIDE}").rename(path)

    def discard(self, digest: bytes) -> int:
        """See ``Aside.discard``."""
        path = Path(f"{self.path(digest)}{_ASIDE}")
        try:
            size_bytes = path.stat().st_size
            path.unlink()
        except FileNotFoundError:  # who found it put it back
            return 0
        return size_bytes

    def path(self, digest: bytes) -> str:
        """The file of a blob, there or not."""
        name = digest.hex()
        return f"{self._root}/{name[:2]}/{name[2:]}"

    def _descriptor(self, path: str, digest: bytes) -> int:
        try:
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            if self._read_only and Path(f"{path}{_ASIDE}").exists():
                return os.open(f"{path}{_ASIDE}", os.O_RDONLY | os.O_CLOEXEC)
            self.put_back(digest)
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def _is_kept(self, digest: bytes, size_bytes: int) -> bool:
        """Whether the blob need not be written.

        Its length alone says too little: after a power loss a file may have it and hold zeros, and a result that is
        recorded now would be lost. Nor need the program that wrote it have waited for the disk.
        """
        if self.size_bytes(digest) != size_bytes:
            return False
        if digest not in self._met:
            try:
                self.open(digest, verify=True)
            except DamagedError:
                return False
            self._met.add(digest)
        if self._synced:  # each time: a sweep may have moved the file away and another process have put it back
            path = Path(self.path(digest))
            for each in (path, path.parent, self._root, self._root.parent):
                sync_path(each)
        return True

    def _write_file(self, path: str, frames: Sequence[Frame], size_bytes: int) -> None:
        temporary = self._scratch.new_path()
        try:
            with temporary.open("xb") as file:
                for frame in frames:
                    file.write(frame)
                file.flush()
                written_bytes = os.fstat(file.fileno()).st_size
                if written_bytes != size_bytes:
                    raise OSError(errno.EIO, f"only {written_bytes:,} of {size_bytes:,} bytes were written", path)
                if self._synced:
                    os.fsync(file.fileno())
            self._publish(temporary, Path(path))
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def _publish(self, temporary: Path, path: Path) -> None:
        try:
            temporary.replace(path)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.replace(path)
        if self._synced:
            # Every time, and up to the store: another process may have made a directory and not have synced it yet.
            for directory in (path.parent, self._root, self._root.parent):
                sync_path(directory)


def sync_path(path: Path) -> None:
    """Wait until a file's bytes, or the names in a directory, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
