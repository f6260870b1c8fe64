"""How a value becomes bytes and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

Frame = bytes | bytearray | memoryview


class Codec(Protocol):
    """A way to write values. Its name stands in every row that it wrote, so it must be able to read them for ever."""

    name: str

    def encode(self, value: Any) -> Sequence[Frame]:
        """The value's bytes as frames to be written one after the other; large buffers are views, not copies.

        Raises:
            Exception: Whatever the value's own pickling raises; the caller reports it with the call's name.
        """
        ...

    def decode(self, data: memoryview) -> Any:
        """The value from exactly the bytes that ``encode`` gave.

        Args:
            data: Private and writable memory, aligned to 64 bytes: the value may keep views of it.
        """
        ...
