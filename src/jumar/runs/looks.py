"""Looking again and again at what another process changes: at first often, then four times a second."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator

PAUSES_S = (0.01, 0.25)
"""The first and the longest pause between two looks, in seconds; each is twice the last."""


def looks(timeout_s: float | None, too_late: str) -> Iterator[None]:
    """Yields when it is time to look, at once for the first time; the caller leaves the loop when it has seen enough.

    Args:
        timeout_s: For how long, in seconds; None for ever. One look there is in any case.
        too_late: What is said when the time is over.

    Raises:
        TimeoutError: The time is over.
    """
    until_s = None if timeout_s is None else time.monotonic() + timeout_s
    never = threading.Event()
    for pause_s in _pauses():
        yield
        if until_s is not None and time.monotonic() >= until_s:
            raise TimeoutError(too_late)
        never.wait(pause_s)


async def looks_async(timeout_s: float | None, too_late: str) -> AsyncIterator[None]:
    """As `looks`, in an event loop."""
    until_s = None if timeout_s is None else time.monotonic() + timeout_s
    for pause_s in _pauses():
        yield
        if until_s is not None and time.monotonic() >= until_s:
            raise TimeoutError(too_late)
        await asyncio.sleep(pause_s)


def _pauses() -> Iterator[float]:
    pause_s, longest_s = PAUSES_S
    while True:
        yield pause_s
        pause_s = min(2 * pause_s, longest_s)
