"""Room in memory: what is held there, and who gives way when it is more than the budget."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple
from weakref import WeakValueDictionary

from jumar.chunks.scratch import Holding, SegmentScratch
from jumar.events import Event, Spilled
from jumar.graph.call import NOTHING
from jumar.here import PLACE
from jumar.memory.account import Account
from jumar.memory.loads import Loads
from jumar.memory.resident import Resident
from jumar.memory.retained import Retained
from jumar.store.trouble import Trouble


class MemoryCounts(NamedTuple):
    """What a session holds of results in memory, and what became of those that it held. Sizes are those of their bytes."""

    budget_bytes: int | None
    """How much they may take; None for any amount."""
    held_bytes: int
    """What they take now, in this process and in shared memory."""
    used_bytes: int
    """What running calls were given, and are expected to give."""
    peak_bytes: int
    """The most of both at a time."""
    hits: int
    """Readers that found a value in memory."""
    misses: int
    """Readers for whom it was read, or mapped, from the store or from a spilled file."""
    spills: int
    """Values that were written to disk because memory was short."""
    spilled_bytes: int
    drops: int
    """Values that left memory and were not written, because the store has them or they may be computed again."""


class Room:
    """Keeps what is held in memory within a budget.

    Args:
        scratch: Gives the directories for spilled files; made when the first one is needed.
        tell: Hears of spilled values and of trouble.
        retained: The results that nobody need refer to.
        budget_bytes: How much there may be; None for any amount.
    """

    def __init__(
        self,
        scratch: Callable[[], SegmentScratch],
        tell: Callable[[Event], None],
        retained: Retained,
        budget_bytes: int | None,
    ) -> None:
        self.budget_bytes = budget_bytes
        self.lock = threading.Lock()
        """Held for a few steps at a time, while it is changed where values are."""
        self.writing = threading.RLock()
        """Held while values are written, by one at a time: memory cannot outrun the disk. Who hears of a spill may write, too."""
        self.hits = self.misses = self.drops = 0
        self._spills = self._spilled_bytes = 0
        self._scratch = scratch
        self._tell = tell
        self._retained = retained
        self._account = Account(budget_bytes)
        self._loads = Loads(self._account)
        self._residents: WeakValueDictionary[int, Resident] = WeakValueDictionary()
        self._gone: deque[int] = deque()
        self._inputs: dict[int, Sequence[Resident]] = {}

    # -- what is held; the lock is held for these ----------------------------------------------------------------------

    def enter(self, resident: Resident) -> None:
        """Note that a value is in memory, in this process or in a shared segment."""
        self._residents[resident.number] = resident
        self._account.enter(resident.number, resident.size_bytes)

    def holds(self, resident: Resident) -> bool:
        """Whether a value is in memory."""
        return resident.number in self._account

    def hand_over(self, resident: Resident) -> None:
        """Note that the call that runs here has the object itself now."""
        call = PLACE.get().call
        if call is not None:
            self._loads.add(id(call), resident.size_bytes)

    def touch(self, resident: Resident) -> None:
        """Note that it was used just now."""
        self._account.touch(resident.number)

    def leave(self, resident: Resident) -> None:
        """Let go of the object."""
        resident.value = NOTHING
        self._account.leave(resident.number)

    # ------------------------------------------------------------------------------------------------------------------

    def is_too_small_for(self, size_bytes: int) -> bool:
        """Whether a value is larger than all the room there is."""
        return self.budget_bytes is not None and size_bytes > self.budget_bytes

    def pin(self, resident: Resident, times: int = 1) -> None:
        """Keep a value where it is so many times more; a negative number takes that back."""
        with self.lock:
            self._account.pin(resident.number, times)

    def forget(self, number: int) -> None:
        """Note that a value is referred to no more. Called by Python at any moment, so nothing is waited for here."""
        self._gone.append(number)

    def begin(self, number: int, code: bytes, inputs: Sequence[Resident], mapped_bytes: int) -> None:
        """Note that a call is about to be given values; `make` lets what is held give way for them.

        Args:
            number: Of the call.
            code: Of its task.
            inputs: Values of which those in memory stay there until it ends.
            mapped_bytes: How much it is given that is not in memory.
        """
        with self.lock:
            self._end(number)
            for resident in inputs:
                self._account.pin(resident.number, 1)
            self._inputs[number] = inputs
            self._loads.begin(number, code, mapped_bytes)

    def has_begun(self, number: int) -> bool:
        """Whether a call has been noted that has not ended."""
        return number in self._inputs

    def end(self, number: int, code: bytes | None = None, result_bytes: int = 0) -> None:
        """Note that a call uses nothing any more, and how large its result was. The second time nothing happens."""
        if number not in self._inputs and not result_bytes:
            return
        with self.lock:
            if code is not None:
                self._loads.note_result(code, result_bytes)
            self._end(number)

    def _end(self, number: int) -> None:
        self._loads.end(number)
        for resident in self._inputs.pop(number, ()):
            self._account.pin(resident.number, -1)

    def is_short(self) -> bool:
        """Whether no further call should be started while others run."""
        return self._loads.is_short

    def counts(self) -> MemoryCounts:
        """How things stand."""
        with self.lock:
            self._drain()
            account = self._account
            return MemoryCounts(
                self.budget_bytes,
                account.held_bytes,
                account.used_bytes,
                account.peak_bytes,
                self.hits,
                self.misses,
                self._spills,
                self._spilled_bytes,
                self.drops,
            )

    def make(self) -> None:
        """Let values give way until the rest fits. Whoever comes meanwhile waits."""
        if not self._account.excess_bytes:  # what is gone makes room at most
            return
        with self.lock:
            self._drain()
            fits = not self._account.excess_bytes
        if not fits:
            with self.writing:
                while self._is_made_by_one():
                    pass

    def note_spill(self, resident: Resident) -> None:
        """Count and tell that a value is on disk."""
        with self.lock:
            self._spills += 1
            self._spilled_bytes += resident.size_bytes
        self._tell(Spilled(*resident.label, resident.size_bytes))

    def complain(self, resident: Resident, error: Exception) -> None:
        """Tell that a value stays in memory, because it could not be written."""
        key, task = resident.label
        text = _NOT_SPILLED.format(task=task, key=key.hex()[:12], size_bytes=resident.size_bytes, error=error)
        self._tell(Trouble("unspilled", text, key, error))

    def _is_made_by_one(self) -> bool:
        """Let the value go that was not used for the longest time; False where that is not needed, or none can go."""
        resident = self._next_to_go()
        if resident is None:
            return False
        if self._retained.forget_cached(resident):
            with self.lock:  # if nobody else refers to it, it is gone when this returns, and nothing is written
                self._account.age(resident.number)
                self.drops += 1
        else:
            self._evict(resident)
        return True

    def _next_to_go(self) -> Resident | None:
        with self.lock:
            self._drain()
            while self._account.excess_bytes and (number := self._account.oldest()) is not None:
                resident = self._residents.get(number)
                if resident is not None:
                    return resident
                self._account.leave(number)
        return None

    def _evict(self, resident: Resident) -> None:
        if resident.entry is None:
            self._spill(resident)
            return
        with self.lock:
            self.leave(resident)
            resident.segment = resident.reference = None
            self.drops += 1

    def _spill(self, resident: Resident) -> None:
        value, holding = resident.value, resident.segment
        try:
            if holding is not None:
                holding.spill()
            else:
                holding = Holding(self._scratch(), self._scratch().write(value, "disk"))
        except Exception as error:  # noqa: BLE001  (a full disk; or pickling that works only once)
            self.pin(resident)
            self.complain(resident, error)
            return
        with self.lock:
            self.leave(resident)
            resident.segment = holding
        self.note_spill(resident)

    def _drain(self) -> None:
        while self._gone:
            self._account.forget(self._gone.popleft())


_NOT_SPILLED = (
    "memory is short, and the result of task {task!r} (key {key}, {size_bytes:,} bytes) could not be written to disk: "
    "{error}. It stays in memory. Make room where the store is, or give the session a larger memory=."
)
