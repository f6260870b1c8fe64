"""Amounts as people write them: sizes such as ``10GiB`` and durations such as ``30d``."""

from __future__ import annotations

import re

_BYTES = {"": 1, "b": 1} | {
    f"{prefix}{end}": (1024 if end.startswith("i") else 1000) ** power
    for power, prefix in enumerate("kmgtp", 1)
    for end in ("b", "", "ib", "i")
}
# A duration without a unit could be days as well as seconds, so it is none.
_SECONDS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_WRITTEN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", re.IGNORECASE)


def parse_size(written: object) -> int:
    """The number of bytes that was written as ``10GiB``, ``1.5 GB`` or a whole number.

    Args:
        written: A whole number, or a text with a unit: ``kB``, ``MB`` ... are powers of 1000, ``KiB``, ``MiB`` ... of 1024.

    Raises:
        ValueError: It is no size; the text says what is.

    Example:
        >>> parse_size("10GiB"), parse_size("1.5 kB"), parse_size(4096)
        (10737418240, 1500, 4096)
    """
    size = written if isinstance(written, int) and not isinstance(written, bool) else _amount(written, _BYTES)
    if size is None or size < 1:
        raise ValueError("takes a size such as 10GiB, 500MB or a whole number of bytes")
    return int(size)


def parse_duration(written: str) -> float:
    """The number of seconds that was written as ``30d``, ``12h``, ``90min``, ``45s`` or ``2w``.

    Raises:
        ValueError: It is no duration; the text says what is.

    Example:
        >>> parse_duration("30d"), parse_duration("1.5 h"), parse_duration("0s")
        (2592000.0, 5400.0, 0.0)
    """
    seconds = _amount(written, _SECONDS)
    if seconds is None:
        raise ValueError("takes a duration such as 30d, 12h, 90min or 45s")
    return seconds


def _amount(written: object, units: dict[str, int] | dict[str, float]) -> float | None:
    match = _WRITTEN.fullmatch(written) if isinstance(written, str) else None
    unit = units.get(match[2].lower()) if match else None
    return float(match[1]) * unit if match and unit is not None else None
