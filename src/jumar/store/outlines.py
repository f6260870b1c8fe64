"""The outlines of recorded arguments, gathered and kept in groups: a result must not pay for a transaction of its own."""

from __future__ import annotations

import threading

from jumar.keys.value_outline import outlines_in
from jumar.store.lineage import Lineage
from jumar.store.sqlite_connection import FAULTS
from jumar.store.trouble import Report, Trouble

_GROUP = 256
_KEPT_AT_MOST = 10_000
"""Outlines that one session keeps. They explain edits of settings; a million calls with settings of their own are data."""


class Outlines:
    """Gathers the outlines of what is recorded.

    Args:
        lineage: Where they are kept.
        report: Told when they cannot be.

    *Guarantees*: every method may be called from any thread. A crash costs the outlines that were not flushed, which
    explain and decide nothing.
    """

    def __init__(self, lineage: Lineage, report: Report) -> None:
        self._lineage = lineage
        self._report = report
        self._lock = threading.Lock()
        self._known: set[bytes] = set()
        self._waiting: dict[bytes, bytes] = {}

    def note(self, arguments: bytes) -> None:
        """Keep the outlines of these arguments.

        Args:
            arguments: The tokens of a call's parameters, one after the other.
        """
        if b"#" not in arguments or len(self._known) >= _KEPT_AT_MOST:
            return
        found = outlines_in(arguments, self._known.__contains__)
        if not found:
            return
        with self._lock:
            self._known.update(found)
            self._waiting.update(found)
            is_group = len(self._waiting) >= _GROUP
        if is_group:
            self.flush()

    def flush(self) -> None:
        """Write what was gathered."""
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        if not waiting:
            return
        try:
            self._lineage.remember_outlines(waiting)
        except (*FAULTS, OSError) as error:
            text = (
                f"{len(waiting)} arguments could not be recorded in full ({error}): `jumar why` will not look into them"
            )
            self._report(Trouble("unsaved", text, None, error))
