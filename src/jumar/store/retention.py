"""Which results go: rules over what is known of them. Pure: nothing is read, written or removed here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from jumar.store.records import NEED_BYTES, CallRecord
from jumar.store.stock import ROW_BYTES, Condemned, Item

_DAY_S = 86_400.0
_SPANS_S = (("day", _DAY_S), ("hour", 3600.0), ("minute", 60.0), ("second", 1.0))


@dataclass(frozen=True)
class Rules:
    """What is to go: a result to which all that is said here applies. Where nothing is said, no result goes.

    So each further rule keeps more: ``older_than_s`` with ``keep_last`` takes old results of old code versions.

    Args:
        older_than_s: Results recorded longer ago, in seconds.
        tasks: Results of tasks with these names.
        runs: Results that these runs computed.
        keep_last: Of each task name, the results of all but its so many latest code versions: those with the latest
            recording, or the latest run that asked for them.
        unused_for_runs: Results of code that none of the last so many runs asked for, counting the runs that noted it.
        max_size_bytes: Of what the other rules choose, so many results that all that is left takes no more than this;
            the cheapest to recompute for its bytes first.

    Raises:
        ValueError: A number is negative, or nothing at all would be kept.
    """

    older_than_s: float | None = None
    tasks: frozenset[str] = frozenset()
    runs: frozenset[int] = frozenset()
    keep_last: int | None = None
    unused_for_runs: int | None = None
    max_size_bytes: int | None = None

    def __post_init__(self) -> None:
        for name, least in (("older_than_s", 0), ("keep_last", 1), ("unused_for_runs", 1), ("max_size_bytes", 0)):
            value = getattr(self, name)
            if value is not None and not value >= least:
                raise ValueError(f"{name} is at least {least}, not {value}")


@dataclass(frozen=True)
class Usage:
    """What rules look at besides the results.

    Args:
        now_s: The time.
        pinned: Keys that stay, whatever the rules say.
        in_use: Blobs that a living program claims: to remove their rows would free nothing, so no budget does.
        uses: The codes that each run asked for, of the runs that noted it.
        started_s: When each run began.
    """

    now_s: float
    pinned: Collection[bytes] = frozenset()
    in_use: Collection[bytes] = frozenset()
    uses: Mapping[int, Collection[bytes]] | None = None
    started_s: Mapping[int, float] | None = None


def condemn(items: Sequence[Item], rules: Rules, usage: Usage) -> list[Condemned]:
    """The results that are to go, each with the reason.

    Args:
        items: All results.
        rules: The rules.
        usage: What else there is to know.

    Example:
        >>> old = Item(b"k", "f", b"code", created_s=0.0, seconds=1.0, size_bytes=10, blob=None, run=1, needs=None)
        >>> condemn([old], Rules(older_than_s=86_400), Usage(now_s=200_000.0))
        [Condemned(key=b'k', created_s=0.0, reason='swept: older than 1 day')]
    """
    superseded = _superseded(items, rules.keep_last, usage) if rules.keep_last is not None else frozenset()
    asked = _asked(items, rules.unused_for_runs, usage) if rules.unused_for_runs is not None else None
    going: dict[bytes, Condemned] = {}
    for item in items:
        reasons = _reasons(item, rules, usage.now_s, superseded, asked)
        if item.key not in usage.pinned and reasons is not None:
            going[item.key] = Condemned(item.key, item.created_s, f"swept: {', '.join(reasons)}")
    if rules.max_size_bytes is None:
        return list(going.values()) if rules != Rules() else []
    why = f"swept: to keep the store below {rules.max_size_bytes:,} bytes"
    evicted = _cheapest(items, going.keys(), rules.max_size_bytes, usage)
    return [Condemned(item.key, item.created_s, why) for item in evicted]


def users_of(records: Iterable[CallRecord], key: bytes) -> Iterator[CallRecord]:
    """The results that were made from this one directly, as far as rows tell.

    Args:
        records: All results.
        key: The call's key.
    """
    for record in records:
        needs = record.needs or b""
        if key[:NEED_BYTES] in (needs[start : start + NEED_BYTES] for start in range(0, len(needs), NEED_BYTES)):
            yield record


def downstream(items: Iterable[Item | CallRecord], roots: Collection[bytes]) -> set[bytes]:
    """The keys of all results that were made from these, directly or through others, as far as rows tell.

    Args:
        items: All results.
        roots: Keys.

    Example:
        >>> def made(key, needs): return Item(key, "f", b"", 0.0, 0.0, 0, None, 0, needs)
        >>> found = downstream([made(b"a" * 32, None), made(b"b" * 32, b"a" * 8), made(b"c" * 32, b"b" * 8)], [b"a" * 32])
        >>> sorted(key[:1] for key in found)
        [b'b', b'c']
    """
    users: dict[bytes, list[bytes]] = {}
    for item in items:
        needs = item.needs or b""
        for start in range(0, len(needs), NEED_BYTES):
            users.setdefault(needs[start : start + NEED_BYTES], []).append(item.key)
    found: set[bytes] = set()
    pending = list(roots)
    while pending:
        for key in users.get(pending.pop()[:NEED_BYTES], ()):
            if key not in found:
                found.add(key)
                pending.append(key)
    return found.difference(roots)


def span(seconds: float) -> str:
    """A duration as people say it.

    Example:
        >>> span(86_400 * 30), span(5400), span(0)
        ('30 days', '90 minutes', '0 seconds')
    """
    unit, unit_s = next(
        ((unit, each_s) for unit, each_s in _SPANS_S if seconds and seconds % each_s == 0), _SPANS_S[-1]
    )
    number = seconds / unit_s
    return f"{number:g} {unit}{'' if number == 1 else 's'}"


def _reasons(
    item: Item,
    rules: Rules,
    now_s: float,
    superseded: Collection[tuple[str, bytes]],
    asked: Collection[bytes] | None,
) -> list[str] | None:
    """What the rules say of an item that all of them apply to; None where one does not."""
    reasons: list[str] = []
    # A time in the future, after the clock was set back, makes an item young and not old: it stays until then.
    if rules.older_than_s is not None:
        reasons.append(f"older than {span(rules.older_than_s)}" if now_s - item.created_s > rules.older_than_s else "")
    if rules.tasks:
        reasons.append(f"results of task {item.task}" if item.task in rules.tasks else "")
    if rules.runs:
        reasons.append(f"results of run {item.run}" if item.run in rules.runs else "")
    if rules.keep_last is not None:
        which = f"among the last {rules.keep_last} versions" if rules.keep_last != 1 else "the last version"
        reasons.append(f"its code is not {which}" if (item.task, item.code) in superseded else "")
    if rules.unused_for_runs is not None:
        last = rules.unused_for_runs
        nobody = f"none of the last {last} runs asked" if last != 1 else "the last run did not ask"
        reasons.append(f"{nobody} for its code" if asked is not None and item.code and item.code not in asked else "")
    return reasons if all(reasons) else None


def _superseded(items: Iterable[Item], keep_last: int, usage: Usage) -> frozenset[tuple[str, bytes]]:
    """Names of tasks with code that is not among the latest of that name."""
    asked_s: dict[bytes, float] = {}
    for run, codes in (usage.uses or {}).items():
        for code in codes:
            asked_s[code] = max(asked_s.get(code, 0.0), (usage.started_s or {}).get(run, 0.0))
    versions: dict[str, dict[bytes, float]] = {}
    for item in items:
        if item.code:
            latest = versions.setdefault(item.task, {})
            latest[item.code] = max(latest.get(item.code, asked_s.get(item.code, 0.0)), item.created_s)
    return frozenset(
        (task, code)
        for task, latest in versions.items()
        for code in sorted(latest, key=lambda code: (latest[code], code), reverse=True)[keep_last:]
    )


def _asked(items: Iterable[Item], runs: int, usage: Usage) -> Collection[bytes] | None:
    """Codes that the last runs asked for, or recorded results of; None where not that many runs noted theirs."""
    uses = usage.uses or {}
    last = sorted(uses, reverse=True)[:runs]
    if len(last) < runs:
        return None
    # A run that was killed noted nothing, but what it recorded is known.
    recorded = {item.code for item in items if item.run >= last[-1]}
    return recorded.union(*(uses[run] for run in last))


def _cheapest(items: Sequence[Item], chosen: Collection[bytes], limit_bytes: int, usage: Usage) -> Iterator[Item]:
    """Items to evict of those chosen until the rest fits: least seconds for a byte first, then the oldest.

    Those that share a blob go together or not at all, as only the last one frees it.
    """
    groups: dict[bytes, list[Item]] = {}
    for item in items:
        groups.setdefault(item.key if item.blob is None else item.blob, []).append(item)
    costs = []
    total_bytes = 0
    for name, group in groups.items():
        freed_bytes = group[0].size_bytes + ROW_BYTES * len(group)
        total_bytes += freed_bytes
        if name not in usage.in_use and all(item.key in chosen for item in group):
            seconds = sum(item.seconds for item in group)
            costs.append((seconds / freed_bytes, max(item.created_s for item in group), freed_bytes, name))
    costs.sort()
    for _, _, freed_bytes, name in costs:
        if total_bytes <= limit_bytes:
            return
        total_bytes -= freed_bytes
        yield from groups[name]
