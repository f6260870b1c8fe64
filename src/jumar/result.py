"""What a finished call holds: a value, handed to each reader as a value of its own, or an error."""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import Enum
from types import TracebackType
from typing import Any, Final, NamedTuple, Protocol

from jumar.chunks import LENT_MIN_BYTES
from jumar.encoded import Encoded
from jumar.graph.arguments import ATOMS
from jumar.graph.call import NOTHING
from jumar.store.records import Entry
from jumar.store.store import Store
from jumar.unkept import Unkept


class Elsewhere(Enum):
    """Its only value stands for: another process runs the call."""

    ELSEWHERE = "elsewhere"


ELSEWHERE: Final = Elsewhere.ELSEWHERE
"""Another process runs the call."""

_READINESS: dict[type, Callable[[Any], bool]] = {}


def register_readiness(kind: type, make_ready: Callable[[Any], bool]) -> None:
    """Let a kept value of a type do something before a reader has it, such as putting back files that belong to it.

    Args:
        kind: The type; exactly this one.
        make_ready: Called with the value. False says that only the value as it is in the store can be made ready, which
            is then read. What it raises is raised to the reader; after a DamagedError the call is computed again.
    """
    _READINESS[kind] = make_ready


def unchangeable(value: Any) -> bool:
    """Whether nobody can change the value, so that all readers may share it: atoms, and flat tuples of them."""
    kind = type(value)
    return kind in ATOMS or (kind in (tuple, frozenset) and ATOMS.issuperset(map(type, value)))


class Shared:
    """A value that all readers share: it cannot be changed, or it was not kept and there is only this one.

    Args:
        value: The value.
    """

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def take(self) -> Any:
        """The value."""
        return self.value


class Loose:
    """A value that is in no store, and that each reader maps for itself: a worker has left it in a segment.

    Args:
        encoded: What the worker has told of it.
    """

    __slots__ = ("_encoded", "_reference")

    def __init__(self, encoded: Encoded) -> None:
        assert encoded.holding is not None
        self._encoded = encoded
        self._reference = encoded.reference()

    def take(self) -> Any:
        """A value for one reader, who may change it."""
        return self._encoded.value()

    def lend(self) -> Any:
        """What stands for the value in what is sent to another process."""
        return self._reference


class Kept:
    """A value that is in the store, so that each reader can have one of its own.

    The first reader gets the object that the function returned, if it is at hand; it was encoded before, so what the
    reader does with it reaches no one. Every further reader gets a value decoded from the store.

    Args:
        store: Where it is.
        entry: Its row.
    """

    __slots__ = ("_entry", "_fresh", "_reference", "_store")

    def __init__(self, store: Store, entry: Entry) -> None:
        self._store = store
        self._entry = entry

    @property
    def entry(self) -> Entry:
        """Its row."""
        return self._entry

    @property
    def store(self) -> Store:
        """Where it is."""
        return self._store

    @property
    def fresh(self) -> Any:
        """The object that the function returned, if it is at hand and no reader has it; else `NOTHING`."""
        return getattr(self, "_fresh", NOTHING)

    def with_fresh(self, value: Any) -> Kept:
        """The same, with the object for the first reader."""
        self._fresh = value
        return self

    def with_segment(self, encoded: Encoded) -> Kept:
        """The same, with the segment in which a worker has left the value."""
        if encoded.holding is not None:
            self._reference = encoded.reference()
        return self

    def lend(self) -> Any:
        """What stands for the value in what is sent to another process; the value itself where it is small.

        Raises:
            DamagedError: As for `take`.
        """
        if self._entry.size_bytes < LENT_MIN_BYTES:
            return self.take()
        try:
            return self._reference
        except AttributeError:
            value = self.take()  # verified as the store was told to, reported where it is damaged
        from jumar.chunks.reference import Reference, blob_of  # noqa: PLC0415  (only for calls in other processes)

        place = blob_of(self._store, self._entry)
        if place is None or type(value) in _READINESS:
            return value
        self._reference = Reference(place)
        return self._reference

    def take(self) -> Any:
        """A value for one reader, who may change it.

        Raises:
            DamagedError: It had to be read from the store, and there it is missing or altered.
        """
        try:
            value = self._fresh
            del self._fresh  # of two readers at once, one finds nothing to delete
        except AttributeError:
            value = self._store.load(self._entry)
        make_ready = _READINESS.get(type(value))
        if make_ready is not None and not make_ready(value):
            value = self._store.load(self._entry)
            make_ready(value)
        return value


class Result(Protocol):
    """What a finished call holds."""

    def take(self) -> Any:
        """A value for one reader.

        Raises:
            DamagedError: It is not there any more.
        """


def kept_result(store: Store, entry: Entry, value: Any) -> Result:
    """What holds a value that is kept and at hand: shared where nobody can change it.

    Args:
        store: Where it is kept.
        entry: Its row.
        value: The value itself, or what a worker has told of it.
    """
    if type(value) is Encoded:
        if value.payload.inline is None:
            return Kept(store, entry).with_segment(value)
        value = value.value()
    is_shared = type(value) in ATOMS or unchangeable(value)
    return Shared(value) if is_shared else Kept(store, entry).with_fresh(value)


def unkept_result(value: Any) -> Result:
    """What holds a value that is in no store.

    Args:
        value: The value itself, or what a worker has told of it.
    """
    if type(value) is Encoded:
        if value.holding is not None:
            return Loose(value)
        value = value.value()
    return Shared(value) if type(value) in ATOMS or unchangeable(value) else Unkept(value)


class KeptError(NamedTuple):
    """An error that a call ended with in an earlier session, kept because the task said so."""

    error: Exception


class Failed:
    """An error with the traceback it had when the task raised it.

    Raising an exception makes its traceback longer; many readers raise the same one, so each starts from the original.
    """

    __slots__ = ("error", "traceback", "worker")

    def __init__(self, error: BaseException) -> None:
        self.error = error
        self.worker = threading.current_thread().name
        """The thread in which it was raised."""
        self.traceback: TracebackType | None = error.__traceback__

    def prepared(self, note: str = "") -> BaseException:
        """The error, ready to be raised once more, with ``note`` among its notes."""
        if note and note not in getattr(self.error, "__notes__", ()):
            self.error.add_note(note)
        return self.error.with_traceback(self.traceback)
