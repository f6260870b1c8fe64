"""Records that stay in memory until a flush: results are found in this process at once, and written when it is time."""

from __future__ import annotations

import os
import threading

from jumar.store.held_blobs import HeldBlobs
from jumar.store.records import Entry, Failure
from jumar.store.scribe import Scribe
from jumar.store.trouble import Report, Trouble

HELD_MAX_BYTES = 256 * 1024 * 1024
HELD_MAX_RECORDS = 100_000


class HeldScribe:
    """Takes records and hands them on when it is flushed, or when too much is in memory.

    Args:
        inner: What brings records to the index.
        blobs: The large results that belong to the records.
        report: Told of large results that could not be written.
        max_bytes: How many bytes of results may be in memory only.
        max_records: How many records may be.

    *Guarantees*: who records more than may be in memory writes what is there before going on. Records reach the index in
    the order in which they were handed over, after the blobs that they name. In a forked child nothing is held: what
    the parent holds is the parent's to write.
    """

    def __init__(
        self,
        inner: Scribe,
        blobs: HeldBlobs,
        report: Report,
        *,
        max_bytes: int = HELD_MAX_BYTES,
        max_records: int = HELD_MAX_RECORDS,
    ) -> None:
        self._inner = inner
        self._blobs = blobs
        self._report = report
        self._max_bytes = max_bytes
        self._max_records = max_records
        self._lock = threading.Lock()
        self._releasing = threading.Lock()  # taken first where both are needed
        self._records: list[Entry | Failure] = []
        self._pending: dict[bytes, Entry] = {}
        self._inline_bytes = 0
        self._process = os.getpid()

    def enqueue(self, record: Entry | Failure, *, flushes: bool = False) -> None:
        """Hold a record; writes everything held where that is too much."""
        if self._is_elsewhere:
            self._inner.enqueue(record, flushes=flushes)
            return
        with self._lock:
            self._records.append(record)
            if isinstance(record, Entry):
                self._inline_bytes += len(record.arguments) + len(record.inline or b"")
                for key in (record.key, record.content):
                    if key is not None:
                        self._pending[key] = record
            is_full = len(self._records) >= self._max_records
        if is_full or self._inline_bytes + self._blobs.held_bytes > self._max_bytes:
            self._release()

    def pending(self, key: bytes) -> Entry | None:
        """The result of the call with this key, or content key, if it is not in the index yet."""
        return self._pending.get(key) or self._inner.pending(key)  # in a child: what was found before the fork still is

    def flush(self, timeout_s: float | None = None) -> bool:
        """Write everything held; see ``Scribe.flush``."""
        self._release()
        return self._inner.flush(timeout_s)

    def close(self, timeout_s: float | None = None) -> bool:
        """Write everything held and take no more."""
        self._release()
        return self._inner.close(timeout_s)

    def _release(self) -> None:
        if self._is_elsewhere:
            return
        with self._releasing:
            with self._lock:
                records, self._records = self._records, []
                self._inline_bytes = 0
            failed = self._blobs.release()
            for record in records:
                error = failed.get(record.blob) if isinstance(record, Entry) and record.blob else None
                if error is None:
                    self._inner.enqueue(record)
                else:
                    self._report(
                        Trouble("unsaved", _UNSAVED.format(key=record.key.hex()[:12], error=error), record.key)
                    )
            with self._lock:
                for record in records:
                    if isinstance(record, Entry):
                        self._forget(record)

    def _forget(self, record: Entry) -> None:
        for key in (record.key, record.content):
            if key is not None and self._pending.get(key) is record:
                del self._pending[key]

    @property
    def _is_elsewhere(self) -> bool:
        """Whether this is a forked child, where a thread of the parent's may hold the locks for ever."""
        return self._process != os.getpid()


_UNSAVED = (
    "the large result of call {key} could not be written ({error}): the call will run again. Make room on the disk."
)
