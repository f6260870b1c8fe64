"""Taking a lease over from a holder of which nobody here can say whether it lives: it is waited for until that is clear.

A holder on this machine is asked for by its process number. One in another container, or on a machine that was started
again, is not known here: as long as it lives it renews its lease, so that one or the other is seen in the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from jumar.runs.looks import looks
from jumar.store import holder as holders
from jumar.store.lease import Leases


def take_over(leases: Leases, key: bytes, ticks: Iterable[None] | None = None) -> bool:
    """Whether the lease is the caller's now: it was free, or its holder gave no sign of life for as long as leases last.

    Args:
        leases: The caller's.
        key: What the lease is known by.
        ticks: Gives the moments at which to look; until the lease must have lapsed if not given.

    Raises:
        sqlite3.Error: The database cannot be read or written.
    """
    if leases.take(key):
        return True
    first = leases.written(key)
    if first is not None and holders.life(holders.read(first[0])) != "unknown":
        return False
    with suppress(TimeoutError):  # so long nobody has renewed it: it has lapsed
        for _ in looks(leases.lease_s + 1, "") if ticks is None else ticks:
            if leases.take(key):
                return True
            if leases.written(key) != first:  # it was renewed, or is another one's
                return False
    return leases.take(key)
