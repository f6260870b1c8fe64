"""Opening a store: which parts it is made of, by what is there and by how it is to be used.

Apart from the store, as most of the parts are only needed by some stores, and none by a program that opens none.
"""

from __future__ import annotations

from pathlib import Path

from jumar.codecs.registry import Compression
from jumar.errors import StoreError
from jumar.store.aside import SweepableBlobs
from jumar.store.budget import Budget
from jumar.store.chosen_runs import ChosenRuns, Runs, numbers_of
from jumar.store.equivalence import Equivalences, MemoryEquivalences, SqliteEquivalences
from jumar.store.file_blobs import FileBlobs
from jumar.store.index import Index
from jumar.store.labels import Labels
from jumar.store.layout import Layout, open_directory
from jumar.store.lineage import Lineage, MemoryLineage
from jumar.store.memory_index import MemoryIndex
from jumar.store.rebuild import Rebuild
from jumar.store.scribe import Scribe, SilentScribe
from jumar.store.sqlite_connection import Durability
from jumar.store.sqlite_index import SqliteIndex
from jumar.store.sqlite_lineage import SqliteLineage
from jumar.store.sqlite_stock import SqliteStock
from jumar.store.stock import Stock
from jumar.store.store import Store, Verify
from jumar.store.trouble import Report
from jumar.store.writer import Writer


def open_store(
    path: Path,
    *,
    durability: Durability,
    verify: Verify,
    report: Report,
    read_only: bool,
    deferred: bool,
    runs: Runs | None,
    allow_network: bool,
    busy_timeout_s: float,
    compression: Compression,
    max_size_bytes: int | None,
) -> Store:
    """The store at a path; see ``Store.open``.

    Raises:
        StoreError: It cannot be opened.
    """
    if runs is not None and not read_only:
        raise StoreError("runs= chooses among the results of a store that is only read: say read_only=True as well")
    if path.is_file():
        from jumar.store.archive import open_archive  # noqa: PLC0415  (few programs read one)

        return open_archive(path, verify=verify, report=report, runs=runs)
    layout = open_directory(
        path, report=report, durability=durability, read_only=read_only, allow_network=allow_network
    )
    index, lineage, equivalences, stock = _database(layout, durability, report, busy_timeout_s)
    if runs is not None:
        index = ChosenRuns(index, numbers_of(runs, lineage, index))
    budget = None if max_size_bytes is None else Budget(max_size_bytes, report)
    blobs, scribe = _way_in(index, layout, durability, report, deferred, budget)
    return Store(
        index,
        blobs,
        scribe,
        path=layout.root,
        verify=verify,
        report=report,
        lineage=lineage,
        equivalences=equivalences,
        read_only=layout.read_only,
        compression=compression,
        stock=stock,
        budget=budget,
    )


def _database(
    layout: Layout, durability: Durability, report: Report, busy_timeout_s: float
) -> tuple[Index, Lineage, Equivalences, Stock | None]:
    """What is kept in the database; empty and in memory where a reader finds a store that has none yet."""
    if layout.read_only and not layout.database.exists():
        return MemoryIndex(), MemoryLineage(), MemoryEquivalences(), None
    labels = None if layout.read_only else Labels(layout.labels, report=report)
    index = SqliteIndex(
        layout.database,
        durability,
        report=report,
        busy_timeout_s=busy_timeout_s,
        read_only=layout.read_only,
        labels=labels,
        rebuild=Rebuild(labels, FileBlobs(layout.blobs, read_only=True).size_bytes),
    )
    return index, SqliteLineage(index), SqliteEquivalences(index), SqliteStock(index)


def _way_in(
    index: Index, layout: Layout, durability: Durability, report: Report, deferred: bool, budget: Budget | None
) -> tuple[SweepableBlobs, Scribe]:
    """What takes large results and records on their way to the disk."""
    blobs = FileBlobs(layout.blobs, durability, read_only=layout.read_only)
    if layout.read_only:
        return blobs, SilentScribe()
    writer = Writer(index.add if budget is None else budget.after(index.add), report)
    if not deferred:
        return blobs, writer
    from jumar.store.held_blobs import HeldBlobs  # noqa: PLC0415  (only some modes hold results back)
    from jumar.store.held_records import HeldScribe  # noqa: PLC0415

    held = HeldBlobs(blobs)
    return held, HeldScribe(writer, held, report)
