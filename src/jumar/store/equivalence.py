"""Edits that were declared to change no result, so that what the old code computed is found for the new."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from jumar.store.database import Database


class Equivalence(NamedTuple):
    """One declaration. It can be revoked; nothing that was recorded is changed by it."""

    number: int
    new: bytes
    """Digest of the code that is there now."""
    old: bytes
    """Digest of the code whose results are to be used."""
    parameter: str
    """A parameter that the old code did not have; empty where there is none."""
    token: bytes
    """The value of that parameter with which the new code computes what the old one did."""
    created_s: float
    task: str
    note: str


class Equivalences(Protocol):
    """Keeps declarations."""

    def add(self, equivalence: Equivalence) -> int:
        """Keep a declaration, whose number is given now."""

    def remove(self, number: int) -> bool:
        """Revoke a declaration; False where there is none."""

    def all(self) -> list[Equivalence]:
        """All declarations, oldest first."""


class MemoryEquivalences:
    """Keeps declarations as long as the process lives."""

    def __init__(self) -> None:
        self._kept: dict[int, Equivalence] = {}
        self._last = 0

    def add(self, equivalence: Equivalence) -> int:
        """Keep a declaration."""
        self._last += 1
        self._kept[self._last] = equivalence._replace(number=self._last)
        return self._last

    def remove(self, number: int) -> bool:
        """Revoke a declaration."""
        return self._kept.pop(number, None) is not None

    def all(self) -> list[Equivalence]:
        """All declarations."""
        return list(self._kept.values())


TABLE = """
CREATE TABLE IF NOT EXISTS equivalences (
    number INTEGER PRIMARY KEY,
    new BLOB NOT NULL,
    old BLOB NOT NULL,
    parameter TEXT NOT NULL,
    token BLOB NOT NULL,
    created_s REAL NOT NULL,
    task TEXT NOT NULL,
    note TEXT NOT NULL
);
"""


class SqliteEquivalences:
    """Keeps declarations in the database of an index.

    Args:
        database: The index.

    Raises:
        sqlite3.Error: Where the database cannot be read or written.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, equivalence: Equivalence) -> int:
        """Keep a declaration."""
        statement = (
            "INSERT INTO equivalences (new, old, parameter, token, created_s, task, note) VALUES (?, ?, ?, ?, ?, ?, ?)"
        )
        return self._database.transact(lambda connection: connection.execute(statement, equivalence[1:]).lastrowid or 0)

    def remove(self, number: int) -> bool:
        """Revoke a declaration."""
        statement = "DELETE FROM equivalences WHERE number = ?"
        return self._database.transact(lambda connection: connection.execute(statement, (number,)).rowcount > 0)

    def all(self) -> list[Equivalence]:
        """All declarations."""
        with self._database.reading() as connection:
            return [Equivalence(*row) for row in connection.execute("SELECT * FROM equivalences ORDER BY number")]
