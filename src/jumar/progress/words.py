"""The words of the progress line, from nothing but numbers."""

from __future__ import annotations

from rich.text import Text

from jumar.events import Counts

_STYLES = {"computed": "green", "restored": "cyan", "failed": "bold red", "cancelled": "yellow"}
_BETWEEN = " · "


def text(counts: Counts, elapsed_s: float, rate: float) -> Text:
    """The line while calls go on: counts, rate, time left, time gone.

    Args:
        counts: The calls so far.
        elapsed_s: Seconds since the start.
        rate: Calls run per second; 0 where it is not known yet, and then no time left is given.

    Example:
        >>> print(text(Counts(computed=30, restored=12, failed=0, cancelled=0, unfinished=90), 20.0, 1.5))
        30 computed · 12 restored · 90 unfinished · 1.5 calls/s · 1:00 left · 0:20
    """
    line = _told(counts, unfinished=True)
    if rate:
        line.append(f"{_BETWEEN}{_rounded(rate)} calls/s")
        if counts.unfinished:
            line.append(f"{_BETWEEN}{clock_time(counts.unfinished / rate)} left", "bold")
    return line.append(f"{_BETWEEN}{clock_time(elapsed_s)}", "dim")


def summary(counts: Counts, elapsed_s: float) -> Text:
    """What is said at the end; empty where there was no call.

    Args:
        counts: The calls at the end.
        elapsed_s: Seconds since the start.

    Example:
        >>> print(summary(Counts(computed=30, restored=12, failed=1, cancelled=0, unfinished=0), 75.2))
        jumar: 30 computed · 12 restored · 1 failed in 1:15
    """
    if not any(counts):
        return Text()
    return (
        Text("jumar: ")
        .append_text(_told(counts, unfinished=counts.unfinished > 0))
        .append(f" in {clock_time(elapsed_s)}")
    )


def share_done(counts: Counts) -> float:
    """How much of what is known to be asked for has ended, from 0 to 1. More may be asked for at any time."""
    total = sum(counts)
    return 1 - counts.unfinished / total if total else 0.0


def clock_time(seconds: float) -> str:
    """Seconds as people read them: ``0:07``, ``12:30``, ``3:04:05``, ``2 days 3:04:05``.

    Example:
        >>> clock_time(7), clock_time(3723), clock_time(90_061)
        ('0:07', '1:02:03', '1 day 1:01:01')
    """
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    if not hours:
        return f"{minute}:{second:02}"
    days, hour = divmod(hours, 24)
    prefix = f"{days} day{'s' if days > 1 else ''} " if days else ""
    return f"{prefix}{hour}:{minute:02}:{second:02}"


def _told(counts: Counts, *, unfinished: bool) -> Text:
    """The counts in words: computed and restored always, failed, cancelled and skipped where there are any."""
    shown = {"computed": True, "restored": True, "unfinished": unfinished}
    return Text(_BETWEEN).join(
        Text(f"{number:,} {word}", _STYLES.get(word, "dim") if number else "dim")
        for word, number in counts._asdict().items()
        if shown.get(word, number > 0)
    )


def _rounded(rate: float) -> str:
    """Two figures that mean something: ``0.042``, ``1.5``, ``38``, ``12,000``."""
    if rate >= 10:
        return f"{round(rate):,}"
    return f"{rate:.1f}" if rate >= 1 else f"{rate:.2g}"
