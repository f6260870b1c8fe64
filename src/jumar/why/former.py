"""What a task was called in the previous run of the same script, where no earlier call is recorded under its name."""

from __future__ import annotations

import ast
import difflib
import re
import textwrap
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from jumar.keys.call import split_arguments
from jumar.keys.code import CodePart
from jumar.store.lineage import Run
from jumar.store.records import NEED_BYTES, CallRecord
from jumar.store.store import Store
from jumar.why.compare import is_reference, own_part

_READ = 20_000
"""Calls that are looked at, the newest ones."""
_COMPARED = 200
"""Calls of a task by which its place is known."""
_RUNS_BACK = 10
"""Runs of the script that are looked at: one that broke off early may not have come to the place."""
_ALIKE = 0.6
"""From which share of words in common on a function is taken for the same one, edited."""
_WORDS_COMPARED = 2000
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Former:
    """A task's name in an earlier run.

    Args:
        name: The name.
        run: That run.
        is_previous: Whether it is the one before.
        is_alike: Whether much of the function is the same; else it only stood in the same place.
    """

    name: str
    run: Run
    is_previous: bool
    is_alike: bool

    def __str__(self) -> str:
        where = "the previous run" if self.is_previous else f"run {self.run.number}"
        return (
            f"was called {self.name!r} in {where}" if self.is_alike else f"stands where {self.name!r} stood in {where}"
        )


class Planned(NamedTuple):
    """A script that is not run, but planned."""

    script: str
    """Its path, as runs have it."""
    codes: frozenset[bytes]
    """The codes of the tasks that it asks for."""
    tasks: frozenset[str]
    """The names of those whose calls would run."""


class FormerNames:
    """Finds what tasks were called before.

    A task that an earlier run of the script asked for, and that the script asks for no more, is the one that is new, if it
    stood in the same place (the same arguments, between the same tasks) or much of its function is the same.

    Args:
        store: Where the calls are recorded.
        parts: Gives the parts of a code.
        planned: The script, where the calls in question are planned ones.
    """

    def __init__(
        self, store: Store, parts: Callable[[bytes], Sequence[CodePart]], planned: Planned | None = None
    ) -> None:
        self._store = store
        self._parts = parts
        self._planned = planned
        self._known: dict[tuple[int, str], Former | None] = {}
        self._calls: _Calls | None = None

    def of(self, record: CallRecord) -> Former | None:
        """What the task of a call was called; None where it was not there, or nothing tells."""
        asked = (record.run, record.task.name)
        if asked not in self._known:
            self._known[asked] = self._found(record)
        return self._known[asked]

    def _found(self, record: CallRecord) -> Former | None:
        runs = self._store.lineage.runs()
        now = next((run for run in runs if run.number == record.run), None)
        script = self._planned.script if self._planned else now.script if now else ""
        earlier = [run for run in runs if run.script == script and run.number > 0 and run.number != record.run]
        if now is not None:
            earlier = [run for run in earlier if run.number < now.number]
        if not script or not earlier:
            return None
        if self._calls is None:
            self._calls = _Calls(self._store)
        asked = self._calls.asked_by(record.run)
        if self._planned:
            asked = _Asked(self._planned.codes, self._calls.names_of(self._planned.codes) | self._planned.tasks)
        for back, run in enumerate(earlier[:_RUNS_BACK]):
            best = self._best(self._calls, record, asked, self._calls.asked_by(run.number))
            if best is not None:
                return Former(best.name, run, back == 0, best.likeness >= _ALIKE)
        return None

    def _best(self, calls: _Calls, record: CallRecord, now: _Asked, then: _Asked) -> _Candidate | None:
        """Of the tasks that are gone the one that this one was."""
        common = now.names & then.names
        own = calls.of_task(record.task.name, now.codes) or [record]  # a planned one is not recorded
        place, part = calls.place(own, common), own_part(self._parts(record.task.code), record.task.name)
        found = []
        for name in sorted(then.names - now.names):
            olds = calls.of_task(name, then.codes)
            if olds:
                likeness = _likeness(own_part(self._parts(olds[0].task.code), name), part)
                stood = place.is_same(calls.place(olds, common), by_arguments_only=self._planned is not None)
                found.append(_Candidate(stood, likeness, name))
        fitting = [each for each in found if each.stood_here or each.likeness >= _ALIKE]
        return max(fitting, default=None)


