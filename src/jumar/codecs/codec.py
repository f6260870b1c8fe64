"""What a codec must do: turn a value into bytes and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

Frame = bytes | bytearray | memoryview
"""Bytes to be written one after the other; a memoryview here is contiguous and of format ``B``."""


class Codec(Protocol):
    """A way to write values. Its name stands in every row that it wrote, so it must be able to read them for ever."""

    @property
    def name(self) -> str:
        """The name in the rows: ASCII, at most 250 characters, without ``+``."""
        ...

    def encode(self, value: Any) -> Sequence[Frame] | None:
        """The value's bytes as frames to be written one after the other; large buffers are views, not copies.

        Returns:
            The frames; or None for a value that would not come back equal in everything that a program can see: its
            type, its dtype, whether it may be written to. The next codec is asked then, and the last one is pickle.

        Raises:
            Exception: Whatever the value's own pickling raises; the caller reports it with the call's name.
        """
        ...

    def decode(self, data: memoryview) -> Any:
        """The value from exactly the bytes that ``encode`` gave.

        Args:
            data: Private and writable memory: the value may keep views of it. It starts at a multiple of 64 bytes
                where it holds a blob; small results that live in the index may start anywhere.

        Raises:
            Exception: The bytes are no such value, or the value's own unpickling fails.
        """
        ...
