"""Digests: 32 bytes of BLAKE3 that stand for any number of bytes.

BLAKE3 was chosen over SHA-256 because it is a tree hash: it runs at memory speed on several cores, and a digest of a
large array must not cost more than reading it.
"""

from __future__ import annotations

from collections.abc import Iterable

from blake3 import blake3

DIGEST_SIZE = 32
"""Length of a digest in bytes."""

PARALLEL_SIZE_BYTES = 1 << 19
"""From this many bytes on several threads are used; below, waking them costs more than they save (measured)."""

Buffer = bytes | bytearray | memoryview

_threads = blake3.AUTO
"""As many as there are processors."""


def digest(data: Buffer) -> bytes:
    """The BLAKE3 digest of ``data``, 32 bytes.

    Args:
        data: Contiguous bytes; a memoryview is read where it lies, without a copy.

    Returns:
        The digest, equal on every machine and in every version of jumar.

    Guarantees:
        The GIL is released while a large buffer is hashed, so other threads go on. In a forked child one thread hashes.

    Example:
        >>> digest(b"abc").hex()[:16]
        '6437b3ac38465133'
    """
    if len(data) < PARALLEL_SIZE_BYTES:
        return blake3(data).digest()
    return blake3(data, max_threads=_threads).digest()


def hash_on_one_thread() -> None:
    """From now on this process hashes on one thread.

    For a forked child: BLAKE3's threads are the parent's, and whoever gives them work in the child waits for ever.
    """
    global _threads  # noqa: PLW0603  (it is a fact about the process)
    _threads = 1


def digest_all(pieces: Iterable[Buffer]) -> bytes:
    """The digest of all pieces joined, without joining them in memory: where one piece ends does not matter.

    Args:
        pieces: Contiguous buffers, in order; read one after the other.

    Example:
        >>> digest_all([b"a", b"bc"]) == digest(b"abc")
        True
    """
    hasher = blake3(max_threads=_threads)
    for piece in pieces:
        hasher.update(piece)
    return hasher.digest()
