"""What retention knows of the results in a store, and what it does with their rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from jumar.store.lineage import Lineage, Loss
from jumar.store.memory_index import MemoryIndex
from jumar.store.pins import MemoryPins, Pins

ROW_BYTES = 150
"""What a row takes in the index besides its result, about."""


class Item(NamedTuple):
    """A kept result, as far as retention looks at it."""

    key: bytes
    task: str
    """The task's name; empty where the index does not know it."""
    code: bytes
    created_s: float
    seconds: float
    """How long it took to compute."""
    size_bytes: int
    blob: bytes | None
    """The blob that holds it; None where the row does."""
    run: int
    needs: bytes | None
    """The beginnings of the keys of the calls that it was made from, `NEED_BYTES` each."""


class Condemned(NamedTuple):
    """A result that is to go."""

    key: bytes
    created_s: float
    """When it was recorded: one that was recorded anew since is another one, and stays."""
    reason: str
    """What ``jumar why`` says of it."""


class Stock(Protocol):
    """The rows of an index, as retention needs them. Every method may be called from any thread.

    Raises:
        sqlite3.Error: From all methods, where the index cannot be read or written.
    """

    pins: Pins

    def guarded(self) -> set[bytes]:
        """The keys of what no sweep takes: pinned calls, and the steps of runs."""

    """What stays."""

    def items(self) -> Iterator[Item]:
        """All kept results, oldest first."""

    def size_bytes(self) -> int:
        """What all results take, their rows included; a blob of several rows once."""

    def take(self, condemned: Sequence[Condemned], at_s: float) -> set[bytes]:
        """Remove rows, all or none, and note the losses.

        A row that was pinned or recorded anew since it was condemned stays.

        Args:
            condemned: What is to go.
            at_s: The time to note.

        Returns:
            The keys that went.
        """

    def failures(self, before_s: float) -> list[bytes]:
        """Calls whose last failure is older."""

    def unused_codes(self) -> list[bytes]:
        """Codes whose sources are kept although no result, failure or run has them."""

    def drop_codes(self, codes: Sequence[bytes]) -> None:
        """Forget the parts of these codes, and the sources that no other code has."""

    def compact(self, removed_bytes: int) -> int:
        """Give room in the index back to the disk, where that pays; how many bytes.

        Args:
            removed_bytes: What was removed just now: it may have left gaps in pages that are not free.
        """


class MemoryStock:
    """The rows of an index in memory.

    Args:
        index: The index.
        lineage: Told of what goes.
    """

    def __init__(self, index: MemoryIndex, lineage: Lineage) -> None:
        self._index = index
        self._lineage = lineage
        self.pins: Pins = MemoryPins()

    def guarded(self) -> set[bytes]:
        """Pinned calls: runs with ids need a store on disk."""
        return {pin.key for pin in self.pins.all()}

    def items(self) -> Iterator[Item]:
        """All kept results, as they were when the first one was asked for."""
        for call in reversed(list(self._index.calls())):
            if call.state == "done":
                known = (call.task.name, call.task.code) if call.task.code else ("", b"")
                yield Item(
                    call.key, *known, call.created_s, call.seconds, call.size_bytes, call.blob, call.run, call.needs
                )

    def size_bytes(self) -> int:
        """What all results take."""
        items = list(self.items())
        blobs = {item.blob: item.size_bytes for item in items if item.blob is not None}
        inline_bytes = sum(item.size_bytes for item in items if item.blob is None)
        return len(items) * ROW_BYTES + inline_bytes + sum(blobs.values())

    def take(self, condemned: Sequence[Condemned], at_s: float) -> set[bytes]:
        """Remove rows, and note the losses."""
        pinned = {pin.key for pin in self.pins.all()}
        going = {}
        for each in condemned:
            entry = self._index.find(each.key)
            if entry is not None and entry.created_s == each.created_s and each.key not in pinned:
                going[each.key] = Loss(each.key, at_s, each.reason)
        self._index.remove(list(going))
        self._lineage.note_losses(list(going.values()))
        return set(going)

    def failures(self, before_s: float) -> list[bytes]:
        """Calls whose last failure is older."""
        return [call.key for call in self._index.calls() if call.state == "failed" and call.created_s < before_s]

    def unused_codes(self) -> list[bytes]:
        """None: what explains results in memory takes next to nothing, and goes with the process."""
        return []

    def drop_codes(self, codes: Sequence[bytes]) -> None:
        """Nothing to forget."""

    def compact(self, removed_bytes: int) -> int:  # noqa: ARG002
        """0: there is no file."""
        return 0
