"""What is noted beside results and explains them; a note that cannot be written is reported, and costs no result."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from contextlib import suppress

from jumar.clock import Clock
from jumar.errors import StoreError
from jumar.store.lineage import LOSSES_KEPT, UNKEPT, Lineage, Loss
from jumar.store.sqlite_connection import FAULTS
from jumar.store.trouble import Report, Trouble

SAME_USE_S = 3600
"""For so long after a run, runs that find what it asked for, and compute nothing, are the same use of it."""


class Notes:
    """Writes into a lineage what a store's sessions have to say.

    Args:
        lineage: Where it is kept.
        report: Told where it cannot be.
        clock: For the times.
        read_only: No run is begun.
    """

    def __init__(self, lineage: Lineage, report: Report, clock: Clock, *, read_only: bool) -> None:
        self._lineage = lineage
        self._report = report
        self._now_s = clock.now_s
        self._read_only = read_only
        self._unkept: deque[Loss] = deque(maxlen=LOSSES_KEPT)

    def loss(self, key: bytes, reason: str) -> None:
        """Note for ``jumar why`` that the kept result of a call is not used any more."""
        try:
            self._lineage.note_loss(Loss(key, self._now_s(), reason))
        except (*FAULTS, OSError) as error:
            self._tell(f"why call {key.hex()[:12]} was lost could not be recorded: {error}", error, key)

    def begin_run(self, script: str, *, idle: bool = False) -> int:
        """The number of a new run, to be recorded with what it computes; 0 where it cannot be recorded.

        Args:
            script: What runs.
            idle: It has ended and computed nothing.
        """
        if self._read_only:
            return 0
        try:
            return self._lineage.begin_run(self._now_s(), script, idle=idle)
        except (*FAULTS, OSError) as error:
            what = f"the run could not be recorded ({type(error).__name__}: {error})"
            self._tell(f"{what}: `jumar why --last` will not know it", error)
            return 0

    def codes(self, run: int, codes: Collection[bytes]) -> None:
        """Note for retention what a run asked for, found or computed."""
        try:
            self._lineage.note_codes(run, codes)
        except (*FAULTS, OSError) as error:
            what = f"what the run asked for could not be recorded ({type(error).__name__}: {error})"
            self._tell(f"{what}: `jumar gc --unused-for-runs` does not know that its results are in use", error)

    def idle_run(self, script: str, codes: Collection[bytes]) -> None:
        """Note for retention what a run found, which has ended and computed nothing.

        Nothing is written for a run that asked for nothing new within an hour: reading what is kept costs no commit.
        """
        if self._read_only:
            return
        try:
            last = self._lineage.last_use()
        except StoreError:  # writing it will tell, if that cannot be done either
            last = None
        if last and abs(self._now_s() - last.started_s) < SAME_USE_S and last.codes.issuperset(codes):
            return
        if run := self.begin_run(script, idle=True):
            self.codes(run, codes)

    def unkept(self, key: bytes, reason: str) -> None:
        """Note that a call has run and its result could not be kept; written by `end`, as there may be many of these."""
        self._unkept.append(Loss(key, self._now_s(), f"{UNKEPT}{reason}"))

    def end(self) -> None:
        """Write what waits, as a session ends."""
        unkept = [self._unkept.popleft() for _ in range(len(self._unkept))]
        if unkept and not self._read_only:
            # Where this cannot be written either, the trouble was told for each of them.
            with suppress(*FAULTS, OSError):
                self._lineage.note_losses(unkept)

    def _tell(self, text: str, error: Exception, key: bytes | None = None) -> None:
        self._report(Trouble("unsaved", text, key, error))
