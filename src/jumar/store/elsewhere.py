"""Blobs of a store that another process writes: what a worker has computed is encoded, hashed and written there.

The order of publication stays: the blob is whole and under its name before the worker tells its digest, and the row is
committed here, by the one writer.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from jumar.codecs.registry import Codecs, Compression
from jumar.errors import StoreError
from jumar.store.records import Payload
from jumar.store.sqlite_connection import Durability
from jumar.store.store import INLINE_MAX_BYTES, Store

if TYPE_CHECKING:  # a worker may never have to write a blob
    from jumar.store.file_blobs import FileBlobs


class BlobPlace(NamedTuple):
    """What a process needs to know to write blobs of a store."""

    root: str
    durability: Durability
    compression: Compression


def place_of(store: Store) -> BlobPlace | None:
    """Where other processes may write the blobs of a store; None where only this one may, as what it holds is in memory.

    Args:
        store: The store.
    """
    from jumar.store.file_blobs import FileBlobs  # noqa: PLC0415  (as above)

    if type(store) is not Store or store.read_only or type(store.blobs) is not FileBlobs:
        return None
    return BlobPlace(*store.blobs.place, store.codecs.compression)


def take_over(store: Store, payload: Payload) -> bool:
    """Make a blob that a worker has written this process's own; False where it is not there any more.

    Args:
        store: The store, which has a `place_of`.
        payload: What the worker told.

    *Guarantees*: from now on no sweep deletes it. Until now the worker kept it from that, if it still lives; hence the look.
    """
    blobs = cast("FileBlobs", store.blobs)
    digest = payload.blob or b""
    with suppress(
        OSError, StoreError
    ):  # as where a result is found: on a full disk a sweep costs a reported miss at worst
        blobs.claim(digest)
    if blobs.size_bytes(digest) != payload.size_bytes:
        return False
    store.trust(digest)
    return True


def path_of(store: Store, payload: Payload) -> str:
    """The file of a blob that was taken over."""
    return cast("FileBlobs", store.blobs).path(payload.blob or b"")


class BlobWriter:
    """Encodes results for a store, and writes the large ones into it.

    Args:
        place: The store's.
    """

    def __init__(self, place: BlobPlace) -> None:
        self._place = place
        self._codecs = Codecs(compression=place.compression)
        self._blobs: FileBlobs | None = None

    def encode(self, value: Any) -> Payload:
        """As `Store.encode`, for values that are written in the same way in every process.

        Raises:
            Exception: What pickling the value raises; also where its class could only be written by its code.
            OSError: The blob could not be written.
        """
        name, frames = self._codecs.encode(value, by_name=True)
        size_bytes = sum(map(len, frames))
        if size_bytes <= INLINE_MAX_BYTES:
            return Payload(name, size_bytes, b"".join(frames), None)
        if self._blobs is None:
            from jumar.store.file_blobs import FileBlobs  # noqa: PLC0415  (as above)

            self._blobs = FileBlobs(Path(self._place.root), self._place.durability)
        blob = self._blobs.write(frames)
        return Payload(name, blob.size_bytes, None, blob.digest)

    def close(self) -> None:
        """Let go of files."""
        if self._blobs is not None:
            self._blobs.close()
