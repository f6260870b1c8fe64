"""Blobs that stay in memory until they are released: what the modes that write later are made of."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

from jumar.codecs.codec import Frame
from jumar.errors import DamagedError
from jumar.keys.digest import digest as digest_of
from jumar.store.aside import SweepableBlobs
from jumar.store.blobs import Blob
from jumar.store.mapping import copy_of


class HeldBlobs:
    """Keeps new blobs in memory until `release` hands them to another keeper.

    Args:
        inner: The keeper that gets them.

    *Guarantees*: a blob can be opened from here at any time, before, while and after it is released. What is held is a
    copy: who changes the value that it was made from changes nothing here.
    """

    def __init__(self, inner: SweepableBlobs) -> None:
        self._inner = inner
        self._held: dict[bytes, bytes] = {}
        self._lock = threading.Lock()
        self.held_bytes = 0
        """How much is in memory only."""

    def write(self, frames: Sequence[Frame]) -> Blob:
        """Hold the frames as one blob; one that is held, or that the inner keeper has, is not held again."""
        data = b"".join(frames)
        digest = digest_of(data)
        self.claim(digest)  # before the look, as in `FileBlobs.write`
        if self._inner.size_bytes(digest) != len(data):
            with self._lock:
                if self._held.setdefault(digest, data) is data:
                    self.held_bytes += len(data)
        return Blob(digest, len(data))

    def open(self, digest: bytes, *, verify: bool) -> memoryview:
        """The blob's bytes as private memory; see ``Blobs.open``.

        Raises:
            DamagedError: The blob is neither held nor with the inner keeper, or was altered there.
        """
        data = self._held.get(digest)
        if data is None:
            return self._inner.open(digest, verify=verify)
        if verify and digest_of(data) != digest:
            raise DamagedError(f"blob {digest.hex()[:12]} was altered in memory")
        return copy_of([data], len(data))

    def size_bytes(self, digest: bytes) -> int | None:
        """The blob's length, or None where there is none."""
        data = self._held.get(digest)
        return self._inner.size_bytes(digest) if data is None else len(data)

    def remove(self, digest: bytes) -> None:
        """Delete the blob; one that is not there is passed over."""
        self._let_go(digest)
        self._inner.remove(digest)

    def digests(self) -> Iterator[bytes]:
        """All blobs, held or not, each once."""
        held = list(self._held)
        yield from held
        yield from (digest for digest in self._inner.digests() if digest not in held)

    def release(self) -> dict[bytes, OSError]:
        """Hand everything held to the inner keeper.

        Returns:
            What could not be written, with the reason; it is not held any more.
        """
        failed: dict[bytes, OSError] = {}
        for digest, data in list(self._held.items()):
            try:
                self._inner.write([data])
            except OSError as error:
                failed[digest] = error
            self._let_go(digest)
        return failed

    def close(self) -> None:
        """Close the inner keeper; what is held can still be opened, and is never written."""
        self._inner.close()

    # -- what sweeps ask, see `jumar.store.aside.Aside`: what is in memory only is no concern of theirs --------------------

    def claim(self, digest: bytes) -> None:
        """See ``Aside.claim``."""
        self._inner.claim(digest)

    def let_go(self) -> None:
        """See ``Aside.let_go``."""
        self._inner.let_go()

    def claimed(self) -> set[bytes]:
        """See ``Aside.claimed``."""
        return self._inner.claimed()

    def set_aside(self, digest: bytes) -> None:
        """See ``Aside.set_aside``."""
        self._inner.set_aside(digest)

    def aside(self) -> Iterator[bytes]:
        """See ``Aside.aside``."""
        return self._inner.aside()

    def put_back(self, digest: bytes) -> None:
        """See ``Aside.put_back``."""
        self._inner.put_back(digest)

    def discard(self, digest: bytes) -> int:
        """See ``Aside.discard``."""
        return self._inner.discard(digest)

    def _let_go(self, digest: bytes) -> None:
        with self._lock:
            data = self._held.pop(digest, None)
            if data is not None:
                self.held_bytes -= len(data)
