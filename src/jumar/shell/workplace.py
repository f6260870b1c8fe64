"""Folders for files that are being made, beside the place that they are to have, cleared when their process has died.

A folder belongs to whoever holds the lock on it. The lock goes with the process, however that ends, so a folder whose
lock is free is one that a dead process left. Process numbers were rejected for this: containers that share a file
system do not share them. A lock on the folder itself, and not on a file beside it, leaves nothing behind.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from jumar.store.lock_file import try_lock

PREFIX = ".jumar-shell-"

_LOOK = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

_cleared: set[Path] = set()


@contextmanager
def workplace(beside: Path) -> Iterator[Path]:
    """A new folder inside ``beside``, so that what is made in it gets its place by a rename; removed at the end.

    Args:
        beside: The folder in which the finished files have their place; made if it is not there.

    Raises:
        OSError: It cannot be made or written to.

    Guarantees:
        What processes that died left in ``beside`` is removed, by the first use in each process. No living process's
        folder ever is.
    """
    beside.mkdir(parents=True, exist_ok=True)
    _clear_once(beside)
    folder, lock = _claim(beside)
    try:
        yield folder
    finally:
        _remove(folder)
        os.close(lock)


def _claim(beside: Path) -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=beside))
        # Until it is locked it looks abandoned, and another process that clears may be faster.
        try:
            lock = os.open(folder, _LOOK)
        except FileNotFoundError:
            continue
        if _try(lock) and folder.is_dir():
            return folder, lock
        os.close(lock)


def _clear_once(beside: Path) -> None:
    place = beside.resolve()
    if place in _cleared:
        return
    _cleared.add(place)  # two threads may both come here: the locks see to it that they do no harm
    for folder in place.glob(f"{PREFIX}*"):
        lock = _open(folder)
        if lock is None:
            continue
        try:
            if try_lock(lock):
                _remove(folder)
        except OSError:  # no locks on this file system: nobody can tell what is abandoned
            return
        finally:
            os.close(lock)


def _open(folder: Path) -> int | None:
    """A descriptor of a folder, for its lock; None where it is gone, no folder, or another user's."""
    with suppress(OSError):
        return os.open(folder, _LOOK)
    return None


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    if folder.is_dir():  # programs may make folders that nothing can be removed from
        for inner, _, _ in os.walk(folder):
            with suppress(OSError):  # another user's; it stays
                Path(inner).chmod(0o700)
        shutil.rmtree(folder, ignore_errors=True)


def _try(lock: int) -> bool:
    try:
        return try_lock(lock)
    except OSError:  # no locks on this file system: then nobody clears there either
        return True
