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
        """The name in the rows: ASCII, at most 255 characters."""
        ...

    def encode(self, value: Any) -> Sequence[Frame]:
        """The value's bytes as frames to be written one after the other; large buffers are views, not copies.

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
