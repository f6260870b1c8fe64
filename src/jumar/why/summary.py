"""Why the calls of a whole run ran, in a few lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from jumar.errors import StoreError
from jumar.store.store import Store
from jumar.why.call import compared, written
from jumar.why.explanation import Explanation, Reason
from jumar.why.history import History

_EXPLAINED_AT_MOST = 20_000
"""Calls of a run that are looked at one by one; of more, the newest ones speak for the rest."""


_GROUPS_SHOWN = 10


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
            shown = self.again[:_GROUPS_SHOWN]
            why = "; ".join(f"{group.calls:,} because {group.because}" for group in shown)
            rest = count - sum(group.calls for group in shown)
            why += f"; {rest:,} for {len(self.again) - len(shown)} other reasons" if rest else ""
            lines.append(f"{count:,} call{'s' * (count != 1)} ran again: {why}")
        if self.new:
            lines.append(f"{self.new:,} had never run before")
        if self.left_out:
            lines.append(f"{self.left_out:,} more were not looked at")
        return "\n".join(lines if len(lines) > 1 else [*lines, "nothing ran: everything was restored"])


def summarise(store: Store, run: int | None = None) -> Summary:
    """Why the calls of a run ran.

    Args:
        store: Where it is recorded.
        run: Its number; None for the last one that computed something.

    Returns:
        How many calls ran, by reason; calls that were restored are in no group.

    Raises:
        StoreError: No such run is recorded, or the index cannot be read.
    """
    runs = store.lineage.runs()
    chosen = next((each for each in runs if each.number == run or (run is None and not each.is_idle)), None)
    if chosen is None:
        raise StoreError(
            f"no run is recorded in {store!r}: nothing was computed"
            if run is None
            else f"no run {run} is recorded in {store!r}: there are {len(runs)}"
        )
    history = History(store)
    counts: Counter[str] = Counter()
    examples: dict[str, str] = {}
    new = 0
    looked_at = 0
    records = list(store.calls(run=chosen.number))
    history.know(records)
    for record in records[:_EXPLAINED_AT_MOST]:
        looked_at += 1
        reasons = compared(history, record)[1]
        if reasons[0].kind == "kept":  # recorded later, under another key, with the result that this run computed
            continue
        if all_new(reasons):
            new += 1
            continue
        because = headline(reasons[0].root())
        counts[because] += 1
        examples.setdefault(because, written(record))
    groups = tuple(Group(count, because, examples[because]) for because, count in counts.most_common())
    return Summary(chosen.number, chosen.script, groups, new, len(records) - looked_at)


def is_new(explanation: Explanation) -> bool:
    """Whether the call is simply another one, and nothing that was there before was made useless."""
    return all_new(explanation.reasons)


def all_new(reasons: Sequence[Reason]) -> bool:
    """Whether these are the reasons of a call that is simply another one."""
    return all(reason.root().kind in ("new", "argument", "library") for reason in reasons)


def headline(reason: Reason) -> str:
    """The reason as it follows "because", without what would be another for each call."""
    if reason.kind == "lost":
        detail = reason.text.partition(": ")[2]
        if not detail.startswith("blob "):
            return f"its result was lost ({detail})"
        return "its blob is missing" if detail.endswith("is missing") else "its blob was damaged"
    if reason.kind == "unsteady":
        return "it gives another result each time"
    if reason.text.endswith(": edited"):
        return f"{reason.text.removesuffix(': edited')} was edited"
    return reason.text
