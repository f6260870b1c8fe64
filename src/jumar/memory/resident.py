"""A result that a pool looks after: in memory while there is room, else where it can be read again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from jumar.errors import DamagedError
from jumar.graph.call import NOTHING
from jumar.memory.outline import Outline, outline_of
from jumar.store.records import Entry

if TYPE_CHECKING:
    from jumar.chunks.scratch import Holding
    from jumar.memory.pool import Pool

Where = Literal["memory", "shared", "disk", "store"]
"""Where a value is read from next: this process, shared memory, a spilled file, or the store."""


class Resident:
    """A value in one or more places. Each reader has a value of its own, unless nobody can change it.

    Made by `Pool`, which changes what is said here while it holds its lock.

    Args:
        pool: Looks after it.
        number: By which the pool's account knows it.
        size_bytes: Its encoded size.
        label: The key and the task's name, for events.
    """

    __slots__ = (
        "__weakref__",
        "_outline",
        "entry",
        "is_shared",
        "label",
        "number",
        "pool",
        "reference",
        "segment",
        "size_bytes",
        "value",
    )

    def __init__(self, pool: Pool, number: int, size_bytes: int, label: tuple[bytes, str]) -> None:
        self.pool = pool
        self.number = number
        self.size_bytes = size_bytes
        self.label = label
        self._outline: Outline | None = None
        self.value: Any = NOTHING
        """The object itself, which no reader has unless all share it."""
        self.entry: Entry | None = None
        """Where it is in the store."""
        self.segment: Holding | None = None
        """The file that holds it besides."""
        self.reference: Any = None
        """What stands for it in what is sent to other processes."""
        self.is_shared = False
        """Whether readers share it, because nobody can change it."""

    @property
    def outline(self) -> Outline:
        """What it looks like; what lies in a file is opened for it once, and large buffers in it are not read."""
        if self._outline is None:
            value = self.value
            self._outline = outline_of(self.read() if value is NOTHING else value)
        return self._outline

    @property
    def place(self) -> Where:
        """Where a reader's value would come from now."""
        if self.value is not NOTHING:
            return "memory"
        if self.segment is not None:
            return "shared" if self.segment.segment.tier == "memory" else "disk"
        return "store"

    def take(self) -> Any:
        """A value for one reader, who may change it.

        Raises:
            DamagedError: It is nowhere any more, or altered where it is.
        """
        return self.pool.take(self)

    def lend(self) -> Any:
        """What stands for the value in what is sent to another process, which maps it there; a small one itself.

        Raises:
            DamagedError: As for `take`.
        """
        return self.pool.lend(self)

    def read(self) -> Any:
        """The value as it lies in its file, mapped privately.

        Raises:
            DamagedError: As for `take`.
        """
        if self.segment is not None:
            from jumar.chunks.segment import decoded  # noqa: PLC0415  (a program without large results has no segments)

            return decoded(self.segment.segment.codec, self.segment.memory())
        if self.entry is not None:
            return self.pool.store.load(self.entry)
        raise DamagedError(
            f"the result of task {self.label[1]!r} (key {self.label[0].hex()[:12]}) is not there any more: it was not kept."
        )

    def __del__(self) -> None:
        self.pool.room.forget(self.number)
