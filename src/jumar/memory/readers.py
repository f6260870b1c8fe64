"""What readers of a result get: the object itself, a copy, or a private map of the file that holds it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from jumar.chunks import LENT_MIN_BYTES
from jumar.chunks.reference import Reference, blob_of
from jumar.codecs.codec import Frame
from jumar.codecs.registry import Codecs
from jumar.errors import StoreError
from jumar.graph.call import NOTHING
from jumar.memory.resident import Resident, Where
from jumar.memory.room import Room
from jumar.store.mapping import MAP_MIN_BYTES, copy_of
from jumar.store.store import Store

Encoding = tuple[str, Sequence[Frame]]
"""A codec's name, and what it made of a value."""


class Readers:
    """Serves the readers of one pool.

    Args:
        store: Where kept results are.
        room: Says what is in memory.
        codecs: Write values.
        write: Puts a value into a file.
    """

    def __init__(self, store: Store, room: Room, codecs: Codecs, write: Callable[[Resident, Encoding], None]) -> None:
        self._store = store
        self._room = room
        self._codecs = codecs
        self._write = write
        self._sharing = threading.RLock()  # who hears that a value is on disk may read another

    def take(self, resident: Resident) -> Any:
        """A value for one reader, who may change it.

        Raises:
            DamagedError: It is nowhere any more, or altered where it is.
        """
        room, is_own = self._room, False
        self._count(resident, resident.place)
        with room.lock:
            value = resident.value
            if value is not NOTHING and resident.entry is not None:
                is_own = not resident.is_shared
                if is_own:  # this reader has the object itself, and further ones what the store has
                    room.leave(resident)
                    room.hand_over(resident)
        if value is NOTHING:
            return self._read(resident)
        return value if is_own or resident.is_shared else self._shared_out(resident, value)

    def lend(self, resident: Resident) -> Any:
        """What stands for a value in what is sent to another process; a small one itself.

        Raises:
            DamagedError: As for `take`.
        """
        if resident.size_bytes < LENT_MIN_BYTES:
            return self.take(resident)
        value = resident.value
        self._count(resident, resident.place)
        if resident.reference is None:
            if resident.segment is None and resident.entry is None and value is not NOTHING:
                self._into_file(resident, value, self._codecs.encode(value))
            if resident.segment is not None:
                resident.reference = Reference(resident.segment.segment, resident.segment)
            elif resident.entry is not None and (blob := blob_of(self._store, resident.entry)) is not None:
                resident.reference = Reference(blob)
        return self.take(resident) if resident.reference is None else resident.reference

    def _count(self, resident: Resident, place: Where) -> None:
        with self._room.lock:
            self._room.touch(resident)
            if place in ("memory", "shared"):
                self._room.hits += 1
            else:
                self._room.misses += 1

    def _read(self, resident: Resident) -> Any:
        value = resident.read()
        if resident.is_shared and not self._room.is_too_small_for(resident.size_bytes):
            with self._room.lock:
                resident.value = value
                self._room.enter(resident)
            self._room.make()
        return value

    def _shared_out(self, resident: Resident, value: Any) -> Any:
        """A value of one's own, of an object for which further readers may come.

        For them, a large one is written into shared memory first, where they map it; this reader gets the object.
        """
        codec, frames = encoding = self._codecs.encode(value)
        size_bytes = sum(map(len, frames))
        if size_bytes < MAP_MIN_BYTES:
            return self._codecs.named(codec).decode(copy_of(frames, size_bytes))
        if self._into_file(resident, value, encoding):
            with self._room.lock:
                self._room.hand_over(resident)
            return value
        if resident.segment is None:  # there is room for it nowhere else
            return self._codecs.named(codec).decode(copy_of(frames, size_bytes))
        return resident.read()

    def _into_file(self, resident: Resident, value: Any, encoding: Encoding) -> bool:
        """Let a value be in a file, and not in this object any more; whether the object is the caller's now."""
        with self._sharing:  # of two readers at once, one gets the object
            if resident.value is not value:
                return False
            if resident.segment is None:
                try:
                    self._write(resident, encoding)
                except (OSError, StoreError):
                    return False
            with self._room.lock:
                is_mine, resident.value = resident.value is value, NOTHING
            return is_mine
