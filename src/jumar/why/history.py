"""Earlier calls: which of the many recorded ones a call is compared with."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, islice, zip_longest

from jumar.keys.call import split_arguments
from jumar.keys.code import CodePart
from jumar.keys.value_outline import expanded
from jumar.store.lineage import Loss
from jumar.store.records import NEED_BYTES, CallRecord
from jumar.store.store import Store
from jumar.why.former import Former, FormerNames, Planned

_COMPARED = 1000
"""Calls of a task whose arguments are compared one by one, where none has the same ones."""
_SIBLINGS_READ = 1000
"""Calls of a task that are read of the run that is explained: they explain only what nothing earlier does."""
_NEEDS_FOLLOWED = 64
_DEEPEST = 4
"""How far, and over how many arguments, a call is recognised by the calls that its arguments come from."""
_LOOKED_UP_AT_MOST = 2000


class History:
    """Earlier calls of tasks, each task read once, when it is first asked for.

    Args:
        store: Where they are recorded.
        reads: At most this many calls of a task, the newest ones, are read of other runs than the one explained. Without
            that distinction a run that computed a million calls would hide all those before it.
        planned: The script whose calls are asked for, where they are planned and not recorded.

    Example:
        >>> from jumar.store.records import TaskInfo
        >>> history = History(Store.in_memory())
        >>> record = CallRecord(b"k" * 32, TaskInfo(b"", "f", "m"), "done", 1.0, 0.1, 0, "", None, b"i1;", 0, "", "")
        >>> print(history.nearest(record))
        None
    """

    def __init__(self, store: Store, reads: int = 50_000, planned: Planned | None = None) -> None:
        self._store = store
        self._formers = FormerNames(store, self.code_parts, planned)
        self._reads = reads
        self._pasts: dict[tuple[str, ...], _Past] = {}
        self._calls: dict[bytes, CallRecord | None] = {}
        self._same: dict[bytes, CallRecord | None] = {}
        self._codes: dict[bytes, Sequence[CodePart]] = {}
        self._losses: dict[bytes, list[Loss]] | None = None
        self._outlines: dict[bytes, bytes | None] = {}
        self._looked_up = 0

    def know(self, records: Iterable[CallRecord]) -> None:
        """Take calls that were read already, so that `call` finds them without asking the store for each."""
        self._calls.update((record.key[:NEED_BYTES], record) for record in records)

    def nearest(self, record: CallRecord) -> CallRecord | None:
        """The earlier call to compare with: the same call where there is one, else what `nearest_of` chooses."""
        found = self.same(record)
        if found is not None and found.task.module == record.task.module:
            return found
        return nearest_of(record, chain([found] if found else [], self._past(record).before(record)))

    def same(self, record: CallRecord) -> CallRecord | None:
        """The earlier call that was the same to the eye: its arguments had the same values, or came from the same calls."""
        return self._same_within(record, _DEEPEST)

    def original(self, record: CallRecord) -> CallRecord | None:
        """The call that this one was copied from: nothing ran for it, as its values or its code were known as equal."""
        twins = self._past(record).by_moment.get(_moment(record))
        oldest = twins[-1] if twins else record
        # Two calls may end in one moment of a coarse clock; a copy has other calls among its arguments, or other code.
        differs = record.needs != oldest.needs or record.task.code != oldest.task.code
        return oldest if differs and oldest.key != record.key else None

    def former(self, record: CallRecord) -> Former | None:
        """What the task was called in an earlier run of the script, where none of its own calls is of an earlier run."""
        is_known = self._of_tasks(record.run, record.task.name).has_runs_before(record.run)
        return None if is_known else self._formers.of(record)

    def call(self, need: bytes) -> CallRecord | None:
        """The call whose key begins with these bytes; None where it is not recorded any more."""
        if need not in self._calls and self._looked_up < _LOOKED_UP_AT_MOST:
            self._looked_up += 1
            self._calls[need] = next(self._store.calls(prefix=need.hex(), limit=1), None)
        return self._calls.get(need)

    def know_code(self, code: bytes, parts: Sequence[CodePart]) -> None:
        """Take the parts of a code that is not recorded yet."""
        self._codes[code] = parts

    def code_parts(self, code: bytes) -> Sequence[CodePart]:
        """The parts of a code; none where they are not recorded."""
        if code not in self._codes:
            self._codes[code] = self._store.lineage.code_parts(code)
        return self._codes[code]

    def tokens(self, record: CallRecord) -> list[bytes]:
        """The tokens of a call's arguments, with what stands in long containers as far as it was kept."""
        return [expanded(token, self._outline) for token in split_arguments(record.arguments)]

    def _outline(self, digest: bytes) -> bytes | None:
        if digest not in self._outlines:
            self._outlines[digest] = self._store.lineage.outline(digest)
        return self._outlines[digest]

    def losses(self, record: CallRecord) -> list[Loss]:
        """What became of earlier results of the call, newest first."""
        if self._losses is None:
            self._losses = {}
            for loss in self._store.lineage.losses():
                self._losses.setdefault(loss.key, []).append(loss)
        return self._losses.get(record.key, [])

    def _same_within(self, record: CallRecord, depth: int) -> CallRecord | None:
        if record.key not in self._same:
            past = self._past(record)
            found = nearest_of(record, _before(record, past.by_arguments.get(record.arguments, ())))
            if found is None and record.needs and depth:
                found = nearest_of(record, _before(record, past.by_needs.get(self._then(record.needs, depth - 1), ())))
            self._same[record.key] = found
        return self._same[record.key]

    def _then(self, needs: bytes, depth: int) -> bytes:
        """What the same call needed when the calls that it needs were those of before."""
        then = split_needs(needs)
        for at, need in enumerate(then[:_NEEDS_FOLLOWED]):
            record = self.call(need)
            earlier = record and self._same_within(record, depth)
            if earlier:
                then[at] = earlier.key[:NEED_BYTES]
        return b"".join(then)

    def _past(self, record: CallRecord) -> _Past:
        """The calls of the task, with those of the task that it was before where it has none of an earlier run."""
        former = self.former(record)
        return self._of_tasks(record.run, record.task.name, *([former.name] if former else []))

    def _of_tasks(self, run: int, *names: str) -> _Past:
        if names not in self._pasts:
            self._pasts[names] = past = _Past()
            for name in names:
                for call in _bounded(self._store.calls(task=name), run, self._reads):
                    past.add(call)
                    self._calls[call.key[:NEED_BYTES]] = call
        return self._pasts[names]


