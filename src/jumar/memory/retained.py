"""Results that stay at hand although nobody refers to them: those of tasks with ``persist`` or ``cache``."""

from __future__ import annotations

import threading

from jumar.graph.call import Call
from jumar.memory.resident import Resident


class Retained:
    """The table of such results, by the keys and content keys of their calls."""

    def __init__(self) -> None:
        self._found: dict[bytes, tuple[Resident, float]] = {}
        self._cached: dict[int, tuple[bytes, ...]] = {}
        self._lock = threading.Lock()

    def add(self, call: Call, resident: Resident, now_s: float) -> None:
        """Keep the result of a call at hand, as its task says."""
        keys = tuple(key for key in (call.recorded_key, call.content) if key is not None)
        with self._lock:
            for key in keys:
                self._found[key] = resident, now_s
            if call.task.retains == "cache":
                self._cached[resident.number] = keys

    def find(self, key: bytes, ttl_s: float | None, now_s: float) -> Resident | None:
        """The result of the call with this key, or content key; None where it is not here, or too old."""
        found = self._found.get(key)
        if found is None or (ttl_s is not None and now_s - found[1] > ttl_s):
            return None
        return found[0]

    def forget_cached(self, resident: Resident) -> bool:
        """Take a result out that is only kept while there is room; whether there was one to take out."""
        with self._lock:
            keys = self._cached.pop(resident.number, None)
            for key in keys or ():
                if self._found[key][0] is resident:  # else a later call of the same key has put its own there
                    del self._found[key]
        return keys is not None

    def clear(self) -> None:
        """Forget all of them."""
        with self._lock:
            self._found.clear()
            self._cached.clear()
