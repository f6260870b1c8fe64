"""A value's bytes in a file of their own, which every process of a session maps.

The bytes are those of a blob: what a codec wrote, with each large buffer at a multiple of 64. So where the file lies is
all that tells a value in shared memory from a spilled one and from a checkpoint, and all are read in the same way: by a
private map, in which a reader may write without anybody else seeing it.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple

from jumar.codecs.codec import Frame
from jumar.codecs.registry import Codecs
from jumar.errors import DamagedError
from jumar.store.mapping import file_memory

Tier = Literal["memory", "disk"]

_RESERVED_SHARE = 1 / 16
"""The part of the shared memory that is left to other programs. What finds no room goes to disk."""


class Grounds(NamedTuple):
    """The directories in which the segments of one session lie. Whoever has them may write and read there."""

    memory: str | None
    """In shared memory; None where there is none."""
    disk: str

    def path(self, tier: Tier, name: str) -> str | None:
        """Where the segment of this name would lie."""
        directory = self.memory if tier == "memory" else self.disk
        return None if directory is None else f"{directory}/{name}"


class Segment(NamedTuple):
    """A reference to a written value. It is small, may be sent to any process of the machine, and owns nothing."""

    name: str
    size_bytes: int
    codec: str
    grounds: Grounds

    @property
    def tier(self) -> Tier | None:
        """Where it lies now; None where it was freed."""
        tiers: tuple[Tier, ...] = ("memory", "disk")
        for tier in tiers:
            path = self.grounds.path(tier, self.name)
            if path is not None and os.path.exists(path):  # noqa: PTH110  (no Path object for each look)
                return tier
        return None

    def memory(self) -> memoryview:
        """Its bytes as private memory, mapped where there are many; what is written there reaches nobody else.

        Raises:
            DamagedError: It was freed, or is not whole.
        """
        # On disk it has its name before that in memory is taken away.
        path = self.grounds.path("memory", self.name)
        if path is not None:
            with suppress(FileNotFoundError):
                return _memory_of(path, self.size_bytes)
        path = f"{self.grounds.disk}/{self.name}"
        try:
            return _memory_of(path, self.size_bytes)
        except OSError as error:
            raise DamagedError(
                f"segment {self.name} ({self.size_bytes:,} bytes) cannot be read from {' or '.join(filter(None, self.grounds))}: "
                f"{error.strerror or error}. It was freed, or somebody removed the directory of a running session."
            ) from error

    def remove(self) -> None:
        """Take its file away; what is mapped stays readable. Of one that is gone nothing is said."""
        for directory in filter(None, self.grounds):
            with suppress(FileNotFoundError):
                os.unlink(f"{directory}/{self.name}")  # noqa: PTH108  (for each value that is let go of: no Path object)

    def map(self, codecs: Codecs | None = None) -> Any:
        """The value; its large buffers are views of the map. The map outlives the segment.

        Args:
            codecs: To read it with; those of the process if not given.

        Raises:
            DamagedError: It was freed, or is not whole.
            Exception: What unpickling the value raises.
        """
        memory = self.memory()
        return (codecs or _CODECS).named(self.codec).decode(memory)


class BlobFile(NamedTuple):
    """A reference to a value that is a blob of a store on disk; owns nothing, as a `Segment`."""

    path: str
    size_bytes: int
    codec: str

    def map(self, codecs: Codecs | None = None) -> Any:
        """The value; see `Segment.map`.

        Raises:
            DamagedError: It is not there, or not whole.
            Exception: What unpickling the value raises.
        """
        return (codecs or _CODECS).named(self.codec).decode(_memory_of(self.path, self.size_bytes))


class SegmentWriter:
    """Writes segments, in the driver or in a worker. Whoever made the directories has to adopt or clear what it writes.

    Args:
        grounds: Where to.
        prefix: What the names begin with; no other writer in these directories has it.

    *Guarantees*: a segment is whole when it is returned; of one that could not be written nothing is left. Any thread
    may write.
    """

    def __init__(self, grounds: Grounds, prefix: str) -> None:
        self._grounds = grounds
        self._prefix = prefix
        self._numbers = itertools.count()

    def write(self, value: Any, tier: Tier = "memory") -> Segment:
        """Write a value.

        Args:
            value: Any value that a codec can write.
            tier: Where it is to lie. What finds no room in shared memory goes to disk.

        Raises:
            Exception: What pickling the value raises.
            OSError: There is no room on the disk either.
        """
        return self.write_frames(*_CODECS.encode(value), tier)

    def write_frames(self, codec: str, frames: Sequence[Frame], tier: Tier = "memory") -> Segment:
        """Write what a codec made of a value; see `write`.

        Args:
            codec: The codec's name.
            frames: What it made.
            tier: As for `write`.

        Raises:
            OSError: As for `write`.
        """
        size_bytes = sum(map(len, frames))
        segment = Segment(f"{self._prefix}-{next(self._numbers)}", size_bytes, codec, self._grounds)
        memory = self._grounds.path("memory", segment.name)
        if tier == "memory" and memory is not None and has_room(self._grounds.memory or "", size_bytes):
            with suppress(OSError):  # it was filled by others since the look, or removed
                _write(memory, frames)
                return segment
        _write(f"{self._grounds.disk}/{segment.name}", frames)
        return segment


def decoded(codec: str, data: memoryview) -> Any:
    """The value that a codec has written.

    Args:
        codec: The codec's name.
        data: What it wrote, in private memory.
    """
    return _CODECS.named(codec).decode(data)


def has_room(directory: str, size_bytes: int) -> bool:
    """Whether so many bytes fit into the file system of a directory, with some left for others."""
    try:
        room = os.statvfs(directory)
    except OSError:
        return False
    return room.f_bavail * room.f_frsize - size_bytes >= room.f_blocks * room.f_frsize * _RESERVED_SHARE


def _memory_of(path: str, size_bytes: int) -> memoryview:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        found_bytes = os.fstat(descriptor).st_size
        if found_bytes != size_bytes:
            raise DamagedError(f"{path} has {found_bytes:,} bytes instead of {size_bytes:,}")
        return file_memory(descriptor, found_bytes)
    finally:
        os.close(descriptor)


def _write(path: str, frames: Sequence[Frame]) -> None:
    """Write a new file, by `write` and not through a map: memory that is not there is an error then, and no signal."""
    try:
        with Path(path).open("xb") as file:
            file.writelines(frames)
    except BaseException:
        Path(path).unlink(missing_ok=True)
        raise


_CODECS = Codecs()
