"""What a keeper of blobs must do: bytes under their digest, written whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from jumar.codecs.codec import Frame


class Blob(NamedTuple):
    """A written blob."""

    digest: bytes
    """BLAKE3 of the bytes, 32 bytes."""
    size_bytes: int


class Blobs(Protocol):
    """Bytes under their BLAKE3 digest. Every method may be called from any thread and any process."""

    def write(self, frames: Sequence[Frame]) -> Blob:
        """Keep the frames as one blob; equal bytes are kept once. Whole or not at all, also after a crash.

        Raises:
            OSError: The bytes could not be written, or not all of them; nothing is left behind.
        """
        ...

    def open(self, digest: bytes, *, verify: bool) -> memoryview:
        """The blob's bytes, private and writable (writing to them reaches nobody else), mapped where they can be.

        They start at a multiple of 64 bytes.

        Raises:
            DamagedError: The blob is not there or, with ``verify``, its bytes do not have this digest.
        """
        ...

    def size_bytes(self, digest: bytes) -> int | None:
        """The blob's length, or None where there is none: cheap, reads no content."""
        ...

    def remove(self, digest: bytes) -> None:
        """Delete the blob; one that is not there is passed over. Readers that have it open keep it."""
        ...

    def digests(self) -> Iterator[bytes]:
        """All blobs that are there, in no order."""
        ...

    def close(self) -> None:
        """Let go of files; a second close does nothing. Blobs that are open stay readable."""
        ...
