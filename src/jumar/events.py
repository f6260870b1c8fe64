"""What a session tells those who listen: calls that ended, results that were spilled, and trouble with storage."""

from __future__ import annotations

from typing import Literal, NamedTuple

from jumar.store.trouble import Trouble

How = Literal["computed", "restored", "failed", "cancelled", "skipped"]


class CallEnded(NamedTuple):
    """A call has its result, or never will.

    One that was skipped is told of when the session ends.
    """

    key: bytes
    task: str
    how: How
    seconds: float
    """How long the function ran just now; 0 where it did not."""


class Spilled(NamedTuple):
    """A result was written to disk because memory was short. It is gone with the session."""

    key: bytes
    task: str
    size_bytes: int


Event = CallEnded | Trouble | Spilled


class Counts(NamedTuple):
    """How many calls a session has seen, by what became of them."""

    computed: int
    restored: int
    failed: int
    """Calls that raised, and calls that could not run because of them."""
    cancelled: int
    unfinished: int
    skipped: int = 0
    """Calls that did not run because all that needs them was found."""
