"""The pool: what holds results that are to be in memory while there is room for them."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from typing import Any

from jumar.chunks.scratch import Holding, SegmentScratch
from jumar.chunks.segment import SegmentWriter
from jumar.codecs.codec import Frame
from jumar.codecs.registry import Codecs
from jumar.encoded import Encoded
from jumar.errors import StoreError
from jumar.events import Event
from jumar.graph.arguments import ATOMS
from jumar.graph.call import Call
from jumar.memory.readers import Readers
from jumar.memory.resident import Resident
from jumar.memory.retained import Retained
from jumar.memory.room import MemoryCounts, Room
from jumar.result import Result, Shared, kept_result, unchangeable
from jumar.store.mapping import MAP_MIN_BYTES, copy_of
from jumar.store.records import Entry
from jumar.store.store import INLINE_MAX_BYTES, Store

_SMALL_ATOMS = ATOMS - {bytes, str}


class Pool:
    """Looks after the results of one engine.

    Args:
        store: Where kept ones are.
        tell: Hears of spilled values and of trouble.
        budget_bytes: How much may be in memory; None for any amount.

    *Guarantees*: what is held goes beyond the budget by no more than the values that are just being taken in, one for
    each worker; a value that is larger than the budget is on disk before anybody has it. Nobody's change of a value
    reaches another reader. Methods may be called from any thread.
    """

    def __init__(
        self,
        store: Store,
        tell: Callable[[Event], None],
        budget_bytes: int | None = None,
    ) -> None:
        self.store = store
        self.retained = Retained()
        self.room = Room(self.scratch, tell, self.retained, budget_bytes)
        self._scratch: SegmentScratch | None = None
        self._writer: SegmentWriter | None = None
        self._codecs = Codecs()
        self._numbers = itertools.count()
        self._opening = threading.Lock()
        readers = Readers(store, self.room, self._codecs, self._write)
        self.take, self.lend = readers.take, readers.lend

    @property
    def is_bounded(self) -> bool:
        """Whether there is a budget, so that every result is looked after."""
        return self.room.budget_bytes is not None

    def counts(self) -> MemoryCounts:
        """How things stand."""
        return self.room.counts()

    def close(self) -> None:
        """Hold nothing any more that nobody refers to, and remove the files; what is mapped stays readable."""
        self.retained.clear()
        with self._opening:
            if self._scratch is not None:
                self._scratch.close()

    def scratch(self) -> SegmentScratch:
        """The directories for files that last as long as the session, made when they are first needed.

        Raises:
            StoreError: There is no place for them.
            OSError: They cannot be made.
        """
        with self._opening:
            if self._scratch is None:
                path = None if self.store.read_only else self.store.path
                self._scratch = SegmentScratch(None if path is None else path / "scratch")
                self._writer = self._scratch.writer("pool")
            return self._scratch

    # -- calls that run --------------------------------------------------------------------------------------------

    def is_short(self) -> bool:
        """Whether no further call should begin while others go on."""
        return self.room.is_short()

    def begin(self, call: Call) -> None:
        """Reserve what a call is about to be given, and is expected to give. What of that is in memory stays there."""
        results = [(need.twin or need).outcome for need in call.needs]
        residents = list({result.number: result for result in results if isinstance(result, Resident)}.values())
        mapped_bytes = 0
        if not call.task.meta:  # else it is given chunks
            absent = [resident.size_bytes for resident in residents if not self.room.holds(resident)]
            mapped_bytes = sum(absent) + sum(map(_mapped_bytes, results))
        self.room.begin(id(call), call.info.code, residents, mapped_bytes)

    def make_room(self, call: Call) -> None:
        """Let values give way for a call that is about to run; one that was taken out of turn is noted here first."""
        if self.is_bounded:
            if not self.room.has_begun(id(call)):
                self.begin(call)
            self.room.make()

    def end(self, call: Call) -> None:
        """Note that a call runs no more; the second time nothing happens."""
        self.room.end(id(call))

    # -- taking in -------------------------------------------------------------------------------------------------

    def hold(self, call: Call, value: Any, entry: Entry | None) -> Result:
        """What holds the result of a call.

        Args:
            call: The call.
            value: What it gave, or what a worker has told of it.
            entry: Its row, where it was kept.
        """
        if type(value) is Encoded:
            if value.holding is not None:
                return self._hold_segment(call, value.holding, entry)
            if entry is not None and entry.blob is not None:
                self.room.end(id(call), call.info.code, entry.size_bytes)
                return kept_result(self.store, entry, value)
            value = value.value()
        if entry is not None and entry.inline is not None and entry.size_bytes > INLINE_MAX_BYTES:
            entry = None  # of a store that is only read: these bytes are in memory as well
        small = None if call.task.retains or self._is_compressed(entry) else self._small(value, entry)
        size_bytes, frames = 0, _UNKNOWN
        if small is None:
            try:
                size_bytes, frames = self._measured(value, entry)
            except Exception:  # noqa: BLE001  (pickling runs user code: what cannot be written stays as it is)
                small = Shared(value)
            else:
                if entry is not None and size_bytes <= INLINE_MAX_BYTES and not call.task.retains:
                    small = kept_result(self.store, entry, value)
        self.room.end(id(call), call.info.code, size_bytes)
        if small is not None:
            return small
        resident = self._resident(size_bytes, (call.key, call.task.name))
        resident.is_shared = unchangeable(value)
        resident.entry = entry
        self._settle(resident, value, frames)
        if call.task.retains:
            self.retained.add(call, resident, self.store.now_s())
        return resident

    def deposit(self, value: Any, label: tuple[bytes, str]) -> Resident:
        """What holds a copy of a value that calls will be given.

        Args:
            value: The value.
            label: A key and a name for it.

        Raises:
            Exception: What pickling it raises.
            OSError: There is no room for it.
        """
        codec, frames = encoded = self._codecs.encode(value)
        size_bytes = sum(map(len, frames))
        resident = self._resident(size_bytes, label)
        resident.is_shared = unchangeable(value)
        if resident.is_shared:
            self._settle(resident, value, encoded)
        elif size_bytes < MAP_MIN_BYTES and not self.room.is_too_small_for(size_bytes):
            self._settle(resident, self._codecs.named(codec).decode(copy_of(frames, size_bytes)), encoded)
        else:
            self._write(resident, encoded)
            self.room.make()
        return resident

    def found(self, call: Call, key: bytes, now_s: float) -> Resident | None:
        """The result of an equal call that was to stay at hand, if it is there and not too old.

        Args:
            call: The call.
            key: Its key, or its content key.
            now_s: The time, in seconds since the epoch.
        """
        return self.retained.find(key, call.task.ttl_s, now_s)

    def _small(self, value: Any, entry: Entry | None) -> Result | None:
        """What holds a value that is not worth an account; None where it is."""
        if entry is not None:
            return kept_result(self.store, entry, value) if entry.size_bytes <= INLINE_MAX_BYTES else None
        return Shared(value) if type(value) in _SMALL_ATOMS else None

    def _is_compressed(self, entry: Entry | None) -> bool:
        """Whether a row does not tell how much its value takes in memory."""
        return entry is not None and self.store.codecs.compression != "none"

    def _measured(self, value: Any, entry: Entry | None) -> tuple[int, tuple[str, Sequence[Frame]]]:
        if entry is not None and not self._is_compressed(entry):
            return entry.size_bytes, _UNKNOWN
        encoded = self._codecs.encode(value)
        return sum(map(len, encoded[1])), encoded

    def _hold_segment(self, call: Call, holding: Holding, entry: Entry | None) -> Resident:
        """What holds a result that a worker has left in a segment."""
        size_bytes = holding.segment.size_bytes
        self.room.end(id(call), call.info.code, size_bytes)
        resident = self._resident(size_bytes, (call.key, call.task.name))
        resident.segment, resident.entry = holding, entry
        self._enter_segment(resident)
        self.room.make()
        if call.task.retains:
            self.retained.add(call, resident, self.store.now_s())
        return resident

    def _resident(self, size_bytes: int, label: tuple[bytes, str]) -> Resident:
        return Resident(self, next(self._numbers), size_bytes, label)

    def _settle(self, resident: Resident, value: Any, encoded: tuple[str, Sequence[Frame]]) -> None:
        """Put a value where it belongs: into memory, or on disk where it is larger than all the room there."""
        if self.room.is_too_small_for(resident.size_bytes):
            if resident.entry is not None:
                with self.room.lock:
                    self.room.drops += 1
                return
            try:
                self._write(resident, encoded)
            except (OSError, StoreError) as error:
                self.room.pin(resident)
                self.room.complain(resident, error)
            else:
                return
        with self.room.lock:
            resident.value = value
            self.room.enter(resident)
        self.room.make()

    def _write(self, resident: Resident, encoded: tuple[str, Sequence[Frame]]) -> None:
        """Put a value into a file: in shared memory, or on disk where it is larger than all the room there."""
        on_disk = self.room.is_too_small_for(resident.size_bytes)
        scratch = self.scratch()
        assert self._writer is not None
        segment = self._writer.write_frames(*encoded, "disk" if on_disk else "memory")
        resident.segment = Holding(scratch, segment)
        self._enter_segment(resident)

    def _enter_segment(self, resident: Resident) -> None:
        if resident.segment is not None and resident.segment.segment.tier == "memory":
            with self.room.lock:
                self.room.enter(resident)
        else:
            self.room.note_spill(resident)


def _mapped_bytes(result: Result) -> int:
    """How much a reader maps of a result that no pool looks after; nothing is said of what is somebody else's."""
    entry = None if isinstance(result, Resident) else getattr(result, "entry", None)
    return 0 if entry is None else int(entry.size_bytes)


_UNKNOWN: tuple[str, Sequence[Frame]] = ("", ())
"""Stands for the bytes of a value that the store has, so that they are not made again."""
