"""What stands for a large value in what is sent to another process, which maps it there."""

from __future__ import annotations

import threading
from typing import Any

from jumar.chunks.segment import BlobFile, Segment
from jumar.keys.value import Walk, register, token
from jumar.store.file_blobs import FileBlobs
from jumar.store.records import Entry, role
from jumar.store.store import Store


class Reference:
    """Stands for a value; unpickled, it is that value, mapped privately.

    It is identified as the value is, which is read for that once, whatever it goes into.

    Args:
        place: Where the value lies.
        owner: Kept alive as long as this is, so that the value stays where it is.
    """

    def __init__(self, place: Segment | BlobFile, owner: object = None) -> None:
        self._place = place
        self._owner = owner
        self._lock = threading.Lock()
        self._token: bytes | None = None

    def token(self) -> bytes:
        """The token of the value.

        Raises:
            FingerprintError: It has none.
            DamagedError: It cannot be read.
        """
        with self._lock:
            if self._token is None:
                self._token = token(self._place.map())
        return self._token

    def __reduce__(self) -> Any:
        """As the value, which is mapped where this is read."""
        return mapped, (self._place,)


def mapped(place: Segment | BlobFile) -> Any:
    """The value that lies there."""
    return place.map()


def _encode(reference: Reference, _walk: Walk) -> bytes:
    return reference.token()


register(Reference, _encode)


def blob_of(store: Store, entry: Entry) -> BlobFile | None:
    """Where other processes may read the blob of a result; None where it is not a file of its own.

    Args:
        store: The store.
        entry: The result's row.
    """
    if type(store) is not Store or type(store.blobs) is not FileBlobs or entry.blob is None:
        return None
    return BlobFile(store.blobs.path(entry.blob), entry.size_bytes, role(entry.codec)[1])
