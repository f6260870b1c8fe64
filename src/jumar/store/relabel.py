"""The labels of a store, written anew from its index: what keeps their file short, and gives an older store its first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from jumar.store.records import TaskInfo
from jumar.store.row import Row
from jumar.store.sqlite_index import SqliteIndex
from jumar.store.sqlite_scrub import SqliteScrub

if TYPE_CHECKING:
    from jumar.store.store import Store


_SPARE_BYTES = 8 * 1024 * 1024
"""More than the removals take that are kept when the labels are written anew."""
_AMPLE_BYTES = 1024
"""What a label takes with ample room for its arguments; most take 200 bytes."""


def relabel_if_long(store: Store, blobs: int) -> None:
    """Write the labels anew where most of their file tells of results that are gone.

    A program with a bound on its store may remove results for ever, and each leaves two records. Nothing is flushed:
    what is in memory only stays there.

    Args:
        store: As for `relabel`.
        blobs: How many results with blobs there are.

    Raises:
        OSError, sqlite3.Error: As `relabel`.
    """
    labels = store.index.labels if isinstance(store.index, SqliteIndex) else None
    if labels is not None and labels.size_bytes() > _SPARE_BYTES + _AMPLE_BYTES * blobs:
        relabel(store, flush=False)


def relabel(store: Store, *, flush: bool = True) -> int:
    """Write the labels of all blobs that the index names, and leave out those of results that are gone.

    Who calls this holds ``sweep.lock``, if the store has a directory: two at once would lose labels.

    Args:
        store: Open for writing.
        flush: Commit first what is on its way.

    Returns:
        How many labels there are now; 0 where the store has none (one in memory, or one that is read-only).

    Raises:
        OSError: They cannot be written; the old ones are still there.
        sqlite3.Error: The index cannot be read; the old ones are still there.

    *Guarantees*: others may record meanwhile; what they record is labelled too.
    """
    if flush:
        store.flush()
    index = store.index
    if not isinstance(index, SqliteIndex) or index.labels is None:
        return 0
    return index.labels.rewrite(_results(index))


def _results(index: SqliteIndex) -> Iterator[tuple[Row, TaskInfo]]:
    for scrubbed in SqliteScrub(index).rows():
        if scrubbed.entry is not None and scrubbed.entry.blob is not None:
            yield scrubbed.row, scrubbed.task
