"""Mishaps: what is said and done about a kept result that turns out to be of no use."""

from __future__ import annotations

from jumar.errors import DamagedError
from jumar.store.blobs import Blobs
from jumar.store.index import Index
from jumar.store.notes import Notes
from jumar.store.records import Entry
from jumar.store.scribe import Scribe
from jumar.store.sqlite_connection import FAULTS
from jumar.store.trouble import Report, Trouble


class Mishaps:
    """Reports results that cannot be used, and forgets those that nobody will ever be able to use.

    Each method gives the error to raise where there is somebody to tell.

    Args:
        index: The rows.
        blobs: The large results.
        scribe: What is on its way to the index.
        report: Told of each.
        notes: Where losses are noted.
        read_only: Forget and note nothing.
    """

    def __init__(
        self, index: Index, blobs: Blobs, scribe: Scribe, report: Report, notes: Notes, *, read_only: bool
    ) -> None:
        self._index = index
        self._blobs = blobs
        self._scribe = scribe
        self._report = report
        self._notes = notes
        self._read_only = read_only

    def unreadable(self, entry: Entry, error: DamagedError) -> DamagedError:
        """This process cannot read the blob for now, which says nothing about its bytes: its row stays."""
        text = f"the kept result of call {entry.key.hex()[:12]} cannot be read now: {error}. The call will run again."
        self._report(Trouble("unreadable", text, entry.key, error))
        return DamagedError(text)

    def undecodable(self, entry: Entry, error: Exception) -> DamagedError:
        """The bytes are right, and no value can be made of them here: another program may be able to."""
        text = (
            f"the kept result of call {entry.key.hex()[:12]} cannot be decoded here ({type(error).__name__}: {error}): "
            f"mostly a class or module that was moved or is not installed. The call will run again."
        )
        self._report(Trouble("undecodable", text, entry.key, error))
        if not self._read_only:
            self._notes.loss(entry.key, f"it could not be decoded ({type(error).__name__}: {error})")
        return DamagedError(text)

    def damaged(self, entry: Entry, what: str, *, altered: bool = False) -> DamagedError:
        """The result is lost: its row is removed, so that this is reported once.

        Args:
            entry: The row.
            what: What is wrong.
            altered: Whether the blob is there with other bytes, so that it must go as well.
        """
        text = f"the kept result of call {entry.key.hex()[:12]} is damaged: {what}. The call will run again."
        self._report(Trouble("damaged", text, entry.key))
        if not self._read_only:
            try:
                self._scribe.flush()  # it may be on its way still, and would come back
                self._index.remove([entry.key])
                if altered and entry.blob is not None:
                    self._blobs.remove(entry.blob)
            except (*FAULTS, OSError) as error:
                self._report(Trouble("unsaved", f"{text} Its row could not be removed: {error}", entry.key, error))
            self._notes.loss(entry.key, what)
        return DamagedError(text)
