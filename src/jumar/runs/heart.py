"""The heart of a process that drives runs: it keeps their leases, and notices when others want them stopped."""

from __future__ import annotations

import os
import threading
from typing import Protocol

PERIOD_S = 0.25
"""How long it may take until a driver notices that its run was cancelled by another process, in seconds."""


class Beating(Protocol):
    """What has a heart."""

    def beat(self) -> None:
        """Do what is to be done now and then. Raises nothing."""


class Heart:
    """One thread for all that beats in this process, from the first one on; it rests while nothing does."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._drivers: list[Beating] = []
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, driver: Beating) -> None:
        """Begin to beat for a driver."""
        with self._lock:
            self._drivers.append(driver)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="jumar-runs", daemon=True)
                self._thread.start()
        self._wake.set()

    def nudge(self) -> None:
        """Beat soon: something has ended that others may wait for."""
        self._wake.set()

    def remove(self, driver: Beating) -> None:
        """Beat for it no more."""
        with self._lock:
            self._drivers.remove(driver)

    def _run(self) -> None:
        while True:
            self._wake.wait(PERIOD_S if self._drivers else None)
            self._wake.clear()
            for driver in self._drivers.copy():
                driver.beat()


HEART = Heart()


def _forget() -> None:
    """In a forked child: the runs are the parent's."""
    HEART.__init__()  # type: ignore[misc]


os.register_at_fork(after_in_child=_forget)