class _Past:
    """The recorded calls of one task, newest first."""

    def __init__(self) -> None:
        self._by_run: dict[int, list[CallRecord]] = {}
        self.by_arguments: defaultdict[bytes, list[CallRecord]] = defaultdict(list)
        self.by_needs: defaultdict[bytes, list[CallRecord]] = defaultdict(list)
        self.by_moment: defaultdict[tuple[float, float, int, bytes | None], list[CallRecord]] = defaultdict(list)

    def add(self, call: CallRecord) -> None:
        """Take a call that was recorded before all that are here."""
        self._by_run.setdefault(call.run, []).append(call)
        self.by_arguments[call.arguments].append(call)
        self.by_moment[_moment(call)].append(call)
        if call.needs:
            self.by_needs[call.needs].append(call)

    def has_runs_before(self, run: int) -> bool:
        """Whether there are calls of earlier runs than this one; all are earlier than one that is unknown or planned."""
        return any(each != run and (run < 1 or each < run) for each in self._by_run)

    def before(self, record: CallRecord) -> Iterator[CallRecord]:
        """Earlier calls than this one, those of other runs first; of each kind no more than can be compared."""
        others = (self._of_run(run, record) for run in self._by_run if run != record.run)
        yield from islice(chain.from_iterable(others), _COMPARED)
        yield from islice(self._of_run(record.run, record), _COMPARED)

    def _of_run(self, run: int, record: CallRecord) -> Iterator[CallRecord]:
        calls = self._by_run.get(run, [])
        # Newest first but for copies of older results, which may be passed over: what they are copies of is here too.
        first = bisect_right(calls, -record.created_s, key=lambda call: -call.created_s)
        return _before(record, islice(calls, first, None))


def nearest_of(record: CallRecord, candidates: Iterable[CallRecord]) -> CallRecord | None:
    """The candidate with the fewest different arguments, of these another run's, of these the first.

    A sibling of the same loop explains little, and another module's task of the same name nothing, unless its arguments
    are the same: then it was moved, or is called again.
    """
    mine = _tokens(record.arguments)
    best: CallRecord | None = None
    least: tuple[bool, bool, bool, int, bool] | None = None
    for candidate in candidates:
        others = 0 if candidate.arguments == record.arguments else different(_tokens(candidate.arguments), mine)
        elsewhere, sibling = candidate.task.module != record.task.module, candidate.run == record.run
        distance = (elsewhere and others > 0, sibling and others > 0, elsewhere, others, sibling)
        if least is None or distance < least:
            best, least = candidate, distance
        if others <= 1 and not elsewhere and not sibling:
            break  # none that follows is nearer
    return best


@lru_cache(4 * _COMPARED)
def _tokens(arguments: bytes) -> list[bytes]:
    return split_arguments(arguments)


def different(then: Sequence[bytes], now: Sequence[bytes]) -> int:
    """How many arguments differ."""
    return sum(old != new for old, new in zip_longest(then, now))


def split_needs(needs: bytes | None) -> list[bytes]:
    """The beginnings of keys in a record's needs, apart."""
    return [needs[at : at + NEED_BYTES] for at in range(0, len(needs), NEED_BYTES)] if needs else []


def _before(record: CallRecord, calls: Iterable[CallRecord]) -> Iterator[CallRecord]:
    return (call for call in calls if call.key != record.key and call.created_s < record.created_s)


def _bounded(calls: Iterable[CallRecord], run: int, reads: int) -> Iterator[CallRecord]:
    """The newest calls, counted apart for the run that is explained: many of its own must not hide the earlier ones."""
    siblings = 0
    others = 0
    for call in calls:
        if run and call.run == run:
            siblings += 1
            if siblings > _SIBLINGS_READ:
                continue
        else:
            others += 1
        yield call
        if others == reads:
            return


def _moment(call: CallRecord) -> tuple[float, float, int, bytes | None]:
    return call.created_s, call.seconds, call.size_bytes, call.blob
