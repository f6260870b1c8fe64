"""The heart of a process that drives runs: it keeps their leases, and notices when others want them stopped."""

from __future__ import annotations

import logging
import os
import threading
from typing import Protocol

_LOG = logging.getLogger("jumar")
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
        self._beating: list[Beating] = []
        self._hasty = 0
        self._begin, self._soon = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, each: Beating, *, hasty: bool = False) -> None:
        """Begin to beat for something; ``hasty`` says that it also wants to beat when it is nudged."""
        with self._lock:
            self._beating.append(each)
            self._hasty += hasty
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="jumar-runs", daemon=True)
                self._thread.start()
            if not self._begin.is_set():
                self._begin.set()

    def nudge(self) -> None:
        """Beat soon, if somebody is in haste: something has ended that others may wait for."""
        if self._hasty:
            self._soon.set()

    def remove(self, each: Beating, *, hasty: bool = False) -> None:
        """Beat for it no more."""
        with self._lock:
            self._beating.remove(each)
            self._hasty -= hasty

    def _run(self) -> None:
        while True:
            # A period passes before the first beat: a short run is not to share the store with it.
            self._begin.wait()
            self._soon.wait(PERIOD_S)
            self._soon.clear()
            for each in self._beating.copy():
                try:
                    each.beat()
                except Exception:  # noqa: BLE001  (the others are to beat all the same)
                    _LOG.exception("a beat of %r failed", each)
            with self._lock:
                if not self._beating:
                    self._begin.clear()


HEART = Heart()


def _forget() -> None:
    """In a forked child: the runs are the parent's."""
    HEART.__init__()  # type: ignore[misc]


os.register_at_fork(after_in_child=_forget)
