"""Opening the stores of a session: one, or a first one and others that are only read."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jumar.errors import StoreError
from jumar.store.store import Store, Verify
from jumar.store.trouble import Report, Trouble, warn

if TYPE_CHECKING:
    from jumar.store.joined_store import Prefer

Place = str | os.PathLike[str] | Store
"""A folder, the file of an export, or an open store."""


def open_stores(
    places: Place | Sequence[Place],
    *,
    verify: Verify = "first",
    report: Report = warn,
    prefer: Prefer = "order",
    **options: Any,
) -> Store:
    """One store, or several as one, of which the first is written to.

    Args:
        places: Where they are, in the order in which they are looked into. Open ones stay open when this one is closed.
        verify: When the digest of a large result is checked on reading.
        report: Told of trouble; of the others' once for each kind.
        prefer: Which result counts where several have one, see `JoinedStore`.
        options: How the first is opened, as for ``Store.open``.

    Raises:
        StoreError: The first cannot be opened. Any other that cannot is reported and left out.
    """
    first, *others = [places] if isinstance(places, (str, os.PathLike, Store)) else places
    with ExitStack() as opened:
        closes: list[Store] = []
        if isinstance(first, Store):
            own = first
        else:
            own = Store.open(Path(first).expanduser(), verify=verify, report=report, **options)
            opened.callback(own.close)
            closes.append(own)
        sources = [store for place in others if (store := _source(place, closes, opened, verify, report)) is not None]
        opened.pop_all()
    if not others:
        return own
    from jumar.store.joined_store import JoinedStore  # noqa: PLC0415  (most sessions have one store)

    return JoinedStore(own, sources, prefer=prefer, closes=closes)


def _source(place: Place, closes: list[Store], opened: ExitStack, verify: Verify, report: Report) -> Store | None:
    if isinstance(place, Store):
        return place
    path = Path(place).expanduser()
    try:
        store = Store.open(path, verify=verify, report=_Once(path, report), read_only=True)
    except (StoreError, OSError) as error:
        report(Trouble("unreadable", f"the store {path} is left out, and nothing is found in it: {error}", None, error))
        return None
    opened.callback(store.close)
    closes.append(store)
    return store


class _Once:
    """Reports the first trouble of each kind with a store that is only read: a broken one must not speak at every call.

    Args:
        path: Where the store is.
        report: Who is told.
    """

    def __init__(self, path: Path, report: Report) -> None:
        self._path = path
        self._report = report
        self._lock = threading.Lock()
        self._told: set[str] = set()

    def __call__(self, trouble: Trouble) -> None:
        with self._lock:
            if trouble.kind in self._told:
                return
            self._told.add(trouble.kind)
        text = (
            f"in the store {self._path}, which is only read: {trouble.text} More of this kind from there is not told."
        )
        self._report(trouble._replace(text=text))
