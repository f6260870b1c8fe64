"""A bound for what a store holds: when it is passed, the cheapest results go, on a thread of its own."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Sequence

from jumar.errors import StoreError
from jumar.store.records import Entry, Failure
from jumar.store.sqlite_connection import FAULTS
from jumar.store.stock import ROW_BYTES
from jumar.store.trouble import Report, Trouble
from jumar.store.writer import Commit

LEFT_SHARE = 0.9
"""How much of the limit is left after an eviction, so that the next one is not due at once."""
_FURTHER_SHARE = 0.05

Evict = Callable[[int, int], int]
"""Takes the limit and how much to leave, in bytes; gives what the results take afterwards."""


class Budget:
    """Keeps the results of a store below a size, beside the computation.

    What is recorded is added up. The sum is too high where equal results share a blob and where a call is recorded
    again; so before anything goes, what is there is counted.

    Args:
        limit_bytes: How much the results may take, their rows included.
        report: Told of trouble, and once if the limit cannot be kept.
        evict: Does it; a store that gets this budget puts itself here.

    *Guarantees*: ``note`` never waits. When ``close`` returns, everything noted before has been dealt with.
    """

    def __init__(self, limit_bytes: int, report: Report, evict: Evict = lambda limit, left: 0) -> None:  # noqa: ARG005
        self._limit_bytes = limit_bytes
        self.evict = evict
        self._report = report
        # Nobody has counted yet: the first record makes somebody do so, and a program that records nothing needs none.
        self._sum_bytes: float = math.inf
        self._next_bytes: float = limit_bytes
        self._told = False
        self._wake = threading.Event()
        self._closing = False
        self._thread: threading.Thread | None = None
        self._process = os.getpid()

    def after(self, commit: Commit) -> Commit:
        """The commit, with what it wrote noted."""

        def committed(entries: Sequence[Entry], failures: Sequence[Failure]) -> None:
            commit(entries, failures)
            self.note(entries)

        return committed

    def note(self, entries: Sequence[Entry]) -> None:
        """These were recorded. Called by one thread at a time."""
        self._sum_bytes += sum(entry.size_bytes for entry in entries) + ROW_BYTES * len(entries)
        if entries and self._sum_bytes > self._next_bytes and not self._closing:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="jumar-store-budget", daemon=True)
                self._thread.start()
            self._wake.set()

    def close(self) -> None:
        """Wait for an eviction that is under way or due, and end the thread; a second close does nothing."""
        self._closing = True
        if self._thread is not None and self._process == os.getpid():
            self._wake.set()
            self._thread.join()

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            if self._sum_bytes > self._next_bytes:
                self._keep()
            if self._closing and not self._wake.is_set():
                return

    def _keep(self) -> None:
        before_bytes = self._sum_bytes
        try:
            held_bytes = self.evict(self._limit_bytes, int(self._limit_bytes * LEFT_SHARE))
        except (*FAULTS, OSError, StoreError) as error:
            # Tried again when as much as usual has come: not at every record.
            held_bytes = self._limit_bytes
            self._tell(f"the store could not be kept below {self._limit_bytes:,} bytes: {error}", error)
        if held_bytes > self._limit_bytes:
            self._tell(
                f"the results take {held_bytes:,} bytes, more than max_store_size={self._limit_bytes:,}: what is left is "
                f"pinned or in use by running programs. Raise the limit, or see `jumar pins`.",
                None,
            )
        # What was noted meanwhile is counted twice at worst.
        meanwhile_bytes = self._sum_bytes - before_bytes if math.isfinite(before_bytes) else 0.0
        self._sum_bytes = held_bytes + meanwhile_bytes
        self._next_bytes = max(self._limit_bytes, held_bytes) + (
            self._limit_bytes * _FURTHER_SHARE if held_bytes >= self._limit_bytes else 0
        )

    def _tell(self, text: str, error: Exception | None) -> None:
        if not self._told:
            self._told = True
            self._report(Trouble("over-size", text, None, error))
