"""What a check of a store found."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

Kind = Literal["files", "database", "order", "row", "blob", "unreadable", "undecodable", "scratch", "unfinished"]
"""What is wrong: small files of the store; the index as a whole; its order, so that a row is there and not found; a row; a
blob; a blob that the system does not give; a value that cannot be made here; leftovers of dead processes; a database that
was set aside and not looked through."""


class Finding(NamedTuple):
    """One thing that is wrong."""

    kind: Kind
    text: str
    """What it is, and what follows from it."""
    key: bytes | None = None
    """The call whose result it is, where it is one call's and that is known."""
    call: str = ""
    """That call as people write it."""
    repaired: bool = False
    runs_again: bool = False
    """Whether the call will run again because of it."""

    def to_json(self) -> dict[str, Any]:
        """The finding as JSON can hold it."""
        return {**self._asdict(), "key": None if self.key is None else self.key.hex()}


class CheckReport(NamedTuple):
    """What was looked at, and what was found."""

    results: int
    """Rows of results."""
    blobs: int
    blob_bytes: int
    unreferenced: int
    """Blobs that no row names: left by processes that died, or about to be named. No fault; `jumar gc` removes them."""
    unreferenced_bytes: int
    set_aside: int
    """Damaged databases that were set aside earlier and may be deleted, unless one is among the findings."""
    torn_labels: int
    """Stretches of the file of labels that are none: left by processes that died while they wrote, or damaged. No fault, as
    the index says the same; `jumar gc` writes the file anew."""
    findings: tuple[Finding, ...]

    @property
    def is_sound(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def to_json(self) -> dict[str, Any]:
        """The report as JSON can hold it."""
        found = [finding.to_json() for finding in self.findings]
        return {**self._asdict(), "is_sound": self.is_sound, "findings": found}
