"""How much of a lost index a new one was begun with."""

from __future__ import annotations

from typing import NamedTuple


class Saved(NamedTuple):
    """What a new index was begun with."""

    results: int = 0
    """Results that were carried over from databases that were set aside."""
    recorded: int | None = None
    """About how many there were, where that can be read."""
    labelled: int = 0
    """Results that were found again by their labels."""
    declarations_left: int = 0
    """Accepted edits that were not carried over because they name a value, which has no check."""
    finished: bool = True
    """Whether all of the databases was looked at."""


NOTHING_SAVED = Saved()
