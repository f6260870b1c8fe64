"""Blobs in memory: for stores that last as long as the process, and for tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from blake3 import blake3

from jumar.codecs.codec import Frame
from jumar.errors import DamagedError
from jumar.store.blobs import Blob
from jumar.store.mapping import copy_of


class MemoryBlobs:
    """Keeps blobs in a dictionary.

    Example:
        >>> blobs = MemoryBlobs()
        >>> blob = blobs.write([b"ab", b"c"])
        >>> blob.size_bytes, bytes(blobs.open(blob.digest, verify=True))
        (3, b'abc')
    """

    def __init__(self) -> None:
        self._blobs: dict[bytes, bytes] = {}
        self._aside: dict[bytes, bytes] = {}
        self._claimed: set[bytes] = set()

    def write(self, frames: Sequence[Frame]) -> Blob:
        """Keep the frames as one blob; equal bytes are kept once."""
        data = b"".join(frames)
        digest = blake3(data).digest()
        self.claim(digest)  # before the look, as in `FileBlobs.write`
        self._blobs.setdefault(digest, data)
        return Blob(digest, len(data))

    def open(self, digest: bytes, *, verify: bool) -> memoryview:
        """A private, writable copy of the blob's bytes.

        Raises:
            DamagedError: The blob is not there or, with ``verify``, its bytes do not have this digest.
        """
        data = self._found(digest)
        if data is None:
            raise DamagedError(f"blob {digest.hex()[:12]} is not in memory")
        if verify and blake3(data).digest() != digest:
            raise DamagedError(f"blob {digest.hex()[:12]} was altered in memory")
        return copy_of([data], len(data))

    def size_bytes(self, digest: bytes) -> int | None:
        """The blob's length, or None where there is none."""
        data = self._found(digest)
        return None if data is None else len(data)

    def remove(self, digest: bytes) -> None:
        """Delete the blob; one that is not there is passed over."""
        self._blobs.pop(digest, None)

    def digests(self) -> Iterator[bytes]:
        """All blobs that are there now."""
        return iter(list(self._blobs))

    def close(self) -> None:
        """Nothing to let go of: the blobs last as long as this object."""

    # -- what sweeps ask, see `jumar.store.aside.Aside` ----------------------------------------------------------------

    def claim(self, digest: bytes) -> None:
        """See ``Aside.claim``."""
        self._claimed.add(digest)

    def let_go(self) -> None:
        """See ``Aside.let_go``."""
        self._claimed = set()

    def claimed(self) -> set[bytes]:
        """See ``Aside.claimed``."""
        return self._claimed.copy()

    def set_aside(self, digest: bytes) -> None:
        """See ``Aside.set_aside``."""
        data = self._blobs.get(digest)
        if data is not None:
            self._aside[digest] = data
            self._blobs.pop(digest, None)

    def aside(self) -> Iterator[bytes]:
        """See ``Aside.aside``."""
        return iter(list(self._aside))

    def put_back(self, digest: bytes) -> None:
        """See ``Aside.put_back``."""
        data = self._aside.pop(digest, None)
        if data is not None:
            self._blobs[digest] = data

    def discard(self, digest: bytes) -> int:
        """See ``Aside.discard``."""
        return len(self._aside.pop(digest, b""))

    def _found(self, digest: bytes) -> bytes | None:
        data = self._blobs.get(digest)
        if data is None:
            self.put_back(digest)
            data = self._blobs.get(digest)
        return data
