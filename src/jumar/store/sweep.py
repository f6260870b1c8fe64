"""Sweeps: rows go by rules, then blobs that no row names and nobody uses, safely beside programs that record."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from jumar.errors import StoreError
from jumar.store.blob_sweep import BlobsSwept, aside_of, sweep_blobs, unnamed
from jumar.store.lock_file import locked
from jumar.store.relabel import relabel, relabel_if_long
from jumar.store.retention import Rules, Usage, condemn
from jumar.store.sqlite_connection import FAULTS
from jumar.store.stock import ROW_BYTES, Condemned, Item, Stock

if TYPE_CHECKING:
    from jumar.store.store import Store

_ROWS_AT_ONCE = 2000
"""Rows removed in one transaction: others that record wait for some tens of milliseconds at most."""
FAILURES_KEPT_S = 30 * 86_400.0
"""Records of failed attempts go when they are older, unless a rule says earlier."""


class BusyError(StoreError):
    """Another program sweeps the store all the time that one was ready to wait."""


class Share(NamedTuple):
    """What a sweep takes of one task."""

    task: str
    calls: int
    size_bytes: int
    """Of the results, each counted for itself."""
    seconds: float
    """What they cost, and would cost again."""


class Swept(NamedTuple):
    """What a sweep took, or would take."""

    shares: tuple[Share, ...]
    """By task, largest first."""
    blobs: int
    """Blobs that went, with their last row or because no row names them."""
    blob_bytes: int
    blobs_in_use: int
    """Blobs that no row names any more, and that stay because a living program uses them: the next sweep takes them."""
    failures: int
    """Records of failed attempts."""
    codes: int
    """Code versions whose sources went."""
    index_bytes: int
    """What the index on disk gave back."""
    spared: str = ""
    """Why blobs without rows were left alone; empty where they were not."""

    @property
    def calls(self) -> int:
        """Results that went."""
        return sum(share.calls for share in self.shares)

    @property
    def freed_bytes(self) -> int:
        """What the disk got back: a result in the index only makes room there for others."""
        return self.blob_bytes + self.index_bytes


def sweep(store: Store, rules: Rules, *, dry_run: bool = False) -> Swept:
    """Remove what the rules say, and what nobody can reach: blobs without rows, old failures, sources of lost codes.

    Args:
        store: The store.
        rules: What is to go.
        dry_run: Say what would go, and change nothing.

    Raises:
        StoreError: The store may not be written, cannot be swept, or another program sweeps it for half a minute.

    *Guarantees*: no row ever names a blob that is not there, also for programs that record or read meanwhile, and when
    the sweep dies at any moment; then the next one finishes it. A pinned result stays.
    """
    with _sweeping(store, dry_run):
        stock = stock_of(store)
        items = list(stock.items())
        going = condemn(items, rules, _usage(store, stock))
        kept_s = FAILURES_KEPT_S if rules.older_than_s is None else min(FAILURES_KEPT_S, rules.older_than_s)
        failures = stock.failures(store.now_s() - kept_s)
        if dry_run:
            gone = {each.key for each in going}
            blobs = unnamed(store, [item for item in items if item.key not in gone])
            codes, index_bytes = stock.unused_codes(), 0
        else:
            gone = _take(store, stock, going)
            blobs = sweep_blobs(store)
            store.index.remove(failures)
            codes = stock.unused_codes()
            stock.drop_codes(codes)
            index_bytes = stock.compact(sum(_row_bytes(item) for item in items if item.key in gone))
            relabel(store)  # also where nothing went now: sessions with a bound on the size have removed rows
        shares = _shares(items, gone)
        return Swept(shares, *blobs[:3], len(failures), len(codes), index_bytes, blobs.spared)


def remove(
    store: Store, choose: Callable[[Sequence[Item]], Collection[bytes]], reason: str, *, dry_run: bool = False
) -> Swept:
    """Remove chosen calls, results and failures, and the blobs that no others use; pinned ones stay.

    Args:
        store: The store.
        choose: Is given all results, and gives the keys of those that are to go.
        reason: What ``jumar why`` is to say.
        dry_run: Say what would go, and change nothing.

    Raises:
        StoreError: As `sweep`.
    """
    with _sweeping(store, dry_run):
        stock = stock_of(store)
        items = list(stock.items())
        keys = set(choose(items)) - stock.guarded()
        going = [Condemned(item.key, item.created_s, reason) for item in items if item.key in keys]
        failures = keys.difference(item.key for item in items)
        if dry_run:
            gone = {each.key for each in going}
            theirs = {item.blob for item in items if item.key in gone}
            blobs = unnamed(store, [item for item in items if item.key not in gone], theirs)
        else:
            gone, blobs = _drop(store, stock, items, going)
            store.index.remove(list(failures))
        return Swept(_shares(items, gone), *blobs[:3], len(failures), 0, 0, blobs.spared)


class Discarded(NamedTuple):
    """What was removed without a sweep of the whole store."""

    calls: int
    blobs: frozenset[bytes]
    """The blobs that these results had."""


def discard(store: Store, keys: Collection[bytes], reason: str) -> Discarded:
    """Remove results of calls, and the blobs that no others use; pinned ones, and steps of runs, stay.

    Args:
        store: The store.
        keys: Of the calls.
        reason: What ``jumar why`` is to say.

    Raises:
        StoreError, sqlite3.Error, OSError: The store cannot be read or written.
    """
    store.flush()
    entries = [entry for key in keys if (entry := store.index.find(key)) is not None]
    going = [Condemned(entry.key, entry.created_s, reason) for entry in entries]
    gone = _take(store, stock_of(store), going) if going else set()
    blobs = frozenset(entry.blob for entry in entries if entry.key in gone and entry.blob is not None)
    free_blobs(store, blobs)
    return Discarded(len(gone), blobs)


def free_blobs(store: Store, blobs: Collection[bytes]) -> None:
    """Delete those of these blobs that no row names and no living program uses.

    They stay for the next sweep where another program sweeps at this moment, or where this one has written or found them
    and may be about to name them again.

    Raises:
        StoreError: The store cannot be swept.
    """
    if blobs:
        with suppress(BusyError), _sweeping(store, flush=False, wait_s=0.0):
            sweep_blobs(store, blobs)


def evict(store: Store, limit_bytes: int, target_bytes: int) -> int:
    """Bring what the results take below a limit, if it is above, as far as pins and living programs allow.

    Where another program sweeps the store at this moment nothing is done.

    Args:
        store: The store.
        limit_bytes: Nothing happens below this.
        target_bytes: How much to leave.

    Returns:
        What the results take now.

    Raises:
        StoreError: As `sweep`.
        sqlite3.Error: The index cannot be read.
    """
    # What is on its way, or in memory until a flush, is not there to be swept: so there is no flush.
    with suppress(BusyError), _sweeping(store, flush=False, wait_s=0.0):
        stock = stock_of(store)
        if stock.size_bytes() > limit_bytes:
            items = list(stock.items())
            going = condemn(items, Rules(max_size_bytes=target_bytes), _usage(store, stock))
            _drop(store, stock, items, going)
    return stock_of(store).size_bytes()


def stock_of(store: Store) -> Stock:
    """What retention knows of the store.

    Raises:
        StoreError: The store was put together without it.
    """
    if store.stock is None:
        raise StoreError(f"{store!r} cannot be swept: it was made with an index that does not say how. Give it stock=.")
    return store.stock


def _drop(
    store: Store, stock: Stock, items: Iterable[Item], going: Sequence[Condemned]
) -> tuple[set[bytes], BlobsSwept]:
    gone = _take(store, stock, going)
    large = [item for item in items if item.blob is not None]
    swept = sweep_blobs(store, {item.blob for item in large if item.key in gone and item.blob is not None})
    relabel_if_long(store, sum(item.key not in gone for item in large))
    return gone, swept


def _take(store: Store, stock: Stock, going: Sequence[Condemned]) -> set[bytes]:
    gone: set[bytes] = set()
    for start in range(0, len(going), _ROWS_AT_ONCE):
        gone |= stock.take(going[start : start + _ROWS_AT_ONCE], store.now_s())
    return gone


def _row_bytes(item: Item) -> int:
    return ROW_BYTES + (item.size_bytes if item.blob is None else 0)


def _usage(store: Store, stock: Stock) -> Usage:
    return Usage(
        store.now_s(),
        stock.guarded(),
        aside_of(store).claimed(),
        store.lineage.code_uses(),
        {run.number: run.started_s for run in store.lineage.runs()},
    )


def _shares(items: Iterable[Item], gone: Collection[bytes]) -> tuple[Share, ...]:
    shares: dict[str, Share] = {}
    for item in items:
        if item.key in gone:
            name, calls, size_bytes, seconds = shares.get(item.task, Share(item.task, 0, 0, 0.0))
            shares[item.task] = Share(name, calls + 1, size_bytes + item.size_bytes, seconds + item.seconds)
    return tuple(sorted(shares.values(), key=lambda share: (-share.size_bytes, share.task)))


@contextmanager
def _sweeping(store: Store, dry_run: bool = False, *, flush: bool = True, wait_s: float = 30.0) -> Iterator[None]:
    """One sweep at a time, of what is there when all that was recorded so far is committed."""
    if store.read_only and not dry_run:
        raise StoreError(f"{store!r} may not be written, so nothing can be removed from it. Check its permissions.")
    if flush:
        store.flush()
    with ExitStack() as alone:
        if store.path and not dry_run:
            try:
                alone.enter_context(locked(store.path / "sweep.lock", wait_s))
            except StoreError as error:
                raise BusyError(
                    f"{store!r} is being swept by another program. Try again when that has ended."
                ) from error
        try:
            yield
        except (*FAULTS, OSError) as error:
            raise StoreError(
                f"{store!r} could not be swept to the end ({type(error).__name__}: {error}). It is sound; what is left to "
                f"do is done by the next `jumar gc`."
            ) from error
