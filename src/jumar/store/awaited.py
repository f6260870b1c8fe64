"""What runs wait for, as the store keeps it: waits with their wake-up times, and events with who has taken each."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection
from typing import Any, Literal, NamedTuple

from jumar.keys.digest import digest
from jumar.store.database import Database
from jumar.store.pins import has_table

_OPEN = """
SELECT w.run, w.key, w.name, w.since_s, w.until_s, w."check" FROM waits AS w
WHERE w.run = ? AND NOT EXISTS (SELECT 1 FROM calls WHERE calls.key = w.key) ORDER BY w.since_s
"""
_TAKE = """
UPDATE events SET taken_by = ?
WHERE number = (SELECT min(number) FROM events WHERE run = ? AND name = ? AND taken_by IS NULL)
"""
_WAIT_COLUMNS = 'run, key, name, since_s, until_s, "check"'
_EVENT_COLUMNS = 'number, run, name, payload, sent_s, sender, taken_by, "check"'

Sent = Literal["sent", "known", "no run", "over"]


class WaitRow(NamedTuple):
    """A wait as it is recorded."""

    run: bytes
    """The run's token."""
    key: bytes
    """The step's."""
    name: str
    """The event's name; empty for a sleep."""
    since_s: float
    until_s: float | None
    """When it is over at the latest, in seconds since the epoch; None where nothing but the event ends it."""
    check: bytes = b""

    def checked(self) -> WaitRow:
        """The same with its check."""
        return self._replace(check=_check_of(self[:5]))

    def is_sound(self) -> bool:
        """Whether it is what was written."""
        return self.checked() == self


class EventRow(NamedTuple):
    """An event as it is recorded."""

    number: int | None
    run: bytes
    name: str
    payload: str
    """JSON."""
    sent_s: float
    sender: str
    """What the sender told it apart by; empty where it said nothing."""
    taken_by: bytes | None = None
    """The key of the wait that it has ended."""
    check: bytes = b""

    def checked(self) -> EventRow:
        """The same with its check, which does not cover who has taken it: that changes."""
        return self._replace(check=_check_of(self[1:6]))

    def is_sound(self) -> bool:
        """Whether it is what was sent."""
        return self.checked() == self


class Awaited:
    """Keeps waits and events in the database of an index. Every method may be called from any thread.

    Args:
        database: The index.

    Raises:
        sqlite3.Error: From each method, where the database cannot be read or written.

    *Guarantees*: an event ends one wait. A wait that has taken an event takes the same one again, whoever asks for it, as
    often as it is asked: it is known by the key of its step.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, wait: WaitRow) -> tuple[float | None, str | None]:
        """Note that a run begins to wait, unless it has begun before.

        Returns:
            Until when it waits, as it was noted the first time; and the payload of the event, if it is there already.
        """
        row = wait.checked()

        def write(connection: sqlite3.Connection) -> tuple[float | None, str | None]:
            connection.execute(f"INSERT OR IGNORE INTO waits ({_WAIT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)", row)
            found = connection.execute("SELECT until_s FROM waits WHERE run = ? AND key = ?", row[:2])
            until_s = found.fetchone()[0]
            return until_s, _taken(connection, wait) if wait.name else None

        return self._database.transact(write)

    def take(self, wait: WaitRow) -> str | None:
        """The payload of the event that ends a wait, which no other wait has then; None where none has come."""
        return self._database.transact(lambda connection: _taken(connection, wait))

    def there(self, places: Collection[tuple[bytes, str]]) -> list[tuple[bytes, str]]:
        """Those of the places for which events are there that nobody has taken.

        Args:
            places: Runs, each with the name of an event.
        """
        question = "SELECT EXISTS (SELECT 1 FROM events WHERE run = ? AND name = ? AND taken_by IS NULL)"
        with self._database.reading() as connection:
            return [place for place in places if connection.execute(question, place).fetchone()[0]]

    def send(self, run_id: str, event: EventRow) -> tuple[Sent, EventRow]:
        """Add an event to a run; as it is recorded, with its number.

        Args:
            run_id: The run's id.
            event: Without the run's token.

        Returns:
            ``known``: the same sender has sent it before. ``no run``: there is none of this id. ``over``: the run has
            succeeded, and waits for nothing any more.
        """

        def write(connection: sqlite3.Connection) -> tuple[Sent, EventRow]:
            run = connection.execute("SELECT token, state FROM named_runs WHERE id = ?", (run_id,)).fetchone()
            if run is None:
                return "no run", event
            row = event._replace(run=run[0]).checked()
            if event.sender:
                question = "SELECT number FROM events WHERE run = ? AND sender = ?"
                known = connection.execute(question, (row.run, event.sender)).fetchone()
                if known is not None:
                    return "known", row._replace(number=known[0])
            if run[1] == "succeeded":
                return "over", row
            added = connection.execute(f"INSERT INTO events ({_EVENT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
            return "sent", row._replace(number=added.lastrowid)

        return self._database.transact(write)

    def open_waits(self, run: bytes) -> list[WaitRow]:
        """What a run has begun to wait for and has no answer to, in the order in which it began."""
        return [WaitRow(*row) for row in self._rows(_OPEN, run)]

    def waits(self, run: bytes) -> list[WaitRow]:
        """All waits of a run, in the order in which they began."""
        question = f"SELECT {_WAIT_COLUMNS} FROM waits WHERE run = ? ORDER BY since_s"
        return [WaitRow(*row) for row in self._rows(question, run)]

    def events(self, run: bytes) -> list[EventRow]:
        """All events that were sent to a run, in that order."""
        question = f"SELECT {_EVENT_COLUMNS} FROM events WHERE run = ? ORDER BY number"
        return [EventRow(*row) for row in self._rows(question, run)]

    def _rows(self, question: str, run: bytes) -> list[Any]:
        with self._database.reading() as connection:
            if not has_table(connection, "waits"):  # an older store that may not be written
                return []
            return connection.execute(question, (run,)).fetchall()


def forget(connection: sqlite3.Connection, run: bytes) -> None:
    """Delete the waits and events of a run, inside a transaction."""
    connection.execute("DELETE FROM waits WHERE run = ?", (run,))
    connection.execute("DELETE FROM events WHERE run = ?", (run,))


def _taken(connection: sqlite3.Connection, wait: WaitRow) -> str | None:
    question = "SELECT payload FROM events WHERE run = ? AND name = ? AND taken_by = ?"
    place = (wait.run, wait.name, wait.key)
    found = connection.execute(question, place).fetchone()
    if found is None and connection.execute(_TAKE, (wait.key, wait.run, wait.name)).rowcount:
        found = connection.execute(question, place).fetchone()
    return None if found is None else str(found[0])


def _check_of(fixed: tuple[Any, ...]) -> bytes:
    # Some builds of SQLite keep 1.0 as 1.
    plain = [float(each) if isinstance(each, int) else each for each in fixed]
    return digest(json.dumps(plain, default=bytes.hex).encode("utf-8", "surrogatepass"))
