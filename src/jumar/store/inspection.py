"""One inspection of a store: its files, its index, its rows, its blobs; and the repair of what can be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from jumar.clock import Clock
from jumar.store.aside import Aside
from jumar.store.blob_scrub import BadBlob, bad_blob, bad_blobs
from jumar.store.file_blobs import FileBlobs
from jumar.store.findings import CheckReport, Finding, Kind
from jumar.store.labels import Labels
from jumar.store.layout import layout_of, missing_files
from jumar.store.lineage import Loss
from jumar.store.lock_file import locked
from jumar.store.relabel import relabel
from jumar.store.row import row_of
from jumar.store.sqlite_connection import FAULTS, damage, is_damage
from jumar.store.sqlite_damage import asides, finish, unfinished
from jumar.store.sqlite_index import SqliteIndex
from jumar.store.sqlite_scrub import ScrubbedRow, SqliteScrub
from jumar.store.store import Store

Progress = Callable[[str, int, int], None]
"""Told what is looked at, how much of it was, and how much there is (bytes of blobs; 0 where that is not known)."""

_KEY_BYTES = 32
_ROWS_BETWEEN = 1000


class _Lost(NamedTuple):
    """A result whose blob is not as it should be."""

    row: ScrubbedRow
    what: str
    may_be_right: bool


class Inspection:
    """Looks at a whole store once.

    Args:
        store: The store.
        repair: See ``check``.
        decode: See ``check``.
        progress: See ``check``.
        clock: For the times of losses.
    """

    def __init__(self, store: Store, repair: bool, decode: bool, progress: Progress, clock: Clock) -> None:
        self._store = store
        self._repair = repair
        self._decode = decode
        self._progress = progress
        self._clock = clock
        self._index = store.index if isinstance(store.index, SqliteIndex) else None
        self._found: list[Finding] = []
        self._results = 0
        self._is_whole = True
        """Whether every row could be read."""

    def run(self) -> CheckReport:
        """Look at everything.

        Raises:
            sqlite3.Error: The index cannot be read or written, and not because it is damaged.
            OSError: Something cannot be removed or written.
        """
        self._look_at_files()
        if self._index is not None:
            self._look_at_asides(self._index)
            self._look_at_database(self._index)
        # The blobs that are there now come before the rows: what is written later is named by later rows.
        # Those that a sweep which died had set aside are blobs still; who looks for one finds it.
        aside = self._store.blobs.aside() if isinstance(self._store.blobs, Aside) else ()
        there = {*self._store.blobs.digests(), *aside}
        sizes_bytes = {digest: self._store.blobs.size_bytes(digest) or 0 for digest in there}
        total_bytes = sum(sizes_bytes.values())
        named = self._look_at_rows()
        bad = self._look_at_blobs({**dict.fromkeys(sizes_bytes), **named}, total_bytes)
        if self._decode:
            self._make_values(bad)
        torn = self._look_at_labels(self._store.path) if self._store.path is not None else 0
        left = [size for digest, size in sizes_bytes.items() if digest not in named and digest not in bad]
        left = left if self._is_whole else []
        damaged = len(asides(self._index.path)) if self._index is not None else 0
        found = tuple(self._found)
        return CheckReport(self._results, len(sizes_bytes), total_bytes, len(left), sum(left), damaged, torn, found)

    # -- files ---------------------------------------------------------------------------------------------------------

    def _look_at_files(self) -> None:
        root, blobs = self._store.path, self._store.blobs
        if root is None:
            return
        if missing := missing_files(root):
            text = f"{', '.join(missing)}: lost or damaged. The next program that opens the store writes them anew."
            self._found.append(Finding("files", text))
        if not layout_of(root).database.exists() and any(blobs.digests()):
            text = "the index is missing, and there are blobs: the next program begins a new one by their labels."
            self._found.append(Finding("database", text))
        for directory in blobs.abandoned() if isinstance(blobs, FileBlobs) else []:
            text = f"{directory} was left by a process that died: the next program that opens the store removes it."
            self._found.append(Finding("scratch", text))

    def _look_at_asides(self, index: SqliteIndex) -> None:
        """Databases that were set aside in a hurry may have rows that were not carried over yet."""
        damaged = unfinished(index.path)
        if not damaged:
            return
        names = ", ".join(path.name for path in damaged)
        if not self._repair:
            self._found.append(Finding("unfinished", f"{names} may have results that were not carried over yet."))
            return
        saved = index.transact(lambda connection: index.rebuild.add(connection, damaged, ordered=False))
        finish(damaged)
        text = f"{names} had {saved.results:,} results that were not carried over yet, and are now."
        self._found.append(Finding("unfinished", text, repaired=True))

    # -- the index -----------------------------------------------------------------------------------------------------

    def _look_at_database(self, index: SqliteIndex) -> None:
        self._progress("index", 0, 0)
        if complaints := _complaints(index):
            if self._repair:
                _mend(index)
            text = f"SQLite's own check of the index says: {'; '.join(complaints)}"
            self._found.append(Finding("database", text, repaired=self._repair))

    def _rows(self) -> Iterator[ScrubbedRow]:
        """All rows, or those before one that cannot be read."""
        try:
            if self._index is not None:
                yield from SqliteScrub(self._index).rows()
                return
            for record in self._store.index.calls():
                entry = self._store.index.find(record.key) if record.state == "done" else None
                if entry is not None:
                    yield ScrubbedRow(0, record.key, entry, True, row_of(entry), record.task)
        except FAULTS as error:
            if not is_damage(error):
                raise
            if self._is_whole:
                self._is_whole = False
                self._found.append(Finding("database", f"rows of the index cannot be read: {error}"))

    def _look_at_rows(self) -> dict[bytes, int | None]:
        """Look at every row; the blobs that are named, with the lengths that are said."""
        named: dict[bytes, int | None] = {}
        altered: list[int] = []
        for count, row in enumerate(self._rows()):
            if count % _ROWS_BETWEEN == 0:
                self._progress("rows", count, 0)
            if row.entry is None:
                altered.append(row.number)
                self._tell("row", f"row {row.number} of the index is not as it was written", row)
                continue
            self._results += 1
            if row.entry.blob is not None:
                named[row.entry.blob] = row.entry.size_bytes
            if not row.is_found:
                text = "it is in the index, but not found there: the order of an index is broken"
                self._found.append(Finding("order", text, row.entry.key, row.call, self._repair, not self._repair))
        if self._repair and self._index is not None:
            if any(finding.kind == "order" for finding in self._found):
                SqliteScrub(self._index).reindex()
            if altered:
                SqliteScrub(self._index).delete(altered)
        return named

    # -- blobs ---------------------------------------------------------------------------------------------------------

    def _look_at_blobs(self, sizes_bytes: dict[bytes, int | None], total_bytes: int) -> dict[bytes, BadBlob]:
        """Read every blob; those that are not as they should be."""
        read_bytes = 0

        def tell(more_bytes: int) -> None:
            nonlocal read_bytes
            read_bytes += more_bytes
            self._progress("blobs", read_bytes, total_bytes)

        bad = {each.digest: each for each in bad_blobs(self._store.blobs, sizes_bytes, tell)}
        if bad:
            lost = list(self._lost(bad))
            for row, what, may_be_right in lost:
                self._tell("unreadable" if may_be_right else "blob", what, row)
            named = {row.entry.blob for row, _, _ in lost if row.entry is not None}
            self._look_at_unnamed([each for each in bad.values() if each.digest not in named])
            if self._repair:
                self._drop([each for each in lost if not each.may_be_right], bad)
        return bad

    def _lost(self, bad: dict[bytes, BadBlob]) -> Iterator[_Lost]:
        """The results in these blobs. What has come right, or is gone, since it was looked at is none."""
        for row in self._rows():
            if row.entry is None or row.entry.blob is None or row.entry.blob not in bad:
                continue
            now = bad_blob(self._store.blobs, row.entry.blob, row.entry.size_bytes)
            if now is not None:
                yield _Lost(row, f"blob {now.digest.hex()[:12]} {now.what}", now.may_be_right)

    def _look_at_unnamed(self, blobs: list[BadBlob]) -> None:
        for blob in blobs:
            if (now := bad_blob(self._store.blobs, blob.digest, None)) is not None:
                text = f"blob {now.digest.hex()[:12]}, which no row names, {now.what}"
                kind: Kind = "unreadable" if now.may_be_right else "blob"
                self._found.append(Finding(kind, text, repaired=self._repair and not now.may_be_right))

    def _drop(self, lost: list[_Lost], bad: dict[bytes, BadBlob]) -> None:
        """Forget results, and delete the bytes: an equal result would be taken for written."""
        self._store.index.remove([row.key for row, _, _ in lost])
        self._results -= len(lost)
        for digest in bad:
            size_bytes = next(
                (row.entry.size_bytes for row, _, _ in lost if row.entry and row.entry.blob == digest), None
            )
            now = bad_blob(self._store.blobs, digest, size_bytes)
            if now is not None and not now.may_be_right:
                self._store.blobs.remove(digest)

    def _make_values(self, bad: dict[bytes, BadBlob]) -> None:
        for row in self._rows():
            if row.entry is None or row.entry.blob in bad:
                continue
            try:
                self._make(row)
            except Exception as error:  # noqa: BLE001 # unpickling runs code of any kind
                text = f"its value cannot be made here ({type(error).__name__}: {error})"
                self._found.append(Finding("undecodable", text, row.key, row.call, runs_again=True))

    def _make(self, row: ScrubbedRow) -> Any:
        entry = row.entry
        if entry is None:
            return None
        inline = memoryview(bytearray(entry.inline)) if entry.inline is not None else None
        memory = inline if inline is not None else self._store.blobs.open(entry.blob or b"", verify=False)
        return self._store.codecs.named(entry.codec).decode(memory)

    # -- labels --------------------------------------------------------------------------------------------------------

    def _look_at_labels(self, root: Path) -> int:
        """How many stretches of them are torn; a repair writes them anew."""
        torn = Labels(layout_of(root).labels).torn()
        if self._repair:
            with locked(root / "sweep.lock"):
                relabel(self._store)
        return torn

    def _tell(self, kind: Kind, what: str, row: ScrubbedRow) -> None:
        """Take down what is wrong with a result; where it is dropped for that, note the loss."""
        key = row.key if isinstance(row.key, bytes) and len(row.key) == _KEY_BYTES else None
        is_lost = kind != "unreadable"
        self._found.append(Finding(kind, what, key, row.call, self._repair and is_lost, is_lost))
        if self._repair and is_lost and key is not None:
            self._store.lineage.note_loss(Loss(key, self._clock.now_s(), f"`jumar check --repair` dropped it: {what}"))


def _complaints(index: SqliteIndex) -> list[str]:
    try:
        return SqliteScrub(index).complaints()
    except FAULTS as error:
        if not is_damage(error):
            raise
        return [str(error)]


def _mend(index: SqliteIndex) -> None:
    """Sort the indexes anew, as that keeps every row; where it is not enough, carry over what is sound."""
    generation = index.database.generation
    SqliteScrub(index).reindex()  # where this meets damage, the database is replaced already
    if complaints := _complaints(index):
        index.database.replace(damage("; ".join(complaints)), generation)
