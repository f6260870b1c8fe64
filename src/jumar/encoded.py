"""A result that a worker process has encoded: what the engine has of it until somebody asks for the value."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # imported with the first such result: most programs start no processes
    from jumar.chunks.reference import Reference
    from jumar.chunks.scratch import Holding
    from jumar.store.records import Payload
    from jumar.store.store import Store


class Encoded:
    """Stands for the value that a function has returned in another process.

    Args:
        payload: Its bytes, or where they are: inline, or in a blob of the store; neither where they are in a segment.
        holding: The segment.
        path: The blob's file.
    """

    __slots__ = ("_path", "holding", "payload")

    def __init__(self, payload: Payload, holding: Holding | None = None, path: str = "") -> None:
        self.payload = payload
        self.holding = holding
        self._path = path

    def value(self) -> Any:
        """The value, one for each time it is asked for.

        Raises:
            DamagedError: It is not there any more.
            Exception: What unpickling it raises.
        """
        from jumar.chunks.segment import BlobFile, decoded  # noqa: PLC0415  (as above)

        codec, size_bytes, inline, _ = self.payload
        if self.holding is not None:
            return decoded(codec, self.holding.memory())
        if inline is not None:
            return decoded(codec, memoryview(bytearray(inline)))
        return BlobFile(self._path, size_bytes, codec).map()

    def reference(self) -> Reference:
        """What stands for the value in what is sent to another process, where it lies in a segment."""
        from jumar.chunks.reference import Reference  # noqa: PLC0415  (as above)

        assert self.holding is not None
        return Reference(self.holding.segment, self.holding)

    def payload_in(self, store: Store, admits: Callable[[int], bool] | None) -> Payload | None:
        """The value's bytes, kept in a store, as `Store.encode` gives them.

        Raises:
            OSError: The blob could not be written.
        """
        if self.holding is None:
            return self.payload
        return store.keep_frames(self.payload.codec, (self.holding.memory(),), admits)
