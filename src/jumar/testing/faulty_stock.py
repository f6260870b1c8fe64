"""What retention knows of a store, wrapped so that a `jumar.testing.faults.Faults` decides which operations fail."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from jumar.store.stock import Condemned, Item, Stock
from jumar.testing.faults import Faults


class FaultyStock:
    """A stock whose operations fail as told; named ``stock.items``, ``stock.take`` and so on.

    Args:
        inner: The stock that does the work.
        faults: Which operations fail.
    """

    def __init__(self, inner: Stock, faults: Faults) -> None:
        self._inner = inner
        self._operation = faults.operation
        self.pins = inner.pins

    def guarded(self) -> set[bytes]:
        """See ``Stock.guarded``."""
        with self._operation("stock.guarded"):
            return self._inner.guarded()

    def items(self) -> Iterator[Item]:
        """See ``Stock.items``; fails when the first one is asked for."""
        with self._operation("stock.items"):
            yield from self._inner.items()

    def size_bytes(self) -> int:
        """See ``Stock.size_bytes``."""
        with self._operation("stock.size_bytes"):
            return self._inner.size_bytes()

    def take(self, condemned: Sequence[Condemned], at_s: float) -> set[bytes]:
        """See ``Stock.take``."""
        with self._operation("stock.take"):
            return self._inner.take(condemned, at_s)

    def failures(self, before_s: float) -> list[bytes]:
        """See ``Stock.failures``."""
        with self._operation("stock.failures"):
            return self._inner.failures(before_s)

    def unused_codes(self) -> list[bytes]:
        """See ``Stock.unused_codes``."""
        with self._operation("stock.unused_codes"):
            return self._inner.unused_codes()

    def drop_codes(self, codes: Sequence[bytes]) -> None:
        """See ``Stock.drop_codes``."""
        with self._operation("stock.drop_codes"):
            self._inner.drop_codes(codes)

    def compact(self, removed_bytes: int) -> int:
        """See ``Stock.compact``."""
        with self._operation("stock.compact"):
            return self._inner.compact(removed_bytes)
