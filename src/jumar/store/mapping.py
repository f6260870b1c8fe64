"""Private memory for restored results: writable, reaching nobody else, and starting at a multiple of 64 bytes."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterable

from jumar.codecs.codec import Frame

MAP_MIN_BYTES = 256 * 1024
"""Smaller files are read, not mapped: a map costs more than the copy, and a process may hold only some 65 000 maps."""

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


def file_memory(descriptor: int, size_bytes: int) -> memoryview:
    """A file's content as private memory: mapped where it is large, copied where it is small.

    A map shares its pages with every other reader of the file until somebody writes to one: only that page is copied
    then, and the file never changes. The descriptor may be closed afterwards.

    Raises:
        OSError: The file cannot be read, or is shorter than said.
    """
    if size_bytes >= MAP_MIN_BYTES:
        try:
            return memoryview(mmap.mmap(descriptor, size_bytes, flags=_PRIVATE, prot=_READ_WRITE))
        except OSError:
            # The process may have used up its maps, or the file system cannot map: a copy serves as well.
            os.lseek(descriptor, 0, os.SEEK_SET)
    memory = memory_of(size_bytes)
    filled = 0
    while filled < size_bytes:
        count = os.readv(descriptor, [memory[filled:]])
        if count == 0:
            raise OSError(f"the file ends after {filled:,} of {size_bytes:,} bytes")
        filled += count
    return memory
