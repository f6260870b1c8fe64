"""What happens to a store when its process forks: the child inherits nothing that is in the middle of something."""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from jumar.keys.digest import hash_on_one_thread


class Forks(Protocol):
    """Something whose locks must be free in a child, where the threads that held them are not."""

    def hold(self) -> None:
        """Before a fork: take the locks, so that no other thread is in the middle of something."""

    def release(self) -> None:
        """After the fork, in the parent: give the locks back."""

    def inherit(self) -> None:
        """After the fork, in the child: give up what belongs to the parent, and give the locks back."""


_watched: weakref.WeakSet[Forks] = weakref.WeakSet()
_held: list[Forks] = []
_forking = threading.Lock()
"""Held by the thread that forks: of two that did at once, one would give back what the other holds."""


def watch(thing: Forks) -> None:
    """Tell it of forks as long as it lives."""
    _watched.add(thing)


# SQLite keeps, for all connections of a process to one file together, which locks it has from the system. A child inherits
# that book but no lock. A connection that it opens beside inherited ones would take no lock either: whoever closes the
# file next would believe to be the last one and delete the log that the child is writing. So all inherited connections to
# any file are closed before the first new one is opened, and not at the fork: most children never open one, and SQLite's
# own locks may be held by a thread of the parent's that is none of ours.
_inherited: list[sqlite3.Connection] = []
_closing = threading.Lock()
_listing: dict[sqlite3.Connection, int] = {}


def give_up(*connections: sqlite3.Connection) -> None:
    """In a child: these belong to the parent, and nothing was under way on them when it forked."""
    _inherited.extend(connections)


def close_inherited() -> None:
    """Close what was given up; to be called before a connection is opened."""
    if _inherited:
        with _closing:
            for connection in _inherited:
                connection.close()
            _inherited.clear()


class Listing(sqlite3.Connection):
    """A connection whose closing ends what is being read on it. Other ones stay open in secret until that is dropped."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._cursors: list[sqlite3.Cursor] = []

    def execute(self, statement: str, values: Any = (), /) -> sqlite3.Cursor:
        """Carry out the statement on a cursor that ends with the connection."""
        cursor = self.cursor()
        self._cursors.append(cursor)
        return cursor.execute(statement, values)

    def close(self) -> None:
        """Close the cursors, and then the connection."""
        for cursor in self._cursors:
            cursor.close()
        super().close()


@contextmanager
def listing(connection: sqlite3.Connection) -> Iterator[None]:
    """For the time of the block this thread uses a connection that no lock guards.

    Such a connection of the thread that forks is given up in the child. One of another thread cannot be: it may be in the
    middle of reading. A child of such a moment should open no store that the parent has open.
    """
    _listing[connection] = threading.get_ident()
    try:
        yield
    finally:
        _listing.pop(connection, None)


class Unconnected:
    """Stands for the parent's connections in a child until the first look-up, which needs one of the child's own.

    Args:
        connect: Connects, and gives the cursor for look-ups.
    """

    def __init__(self, connect: Callable[[], sqlite3.Cursor]) -> None:
        self._connect = connect

    def execute(self, statement: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Carry out the statement on a new connection, which takes the place of this object."""
        return self._connect().execute(statement, values)

    def close(self) -> None:
        """Do nothing: nothing is open."""


def _before() -> None:
    _forking.acquire()
    _held.extend(_watched)
    for thing in _held:
        thing.hold()


def _in_parent() -> None:
    while _held:
        _held.pop().release()
    _forking.release()


def _in_child() -> None:
    hash_on_one_thread()
    give_up(*(connection for connection, thread in _listing.items() if thread == threading.get_ident()))
    _listing.clear()
    while _held:
        _held.pop().inherit()
    _forking.release()


os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
