"""Where results come from: the code of tasks, the runs that computed, the results that were lost.

It explains (``jumar why``) and decides nothing: a store without it finds the same results.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from jumar.keys.code import CodePart

LOSSES_KEPT = 10_000
RUNS_KEPT = 1000
"""Runs of which is kept what they asked for."""
SUSPICION = "audit"
"""Stands as the reason where nothing was lost: the call gave another result when it was run again."""
REFRESHED = "a refresh was asked for"
EXPIRED = "its kept result was older than its ttl_s"
UNKEPT = "could not be kept: "
"""Begins the reason where a call has run and there never was a result."""
RENEWALS = (REFRESHED, EXPIRED)
"""Stand as the reason where a result was there, and a new one took its place because the user had said so."""

FIRST_FOREIGN_RUN = -2
"""Runs of other stores are numbered downwards from here: 0 stands for an unknown run, -1 for one that is only planned."""


class Run(NamedTuple):
    """One session of one program that computed something, or found something that was kept."""

    number: int
    started_s: float
    script: str
    host: str
    process: int
    """0 for a run that only restored: it is known for what it asked for, and is nobody's last run."""

    @property
    def is_idle(self) -> bool:
        """Whether it computed nothing."""
        return self.process == 0


class Use(NamedTuple):
    """What a run asked for."""

    started_s: float
    """When the run began; 0 where it is not known."""
    codes: frozenset[bytes]


class Loss(NamedTuple):
    """A result that was dropped, and why."""

    key: bytes
    at_s: float
    reason: str


class Lineage(Protocol):
    """Remembers what explains results. Every method may be called from any thread."""

    def remember_code(self, code: bytes, parts: Sequence[CodePart]) -> None:
        """Keep the parts of a code; nothing happens where they are known."""

    def code_parts(self, code: bytes) -> list[CodePart]:
        """The parts of a code; none where they are not known."""

    def remember_outlines(self, outlines: Mapping[bytes, bytes]) -> None:
        """Keep the long forms of containers among the arguments, by their digests."""

    def outline(self, digest: bytes) -> bytes | None:
        """The long form of a container, or None where it is not known."""

    def begin_run(self, started_s: float, script: str, *, idle: bool = False) -> int:
        """Note that a program begins to compute, or that it found all it asked for; the run's number."""

    def note_run(self, run: Run) -> int:
        """The number here of a run of another store: negative, so that it never is the last run, and always the same."""

    def runs(self) -> list[Run]:
        """All runs, newest first; those of other stores come last."""

    def note_loss(self, loss: Loss) -> None:
        """Note that a result was dropped; the latest ten thousand are kept."""

    def note_losses(self, losses: Sequence[Loss]) -> None:
        """Note several losses at once."""

    def losses(self, key: bytes | None = None) -> list[Loss]:
        """What was lost of a call, or of all calls, newest first."""

    def note_codes(self, run: int, codes: Collection[bytes]) -> None:
        """Note that a run asked for calls of these codes, found or computed; kept for the latest thousand runs."""

    def code_uses(self) -> dict[int, frozenset[bytes]]:
        """The codes that each run asked for, of the runs that noted it."""

    def last_use(self) -> Use | None:
        """What the latest run that noted it asked for."""


class MemoryLineage:
    """Remembers as long as the process lives."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._codes: dict[bytes, list[CodePart]] = {}
        self._outlines: dict[bytes, bytes] = {}
        self._runs: list[Run] = []
        self._foreign: list[Run] = []
        self._losses: list[Loss] = []
        self._uses: dict[int, frozenset[bytes]] = {}

    def remember_code(self, code: bytes, parts: Sequence[CodePart]) -> None:
        """Keep the parts of a code."""
        self._codes.setdefault(code, list(parts))

    def code_parts(self, code: bytes) -> list[CodePart]:
        """The parts of a code."""
        return self._codes.get(code, [])

    def remember_outlines(self, outlines: Mapping[bytes, bytes]) -> None:
        """Keep the long forms of containers."""
        self._outlines.update(outlines)

    def outline(self, digest: bytes) -> bytes | None:
        """The long form of a container, or None."""
        return self._outlines.get(digest)

    def begin_run(self, started_s: float, script: str, *, idle: bool = False) -> int:
        """The number of a new run."""
        with self._lock:
            process = 0 if idle else os.getpid()
            self._runs.append(Run(len(self._runs) + 1, started_s, script, os.uname().nodename, process))
            return len(self._runs)

    def note_run(self, run: Run) -> int:
        """The number here of a run of another store."""
        with self._lock:
            known = next((each.number for each in self._foreign if each[1:] == run[1:]), None)
            if known is None:
                known = FIRST_FOREIGN_RUN - len(self._foreign)
                self._foreign.append(run._replace(number=known))
            return known

    def runs(self) -> list[Run]:
        """All runs, newest first; those of other stores come last."""
        with self._lock:
            return self._runs[::-1] + self._foreign

    def note_loss(self, loss: Loss) -> None:
        """Note that a result was dropped."""
        self.note_losses([loss])

    def note_losses(self, losses: Sequence[Loss]) -> None:
        """Note several losses at once."""
        with self._lock:
            self._losses.extend(losses)
            del self._losses[:-LOSSES_KEPT]

    def losses(self, key: bytes | None = None) -> list[Loss]:
        """What was lost of a call, or of all calls, newest first."""
        with self._lock:
            return [loss for loss in reversed(self._losses) if key in (None, loss.key)]

    def note_codes(self, run: int, codes: Collection[bytes]) -> None:
        """Note what a run asked for."""
        with self._lock:
            self._uses[run] = self._uses.get(run, frozenset()) | frozenset(codes)
            self._uses = {number: used for number, used in self._uses.items() if used and number > run - RUNS_KEPT}

    def code_uses(self) -> dict[int, frozenset[bytes]]:
        """The codes that each run asked for."""
        return self._uses.copy()

    def last_use(self) -> Use | None:
        """What the latest run that noted it asked for."""
        with self._lock:
            if not self._uses:
                return None
            number = max(self._uses)
            started_s = self._runs[number - 1].started_s if number <= len(self._runs) else 0.0
            return Use(started_s, self._uses[number])
