"""Trouble with storage: what went wrong while the computation went on. Stores report it; the session warns or raises."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import NamedTuple

from jumar.errors import StoreWarning


class Trouble(NamedTuple):
    """One thing that went wrong with storage."""

    kind: str
    """From a store: ``damaged`` (a result or the index is missing, torn or altered), ``undecodable`` (the bytes are right,
    but the value cannot be made from them here), ``unsaved`` (results could not be written), ``unreadable`` (results could
    not be looked up), ``read-only`` (the store takes no results), ``repaired`` (something small was missing from the
    store and was put back), ``over-size`` (what the store holds cannot be kept below its limit)."""
    text: str
    """What happened with paths and sizes, why it is likely, what is lost, what to do."""
    key: bytes | None = None
    """The call it is about, where it is about one."""
    error: BaseException | None = None
    """The error behind it."""


Report = Callable[[Trouble], None]
"""Takes trouble; called on any thread, at once, and must not raise except to stop the caller."""


def warn(trouble: Trouble) -> None:
    """Issue the trouble as a ``StoreWarning``: what a store does when it was given nobody to report to."""
    warnings.warn(trouble.text, StoreWarning, stacklevel=3)
