"""Results in a single file: exported from a store, mounted as a store that is only read, imported into another."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from jumar.errors import DamagedError, StoreError
from jumar.store.choice import Choice
from jumar.store.chosen_runs import ChosenRuns, Runs, numbers_of
from jumar.store.equivalence import SqliteEquivalences
from jumar.store.index import Index
from jumar.store.joined_store import JoinedStore
from jumar.store.lineage import Run
from jumar.store.memory_blobs import MemoryBlobs
from jumar.store.packed_blobs import INDEX, PackedBlobs, Packing, packing
from jumar.store.packed_index import PackedIndex
from jumar.store.records import CallRecord, Entry, TaskInfo, role
from jumar.store.scribe import DirectScribe, SilentScribe
from jumar.store.sqlite_lineage import SqliteLineage
from jumar.store.store import Store, Verify
from jumar.store.transfer import Transfer
from jumar.store.trouble import Report, Trouble, warn


class Exported(NamedTuple):
    """What went into a file."""

    calls: int
    blobs: int
    blob_bytes: int
    damaged: int
    """Chosen results that could not be read and were left out."""


class Imported(NamedTuple):
    """What came out of a file."""

    calls: int
    present: int
    """Calls that had a result in the store, which was left as it is."""
    damaged: int
    """Results whose row or blob is not as it was written, and which were left out."""


def export(
    store: Store,
    path: str | os.PathLike[str],
    *,
    task: str = "",
    prefix: str = "",
    run: int | str | None = None,
    downstream: bool = False,
) -> Exported:
    """Write chosen results into one file, with what explains them.

    Args:
        store: Where they are.
        path: The file; one that is there is replaced.
        task: Only calls of the task with this name.
        prefix: Only calls whose key starts with this (hexadecimal).
        run: Only what the run with this number computed; with ``"last"``, what the last one did; with the id of a run,
            what that asked for, found or computed.
        downstream: Also what was made from the chosen results, directly or through others.

    Returns:
        How much was written.

    Raises:
        StoreError: No result is chosen, there is no such run, the index cannot be read, or the file cannot be written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     export(Store.in_memory(), folder + "/results.jumar")
        Traceback (most recent call last):
        jumar.errors.StoreError: no result in <jumar.Store in memory> is chosen: there is nothing to export

    *Guarantees*: the file has its name once it is whole and on the disk; if anything fails, what had the name before is
    there as it was.
    """
    choice = Choice(task, prefix, run, downstream)
    index = PackedIndex()
    lineage = _Numbered(index)
    damaged = calls = 0
    try:
        with closing(index), packing(Path(path)) as entries:
            target = Store(index, MemoryBlobs(), DirectScribe(index), lineage=lineage)
            transfer = Transfer(store, target)
            for key, info, of_run in _oldest_first(choice.of(store)):
                entry = _packed(store, key, entries)
                damaged += entry is None
                if entry is not None:
                    target.record(transfer.numbered(entry, info, of_run))
                    calls += 1
            if not calls:
                raise StoreError(f"no result in {store!r} is chosen: there is nothing to export")
            target.flush()
            entries.add(INDEX, memoryview(index.packed()))
    except OSError as error:
        raise StoreError(
            f"the export {path} could not be written ({error.strerror or error}): check its folder, and that the disk has "
            f"room for the results. Nothing was left behind."
        ) from error
    return Exported(calls, entries.blobs, entries.blob_bytes, damaged)


def _oldest_first(records: Iterator[CallRecord]) -> Iterator[tuple[bytes, TaskInfo, int]]:
    """Key, task and run of the results, in the order in which they were recorded: it says which of two is the newer."""
    tasks: dict[TaskInfo, TaskInfo] = {}  # a million results have few tasks
    chosen = [(each.key, tasks.setdefault(each.task, each.task), each.run) for each in records]
    return reversed(chosen)


def _packed(store: Store, key: bytes, entries: Packing) -> Entry | None:
    """The result's row, once its blob is in the file; None where it is damaged."""
    entry = store.find(key)
    if entry is None or entry.blob is None or entry.blob in entries:
        return entry
    try:
        entries.add_blob(entry.blob, store.blobs.open(entry.blob, verify=True))
    except DamagedError:
        return None
    return entry


