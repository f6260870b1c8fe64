"""What takes records on their way to the index: the ``Writer`` where it is on disk, or one of the two here."""

from __future__ import annotations

from typing import Protocol

from jumar.store.index import Index
from jumar.store.memory_index import MemoryIndex
from jumar.store.records import Entry, Failure


class Scribe(Protocol):
    """Takes records on their way to the index."""

    def enqueue(self, record: Entry | Failure, *, flushes: bool = False) -> None:
        """Hand over a record; ``flushes`` says that the caller flushes next, so that nobody need be woken for it."""

    def pending(self, key: bytes) -> Entry | None:
        """A result that is not in the index yet."""

    def flush(self, timeout_s: float | None = None) -> bool:
        """Wait until what was handed over is in the index or reported."""

    def close(self, timeout_s: float | None = None) -> bool:
        """Flush and take no more."""


class DirectScribe:
    """Records at once, in the thread that records: where the index is in memory.

    Args:
        index: Where.
    """

    def __init__(self, index: Index) -> None:
        self._index = index

    def enqueue(self, record: Entry | Failure, *, flushes: bool = False) -> None:  # noqa: ARG002
        """Add the record to the index."""
        if isinstance(record, Entry):
            self._index.add([record])
        else:
            self._index.add([], [record])

    def pending(self, key: bytes) -> Entry | None:  # noqa: ARG002
        """None: nothing is ever on its way."""
        return None

    def flush(self, timeout_s: float | None = None) -> bool:  # noqa: ARG002
        """True: nothing is ever on its way."""
        return True

    close = flush


class SilentScribe(DirectScribe):
    """Takes nothing, where the store may not be written; that was said when it was opened."""

    def __init__(self) -> None:
        super().__init__(MemoryIndex())

    def enqueue(self, record: Entry | Failure, *, flushes: bool = False) -> None:
        """Pass over the record."""
