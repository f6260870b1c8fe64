"""Several stores as one: the first is written to, the others are where a result is looked for next."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from typing import Any, Literal, NamedTuple

from jumar.errors import DamagedError, StoreError
from jumar.store.accepted import Accepted
from jumar.store.equivalence import Equivalence
from jumar.store.joined_blobs import JoinedBlobs
from jumar.store.joined_lineage import JoinedLineage
from jumar.store.memory_blobs import MemoryBlobs
from jumar.store.presence import Presence
from jumar.store.records import CallRecord, Entry
from jumar.store.retention import Rules
from jumar.store.store import Store
from jumar.store.sweep import Swept
from jumar.store.transfer import Transfer
from jumar.store.trouble import Trouble

Prefer = Literal["order", "recent"]
"""Which result counts where several stores have one of a call: the first store's, or the one that was recorded last."""


class Foreign(Entry):
    """A row that was found in another store than the first, with the numbers of the first; `Entry` in all else."""

    __slots__ = ()


class _Source(NamedTuple):
    store: Store
    transfer: Transfer


class JoinedStore(Store):
    """A store that also finds what others have.

    A result that is found elsewhere is used where it is: its blob is mapped from there. With `adopts`, once it has been
    read it is copied into the first store, blob first: what a program has used it finds again, also when the other store
    is gone.

    Args:
        own: The first: it is written to. It may be read-only; then nothing is kept.
        sources: Where to look next, in this order. Nothing is written to them.
        prefer: ``"order"``: the first store that has a result counts. ``"recent"``: of all that have one, the result
            that was recorded last (by the times in the rows, as the writers' clocks gave them).
        closes: The stores that are closed with this one; all of them if not given.

    Example:
        >>> mine, theirs = Store.in_memory(), Store.in_memory()
        >>> payload = theirs.encode("a result")
        >>> theirs.record(Entry(b"k" * 32, 0, 1.0, 0.5, payload.size_bytes, *payload[:1], *payload[2:], b""))
        >>> both = JoinedStore(mine, [theirs])
        >>> both.load(both.find(b"k" * 32)), mine.find(b"k" * 32) is not None
        ('a result', True)

    *Guarantees*: as those of `Store`. A source that fails is reported and passed over. A row is recorded in the first
    store only when its blob is there.
    """

    def __init__(
        self,
        own: Store,
        sources: Sequence[Store],
        *,
        prefer: Prefer = "order",
        closes: Sequence[Store] | None = None,
    ) -> None:
        super().__init__(
            own.index,
            JoinedBlobs(own.blobs, [source.blobs for source in sources]),
            own.scribe,
            path=own.path,
            verify=own._verify,  # noqa: SLF001  (the same store, under another face)
            report=own._report,  # noqa: SLF001
            clock=own.clock,
            lineage=JoinedLineage(own.lineage, [source.lineage for source in sources]),
            read_only=own.read_only,
            stock=own.stock,
        )
        # What is known of the first is shared: it may be in use by itself as well.
        self._absence, self._outlines, self.task = own._absence, own._outlines, own.task  # noqa: SLF001
        self.codecs = own.codecs
        self._presence = _Presence(own.index, own.blobs, own.scribe)
        self.accepted = JoinedAccepted(own.accepted, [source.accepted for source in sources])
        self.own = own
        """The first store by itself."""
        self.adopts = not own.read_only
        """Whether what is read from another store is copied into the first."""
        self._own_blobs = own.blobs
        self._their_blobs = JoinedBlobs(MemoryBlobs(), [source.blobs for source in sources])
        self._sources = [_Source(source, Transfer(source, own)) for source in sources]
        self._closes = [own, *sources] if closes is None else closes
        self._is_recent = prefer == "recent"

    # -- finding -------------------------------------------------------------------------------------------------------

    def is_new(self, code: bytes) -> bool:
        """Whether nobody else has recorded a call of this code in any of the stores."""
        return super().is_new(code) and all(source.store.is_new(code) for source in self._sources)

    def find(self, key: bytes) -> Entry | None:
        """The kept result of a call, wherever it is."""
        return self._chosen(super().find(key), lambda store: store.find(key))

    def find_content(self, content: bytes) -> Entry | None:
        """The kept result of a call with these values, wherever it is."""
        return self._chosen(super().find_content(content), lambda store: store.find_content(content))

    def _chosen(self, best: Entry | None, ask: Callable[[Store], Entry | None]) -> Entry | None:
        origin: _Source | None = None
        for source in self._sources:
            if best is not None and not self._is_recent:
                break
            entry = ask(source.store)
            if entry is not None and (best is None or entry.created_s > best.created_s):
                best, origin = entry, source
        if best is None or origin is None:
            return best
        return Foreign(*(origin.transfer.numbered(best) if self.adopts else best))

    def load(self, entry: Entry) -> Any:
        """The value of a kept result; one of another store is copied into the first, if this store adopts."""
        value = super().load(entry)
        if type(entry) is Foreign:
            self.record(entry)
        return value

    # -- keeping -------------------------------------------------------------------------------------------------------

    def record(self, entry: Entry, *, flushes: bool = False) -> None:
        """Keep a result; one of another store only if this store adopts and can have its blob."""
        is_foreign = type(entry) is Foreign
        if is_foreign and (not self.adopts or self._is_kept(entry)):
            return
        # A row of one's own may name another store's blob too: of a call that ended as one did that was found there.
        if self._brought(entry):
            super().record(Entry(*entry) if is_foreign else entry, flushes=flushes)

    def _is_kept(self, entry: Entry) -> bool:
        kept = self.scribe.pending(entry.key) or self.index.find(entry.key)
        return kept is not None and kept.created_s >= entry.created_s

    def _brought(self, entry: Entry) -> bool:
        """Whether the result's blob, if it has one, is in the first store by now."""
        if entry.blob is None:
            return True
        self._presence.claim(entry.blob)  # before the look
        if self._own_blobs.size_bytes(entry.blob) == entry.size_bytes:
            return True
        if not self.adopts:
            return False
        try:
            written = self._own_blobs.write([self._their_blobs.open(entry.blob, verify=False)])
            if written.digest != entry.blob:
                raise DamagedError("its bytes have another digest than recorded")
        except (DamagedError, OSError) as error:
            text = (
                f"the result of call {entry.key.hex()[:12]} ({entry.size_bytes:,} bytes) was found in another store and could "
                f"not be copied to {self.own!r}: {error}. It is used where it is, as long as that store is there."
            )
            self._report(Trouble("unsaved", text, entry.key, error))
            return False
        return True

    def sweep(self, rules: Rules | None = None, *, dry_run: bool = False) -> Swept:
        """Remove what the rules say from the first store."""
        return self.own.sweep(rules, dry_run=dry_run)

    def close(self) -> None:
        """Keep what is on its way, and close the stores that belong to this one."""
        self.is_closed = True
        self.flush()
        with ExitStack() as stores:  # each is closed even if one before it fails
            for store in self._closes:
                stores.callback(store.close)

    # -- looking -------------------------------------------------------------------------------------------------------

    def calls(
        self, prefix: str = "", task: str = "", limit: int | None = None, run: int | None = None
    ) -> Iterator[CallRecord]:
        """Calls of all stores, newest first, each once; of a run only the first store's, whose number it is."""
        if run is not None:
            return super().calls(prefix, task, limit, run)
        listings = [
            super().calls(prefix, task),
            *(self._elsewhere(source.store, prefix, task) for source in self._sources),
        ]
        merged = heapq.merge(*listings, key=lambda record: record.created_s, reverse=True)
        return islice(_once(merged), limit)

    def _elsewhere(self, store: Store, prefix: str, task: str) -> Iterator[CallRecord]:
        """The calls of another store; their runs are not known here."""
        try:
            for record in store.calls(prefix, task):
                yield record._replace(run=0)
        except StoreError as error:
            self._report(Trouble("unreadable", f"calls of {store!r} are left out: {error}", None, error))

    def __repr__(self) -> str:
        return f"{self.own!r} and {len(self._sources)} more"


