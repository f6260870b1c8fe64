"""Why the calls of a whole run ran, in a few lines."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from jumar.errors import StoreError
from jumar.store.store import Store
from jumar.why.call import explain_record
from jumar.why.explanation import Explanation, Reason

_EXPLAINED_AT_MOST = 2000
"""Calls of a run that are looked at one by one; of more, the newest ones speak for the rest."""


@dataclass(frozen=True, slots=True)
class Group:
    """Calls that ran for one reason.

    Args:
        calls: How many.
        because: The reason, in a line.
        example: One of them.
    """

    calls: int
    because: str
    example: str


@dataclass(frozen=True, slots=True)
class Summary:
    """Why the calls of a run ran.

    Args:
        run: The run's number.
        script: What ran.
        again: Groups of calls that had been recorded in another form before, largest first.
        new: How many had never been recorded in any form.
        left_out: Calls of the run beyond those looked at.
    """

    run: int
    script: str
    again: tuple[Group, ...]
    new: int
    left_out: int

    def to_json(self) -> dict[str, Any]:
        """The summary as plain data."""
        return asdict(self)

    def __str__(self) -> str:
        count = sum(group.calls for group in self.again)
        lines = [f"run {self.run} of {self.script}:"]
        if count:
            why = "; ".join(f"{group.calls} because {group.because}" for group in self.again)
            lines.append(f"{count} call{'s' * (count != 1)} ran again: {why}")
        if self.new:
            lines.append(f"{self.new} had never run before")
        if self.left_out:
            lines.append(f"{self.left_out} more were not looked at")
        return "\n".join(lines if len(lines) > 1 else [*lines, "nothing ran: everything was restored"])


def summarise(store: Store, run: int | None = None) -> Summary:
    """Why the calls of a run ran.

    Args:
        store: Where it is recorded.
        run: Its number; None for the last one.

    Raises:
        StoreError: No such run is recorded.
    """
    runs = store.lineage.runs()
    chosen = next((each for each in runs if run in (None, each.number)), None)
    if chosen is None:
        raise StoreError("no run is recorded" if run is None else f"no run {run} is recorded: there are {len(runs)}")
    records = list(store.calls(run=chosen.number))
    counts: Counter[str] = Counter()
    examples: dict[str, Explanation] = {}
    new = 0
    for record in records[:_EXPLAINED_AT_MOST]:
        explanation = explain_record(store, record)
        root = explanation.reasons[0].root()
        if is_new(explanation):
            new += 1
            continue
        counts[headline(root)] += 1
        examples.setdefault(headline(root), explanation)
    groups = tuple(Group(count, because, examples[because].call) for because, count in counts.most_common())
    return Summary(chosen.number, chosen.script, groups, new, max(len(records) - _EXPLAINED_AT_MOST, 0))


def is_new(explanation: Explanation) -> bool:
    """Whether the call is simply another one, and nothing that was there before was made useless."""
    return all(reason.root().kind in ("new", "argument", "library") for reason in explanation.reasons)


def headline(reason: Reason) -> str:
    """The reason as it follows "because"."""
    if reason.kind == "lost":
        return f"its result was lost ({reason.text.partition(': ')[2]})"
    if reason.text.endswith(": edited"):
        return f"{reason.text.removesuffix(': edited')} was edited"
    return reason.text
