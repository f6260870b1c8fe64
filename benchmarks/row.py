"""One line of the report, and the rounds that it comes from."""

import gc
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

Measurement = Callable[[], float]
"""Does the work once and returns what it took: seconds or bytes in all, without preparation and clearing up."""

UNITS = {"µs": 1e6, "ms": 1e3, "B": 1.0}


@dataclass(frozen=True)
class Row:
    """What was measured.

    The ratio is jumar's figure by the peer's: the median over rounds of the ratio within each round, because a
    machine's speed drifts between rounds and the two figures of one round drift together.
    """

    what: str
    jumar: float
    unit: str
    peer: str = ""
    of_peer: float | None = None
    ratio: float | None = None
    max_ratio: float | None = None
    max_jumar: float | None = None

    @property
    def budget(self) -> str:
        """What was promised, in words."""
        if self.max_ratio is not None:
            return f"≤ {self.max_ratio:.2f} x"
        return f"≤ {self.max_jumar:g} {self.unit}" if self.max_jumar is not None else ""

    @property
    def met(self) -> bool | None:
        """Whether the promise was kept; None where there is none."""
        if self.max_ratio is not None:
            return self.ratio is not None and self.ratio <= self.max_ratio
        return self.jumar <= self.max_jumar if self.max_jumar is not None else None


def measure(
    what: str, ours: Measurement, *, pieces: int, rounds: int, unit: str = "µs", warm: bool = True, **budget: Any
) -> Row:
    """A row without a peer."""
    if warm:
        ours()  # the first time pays for imports, caches and fresh memory
    return Row(what, median(_taken(ours) for _ in range(rounds)) * UNITS[unit] / pieces, unit, **budget)


def compare(
    what: str,
    ours: Measurement,
    peer: str,
    theirs: Measurement,
    *,
    pieces: int,
    rounds: int,
    peer_pieces: int | None = None,
    unit: str = "µs",
    warm: bool = True,
    **budget: Any,
) -> Row:
    """A row with a peer: the two take turns in this process, so that both see the same machine."""
    if warm:
        ours(), theirs()
    per_piece, per_peer_piece = UNITS[unit] / pieces, UNITS[unit] / (peer_pieces or pieces)
    pairs = [(_taken(ours) * per_piece, _taken(theirs) * per_peer_piece) for _ in range(rounds)]
    ratio = median(ours / theirs for ours, theirs in pairs)
    return Row(what, median(p[0] for p in pairs), unit, peer, median(p[1] for p in pairs), ratio, **budget)


def _taken(measurement: Measurement) -> float:
    gc.collect()  # nobody pays for the other's garbage
    return measurement()
