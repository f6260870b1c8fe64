"""Private memory for restored results: writable, reaching nobody else, and starting at a multiple of 64 bytes."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterable
from contextlib import suppress

from jumar.codecs.codec import Frame

MAP_MIN_BYTES = 256 * 1024
"""Smaller files are read, not mapped: a map costs more than the copy, and a process may hold only some 65 000 maps."""
ALIGNMENT_BYTES = 64
"""What memory of a result starts at a multiple of."""

# Without a reservation, as the kernel would otherwise refuse a map larger than free memory although only the pages
# that somebody writes to ever need any.
_PRIVATE = mmap.MAP_PRIVATE | getattr(mmap, "MAP_NORESERVE", 0)
_READ_WRITE = mmap.PROT_READ | mmap.PROT_WRITE


def memory_of(size_bytes: int) -> memoryview:
    """Fresh private memory of this many bytes, page-aligned, zero."""
    if size_bytes == 0:
        return memoryview(bytearray())
    return memoryview(mmap.mmap(-1, size_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=_READ_WRITE))


def copy_of(frames: Iterable[Frame], size_bytes: int) -> memoryview:
    """The frames, one after the other, in private memory.

    Example:
        >>> bytes(copy_of([b"ab", b"c"], 3))
        b'abc'
    """
    memory = memory_of(size_bytes)
    offset = 0
    for frame in frames:
        memory[offset : offset + len(frame)] = frame
        offset += len(frame)
    return memory


def file_memory(descriptor: int, size_bytes: int, offset_bytes: int = 0) -> memoryview:
    """A file's content as private memory: mapped where it is large, copied where it is small.

    Args:
        descriptor: The open file.
        size_bytes: How much of it.
        offset_bytes: From where on; what does not start at a multiple of 64 bytes is copied, so that the memory does.

    A map shares its pages with every other reader of the file until somebody writes to one: only that page is copied
    then, and the file never changes. The descriptor may be closed afterwards.

    Raises:
        OSError: The file cannot be read, or is shorter than said.
    """
    if size_bytes >= MAP_MIN_BYTES and offset_bytes % ALIGNMENT_BYTES == 0:
        before = offset_bytes % mmap.ALLOCATIONGRANULARITY
        # A map may reach beyond the end of a file, where touching it ends the process.
        is_there = not before or os.fstat(descriptor).st_size >= offset_bytes + size_bytes
        # The process may have used up its maps, or the file system cannot map: a copy serves as well.
        with suppress(OSError):
            if is_there:
                pages = mmap.mmap(
                    descriptor, before + size_bytes, flags=_PRIVATE, prot=_READ_WRITE, offset=offset_bytes - before
                )
                return memoryview(pages)[before:]
    memory = memory_of(size_bytes)
    filled = 0
    while filled < size_bytes:
        count = os.preadv(descriptor, [memory[filled:]], offset_bytes + filled)
        if count == 0:
            raise OSError(f"the file ends after {filled:,} of {size_bytes:,} bytes")
        filled += count
    return memory
