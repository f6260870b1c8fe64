"""The directories of a session's segments: in shared memory and on disk, cleared whatever the session ended by."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import threading
import weakref
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from jumar.chunks.segment import Grounds, Segment, SegmentWriter, Tier
from jumar.errors import DamagedError, StoreError
from jumar.store.scratch import Scratch

SHARED_MEMORY: Final = Path("/dev/shm")
"""Where Linux has a file system in memory. Other systems have none: their segments lie on disk, and in its cache."""

_MODE = 0o700


class SegmentScratch:
    """Owns the segments of a session, whichever process wrote them.

    Args:
        disk: The directory for the directories on disk of all sessions; ``None``: one in the folder for temporary files,
            for stores that have no place of their own.
        memory: The directory in shared memory under which this user's lies; ``None``: there is none.

    Example:
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     scratch = SegmentScratch(Path(folder))
        ...     segment = scratch.write([1, 2])
        ...     scratch.spill(segment)
        ...     print(segment.map(), segment.tier)
        ...     scratch.free(segment)
        ...     print(segment.tier)
        ...     scratch.close()
        [1, 2] disk
        None

    *Guarantees*: nothing is left in either place after `close`; what a killed driver leaves is removed by the next session
    that uses the same place. What a lost worker wrote and nobody adopted is removed by `clear`. Maps stay readable when
    their segment is freed. Any thread may call any method; in a forked child nothing is freed.

    *Source*: one file a value and no resource tracker, unlike ``multiprocessing.shared_memory``: there a tracking process
    has to survive, and each process that attaches counts.
    """

    def __init__(self, disk: Path | None = None, memory: Path | None = SHARED_MEMORY) -> None:
        self._process = os.getpid()
        temporary = Path(tempfile.gettempdir())
        root = disk or private_directory(temporary)
        if root is None:
            raise StoreError(
                f"{temporary}/jumar-{os.getuid()} belongs to somebody else or is open to others, so that no large values "
                f"are put there. Remove it, set TMPDIR, or use a store on disk."
            )
        self._disk = Scratch(root)
        quick = None if memory is None else private_directory(memory)
        self._memory = None if quick is None else Scratch(quick)
        self._grounds: Grounds | None = None
        self._writer: SegmentWriter | None = None
        self._live: dict[str, weakref.ref[Holding] | None] = {}

    @property
    def grounds(self) -> Grounds:
        """The directories, which are there.

        Raises:
            OSError: That on disk cannot be made.
        """
        if self._grounds is None:
            memory = None
            if self._memory is not None:
                with suppress(OSError):  # full, or not for us: the disk serves as well
                    memory = str(self._memory.directory())
            self._grounds = Grounds(memory, str(self._disk.directory()))
        return self._grounds

    def write(self, value: Any, tier: Tier = "memory") -> Segment:
        """Write a value and own it; see `SegmentWriter.write`."""
        if self._writer is None:
            self._writer = self.writer("driver")
        return self.adopt(self._writer.write(value, tier))

    def writer(self, prefix: str) -> SegmentWriter:
        """A writer for this session's directories.

        Args:
            prefix: See `SegmentWriter`; the name of the worker.
        """
        return SegmentWriter(self.grounds, prefix)

    def adopt(self, segment: Segment) -> Segment:
        """Own a segment that another process of the session has written; to be called before it could be cleared."""
        self._live.setdefault(segment.name, None)
        return segment

    def hold(self, holding: Holding) -> None:
        """Own the segment of a holding, and let it keep the value when this is closed."""
        self._live[holding.segment.name] = weakref.ref(holding)
        # At the session's end all of them are removed at once.
        weakref.finalize(holding, self.free, holding.segment).atexit = False

    def spill(self, segment: Segment) -> None:
        """Move a segment from shared memory to disk; one that lies there, or was freed, stays as it is.

        Raises:
            OSError: There is no room; it is where it was.

        *Guarantees*: whoever maps it meanwhile finds it. Maps that exist keep their shared memory until they end.
        """
        source, target = segment.grounds.path("memory", segment.name), f"{segment.grounds.disk}/{segment.name}"
        if source is None or segment.tier != "memory" or segment.name not in self._live:
            return
        half = Path(f"{target}.{threading.get_ident()}")
        try:
            with suppress(FileNotFoundError):  # it was freed meanwhile
                shutil.copyfile(source, half)
                half.replace(target)
                Path(source).unlink()
        except BaseException:
            half.unlink(missing_ok=True)
            raise
        if segment.name not in self._live:
            Path(target).unlink(missing_ok=True)

    def free(self, segment: Segment) -> None:
        """Let go of a segment; a second time does nothing."""
        if self._process == os.getpid():
            self._live.pop(segment.name, None)
            segment.remove()

    def clear(self, prefix: str) -> None:
        """Remove what a writer that has ended wrote, all but what was adopted.

        Args:
            prefix: The writer's.
        """
        for directory in map(Path, filter(None, self._grounds or ())):
            with suppress(FileNotFoundError):  # the session was closed meanwhile
                for path in directory.iterdir():
                    if path.name.startswith(f"{prefix}-") and path.name not in self._live:
                        path.unlink(missing_ok=True)

    def close(self) -> None:
        """Remove everything; a second close does nothing. What is still held stays readable, by maps of this process."""
        if self._process != os.getpid():
            return
        for reference in list(self._live.values()):
            holding = None if reference is None else reference()
            if holding is not None:
                holding.outlast()
        self._live.clear()
        self._disk.close()
        if self._memory is not None:
            self._memory.close()


class Holding:
    """Keeps a segment for as long as this object lives, and then frees it.

    References are counted by Python, and in the driver alone: workers only borrow a segment while a call that has it
    among its arguments runs, so that none is kept by a worker that is lost.

    Args:
        scratch: Whose it is from now on.
        segment: Any process of the session has written it.
    """

    __slots__ = ("__weakref__", "_memory", "_scratch", "segment")

    def __init__(self, scratch: SegmentScratch, segment: Segment) -> None:
        self.segment = segment
        self._scratch = scratch
        self._memory: memoryview | None = None
        scratch.hold(self)

    def spill(self) -> None:
        """Move the segment to disk; see `SegmentScratch.spill`."""
        self._scratch.spill(self.segment)

    def memory(self) -> memoryview:
        """The segment's bytes as private memory, also after the session's end.

        Raises:
            DamagedError: The segment is not whole.
        """
        return self.segment.memory() if self._memory is None else memoryview(bytearray(self._memory))

    def outlast(self) -> None:
        """Keep the bytes when the file goes. Each reader gets a copy of them from now on."""
        with suppress(DamagedError):  # told to who reads it
            self._memory = self.segment.memory()


def clear_abandoned(disk: Path | None) -> None:
    """Remove what killed sessions have left in shared memory, and in a directory on disk.

    Args:
        disk: The directory for the directories of all sessions; None where there is none to look into.
    """
    for root in (disk, private_directory(SHARED_MEMORY)):
        if root is not None:
            Scratch(root)  # looks for directories whose locks are free


def private_directory(parent: Path) -> Path | None:
    """This user's directory in a place that all users share; made if it is not there.

    Args:
        parent: The place.

    Returns:
        None where the place is missing or takes no directory, and where the directory is another user's or open to
        others: whoever can write there can let this process run code.
    """
    path = parent / f"jumar-{os.getuid()}"
    try:
        with suppress(FileExistsError):
            path.mkdir(mode=_MODE)
        found = path.lstat()
    except OSError:
        return None
    is_private = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not stat.S_IMODE(found.st_mode) & 0o077
    return path if is_private else None
