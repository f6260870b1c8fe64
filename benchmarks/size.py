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
    hit_rows: tuple[int, ...]
    """How many results are in the stores in which calls are found; the last is ``stored``."""
    graph: int
    """How many calls are in a large graph; it is compared with one of a tenth."""
    nesting: int
    """How many calls wait inside one another."""


NORMAL = Size(
    5, 100_000, 2_000, 256 << 20, pending=100_000, stored=100_000, hit_rows=(100, 100_000), graph=100_000, nesting=1000
)
QUICK = Size(
    3, 20_000, 500, 64 << 20, pending=20_000, stored=20_000, hit_rows=(100, 20_000), graph=20_000, nesting=1000
)
FULL = NORMAL._replace(array_bytes=1 << 30, pending=1_000_000, stored=1_000_000, hit_rows=(100, 100_000, 1_000_000))
SMOKE = Size(1, 50, 5, 1 << 20, pending=50, stored=50, hit_rows=(20, 50), graph=50, nesting=20)
