"""How much each benchmark does."""

from typing import NamedTuple


class Size(NamedTuple):
    """Amounts of work; times are given per piece, so they can be compared between sizes."""

    rounds: int
    """How often jumar and its peer take turns; what is shown is the median."""
    calls: int
    slow_calls: int
    """For peers that take hundreds of microseconds a call."""
    array_bytes: int
    pending: int
    stored: int


NORMAL = Size(rounds=5, calls=100_000, slow_calls=2_000, array_bytes=256 << 20, pending=100_000, stored=100_000)
QUICK = Size(rounds=3, calls=20_000, slow_calls=500, array_bytes=64 << 20, pending=20_000, stored=20_000)
FULL = NORMAL._replace(pending=1_000_000, stored=1_000_000)
SMOKE = Size(rounds=1, calls=50, slow_calls=5, array_bytes=1 << 20, pending=50, stored=50)
