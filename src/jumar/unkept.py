"""A result that is in no store and can be changed: written when it is first read, so that each reader has one of its own."""

from __future__ import annotations

import os
import tempfile
import threading
import weakref
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from jumar.codecs.codec import Frame
from jumar.codecs.registry import Codecs
from jumar.graph.call import NOTHING
from jumar.store.mapping import copy_of, file_memory
from jumar.store.store import INLINE_MAX_BYTES

_MAPPED_MIN_BYTES = 64 * 1024 * 1024
"""From this size on further readers map one file. Each file takes a descriptor, of which a program may have a thousand: so
only for values of which it cannot have that many."""

_CODECS = Codecs()


class Unkept:
    """Holds a value for readers who may change it.

    The first reader gets the object that the function returned, after it was written by its codec; every further reader
    gets a value made from what was written. What cannot be written and made again is shared by all.

    Args:
        value: The value.

    *Guarantees*: nobody's change of what was read reaches another reader, if the value can be written and made again.

    Example:
        >>> unkept = Unkept([1])
        >>> first, second = unkept.take(), unkept.take()
        >>> first.append(2)
        >>> second, unkept.take()
        ([1], [1])
    """

    __slots__ = ("__weakref__", "_codec", "_file", "_lock", "_size_bytes", "_value", "_written", "is_sole")

    def __init__(self, value: Any) -> None:
        self._value = value
        self._lock = threading.Lock()
        self._file: int | None = None
        self.is_sole = False
        """Whether the caller that waits for it is the only one who can ever read it."""

    def take(self) -> Any:
        """A value for one reader, who may change it."""
        with self._lock:
            value = self._value
            if value is not NOTHING:
                try:
                    self._codec, frames = _CODECS.encode(value)
                    self._write(frames)
                    self._read()  # some values can be written and not be made again: errors with arguments of their own
                except Exception:  # noqa: BLE001  (pickling runs user code: what cannot be copied can only be shared)
                    self._file = None
                    return value
                self._value = NOTHING
                return value
        return self._read()

    def only(self) -> Any:
        """The object itself, for a reader who is the only one: nothing is written."""
        return self.take() if self._value is NOTHING else self._value

    def _write(self, frames: Sequence[Frame]) -> None:
        self._size_bytes = sum(map(len, frames))
        if self._size_bytes >= _MAPPED_MIN_BYTES:
            # Without a descriptor, or room for the file, the program's own memory serves as well, or says so.
            with suppress(OSError):
                self._file = self._in_file(frames)
                return
        self._written = b"".join(frames)

    def _in_file(self, frames: Sequence[Frame]) -> int:
        file = _nameless()
        try:
            for frame in frames:
                _write_all(file, frame)
        except BaseException:
            os.close(file)
            raise
        weakref.finalize(self, os.close, file)
        return file

    def _read(self) -> Any:
        if self._file is not None:
            memory = file_memory(self._file, self._size_bytes)
        elif self._size_bytes <= INLINE_MAX_BYTES:  # in plain memory, as from a row of the store
            memory = memoryview(bytearray(self._written))
        else:
            memory = copy_of((self._written,), self._size_bytes)
        return _CODECS.named(self._codec).decode(memory)


def _nameless() -> int:
    """A file that nobody else can open and that is gone when it is closed: in memory where the system has such files."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("jumar")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _write_all(file: int, frame: Frame) -> None:
    rest = memoryview(frame).cast("B") if len(frame) else memoryview(b"")
    while rest:
        rest = rest[os.write(file, rest) :]
