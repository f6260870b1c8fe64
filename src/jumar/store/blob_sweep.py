"""The blobs that go in a sweep: those that no row names and no living program uses."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, NamedTuple

from jumar.errors import StoreError
from jumar.store.aside import Aside
from jumar.store.stock import Item

if TYPE_CHECKING:
    from jumar.store.store import Store


class BlobsSwept(NamedTuple):
    """What became of blobs that no row names."""

    gone: int
    gone_bytes: int
    in_use: int
    spared: str = ""


def sweep_blobs(store: Store, only: Collection[bytes] | None = None) -> BlobsSwept:
    """Delete blobs that no row names and no living program uses, and those that a sweep that died had set aside.

    Args:
        store: The store.
        only: Look at no others; at all that are there if not given.

    Raises:
        OSError, sqlite3.Error: Something cannot be read or written. What was set aside by then is found as before.
    """
    blobs = aside_of(store)
    spared = _reason_to_spare(store)
    if spared:
        return BlobsSwept(0, 0, 0, spared)
    there = store.blobs.digests() if only is None else iter(only)
    needed = blobs.claimed() | set(store.index.blobs())  # so that few are moved in vain
    for digest in there:
        if digest not in needed:
            blobs.set_aside(digest)
    # The order is what makes it safe: see `Aside`. A program that now claims one of these has found it gone, and writes
    # it anew; one that claimed it before is seen here, or has committed its row and is seen after that.
    claimed = blobs.claimed()
    named = set(store.index.blobs())
    spared = _reason_to_spare(store)  # an index that was replaced meanwhile names nothing
    gone = gone_bytes = 0
    for digest in list(blobs.aside()):
        if spared or digest in named or digest in claimed:
            blobs.put_back(digest)
            continue
        size_bytes = blobs.discard(digest)
        gone += size_bytes > 0  # none of its bytes: who found it just now has put it back
        gone_bytes += size_bytes
    candidates = set(claimed) if only is None else claimed.intersection(only)
    in_use = sum(store.blobs.size_bytes(digest) is not None for digest in candidates.difference(named))
    return BlobsSwept(gone, gone_bytes, in_use, spared)


def unnamed(store: Store, left: Iterable[Item], only: Collection[bytes | None] | None = None) -> BlobsSwept:
    """What `sweep_blobs` would do if only these rows were left.

    Args:
        store: The store.
        left: The rows.
        only: Look at no other blobs; at all that are there if not given.
    """
    spared = _reason_to_spare(store)
    if spared:
        return BlobsSwept(0, 0, 0, spared)
    blobs = aside_of(store)
    named = {item.blob for item in left}
    claimed = blobs.claimed()
    loose = [digest for digest in {*store.blobs.digests(), *blobs.aside()} if digest not in named]
    if only is not None:
        loose = [digest for digest in loose if digest in only]
    sizes = [store.blobs.size_bytes(digest) or 0 for digest in loose if digest not in claimed]
    return BlobsSwept(len(sizes), sum(sizes), len(loose) - len(sizes))


def aside_of(store: Store) -> Aside:
    """The store's blobs, as sweeps need them.

    Raises:
        StoreError: They are not of that kind.
    """
    if not isinstance(store.blobs, Aside):
        raise StoreError(f"{store!r} cannot be swept: its blobs do not say how (see jumar.store.aside.Aside).")
    return store.blobs


def _reason_to_spare(store: Store) -> str:
    """Why blobs without rows may still be wanted."""
    aside = sorted(path.name for path in store.path.glob("index.sqlite.damaged-*")) if store.path else []
    if not aside:
        return ""
    return f"blobs without rows were left alone, as {aside[0]} may name them: delete it when nothing of it is wanted any more"
