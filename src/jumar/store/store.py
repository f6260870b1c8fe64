"""The store: an index, blobs and codecs behind one face, through which results are kept and found again."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, overload

from jumar.clock import Clock, SystemClock
from jumar.codecs.codec import Frame
from jumar.codecs.registry import Codecs, Compression
from jumar.errors import DamagedError, StoreError
from jumar.here import saving
from jumar.store.absence import Absence
from jumar.store.accepted import Accepted
from jumar.store.blobs import Blobs
from jumar.store.equivalence import Equivalences, MemoryEquivalences
from jumar.store.index import Index
from jumar.store.lineage import Lineage, MemoryLineage
from jumar.store.memory_index import MemoryIndex
from jumar.store.mishaps import Mishaps
from jumar.store.notes import Notes
from jumar.store.outlines import Outlines
from jumar.store.presence import Presence
from jumar.store.records import ERROR, GRAPH, CallRecord, Entry, Failure, Payload, Totals, role
from jumar.store.scribe import DirectScribe, Scribe
from jumar.store.sqlite_connection import FAULTS, Durability
from jumar.store.task_numbers import TaskNumbers
from jumar.store.trouble import Report, warn

if TYPE_CHECKING:
    from jumar.store.budget import Budget
    from jumar.store.chosen_runs import Runs
    from jumar.store.retention import Rules
    from jumar.store.stock import Stock
    from jumar.store.sweep import Swept

_T = TypeVar("_T")
Verify = Literal["always", "first", "never"]
"""When the digest of a blob is checked on reading: each time, once in each process, or not at all."""

INLINE_MAX_BYTES = 4096
"""Encoded results up to this size live in the index: a file of its own costs more than they do."""

_SLOW_MIN_BYTES = 4 * 1024 * 1024
"""A blob of this size takes longer to hash and write than another worker takes to begin."""

_PASSING = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EACCES, errno.EPERM}
"""What keeps this process from reading a blob for now and says nothing about its bytes: its row stays."""


class Store:
    """Keeps results and finds them again. Made by `Store.open` or `Store.in_memory`.

    Args:
        index: The rows.
        blobs: The large results.
        scribe: Takes records on their way to the index.
        path: The directory, where there is one.
        verify: When the digest of a large result is checked on reading.
        report: Told of trouble, on any thread.
        clock: For the times in records, and for how long to trust what is known of other processes.
        lineage: Where what explains results is kept; in memory if not given.
        equivalences: Edits that were declared to change no result.
        read_only: Never write to index, blobs or lineage. Large results are then handed around in memory.
        compression: Whether large results are compressed where it pays.
        stock: How results are chosen and removed; without it nothing can be swept.
        budget: Keeps the results below a size.

    *Guarantees*: every method may be called from any thread. Nothing that goes wrong with storage raises while results
    are looked up or recorded: it is reported, and costs a recomputation at most. A damaged result is never returned.
    """

    def __init__(
        self,
        index: Index,
        blobs: Blobs,
        scribe: Scribe,
        *,
        path: Path | None = None,
        verify: Verify = "first",
        report: Report = warn,
        clock: Clock | None = None,
        lineage: Lineage | None = None,
        equivalences: Equivalences | None = None,
        read_only: bool = False,
        compression: Compression = "none",
        stock: Stock | None = None,
        budget: Budget | None = None,
    ) -> None:
        self.path = path
        self.read_only = read_only
        """Whether results are found and none are kept."""
        self.is_closed = False
        self.lineage: Lineage = lineage or MemoryLineage()
        """What explains the results."""
        self.index, self.blobs, self.scribe = index, blobs, scribe
        """The parts, for what works on a whole store (check, sweep, export)."""
        self.codecs = Codecs(compression=compression)
        self.stock = stock
        self._budget = budget
        if budget is not None:
            budget.evict = self._evict
        self._presence = Presence(index, blobs, scribe)
        self._verify = verify
        self._report = report
        self.clock: Clock = clock or SystemClock()
        """Where its times come from."""
        self.now_s = self.clock.now_s
        self._absence = Absence(index, self.clock)
        self.accepted = Accepted(equivalences or MemoryEquivalences(), report, self.clock)
        """Edits that were declared to change no result."""
        self._verified: set[bytes] = set()
        self._outlines = Outlines(self.lineage, report)
        notes = Notes(self.lineage, report, self.clock, read_only=read_only)
        self.note_loss, self.begin_run = notes.loss, notes.begin_run
        self.note_codes, self.note_idle_run = notes.codes, notes.idle_run
        self.note_unkept, self.end_notes = notes.unkept, notes.end
        """See `Notes`."""
        self.task = TaskNumbers(index, self.lineage, report, read_only=read_only).number
        """See `TaskNumbers.number`."""
        self._mishaps = Mishaps(index, blobs, scribe, report, notes, read_only=read_only)

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        durability: Durability = "process",
        verify: Verify = "first",
        report: Report = warn,
        read_only: bool = False,
        deferred: bool = False,
        runs: Runs | None = None,
        allow_network: bool = False,
        busy_timeout_s: float = 30.0,
        compression: Compression = "none",
        max_size_bytes: int | None = None,
    ) -> Store:
        """The store in a directory, which is made if it is not there, or in a file that ``jumar export`` wrote.

        Args:
            path: The directory, or the file, which is never written to.
            durability: ``"power"`` waits for the disk before a result counts.
            verify: When the digest of a large result is checked on reading.
            report: Told of trouble, on any thread; by default a ``StoreWarning`` is issued.
            read_only: Change nothing; the directory must hold a store.
            deferred: Keep new results in memory until `flush` or `close`, or until 256 MiB or 100 000 of them are there.
            runs: Find only what these runs computed: their numbers, or ``"last"``, the last one when this is opened. For
                stores that are only read.
            allow_network: Go on although the file system is one where SQLite's locks cannot be trusted.
            busy_timeout_s: How long to wait for another program that is writing, in seconds.
            compression: ``"zstd"`` compresses large results where a sample says that it pays.
            max_size_bytes: How much the results may take before some are removed, see ``Session(max_store_size=)``.

        Raises:
            SettingsError: Zstandard is not installed.
            StoreFormatError: The directory holds something else, or a store of a newer format.
            StoreError: The path is another file, cannot be made or read, or is on a network file system; runs without read_only.

        Example:
            >>> import tempfile
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     store = Store.open(folder + "/results")
            ...     print(store.totals().calls)
            ...     store.close()
            0
        """
        from jumar.store.opening import open_store  # noqa: PLC0415  (it makes a store, and so needs this module)

        return open_store(
            Path(path),
            durability=durability,
            verify=verify,
            report=report,
            read_only=read_only,
            deferred=deferred,
            runs=runs,
            allow_network=allow_network,
            busy_timeout_s=busy_timeout_s,
            compression=compression,
            max_size_bytes=max_size_bytes,
        )

    @property
    def deferred(self) -> bool:
        """Whether new results stay in memory until `flush`, or for ever."""
        from jumar.store.writer import Writer  # noqa: PLC0415  (a store in memory has none)

        return not isinstance(self.scribe, Writer)

    @classmethod
    def in_memory(cls, *, report: Report = warn) -> Self:
        """A store that lasts as long as this object."""
        from jumar.store.memory_blobs import MemoryBlobs  # noqa: PLC0415  (a store on disk needs none of these)
        from jumar.store.stock import MemoryStock  # noqa: PLC0415

        index, lineage = MemoryIndex(), MemoryLineage()
        stock = MemoryStock(index, lineage)
        return cls(index, MemoryBlobs(), DirectScribe(index), report=report, lineage=lineage, stock=stock)

    # -- finding -------------------------------------------------------------------------------------------------------

    def is_new(self, code: bytes) -> bool:
        """Whether nobody else has recorded a call of this code: then only what `has_recorded` knows can be found.

        What another process records is noticed within a quarter of a second.
        """
        return self._absence.is_new(code) and not self.accepted.by(code)

    def has_recorded(self, key: bytes) -> bool:
        """Whether this object may have recorded the call; False is certain."""
        return self._absence.has_noted(key)

    def find(self, key: bytes) -> Entry | None:
        """The kept result of a call, not read yet; one whose blob is missing or cut is reported, and None."""
        return self._present(self.scribe.pending(key) or self.index.find(key))

    def find_content(self, content: bytes) -> Entry | None:
        """The kept result of a call with these values, whichever calls they came from; otherwise as `find`."""
        return self._present(self.scribe.pending(content) or self.index.find_content(content))

    def _present(self, entry: Entry | None) -> Entry | None:
        if entry is None or entry.blob is None:
            return entry
        self._presence.claim(entry.blob)  # before the look
        size_bytes = self.blobs.size_bytes(entry.blob)
        if size_bytes == entry.size_bytes:
            return entry
        if size_bytes is None and self._presence.was_removed(entry):
            return None
        found = "is missing" if size_bytes is None else f"has {size_bytes:,} bytes instead of {entry.size_bytes:,}"
        self._verified.discard(entry.blob)
        self._mishaps.damaged(entry, f"blob {entry.blob.hex()[:12]} {found}")
        return None

    def load(self, entry: Entry) -> Any:
        """The value of a kept result; the caller may change it.

        Raises:
            DamagedError: It is not there any more, was altered, or cannot be read or decoded here. It was reported.
        """
        if entry.inline is not None:
            return self._decode(entry, memoryview(bytearray(entry.inline)))
        digest = entry.blob or b""
        verify = self._verify == "always" or (self._verify == "first" and digest not in self._verified)
        try:
            memory = self.blobs.open(digest, verify=verify)
            if len(memory) != entry.size_bytes:
                raise DamagedError(f"blob {digest.hex()[:12]} has another length than recorded")
        except DamagedError as error:
            if self._presence.was_removed(entry):
                raise DamagedError(f"the kept result of call {entry.key.hex()[:12]} was removed meanwhile") from error
            if getattr(error.__cause__, "errno", None) in _PASSING:
                raise self._mishaps.unreadable(entry, error) from error
            self._verified.discard(digest)
            # Without a cause it is the bytes that are wrong, and nobody may find them under that name again.
            raise self._mishaps.damaged(entry, str(error), altered=error.__cause__ is None) from error
        if verify:
            self._verified.add(digest)
        return self._decode(entry, memory)

    def _decode(self, entry: Entry, memory: memoryview) -> Any:
        try:
            return self.codecs.named(role(entry.codec)[1]).decode(memory)
        except Exception as error:
            raise self._mishaps.undecodable(entry, error) from error

    def trust(self, digest: bytes) -> None:
        """Do not verify a blob at its first reading: a process of this session has just made it of a value."""
        self._verified.add(digest)

    # -- keeping -------------------------------------------------------------------------------------------------------

    @overload
    def encode(self, value: Any, admits: None = None) -> Payload: ...
    @overload
    def encode(self, value: Any, admits: Callable[[int], bool] | None) -> Payload | None: ...
    def encode(self, value: Any, admits: Callable[[int], bool] | None = None) -> Payload | None:
        """The value's bytes, ready to be recorded; large ones are in their blob when this returns (if one may be written).

        Args:
            value: Any value that a codec can write.
            admits: Told the size in bytes, says whether to go on; None is returned where it is not admitted.

        Raises:
            Exception: What pickling the value raises.
            OSError: The blob could not be written.
        """
        return self.keep_frames(*self.codecs.encode(value), admits)

    def keep_frames(
        self, name: str, frames: Sequence[Frame], admits: Callable[[int], bool] | None = None
    ) -> Payload | None:
        """What `encode` gives for a value that was encoded before.

        Args:
            name: The codec that did.
            frames: What it wrote.
            admits: As for `encode`.

        Raises:
            OSError: The blob could not be written.
        """
        size_bytes = sum(map(len, frames)) if len(frames) != 1 else len(frames[0])
        if admits is not None and not admits(size_bytes):
            return None
        if size_bytes <= INLINE_MAX_BYTES or self.read_only:
            inline = frames[0] if len(frames) == 1 and type(frames[0]) is bytes else b"".join(frames)
            return Payload(name, size_bytes, inline, None)
        with saving() if size_bytes >= _SLOW_MIN_BYTES else nullcontext():
            blob = self.blobs.write(frames)
        return Payload(name, blob.size_bytes, None, blob.digest)

    def record(self, entry: Entry, *, flushes: bool = False) -> None:
        """Keep a result: it can be found from now on, and is on its way to the disk.

        Args:
            entry: The result.
            flushes: Whether the caller calls `flush` next.
        """
        self._absence.note(entry.key)
        if entry.content is not None:
            self._absence.note(entry.content)
        self.scribe.enqueue(entry, flushes=flushes)
        if not self.read_only:
            self._outlines.note(entry.arguments)

    def record_failure(self, failure: Failure) -> None:
        """Keep the record of a failed attempt."""
        self.scribe.enqueue(failure)

    def flush(self, timeout_s: float | None = None) -> bool:
        """Wait until all that was recorded is on the disk or reported; False if the time was not enough."""
        self._outlines.flush()
        return self.scribe.flush(timeout_s)

    def remove(self, keys: Sequence[bytes]) -> None:
        """Forget calls; blobs that nobody names any more stay until they are swept.

        Raises:
            StoreError: The index could not be written; all of them are still there.
        """
        self.flush()
        try:
            self.index.remove(keys)
        except (*FAULTS, OSError) as error:
            raise StoreError(
                f"{len(keys):,} calls could not be removed from {self!r} ({error}): check that it may be written and that "
                f"no other program holds it."
            ) from error
        for key in keys:
            self.note_loss(key, "it was removed")

    def sweep(self, rules: Rules | None = None, *, dry_run: bool = False) -> Swept:
        """Remove what the rules say, and what nobody can reach; see `jumar.store.sweep.sweep`."""
        from jumar.store.retention import Rules  # noqa: PLC0415  (most programs never sweep)
        from jumar.store.sweep import sweep  # noqa: PLC0415

        return sweep(self, rules or Rules(), dry_run=dry_run)

    def _evict(self, limit_bytes: int, target_bytes: int) -> int:
        from jumar.store.sweep import evict  # noqa: PLC0415  (most stores have no bound)

        return evict(self, limit_bytes, target_bytes)

    def let_go(self) -> None:
        """Nobody needs any more what was found or written through this object: a sweep may take it when its row is gone."""
        self._presence.let_go()

    def close(self) -> None:
        """Keep what is on its way and let go of files; a second close does nothing."""
        self.is_closed = True
        with ExitStack() as parts:  # each is closed even if one before it fails
            parts.callback(self.blobs.close)
            parts.callback(self.index.close)
            if self._budget is not None:
                parts.callback(self._budget.close)
            parts.callback(self.scribe.close)
            self._outlines.flush()

    # -- looking -------------------------------------------------------------------------------------------------------

    def calls(
        self, prefix: str = "", task: str = "", limit: int | None = None, run: int | None = None
    ) -> Iterator[CallRecord]:
        """Calls, newest first: those whose key starts with ``prefix`` (hex), of this task, computed by this run.

        Raises:
            StoreError: The index cannot be read, when the iterator comes to that.
        """
        self.flush()
        return _stated(self._read(self.index.calls(prefix, task, limit, run)))

    def totals(self) -> Totals:
        """What the store holds; reads the whole index and looks at every blob.

        Raises:
            StoreError: The index cannot be read.
        """
        self.flush()
        counts = next(self._read(self.index.counts() for _ in range(1)))
        sizes = [self.blobs.size_bytes(digest) or 0 for digest in self.blobs.digests()]
        return Totals(
            counts.calls, counts.failures, counts.tasks, counts.inline_bytes, len(sizes), sum(sizes), counts.index_bytes
        )

    def _read(self, rows: Iterator[_T]) -> Generator[_T, None, None]:
        try:
            yield from rows
        except (*FAULTS, OSError) as error:
            raise StoreError(
                f"the index of {self!r} cannot be read ({error}): another program holds it, or it is damaged. A damaged "
                f"one is set aside by the next program that looks for a result in it."
            ) from error

    def __enter__(self) -> Self:
        """The store, to be closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def __repr__(self) -> str:
        return f"<jumar.Store {self.path or 'in memory'}>"


def _stated(records: Generator[CallRecord, None, None]) -> Iterator[CallRecord]:
    """The records; of a call that was continued with that as its state, of one whose error is kept only the failure."""
    with closing(records):
        for record in records:
            kept, _ = role(record.codec)
            if kept != ERROR:
                yield record._replace(state="continued") if kept == GRAPH else record
