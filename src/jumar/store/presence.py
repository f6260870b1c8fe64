"""Whether the blob of a row is there, and stays; and if it is not, whether that is right."""

from __future__ import annotations

from contextlib import suppress

from jumar.errors import StoreError
from jumar.store.aside import Aside
from jumar.store.blobs import Blobs
from jumar.store.index import Index
from jumar.store.records import Entry
from jumar.store.scribe import Scribe
from jumar.store.sqlite_connection import FAULTS


class Presence:
    """Looks after the blobs of rows that were found.

    Args:
        index: The rows.
        blobs: The blobs.
        scribe: What is on its way to the index.
    """

    def __init__(self, index: Index, blobs: Blobs, scribe: Scribe) -> None:
        self._index = index
        self._blobs = blobs
        self._scribe = scribe

    def claim(self, blob: bytes) -> None:
        """Keep sweeps of others from deleting the blob, if it is there: to be called before one looks for it."""
        if isinstance(self._blobs, Aside):
            with suppress(
                OSError, StoreError
            ):  # on a full disk results are found without it: at worst a sweep is a reported miss
                self._blobs.claim(blob)

    def let_go(self) -> None:
        """Nobody here needs any more what was claimed."""
        if isinstance(self._blobs, Aside):
            self._blobs.let_go()

    def was_removed(self, entry: Entry) -> bool:
        """Whether the blob is missing rightly: the row was removed since it was read, here or by another program."""
        if self._scribe.pending(entry.key) is not None or self._blobs.size_bytes(entry.blob or b"") is not None:
            return False
        try:
            # Not by `find`, which may know rows that it read ahead.
            return all(call.blob != entry.blob for call in self._index.calls(prefix=entry.key.hex()))
        except (*FAULTS, OSError):
            return False  # then it is told that the blob is missing
