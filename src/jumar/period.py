"""Work that is done again and again, on a thread of its own, until it is told to stop."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Self

_LOG = logging.getLogger("jumar")


class Period:
    """Does some work once in a period, as a context manager.

    Args:
        work: What is done. An exception in it is logged, and the next period is waited for.
        period_s: How long to wait before each time, in seconds.
        stop: Ends the waiting when it is set.

    Example:
        >>> with Period(print, 3600.0):
        ...     pass
    """

    def __init__(self, work: Callable[[], object], period_s: float, stop: threading.Event | None = None) -> None:
        self._work = work
        self._period_s = period_s
        self._stop = stop or threading.Event()
        self._thread = threading.Thread(target=self._run, name="jumar-period", daemon=True)

    def _run(self) -> None:
        while not self._stop.wait(self._period_s):
            try:
                self._work()
            except Exception:  # noqa: BLE001  (there is nobody to raise it to, and the next time may go well)
                _LOG.exception("what is done every %s s failed", self._period_s)

    def __enter__(self) -> Self:
        """Begin to wait."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop; work that is being done is waited for."""
        self._stop.set()
        self._thread.join()
