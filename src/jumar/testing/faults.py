"""Faults on demand: storage that fails, or a process that dies, at a chosen operation; and a record of all operations.

A `Faults` object says what goes wrong and when. The wrappers in `jumar.testing.faulty_parts` ask it at each operation.

Example:
    >>> from jumar.store.memory_blobs import MemoryBlobs
    >>> from jumar.testing.faulty_parts import FaultyBlobs
    >>> faults = Faults(at=2, error=disk_full)
    >>> blobs = FaultyBlobs(MemoryBlobs(), faults)
    >>> blob = blobs.write([b"first"])
    >>> blobs.write([b"second"])
    Traceback (most recent call last):
    ...
    OSError: [Errno 28] No space left on device
    >>> faults.operations
    ['blobs.write', 'blobs.write']
"""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal, NoReturn

KILLED_STATUS = 137
"""How a process ends by `die`: what a shell shows for one that was killed by SIGKILL."""


class SimulatedCrash(BaseException):
    """The process dies here, as far as a test is concerned. Like Ctrl-C it is no ``Exception``: nobody handles it."""


def die() -> NoReturn:
    """End this process at once, as SIGKILL would: nothing is flushed, closed or cleaned up."""
    os._exit(KILLED_STATUS)


def disk_full() -> OSError:
    """What writing a file gives on a full disk."""
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def quota_exceeded() -> OSError:
    """What writing a file gives where the user's share of a disk is used up."""
    return OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))


def database_full() -> sqlite3.OperationalError:
    """What SQLite gives on a full disk."""
    return _sqlite_error("database or disk is full", sqlite3.SQLITE_FULL, "SQLITE_FULL")


def database_failing() -> sqlite3.OperationalError:
    """What SQLite gives when reading or writing its file fails."""
    return _sqlite_error("disk I/O error", sqlite3.SQLITE_IOERR, "SQLITE_IOERR")


def database_locked() -> sqlite3.OperationalError:
    """What SQLite gives when another program writes for longer than one cares to wait."""
    return _sqlite_error("database is locked", sqlite3.SQLITE_BUSY, "SQLITE_BUSY")


class Faults:
    """What goes wrong, and when.

    Args:
        at: The number of the operation that fails, from 1; None for none, where operations are only to be recorded.
        error: Makes what is raised. `SimulatedCrash`, `die` and the functions above are of that kind. One that returns
            None only holds the operation up for as long as it takes, such as a wait for an event.
        when: ``"before"``: the operation is not carried out. ``"after"``: it is, and its answer is lost.
        onwards: Whether all later operations fail as well.
        only: The operations that are counted, such as ``"index.add"``; all if not given.

    *Guarantees*: operations of all threads are counted in one order. After a `SimulatedCrash` every further operation of
    any kind raises it too: the dead do nothing.
    """

    def __init__(
        self,
        at: int | None = None,
        error: Callable[[], BaseException | None] = SimulatedCrash,
        *,
        when: Literal["before", "after"] = "before",
        onwards: bool = False,
        only: Sequence[str] = (),
    ) -> None:
        self._at = at
        self._error = error
        self._when = when
        self._onwards = onwards
        self._only = only
        self._lock = threading.Lock()
        self._counted = 0
        self._crashed = False
        self.operations: list[str] = []
        """The name of each operation so far, also of those that were not counted or failed."""

    @contextmanager
    def operation(self, name: str) -> Iterator[None]:
        """Carry out an operation in this block, unless it is one that fails.

        Args:
            name: Such as ``"index.add"``.

        Raises:
            BaseException: The error, if this operation is to fail.
        """
        fails = self._fails(name)
        if fails and self._when == "before":
            self._raise()
        yield
        if fails:
            self._raise()

    def _fails(self, name: str) -> bool:
        with self._lock:
            self.operations.append(name)
            if self._crashed:
                raise SimulatedCrash
            if self._at is None or (self._only and name not in self._only):
                return False
            self._counted += 1
            return self._counted == self._at or (self._onwards and self._counted > self._at)

    def _raise(self) -> None:
        error = self._error()
        if error is None:
            return
        self._crashed = isinstance(error, SimulatedCrash)
        raise error


def _sqlite_error(text: str, code: int, name: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(text)
    error.sqlite_errorcode, error.sqlite_errorname = code, name
    return error
