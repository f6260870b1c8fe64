"""What an explanation is made of: plain values, for people and for programs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any, Literal

Kind = Literal[
    "code",
    "argument",
    "upstream",
    "version",
    "library",
    "lost",
    "unkept",
    "renewed",
    "unsteady",
    "new",
    "kept",
    "salted",
    "failed",
    "renamed",
    "more",
]


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that made a call another one than before, or its result unusable.

    Args:
        kind: ``code``: something the task reaches was edited, added or removed. ``argument``: a value differs.
            ``upstream``: a call among the arguments is another one. ``version``: the option. ``library``: the installed
            version (not part of the key, unless the task says ``env=``). ``lost``: the kept result was dropped.
            ``unkept``: it ran before, and its result could not be kept.
            ``unsteady``: run again, it gave another result. ``new``: nothing like it was recorded before. ``salted``:
            the task is not reused everywhere. ``failed``: it had failed. ``kept``: nothing ran, as an equal call's
            result was known. ``renamed``: the task had another name (not part of the key). ``more``: how many were left out.
        text: One line, such as ``'norm' in model.py: edited`` or ``argument 'alpha': 0.1 -> 0.2``.
        diff: What the source was and is, as a unified diff; empty where that says nothing.
        because: For ``upstream``: why that call is another one.
    """

    kind: Kind
    text: str
    diff: str = ""
    because: tuple[Reason, ...] = ()

    def root(self) -> Reason:
        """The reason behind it: followed upstream to where something was changed."""
        return self.because[0].root() if self.because else self

    def roots(self) -> Iterator[Reason]:
        """All reasons behind it, each followed upstream to where something was changed."""
        if not self.because:
            yield self
        for reason in self.because:
            yield from reason.roots()


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a call ran.

    Args:
        key: The call's key in hexadecimal.
        call: The call as people write it: ``fit(seed=3, alpha=0.2)``.
        state: ``done`` or ``failed``.
        ran_s: When it ran, seconds since the epoch.
        run: The number of the run that computed it; 0 if that is not known.
        earlier: The call it was compared with; None where there is none.
        reasons: Part by part, what changed; the ones that are part of the key first.
        parts: What the key was made of: (name, what stood there) for code and arguments.
    """

    key: str
    call: str
    state: str
    ran_s: float
    run: int
    earlier: str | None
    reasons: tuple[Reason, ...]
    parts: tuple[tuple[str, str], ...] = ()

    @property
    def opening(self) -> str:
        """What became of the call and when, up to the reasons: ``ran on 2026-11-24 09:12:44 in run 2 because``."""
        moment = when(self.ran_s) + (f" in run {self.run}" if self.run else "")
        if any(reason.kind == "kept" for reason in self.reasons):
            return f"did not run (its result was computed on {moment}) because"
        if self.state == "failed":
            return f"ran on {moment} and failed; it ran because"
        return f"ran on {moment} because"

    def to_json(self) -> dict[str, Any]:
        """The explanation as plain data."""
        return asdict(self)

    def __str__(self) -> str:
        lines = [f"{self.call} [key {self.key[:12]}] {self.opening}:"]
        lines += _lines(self.reasons, "  ")
        if self.earlier:
            lines.append(f"compared with {self.earlier}")
        return "\n".join(lines)


def when(time_s: float) -> str:
    """A moment as people write it, in local time."""
    return dt.datetime.fromtimestamp(time_s, dt.UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _lines(reasons: Iterable[Reason], indent: str) -> list[str]:
    """The reasons as lines; what several have in common is told once, below the last of them."""
    lines: list[str] = []
    for because, alike in groupby(reasons, key=lambda reason: reason.because):
        for reason in alike:
            lines.append(f"{indent}- {reason.text}")
            lines += [f"{indent}    {line}" for line in reason.diff.splitlines()]
        lines += _lines(because, indent + "  ")
    return lines
