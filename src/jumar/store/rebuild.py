"""How a new index begins: with what the lost one knew, as far as its own pages and the labels of blobs still say it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from jumar.clock import Clock, SystemClock
from jumar.store.graft import Graft
from jumar.store.labels import Labels
from jumar.store.saved import NOTHING_SAVED, Saved

REBUILD_S = 10.0
"""How long a program waits for what can be found again, in seconds; other programs wait three times as long for it."""

SizeOf = Callable[[bytes], int | None]
"""Gives the length of a blob in bytes, or None where there is none."""


class Rebuild:
    """Fills a new index.

    Args:
        labels: Of the blobs; None where there are none.
        size_of: Looks for a blob.
        limit_s: For how long to go on, in seconds; None for as long as it takes.
        clock: Measures that.

    *Guarantees*: no row is wrong. One of a damaged index passes its check; one of a label too, and its blob is there
    with the length that it says. The digest of a blob is compared when it is read, as for any row.
    """

    def __init__(
        self,
        labels: Labels | None = None,
        size_of: SizeOf = lambda _: None,
        limit_s: float | None = REBUILD_S,
        clock: Clock | None = None,
    ) -> None:
        self._labels = labels
        self._size_of = size_of
        self._limit_s = limit_s
        self._clock = clock or SystemClock()

    def fill(self, connection: sqlite3.Connection, damaged: Sequence[Path], *, ordered: bool = True) -> Saved:
        """Put into an index what can be found again, in one transaction.

        Args:
            connection: To the index.
            damaged: Databases that were set aside, newest first.
            ordered: Whether results keep their numbers: where nothing else has been recorded.

        Returns:
            How much it was. Where the disk has no room for it, or the time was not enough, it is not finished.
        """
        end_s = None if self._limit_s is None else self._clock.elapsed_s() + self._limit_s
        connection.execute("BEGIN IMMEDIATE")
        try:
            saved = self.add(connection, damaged, ordered=ordered, end_s=end_s)
            connection.execute("COMMIT")
        except (sqlite3.Error, OSError):
            # The index must begin all the same, and empty it always can: what is not finished is said and done later.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            return Saved(finished=False)
        return saved

    def add(
        self, connection: sqlite3.Connection, damaged: Sequence[Path], *, ordered: bool, end_s: float | None = None
    ) -> Saved:
        """Do the same within a transaction of the caller's.

        Args:
            connection: To the index.
            damaged: Databases that were set aside, newest first.
            ordered: Whether results keep their numbers.
            end_s: When to stop, on the clock.

        Raises:
            sqlite3.Error: The index cannot be written.
            OSError: A file cannot be read.
        """
        from jumar.store.salvage import Salvage  # noqa: PLC0415 # most programs open an index that is there

        graft = Graft(connection, ordered=ordered)
        removed = self._labels.removed() if self._labels is not None else {}
        total = NOTHING_SAVED
        for number, path in enumerate(damaged):
            saved = Salvage(path, graft, removed, lambda: end_s is None or self._clock.elapsed_s() < end_s).carry()
            total = Saved(
                total.results + saved.results,
                saved.recorded if number == 0 else total.recorded,
                0,
                total.declarations_left + saved.declarations_left,
                finished=total.finished and saved.finished,
            )
            graft = Graft(connection, ordered=False)
        return total._replace(labelled=self._from_labels(graft))

    def _from_labels(self, graft: Graft) -> int:
        if self._labels is None:
            return 0
        found = 0
        for entry, task in self._labels.results():
            if graft.has(entry.key) or entry.blob is None or self._size_of(entry.blob) != entry.size_bytes:
                continue
            # Its run was a number in the index that is lost.
            found += graft.result(entry._replace(task=graft.task(task), run=0))
        return found
