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


def relabel(store: Store) -> int:
    """Write the labels of all blobs that the index names, and leave out those of results that are gone.

    Who calls this holds ``sweep.lock``, if the store has a directory: two at once would lose labels.

    Args:
        store: Open for writing.

    Returns:
        How many labels there are now; 0 where the store has none (one in memory, or one that is read-only).

    Raises:
        OSError: They cannot be written; the old ones are still there.
        sqlite3.Error: The index cannot be read; the old ones are still there.

    *Guarantees*: others may record meanwhile; what they record is labelled too.
    """
    store.flush()
    index = store.index
    if not isinstance(index, SqliteIndex) or index.labels is None:
        return 0
    return index.labels.rewrite(_results(index))


def _results(index: SqliteIndex) -> Iterator[tuple[Row, TaskInfo]]:
    for scrubbed in SqliteScrub(index).rows():
        if scrubbed.entry is not None and scrubbed.entry.blob is not None:
            yield scrubbed.row, scrubbed.task
