"""Why the calls of a whole run ran, in a few lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
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
_ALSO_SHOWN = 3
_SILENT = ("library", "more", "new")
"""Kinds of reasons that are no cause of their own."""


@dataclass(frozen=True, slots=True)
class Group:
    """Calls that ran for one reason.

    Args:
        calls: How many.
        because: The reason, in a line.
        example: One of them.
        also: What else made some of them run: how many, and the reason; most of them first.
    """

    calls: int
    because: str
    example: str
    also: tuple[tuple[int, str], ...] = ()

    def __str__(self) -> str:
        always = [reason for count, reason in self.also if count == self.calls][:_ALSO_SHOWN]
        others = [(count, reason) for count, reason in self.also if reason not in always]
        text = f"{self.calls:,} because {' and '.join([self.because, *always])}"
        if not others:
            return text
        shown = [f"{count:,} of them also because {reason}" for count, reason in others[:_ALSO_SHOWN]]
        more = len(others) - len(shown)
        if more:
            shown.append(f"{more:,} more reasons" if more > 1 else "one more reason")
        return f"{text} ({', '.join(shown)})"


@dataclass(frozen=True, slots=True)
class Summary:
    """Why the calls of a run ran.

    Args:
        run: The run's number.
        script: What ran.
        again: Groups of calls that had been recorded in another form before, largest first.
        new: How many had never been recorded in any form.
        left_out: Calls of the run beyond those looked at.
        failed: How many calls failed in the run and have not succeeded since, by their errors, most of them first.
    """

    run: int
    script: str
    again: tuple[Group, ...]
    new: int
    left_out: int
    failed: tuple[tuple[int, str], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The summary as plain data."""
        return asdict(self)

    def __str__(self) -> str:
        count = sum(group.calls for group in self.again)
        lines = [f"run {self.run} of {self.script}:"]
        if count:
            shown = self.again[:_GROUPS_SHOWN]
            why = "; ".join(map(str, shown))
            rest = count - sum(group.calls for group in shown)
            why += f"; {rest:,} for {len(self.again) - len(shown)} other reasons" if rest else ""
            lines.append(f"{count:,} call{'s' * (count != 1)} ran again: {why}")
        if self.new:
            lines.append(f"{self.new:,} had never run before")
        if self.failed:
            total = sum(calls for calls, _ in self.failed)
            errors = "; ".join(f"{calls:,} with {error}" for calls, error in self.failed[:_GROUPS_SHOWN])
            rest = total - sum(calls for calls, _ in self.failed[:_GROUPS_SHOWN])
            lines.append(f"{total:,} failed: {errors}" + (f"; {rest:,} with other errors" if rest else ""))
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
    groups: dict[str, _Counted] = {}
    failed: Counter[str] = Counter()
    new = 0
    looked_at = 0
    records = list(store.calls(run=chosen.number))
    history.know(records)
    for record in records[:_EXPLAINED_AT_MOST]:
        looked_at += 1
        earlier, reasons = compared(history, record)
        failed[record.error] += record.state == "failed"
        if reasons[0].kind == "kept":  # recorded later, under another key, with the result that this run computed
            continue
        is_sibling = earlier is not None and earlier.run == chosen.number
        if all_new(reasons) or (is_sibling and _differs_by_inputs(reasons)):
            new += 1
            continue
        because, also = _causes(reasons)
        if because not in groups:
            groups[because] = _Counted(because, written(record))
        groups[because].add(also)
    again = [group.counted() for group in groups.values()]
    again.sort(key=lambda group: -group.calls)
    errors = tuple((count, error) for error, count in failed.most_common() if count)
    return Summary(chosen.number, chosen.script, tuple(again), new, len(records) - looked_at, errors)


def _differs_by_inputs(reasons: Sequence[Reason]) -> bool:
    """Whether other inputs are all that tells a call from another one of its run: then it did not run again."""
    return all(root.kind in (*_SILENT, "argument", "upstream") for reason in reasons for root in reason.roots())


class _Counted:
    """A group in the making."""

    def __init__(self, because: str, example: str) -> None:
        self._because = because
        self._example = example
        self._calls = 0
        self._also: Counter[tuple[str, str]] = Counter()

    def add(self, also: Iterable[tuple[str, str]]) -> None:
        """Count a call, and what else made it run."""
        self._calls += 1
        self._also.update(also)

    def counted(self) -> Group:
        """The group; of arguments that are others in each call it does not say what they were and are."""
        also: Counter[str] = Counter()
        for (text, short), count in self._also.items():
            also[text if count == self._calls else short] += count
        return Group(self._calls, self._because, self._example, tuple((n, text) for text, n in also.most_common()))


def _causes(reasons: Sequence[Reason]) -> tuple[str, list[tuple[str, str]]]:
    """What made a call run, followed upstream: what explains most, and all the rest at length and in short, each once."""
    roots = dict.fromkeys(root for reason in reasons for root in reason.roots() if root.kind not in _SILENT)
    first = headline(reasons[0].root())
    others: dict[str, str] = {}
    for root in roots:
        text = headline(root)
        if text != first:
            argument, colon, _ = text.partition(": ")
            others[text] = f"{argument} differs" if colon and root.kind == "argument" else text
    return first, list(others.items())


def is_new(explanation: Explanation) -> bool:
    """Whether the call is simply another one, and nothing that was there before was made useless."""
    return all_new(explanation.reasons)


def all_new(reasons: Sequence[Reason]) -> bool:
    """Whether these are the reasons of a call that is simply another one."""
    return all(reason.root().kind in ("new", "argument", "library", "more") for reason in reasons)


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