class _Presence(Presence):
    """Looks after blobs of the first store; a sweep there removes nothing of another."""

    def was_removed(self, entry: Entry) -> bool:
        """Whether the blob is missing rightly."""
        return type(entry) is not Foreign and super().was_removed(entry)


class JoinedAccepted(Accepted):
    """What was declared in several stores: all of it counts, and what is declared here goes to the first.

    Args:
        own: The first store's.
        others: The others'.
    """

    def __init__(self, own: Accepted, others: Sequence[Accepted]) -> None:
        self._own = own
        self._others = others

    def by(self, code: bytes) -> Sequence[Equivalence]:
        """Codes whose results were declared to be those of this code too; the first store's own come last."""
        found = self._own.by(code)
        for other in self._others:
            if elsewhere := other.by(code):
                found = [*elsewhere, *found]
        return found

    def all(self) -> list[Equivalence]:
        """All declarations of the first store, oldest first."""
        return self._own.all()

    def add(self, equivalence: Equivalence) -> int:
        """Keep a declaration in the first store."""
        return self._own.add(equivalence)

    def revoke(self, number: int) -> None:
        """Take back a declaration of the first store."""
        self._own.revoke(number)


def _once(records: Iterator[CallRecord]) -> Iterator[CallRecord]:
    seen: set[bytes] = set()
    for record in records:
        if record.key not in seen:
            seen.add(record.key)
            yield record
