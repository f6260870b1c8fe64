"""The directory of actors: all that a store has, how each of them stands, and its state."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from jumar.clock import SystemClock
from jumar.errors import ActorError, DamagedError
from jumar.keys.digest import digest
from jumar.keys.value import token
from jumar.store import holder as holders
from jumar.store.actor_rows import ActorRow, ActorRows, lease_key, state_key
from jumar.store.care import careful
from jumar.store.lease import Leases
from jumar.store.records import Entry, TaskInfo
from jumar.store.sqlite_index import SqliteIndex
from jumar.store.store import Store

TOKEN_BYTES = 16


class ActorInfo(NamedTuple):
    """An actor as it stands."""

    id: str
    kind: str
    """The class's qualified name."""
    turns: int
    """How many calls have changed it."""
    created_s: float
    """Seconds since the epoch."""
    changed_s: float
    key: str
    """Of the kept result that is its state, in hexadecimal; another one after each turn."""
    holder: str
    """Who is changing it: ``process 123 on host``; empty where nobody is."""


class Directory:
    """The actors of one store.

    Args:
        store: The store; of several as one, the first.
        session: Tells the sessions of this process apart where it takes leases.

    Raises:
        ActorError: The store is in memory: nothing in it survives. From methods: it cannot be read or written.
    """

    def __init__(self, store: Store, session: str = "") -> None:
        database = store.index
        if not isinstance(database, SqliteIndex):
            raise ActorError(f"{store!r} keeps no actors: they need a store in a folder, such as Session('.jumar')")
        self.store = store
        self.rows = ActorRows(database)
        self.leases = Leases(database, SystemClock(), holders.me(f"actors-{session}"))

    def find(self, actor_id: str) -> ActorRow:
        """The actor of this id.

        Raises:
            ActorError: There is none, or its row was altered on the disk.
        """
        with self.careful():
            row = self.rows.find(actor_id)
        return self.sound(row, actor_id)

    def sound(self, row: ActorRow | None, actor_id: str) -> ActorRow:
        """The row, if there is one that is as it was written.

        Raises:
            ActorError: There is none.
        """
        if row is None:
            raise ActorError(f"there is no actor {actor_id!r} in {self.store!r}. See `jumar actors`.")
        if not row.is_sound():
            raise ActorError(
                f"the row of actor {actor_id!r} in {self.store!r} is not what was written. `jumar check --repair` mends "
                f"what can be; `jumar actors delete {actor_id}` frees the id."
            )
        return row

    def all(self) -> list[ActorInfo]:
        """All actors, the one that was changed last first."""
        with self.careful():
            return [self.info(row) for row in self.rows.all()]

    def info(self, row: ActorRow) -> ActorInfo:
        """How an actor stands."""
        with self.careful():
            holder = self.leases.holder_of(lease_key(row.token))
        said = holders.said(holder) if holder else ""
        return ActorInfo(row.id, row.kind, row.turn, row.created_s, row.changed_s, row.state.hex(), said)

    def add(self, actor_id: str, kind: str, place: str, state: Any) -> ActorRow:
        """The actor of this id: added now, unless another process has added one meanwhile."""
        fresh = os.urandom(TOKEN_BYTES)
        now_s = self.store.now_s()
        row = ActorRow(actor_id, fresh, kind, place, now_s, now_s, 0, state_key(fresh, 0))
        entry = self.entry(row, state)
        with self.careful():
            self.rows.add(row, entry)
        return self.find(actor_id)

    def entry(self, row: ActorRow, state: Any) -> Entry:
        """The state as a result that can be recorded; large ones are in their blob when this returns.

        Raises:
            ActorError: It cannot be written.
        """
        kind = TaskInfo(digest(b"jumar:actor:1 kind" + row.kind.encode()), row.kind, row.place, "id")
        try:
            payload = self.store.encode(state)
        except Exception as error:
            raise ActorError(
                f"the state of actor {row.id!r} cannot be kept ({type(error).__name__}: {error}); it stays as it was. "
                f"Give the class a __getstate__ that leaves out what cannot be written."
            ) from error
        return Entry(
            row.state,
            self.store.task(kind),
            row.changed_s,
            0.0,
            payload.size_bytes,
            payload.codec,
            payload.inline,
            payload.blob,
            token(row.id),
        )

    def state(self, row: ActorRow) -> Any:
        """The state of an actor; while others change it, as it is now.

        Raises:
            ActorError: It is not in the store any more, or damaged.
        """
        while True:
            entry = self.store.find(row.state)
            if entry is not None:
                try:
                    return self.store.load(entry)
                except DamagedError:
                    entry = None  # told by the store; or it was replaced between the two looks
            latest = self.find(row.id)
            if latest.state == row.state:
                raise ActorError(
                    f"the state of actor {row.id!r} is not in the store any more, or damaged. `jumar actors delete "
                    f"{row.id}` frees the id."
                )
            row = latest

    def delete(self, actor_id: str) -> None:
        """Delete an actor with its state.

        Raises:
            ActorError: There is none, or somebody is changing it.
        """
        with self.careful():
            row, is_ours = self.rows.take(actor_id, self.leases)
            if row is None:
                raise ActorError(f"there is no actor {actor_id!r} in {self.store!r}. See `jumar actors`.")
            if not is_ours:
                raise ActorError(
                    f"actor {actor_id!r} is being changed by {self.info(row).holder}: wait for the end of that"
                )
            self.rows.delete(row, self.leases.holder)

    def careful(self) -> AbstractContextManager[None]:
        """While in this block, errors of the database become errors that say what they mean; see `careful`."""
        return careful(self.store, "actors", ActorError)
