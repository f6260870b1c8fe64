"""What explains the results of several stores: noted in the first, read from all."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress

from jumar.errors import StoreError
from jumar.keys.code import CodePart
from jumar.store.lineage import Lineage, Loss, Run, Use


class JoinedLineage:
    """Reads the code and the arguments of calls from whichever store knows them; runs and losses are the first's.

    Args:
        own: Takes what is noted.
        others: Only read, in this order; one that cannot be read is passed over, as it explains and decides nothing.
    """

    def __init__(self, own: Lineage, others: Sequence[Lineage]) -> None:
        self._own = own
        self._all = [own, *others]

    def remember_code(self, code: bytes, parts: Sequence[CodePart]) -> None:
        """Keep the parts of a code."""
        self._own.remember_code(code, parts)

    def code_parts(self, code: bytes) -> list[CodePart]:
        """The parts of a code; none where no store knows them."""
        return next((parts for lineage in self._all for parts in _code(lineage, code)), [])

    def remember_outlines(self, outlines: Mapping[bytes, bytes]) -> None:
        """Keep the long forms of containers."""
        self._own.remember_outlines(outlines)

    def outline(self, digest: bytes) -> bytes | None:
        """The long form of a container, or None where no store knows it."""
        return next((literal for lineage in self._all for literal in _outline(lineage, digest)), None)

    def begin_run(self, started_s: float, script: str, *, idle: bool = False) -> int:
        """Note that a program begins to compute."""
        return self._own.begin_run(started_s, script, idle=idle)

    def note_run(self, run: Run) -> int:
        """The number here of a run of another store."""
        return self._own.note_run(run)

    def runs(self) -> list[Run]:
        """The first store's runs, newest first."""
        return self._own.runs()

    def note_loss(self, loss: Loss) -> None:
        """Note that a result was dropped."""
        self._own.note_loss(loss)

    def note_losses(self, losses: Sequence[Loss]) -> None:
        """Note several losses at once."""
        self._own.note_losses(losses)

    def note_codes(self, run: int, codes: Collection[bytes]) -> None:
        """Note what a run of the first store asked for."""
        self._own.note_codes(run, codes)

    def code_uses(self) -> dict[int, frozenset[bytes]]:
        """What each run of the first store asked for."""
        return self._own.code_uses()

    def last_use(self) -> Use | None:
        """What the first store's latest run asked for."""
        return self._own.last_use()

    def losses(self, key: bytes | None = None) -> list[Loss]:
        """What the first store lost of a call, or of all calls, newest first."""
        return self._own.losses(key)


def _code(lineage: Lineage, code: bytes) -> Iterator[list[CodePart]]:
    with suppress(StoreError):
        if parts := lineage.code_parts(code):
            yield parts


def _outline(lineage: Lineage, digest: bytes) -> Iterator[bytes]:
    with suppress(StoreError):
        if (literal := lineage.outline(digest)) is not None:
            yield literal
