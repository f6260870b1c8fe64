"""Rules by which a task's results are kept: by size, by what they cost, every n-th."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from jumar.errors import DeclarationError


@dataclass(frozen=True, slots=True)
class Keep:
    """Keeps a result if all of these hold: for ``@jumar.task(checkpoint=Keep(...))``.

    Args:
        min_seconds: The function ran at least so long: what is cheaper to compute than to keep is computed again.
        min_size_bytes: The encoded result has at least this many bytes.
        max_size_bytes: It has at most this many; None for any size. A larger one is encoded and not written.
        every: Of the results for which the rest holds, every n-th is kept in this process: the second, fourth, ... for 2.

    Raises:
        DeclarationError: A bound is negative, or they exclude each other.

    Example:
        >>> rule = Keep(min_seconds=1.0, max_size_bytes=10_000_000)
        >>> rule.admits(2.5, 800), rule.admits(0.1, 800), rule.admits(2.5, 20_000_000)
        (True, False, False)
        >>> second = Keep(every=2)
        >>> [second.admits(0.0, 1) for _ in range(4)]
        [False, True, False, True]
    """

    min_seconds: float = 0.0
    min_size_bytes: int = 0
    max_size_bytes: int | None = None
    every: int = 1
    _count: Iterator[int] = field(default_factory=lambda: itertools.count(1), init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse what could keep nothing."""
        if self.min_seconds < 0 or self.min_size_bytes < 0 or self.every < 1:
            raise DeclarationError(f"{self!r}: bounds are not negative, and every= is 1 or more")
        if self.max_size_bytes is not None and self.max_size_bytes < self.min_size_bytes:
            raise DeclarationError(f"{self!r} keeps nothing: max_size_bytes is less than min_size_bytes")

    def admits(self, seconds: float, size_bytes: int) -> bool:
        """Whether a result is to be kept; counts those for which all but ``every`` holds.

        Args:
            seconds: How long the function ran.
            size_bytes: Length of the encoded result.
        """
        largest = self.max_size_bytes
        if (
            seconds < self.min_seconds
            or size_bytes < self.min_size_bytes
            or (largest is not None and size_bytes > largest)
        ):
            return False
        return next(self._count) % self.every == 0