class _Numbered(SqliteLineage):
    """The lineage of an export: its runs have the numbers that they have in the store, so that one can ask for them."""

    def note_run(self, run: Run) -> int:
        """The run's own number."""
        self._database.transact(
            lambda connection: connection.execute("INSERT OR IGNORE INTO runs VALUES (?, ?, ?, ?, ?)", run)
        )
        return run.number


def open_archive(path: Path, *, verify: Verify = "first", report: Report = warn, runs: Runs | None = None) -> Store:
    """The store in a file that `export` wrote. It is only read; its index is in memory, its blobs stay in the file.

    Args:
        path: The file.
        verify: When the digest of a large result is checked on reading.
        report: Told of trouble.
        runs: Find only what these runs computed.

    Raises:
        StoreFormatError: The file is no export, or one of a newer format.
        StoreError: It is damaged beyond reading.
    """
    blobs = PackedBlobs(path)
    try:
        index = PackedIndex(blobs.index(), report=report)
        lineage = SqliteLineage(index)
        chosen: Index = index if runs is None else ChosenRuns(index, numbers_of(runs, lineage, index))
    except StoreError as error:
        blobs.close()
        raise StoreError(f"the export {path} is damaged, and nothing in it can be used: {error}") from error
    return Store(
        chosen,
        blobs,
        SilentScribe(),
        path=path.absolute(),
        verify=verify,
        report=report,
        lineage=lineage,
        equivalences=SqliteEquivalences(index),
        read_only=True,
    )


def import_archive(store: Store, path: str | os.PathLike[str], *, replace: bool = False) -> Imported:
    """Record what is in a file that `export` wrote, as far as it is sound.

    Args:
        store: Where to; of several as one, the first.
        path: The file.
        replace: Whether results of calls that the store has are replaced.

    Returns:
        How many results were recorded, how many were there, how many are damaged.

    Raises:
        StoreFormatError: The file is no export, or one of a newer format.
        StoreError: It is damaged beyond reading, or the store cannot be written. What was recorded before stays.

    *Guarantees*: a result is recorded only if its row has its check and its blob its digest, blob first.
    """
    if isinstance(store, JoinedStore):
        store = store.own
    if store.read_only:
        raise StoreError(f"{store!r} is only read: nothing can be imported into it")
    lost = getattr(store.scribe, "lost", 0)
    with open_archive(Path(path), report=_left_out) as archive:
        transfer = Transfer(archive, store)
        calls = present = 0
        for key, info, _ in _oldest_first(archive.calls()):
            if not replace and _has_result(store, key):
                present += 1
            elif (entry := _unpacked(archive, key, store)) is not None:
                store.record(transfer.numbered(entry, info))
                calls += 1
        store.flush()
        total = archive.totals().calls
    if lost := getattr(store.scribe, "lost", 0) - lost:
        raise StoreError(
            f"{lost:,} of {calls:,} results from {path} could not be recorded in {store!r}: see the warnings"
        )
    return Imported(calls, present, total - calls - present)


def _has_result(store: Store, key: bytes) -> bool:
    """Whether the store has a result of the call, and not only its error or the graph that it returned."""
    entry = store.find(key)
    return entry is not None and not role(entry.codec)[0]


def _left_out(trouble: Trouble) -> None:
    """What is damaged in the file is counted by who imports."""


def _unpacked(archive: Store, key: bytes, store: Store) -> Entry | None:
    """The result's row, once its blob is in the store; None where one of them is not as it was written."""
    entry = archive.find(key)
    if entry is None or entry.blob is None:
        return entry
    try:
        memory = archive.blobs.open(entry.blob, verify=True)
    except DamagedError:
        return None
    if len(memory) != entry.size_bytes:
        return None
    try:
        store.blobs.write([memory])
    except OSError as error:
        raise StoreError(
            f"a result of {len(memory):,} bytes could not be written to {store!r} ({error.strerror or error}): check that "
            f"the disk has room. What was imported before stays."
        ) from error
    return entry
