"""What is asked of the database of an index by those who keep their own tables in it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

_T = TypeVar("_T")


class Database(Protocol):
    """The index's database.

    Writing through a connection of one's own was rejected: the index could not tell such writes from those of another
    program, and would look on the disk for calls that nobody can have recorded.
    """

    def transact(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Do the work in a transaction."""

    def reading(self) -> AbstractContextManager[sqlite3.Connection]:
        """A connection of one's own."""

    def forget(self, keys: Collection[bytes]) -> None:
        """Let go of rows that were read ahead: these were removed in a transaction."""
