"""What certainly is not in an index, known without a look at it: what makes a first run free of look-ups."""

from __future__ import annotations

from collections.abc import Callable

from jumar.clock import Clock
from jumar.store.index import Index

STALE_S = 0.25
"""How long something that another process recorded may go unnoticed, in seconds."""

_SLOTS = 1 << 22


class Absence:
    """Knows the codes of which nobody else has recorded anything, and roughly which keys this process has recorded.

    A code that the index has never seen cannot have results there but our own. Of these a table of 4 MiB is kept with
    one byte for each value of the key's first 22 bits: an unmarked byte means that the key was never recorded here, a marked
    one that it may have been (another key can have marked it). So memory does not grow with the number of calls.

    Args:
        index: Asked once for each code, and whether others have written.
        clock: For how long to trust what is known.
    """

    def __init__(self, index: Index, clock: Clock) -> None:
        self._index = index
        self._elapsed_s: Callable[[], float] = clock.elapsed_s
        self._codes: dict[bytes, bool] = {}
        self._recorded = bytearray(_SLOTS)
        index.changed_elsewhere()
        self._looked_s = self._elapsed_s()

    def is_new(self, code: bytes) -> bool:
        """Whether nobody but this store object has recorded anything of this code, as far as is known."""
        if self._elapsed_s() - self._looked_s > STALE_S:
            self._look()
        # Another thread may begin a new dictionary meanwhile: an answer from before its look must not get into that one.
        codes = self._codes
        known = codes.get(code)
        if known is None:
            known = codes[code] = self._index.has_code(code)
        return not known

    def has_noted(self, key: bytes) -> bool:
        """Whether this process may have recorded the call; False is certain."""
        return bool(self._recorded[int.from_bytes(key[:3], "little") & (_SLOTS - 1)])

    def note(self, key: bytes) -> None:
        """This process records the call: from here on it may be found."""
        self._recorded[int.from_bytes(key[:3], "little") & (_SLOTS - 1)] = 1

    def _look(self) -> None:
        self._looked_s = self._elapsed_s()
        if self._index.changed_elsewhere():
            # Whatever was new may be so no longer; whatever was known stays so.
            # Copied in one step first: other threads insert while this one iterates.
            self._codes = {code: True for code, known in self._codes.copy().items() if known}