class _Candidate(NamedTuple):
    stood_here: bool
    likeness: float
    name: str


class _Asked(NamedTuple):
    """What a run asked for: the codes of tasks, and their names."""

    codes: frozenset[bytes]
    names: frozenset[str]


class _Place(NamedTuple):
    """Where the calls of a task stand in a run."""

    given: frozenset[tuple[bytes, ...]]
    """What they are given; calls among that without telling which."""
    around: frozenset[str]
    """The tasks whose calls they need, and the tasks whose calls need them."""

    def is_same(self, other: _Place, *, by_arguments_only: bool) -> bool:
        return bool(self.given & other.given) and (by_arguments_only or self.around == other.around)


class _Calls:
    """The newest calls in a store, by task and by who needs them."""

    def __init__(self, store: Store) -> None:
        self._uses = store.lineage.code_uses()
        self._by_task: defaultdict[str, list[CallRecord]] = defaultdict(list)
        self._by_key: dict[bytes, CallRecord] = {}
        self._users: defaultdict[bytes, set[str]] = defaultdict(set)
        self._names: defaultdict[bytes, set[str]] = defaultdict(set)
        self._codes: defaultdict[int, set[bytes]] = defaultdict(set)
        for record in islice(store.calls(), _READ):
            self._by_task[record.task.name].append(record)
            self._by_key[record.key[:NEED_BYTES]] = record
            self._names[record.task.code].add(record.task.name)
            self._codes[record.run].add(record.task.code)
            for need in _needs(record):
                self._users[need].add(record.task.name)

    def asked_by(self, run: int) -> _Asked:
        """What a run asked for, found or computed, as far as it was noted."""
        codes = self._uses.get(run, frozenset()) | self._codes[run]
        return _Asked(codes, self.names_of(codes))

    def names_of(self, codes: Iterable[bytes]) -> frozenset[str]:
        """The names under which calls of these codes are recorded."""
        return frozenset(name for code in codes for name in self._names.get(code, ()))

    def of_task(self, name: str, codes: frozenset[bytes]) -> list[CallRecord]:
        """The newest calls of a task with one of these codes."""
        return list(islice((each for each in self._by_task[name] if each.task.code in codes), _COMPARED))

    def place(self, records: Sequence[CallRecord], common: frozenset[str]) -> _Place:
        """Where calls stand; of tasks that are not in both of two runs it does not count how they are called."""
        given = frozenset(
            tuple([b"@" if is_reference(token) else token for token in split_arguments(each.arguments)])
            for each in records
        )
        needed = {need for each in records for need in _needs(each)}
        before = {self._by_key[need].task.name for need in needed if need in self._by_key}
        after = {name for each in records for name in self._users.get(each.key[:NEED_BYTES], ())}
        sides = (("needs ", before), ("needed by ", after))
        return _Place(
            given, frozenset(side + (name if name in common else "?") for side, names in sides for name in names)
        )


def _needs(record: CallRecord) -> list[bytes]:
    needs = record.needs or b""
    return [needs[at : at + NEED_BYTES] for at in range(0, len(needs), NEED_BYTES)]


def _likeness(then: CodePart | None, now: CodePart | None) -> float:
    """The share of words that the bodies of two functions have in common."""
    if then is None or now is None:
        return 0.0
    old, new = _words(then.source), _words(now.source)
    return difflib.SequenceMatcher(None, old, new, autojunk=False).ratio() if old and new else 0.0


def _words(source: str) -> list[str]:
    """The words below a function's head: decorators and a short signature are much the same everywhere."""
    with suppress(
        SyntaxError, IndexError, TypeError
    ):  # no function, or one that cannot be read alone, such as a lambda
        body = getattr(ast.parse(textwrap.dedent(source)).body[0], "body", [])
        source = "\n".join(map(ast.unparse, body)) or source
    return _WORD.findall(source)[:_WORDS_COMPARED]
