"""What was accepted: the declarations of a store, as its sessions use them."""

from __future__ import annotations

from collections.abc import Sequence

from jumar.clock import Clock
from jumar.errors import StoreError
from jumar.store.equivalence import Equivalence, Equivalences
from jumar.store.sqlite_connection import FAULTS
from jumar.store.trouble import Report, Trouble


class Accepted:
    """Declarations by the code that they are for. A program sees those that were there when it opened the store.

    Args:
        equivalences: Where they are kept.
        report: Told if they cannot be read.
        clock: For the time of a declaration.
    """

    def __init__(self, equivalences: Equivalences, report: Report, clock: Clock) -> None:
        self._equivalences = equivalences
        self._report = report
        self._clock = clock
        self._by_code = self._read()

    def by(self, code: bytes) -> Sequence[Equivalence]:
        """Codes whose results were declared to be those of this code too."""
        return self._by_code.get(code, ())

    def all(self) -> list[Equivalence]:
        """All declarations, oldest first.

        Raises:
            StoreError: They cannot be read.
        """
        try:
            return self._equivalences.all()
        except FAULTS as error:
            raise StoreError(f"what was accepted cannot be read: {error}. `jumar store` tells where it is.") from error

    def add(self, equivalence: Equivalence) -> int:
        """Keep a declaration, whose number is returned.

        Raises:
            StoreError: It cannot be written.
        """
        try:
            number = self._equivalences.add(equivalence._replace(created_s=self._clock.now_s()))
        except (*FAULTS, OSError) as error:
            raise StoreError(
                f"the declaration could not be kept: {error}. Check that the store can be written."
            ) from error
        self._by_code = self._read()
        return number

    def revoke(self, number: int) -> None:
        """Take a declaration back. What was found through it stays: it is recorded under its new key.

        Raises:
            StoreError: There is none with this number, or it cannot be removed.
        """
        try:
            found = self._equivalences.remove(number)
        except (*FAULTS, OSError) as error:
            raise StoreError(f"declaration {number} could not be removed: {error}") from error
        if not found:
            raise StoreError(f"there is no declaration {number}: see `jumar accept --list`")
        self._by_code = self._read()

    def _read(self) -> dict[bytes, list[Equivalence]]:
        by_code: dict[bytes, list[Equivalence]] = {}
        try:
            for equivalence in self._equivalences.all():
                by_code.setdefault(equivalence.new, []).append(equivalence)
        except FAULTS as error:
            text = f"what was accepted cannot be read ({error}): edited tasks run again"
            self._report(Trouble("unreadable", text, None, error))
        return by_code
