"""Blobs of several stores as one: the first takes what is written, all of them give what they have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from jumar.codecs.codec import Frame
from jumar.errors import DamagedError
from jumar.store.blobs import Blob, Blobs


class JoinedBlobs:
    """Reads blobs wherever they are. A blob is what its digest says, so any store will do; it stays open with its store.

    Args:
        own: Takes what is written.
        others: Only read, in this order.

    Example:
        >>> from jumar.store.memory_blobs import MemoryBlobs
        >>> mine, theirs = MemoryBlobs(), MemoryBlobs()
        >>> blob = theirs.write([b"abc"])
        >>> bytes(JoinedBlobs(mine, [theirs]).open(blob.digest, verify=True)), mine.size_bytes(blob.digest)
        (b'abc', None)
    """

    def __init__(self, own: Blobs, others: Sequence[Blobs]) -> None:
        self.own = own
        """Where blobs are written."""
        self._all = [own, *others]

    def write(self, frames: Sequence[Frame]) -> Blob:
        """Keep the frames as one blob of the first.

        Raises:
            OSError: The bytes could not be written, or not all of them; nothing is left behind.
        """
        return self.own.write(frames)

    def open(self, digest: bytes, *, verify: bool) -> memoryview:
        """The blob's bytes, from the first that has them undamaged.

        Raises:
            DamagedError: None has them.
        """
        first: DamagedError | None = None
        for blobs in self._all:
            if blobs.size_bytes(digest) is None:
                continue
            try:
                return blobs.open(digest, verify=verify)
            except DamagedError as error:
                first = first or error
        if first is not None:
            raise first
        raise DamagedError(
            f"blob {digest.hex()[:12]} is in none of the {len(self._all)} stores"
        ) from FileNotFoundError()

    def size_bytes(self, digest: bytes) -> int | None:
        """The blob's length where it is first found, or None."""
        return next((size for blobs in self._all if (size := blobs.size_bytes(digest)) is not None), None)

    def remove(self, digest: bytes) -> None:
        """Delete the first's blob; the others keep theirs."""
        self.own.remove(digest)

    def digests(self) -> Iterator[bytes]:
        """The blobs of the first."""
        return self.own.digests()

    def close(self) -> None:
        """Close the first; the others are closed by whoever opened them."""
        self.own.close()
