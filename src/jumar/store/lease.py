"""Leases on calls: which process is computing a call that others on the same store want as well."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from typing import NamedTuple

from jumar.clock import Clock
from jumar.store import holder as holders
from jumar.store.database import Database
from jumar.store.pins import has_table
from jumar.store.sqlite_index import SqliteIndex
from jumar.store.store import Store

LEASE_S = 30.0
"""How long a lease counts that nobody renews, where nobody can see whether its holder lives, in seconds."""


class _Seen(NamedTuple):
    holder: str
    until_s: float
    since_s: float
    """When it was first seen so, on the clock that never goes back."""


class Leases:
    """Takes leases on calls, one holder a call.

    No clock is compared with another's: a lease that its holder does not renew is seen unchanged for as long as leases
    last, by the watcher's own clock, and counts as lapsed then. One whose holder has died on this machine lapses at once.

    Args:
        database: The store's index.
        clock: For how long leases were not renewed.
        holder: Who takes them.
        lease_s: How long a lease counts without renewal, in seconds; the same for all who use the store.

    Raises:
        sqlite3.Error: From each method, where the database cannot be read or written.

    *Guarantees*: of several that try to take a lease at once one gets it. Leases keep calls from running twice; they
    do not decide which result counts, so that a lease which lapsed too early costs an execution and nothing else.
    """

    def __init__(
        self, database: Database, clock: Clock, holder: holders.Holder | None = None, lease_s: float = LEASE_S
    ) -> None:
        self._database = database
        self._clock = clock
        self.holder = str(holder or holders.me())
        """Who takes them, as text."""
        self._seen: dict[bytes, _Seen] = {}
        self.lease_s = lease_s
        """How long a lease counts without renewal."""

    def take(self, key: bytes) -> bool:
        """Whether the lease is the caller's now: it was free or lapsed, or is the caller's already."""
        return self._database.transact(lambda connection: self.take_within(connection, key))

    def take_within(self, connection: sqlite3.Connection, key: bytes) -> bool:
        """As `take`, inside a transaction of the caller's."""
        found = connection.execute("SELECT holder, until_s FROM leases WHERE key = ?", (key,)).fetchone()
        if found is not None and not self._is_free(key, *found):
            return False
        row = (key, self.holder, self._until_s())
        connection.execute("INSERT OR REPLACE INTO leases (key, holder, until_s) VALUES (?, ?, ?)", row)
        self._seen.pop(key, None)
        return True

    def holder_within(self, connection: sqlite3.Connection, key: bytes) -> str | None:
        """As `holder_of`, inside a transaction of the caller's."""
        question = "SELECT CAST(holder AS TEXT), until_s FROM leases WHERE key = ?"
        found = connection.execute(question, (key,)).fetchone()
        return None if found is None or self._lapsed(key, *found) else str(found[0])

    def renew(self, keys: Collection[bytes]) -> set[bytes]:
        """Make leases last anew; those of them that are the caller's still."""

        def write(connection: sqlite3.Connection) -> set[bytes]:
            statement = "UPDATE leases SET until_s = ? WHERE key = ? AND holder = ?"
            until_s = self._until_s()
            return {key for key in keys if connection.execute(statement, (until_s, key, self.holder)).rowcount}

        return self._database.transact(write)

    def give_back(self, keys: Collection[bytes]) -> None:
        """End leases; those that are another's by now are left alone."""
        rows = [(key, self.holder) for key in keys]
        self._database.transact(
            lambda connection: connection.executemany("DELETE FROM leases WHERE key = ? AND holder = ?", rows)
        )

    def free(self, keys: Collection[bytes]) -> list[bytes]:
        """Those of the calls on which nobody has a lease that counts."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT key, CAST(holder AS TEXT), until_s FROM leases").fetchall()
        taken = {row[0]: row[1:] for row in rows}
        for key in self._seen.keys() - taken.keys():
            self._seen.pop(key, None)
        return [key for key in keys if key not in taken or self._is_free(key, *taken[key])]

    def holder_of(self, key: bytes) -> str | None:
        """Who has a lease on the call that counts, as text; None where nobody has."""
        found = self.written(key)
        return None if found is None or self._lapsed(key, *found) else found[0]

    def written(self, key: bytes) -> tuple[str, float] | None:
        """What is written of a lease: its holder, and a number that changes when it is renewed; None where nothing is."""
        with self._database.reading() as connection:
            if not has_table(connection, "leases"):
                return None
            question = "SELECT CAST(holder AS TEXT), until_s FROM leases WHERE key = ?"
            found = connection.execute(question, (key,)).fetchone()
        return None if found is None else (str(found[0]), found[1])

    def _is_free(self, key: bytes, holder: str, until_s: float) -> bool:
        return holder == self.holder or self._lapsed(key, holder, until_s)

    def _lapsed(self, key: bytes, holder: str, until_s: float) -> bool:
        seen = self._seen.get(key)
        now_s = self._clock.elapsed_s()
        if seen is None or seen[:2] != (holder, until_s):
            seen = self._seen[key] = _Seen(holder, until_s, now_s)
        return holders.life(holders.read(holder)) == "dead" or now_s - seen.since_s >= self.lease_s

    def _until_s(self) -> float:
        """For people who look into the table, and another number at each renewal; nobody compares it with a clock."""
        return self._clock.now_s() + self.lease_s


def leases_on(store: Store, clock: Clock, session: str) -> Leases | None:
    """Leases in a store that other processes may use as well; None where there are no others, or nothing is recorded.

    Args:
        store: The store; of several as one, the first counts.
        clock: For how long leases were not renewed.
        session: Tells the sessions of this process apart.
    """
    database = store.index
    if store.read_only or not isinstance(database, SqliteIndex):
        return None
    return Leases(database, clock, holders.me(session))
