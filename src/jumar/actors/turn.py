"""Turns: one call that changes an actor, with its lease held from the state that it finds to the state that it leaves."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, Protocol

from jumar.actors.directory import Directory
from jumar.actors.state import frozen, state_of, with_state
from jumar.engine import Engine
from jumar.errors import ActorError, DeadlockError
from jumar.graph.arguments import holds
from jumar.graph.call import Call, Handle
from jumar.runs.heart import HEART
from jumar.store.actor_rows import ActorRow, lease_key, state_key
from jumar.store.records import Entry
from jumar.store.sqlite_connection import FAULTS

_PAUSES_S = (0.001, 0.05)
"""The first and the longest pause between two looks at a lease of another process, in seconds."""

_turning: ContextVar[frozenset[bytes]] = ContextVar("jumar_turning", default=frozenset())
"""The actors that are being changed around what runs here, by their tokens."""


def refuse_a_turn_inside_of_one(actor: Known, method: str) -> None:
    """Raise where a turn of the actor is being taken around what runs here, as that would wait for itself.

    Raises:
        DeadlockError: It is.
    """
    if actor.token in _turning.get():
        raise DeadlockError(
            f"a method of actor {actor.id!r} calls {method!r} of the same actor through its handle, and would wait for "
            f"itself. Call the method on self, or spawn(...) it and do not wait."
        )


class Known(Protocol):
    """What a call says of the actor that it is for."""

    id: str
    token: bytes


class Turns:
    """Lets methods of actors run, for the calls of one engine.

    Args:
        engine: Whose store has the actors.

    *Guarantees*: the turns of an actor come one after another, in all processes. A turn's state and, in a run, its result
    are committed in one transaction before anybody sees either; a turn that raises, or whose process dies, changes nothing.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = weakref.ref(engine)
        self.directory = Directory(engine.store, f"{id(engine):x}")
        self._guard = threading.Lock()
        self._seats: dict[bytes, _Seat] = {}

    def look(self, cls: type[Any], actor: Known, method: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """What a method gives that changes nothing, on the state as it was committed last."""
        state = self.directory.state(self._same(self.directory.find(actor.id), actor))
        return method(with_state(frozen(cls), state), *args, **kwargs)

    def take(self, cls: type[Any], actor: Known, call: Call, method: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """What a method gives that may change its actor, once the change is committed.

        Raises:
            ActorError: The actor was deleted, its state cannot be read or written, or another process has taken it over.
            DeadlockError: The actor is being changed by a call that waits for this one.
            BaseException: What the method raises; the actor stays as it was.
        """
        engine = self._engine()
        if engine is None or not engine.keeps or engine.store.read_only:
            raise ActorError(f"this session keeps no results, so actor {actor.id!r} cannot change: see Session(reuse=)")
        refuse_a_turn_inside_of_one(actor, call.task.name)
        with self._seated(engine, actor.token, call), self._leased(engine, actor) as held:
            then = _turning.set(_turning.get() | {actor.token})
            try:
                thing = with_state(cls, self.directory.state(held.row))
                started_s = time.perf_counter()
                value = method(thing, *args, **kwargs)
                seconds = time.perf_counter() - started_s
            finally:
                _turning.reset(then)
            if holds(value, Handle):
                raise ActorError(
                    f"method {call.task.name!r} returned a call that has not ended: a turn ends with a value. Wait for the "
                    f"call, or start a run and return its id. The actor stays as it was."
                )
            self._commit(held, state_of(thing), call, value, seconds)
            return value

    @staticmethod
    def _same(row: ActorRow, actor: Known) -> ActorRow:
        if row.token != actor.token:
            raise ActorError(f"actor {actor.id!r} was deleted, and another one has its id now")
        return row

    def _commit(self, held: _Held, state: Any, call: Call, value: Any, seconds: float) -> None:
        store, row = self.directory.store, held.row
        turn = row.turn + 1
        now = row._replace(turn=turn, changed_s=store.now_s(), state=state_key(row.token, turn))
        entries = [self.directory.entry(now, state)]
        if call.run is not None:  # with the state, or a process that dies in between would take the turn again
            entries.append(self._result(call, (value, None) if call.catches else value, seconds))
        with self.directory.careful():
            came = self.directory.rows.advance(row, now, entries, self.directory.leases.holder)
        held.is_over = True
        if came == "taken":
            raise ActorError(
                f"actor {row.id!r} was taken over by another process, as this one stood still for too long: what "
                f"{call.task.name!r} did to it is lost. Call it again."
            )
        if came == "gone":
            raise ActorError(f"actor {row.id!r} was deleted while {call.task.name!r} ran")

    def _result(self, call: Call, value: Any, seconds: float) -> Entry:
        store = self.directory.store
        payload = store.encode(value)
        number = store.task(call.info, call.task.parts_of)
        stored = (payload.size_bytes, payload.codec, payload.inline, payload.blob)
        return Entry(call.key, number, store.now_s(), seconds, *stored, call.arguments)

    @contextmanager
    def _seated(self, engine: Engine, token: bytes, call: Call) -> Iterator[None]:
        """While in this block, no other call of this session changes the actor; its place is lent while it waits."""
        with self._guard:
            seat = self._seats.setdefault(token, _Seat())
            seat.wanted += 1
        try:
            if not seat.lock.acquire(blocking=False):
                with engine.blocked(seat.call):
                    seat.lock.acquire()
            seat.call = call
            try:
                yield
            finally:
                seat.call = None
                seat.lock.release()
        finally:
            with self._guard:
                seat.wanted -= 1
                if not seat.wanted:
                    del self._seats[token]

    @contextmanager
    def _leased(self, engine: Engine, actor: Known) -> Iterator[_Held]:
        """While in this block, no other process changes the actor."""
        held = _Held(self.directory, self._lease(engine, actor))
        HEART.add(held)
        try:
            yield held
        finally:
            HEART.remove(held)
            held.let_go()

    def _lease(self, engine: Engine, actor: Known) -> ActorRow:
        pause_s, longest_s = _PAUSES_S
        while True:
            with self.directory.careful():
                row, is_ours = self.directory.rows.take(actor.id, self.directory.leases)
            if is_ours or row is None:
                return self._same(self.directory.sound(row, actor.id), actor)
            with engine.blocked():
                time.sleep(pause_s)
            pause_s = min(2 * pause_s, longest_s)


class _Seat:
    """Who changes an actor in this session, and how many want to."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.wanted = 0
        self.call: Call | None = None


class _Held:
    """An actor whose lease this session has, for as long as a turn lasts."""

    def __init__(self, directory: Directory, row: ActorRow) -> None:
        self.row = row
        self.is_over = False
        """Whether the lease has ended with the turn."""
        self._leases, self._lease = directory.leases, lease_key(row.token)
        self._renewed_s = time.monotonic()
        self._beating = threading.Lock()

    def beat(self) -> None:
        """See ``Beating.beat``."""
        with self._beating:
            if self.is_over or time.monotonic() - self._renewed_s < self._leases.lease_s / 3:
                return
            self._renewed_s = time.monotonic()
            with suppress(*FAULTS, OSError):  # the commit at the end of the turn meets it, and tells
                self._leases.renew([self._lease])

    def let_go(self) -> None:
        """Give the lease back, where the turn has ended without a commit."""
        with self._beating:
            if not self.is_over:
                self.is_over = True
                with suppress(*FAULTS, OSError):  # it lapses when this process ends, or after a while
                    self._leases.give_back([self._lease])


_turns: weakref.WeakKeyDictionary[Engine, Turns] = weakref.WeakKeyDictionary()


def turns_of(engine: Engine) -> Turns:
    """The turns of an engine's calls."""
    known = _turns.get(engine)
    return known if known is not None else _turns.setdefault(engine, Turns(engine))
