"""Pins: calls whose results no sweep takes away."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from jumar.store.database import Database


class Pin(NamedTuple):
    """One pinned call."""

    key: bytes
    created_s: float
    note: str


class Pins(Protocol):
    """Keeps pins. Every method may be called from any thread."""

    def add(self, pins: Sequence[Pin]) -> None:
        """Pin calls; one that is pinned gets the new note."""

    def remove(self, keys: Sequence[bytes]) -> int:
        """Take pins away; how many there were."""

    def all(self) -> list[Pin]:
        """All pins, oldest first."""


class MemoryPins:
    """Keeps pins as long as the process lives."""

    def __init__(self) -> None:
        self._pins: dict[bytes, Pin] = {}

    def add(self, pins: Sequence[Pin]) -> None:
        """Pin calls."""
        self._pins.update({pin.key: pin for pin in pins})

    def remove(self, keys: Sequence[bytes]) -> int:
        """Take pins away."""
        return sum(self._pins.pop(key, None) is not None for key in keys)

    def all(self) -> list[Pin]:
        """All pins."""
        return list(self._pins.copy().values())


class SqlitePins:
    """Keeps pins in the database of an index.

    Args:
        database: The index.

    Raises:
        sqlite3.Error: Where the database cannot be read or written.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, pins: Sequence[Pin]) -> None:
        """Pin calls, all or none."""

        def write(connection: sqlite3.Connection) -> None:
            connection.executemany("INSERT OR REPLACE INTO pins (key, created_s, note) VALUES (?, ?, ?)", pins)

        self._database.transact(write)

    def remove(self, keys: Sequence[bytes]) -> int:
        """Take pins away, all or none."""

        def write(connection: sqlite3.Connection) -> int:
            return connection.executemany("DELETE FROM pins WHERE key = ?", [(key,) for key in keys]).rowcount

        return self._database.transact(write)

    def all(self) -> list[Pin]:
        """All pins."""
        with self._database.reading() as connection:
            if not has_table(connection, "pins"):
                return []
            return [Pin(*row) for row in connection.execute("SELECT key, created_s, note FROM pins ORDER BY created_s")]


def has_table(connection: sqlite3.Connection, name: str) -> bool:
    """Whether the database has the table: one of an earlier revision that may not be written does not get the later ones."""
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (name,)).fetchone()
    return found is not None
