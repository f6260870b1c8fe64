"""The check of a store: whether all that it says it has is there as it was written, and what is done where it is not."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from jumar.clock import Clock, SystemClock
from jumar.errors import StoreError, StoreFormatError
from jumar.store.findings import CheckReport, Finding
from jumar.store.inspection import Inspection, Progress
from jumar.store.store import Store
from jumar.store.trouble import Trouble


def check(
    store: Store,
    *,
    repair: bool = False,
    decode: bool = False,
    progress: Progress = lambda *_: None,
    clock: Clock | None = None,
) -> CheckReport:
    """Look at every row and every blob of a store, and say what is wrong.

    Args:
        store: The store; one that is open for reading only cannot be repaired.
        repair: Drop what is damaged, sort broken indexes anew, replace a damaged database with what is sound in it, and
            look through those that were set aside. A dropped result is noted, so that `jumar why` can say it.
        decode: Also make every value once. This unpickles them all.
        progress: Told of progress.
        clock: For the times of losses.

    Returns:
        What was found, with what was done about it.

    Raises:
        StoreError: The index cannot be read or written, and not because it is damaged; or ``repair`` of a store that is
            open for reading only.

    Example:
        >>> store = Store.in_memory()
        >>> check(store).is_sound
        True

    *Guarantees*: programs may use the store meanwhile; what they are just recording or removing is no finding. A blob
    that no row names is never deleted, unless its bytes are not those of its name: it may be about to be named.
    """
    if repair and store.read_only:
        raise StoreError(f"{store!r} is open for reading only: it can be checked, but not repaired.")
    store.flush()
    try:
        return Inspection(store, repair, decode, progress, clock or SystemClock()).run()
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"{store!r} could not be checked to the end ({type(error).__name__}: {error}).") from error


def check_directory(
    path: Path, *, repair: bool = False, decode: bool = False, progress: Progress = lambda *_: None
) -> CheckReport:
    """Open the store in a directory and check it; without ``repair`` nothing in it is changed.

    Args:
        path: The directory.
        repair: See `check`.
        decode: See `check`.
        progress: See `check`.

    Raises:
        StoreFormatError: The directory holds something else, or a store of a newer format.
        StoreError: See `check`; with ``repair`` also where the store cannot be opened.
    """
    troubles: list[Trouble] = []
    try:
        store = Store.open(path, read_only=not repair, report=troubles.append)
    except StoreFormatError:
        raise
    except StoreError as error:
        if repair or not path.is_dir():
            raise
        text = f"{error} The blobs were not looked at: `jumar check --repair` begins a new index with what is sound."
        return CheckReport(0, 0, 0, 0, 0, 0, 0, (Finding("database", text),))
    with store:
        report = check(store, repair=repair, decode=decode, progress=progress)
    # What opening has put right, or was told of while it was put right.
    opened = [
        Finding("files" if "lost or damaged files" in trouble.text else "database", trouble.text, repaired=True)
        for trouble in troubles
        if trouble.kind in ("damaged", "repaired") and trouble.key is None
    ]
    return report._replace(findings=(*opened, *report.findings))
