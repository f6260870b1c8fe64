"""Why one call ran: compared with the nearest earlier call of its task, and upstream as far as the change goes back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

from jumar.errors import StoreError
from jumar.keys.call import describe_arguments, split_arguments
from jumar.store.lineage import SUSPICION, Loss
from jumar.store.records import NEED_BYTES, CallRecord
from jumar.store.store import Store
from jumar.why.compare import argument_reasons, code_reasons, different
from jumar.why.explanation import Explanation, Reason

_CANDIDATES = 1000
"""Earlier calls of a task that are looked at, the newest first."""
_DEEPEST = 8
_UPSTREAM_SHOWN = 5


def explain(store: Store, key: str) -> Explanation:
    """Why a recorded call ran.

    Args:
        store: Where it is recorded.
        key: The beginning of its key in hexadecimal.

    Raises:
        StoreError: No call or several have such a key.
    """
    found = [record for record, _ in zip(store.calls(prefix=key), range(2), strict=False)]
    if len(found) != 1:
        raise StoreError(f"{'several calls have' if found else 'no call has'} a key that starts with {key}")
    return explain_record(store, found[0])


def explain_record(store: Store, record: CallRecord, parts: Sequence[Any] = ()) -> Explanation:
    """Why this call ran.

    Args:
        store: Where earlier calls are recorded.
        record: The call.
        parts: The parts of its code, where they are not recorded yet.
    """
    earlier = _nearest(record, store.calls(task=record.task.name, limit=_CANDIDATES))
    lost = [_of_loss(loss) for loss in store.lineage.losses(record.key)[:1]]
    reasons = [*lost, *_reasons(store, earlier, record, _DEEPEST, parts)]
    return Explanation(
        record.key.hex(),
        written(record),
        record.state,
        record.created_s,
        record.run,
        None if earlier is None else f"{written(earlier)} [key {earlier.key.hex()[:12]}] of {_when(earlier.created_s)}",
        tuple(reasons),
        _parts(store, record),
    )


def written(record: CallRecord) -> str:
    """The call as people write it."""
    return f"{record.task.name}({describe_arguments(record.task.parameters.split(), record.arguments)})"


def _reasons(
    store: Store, then: CallRecord | None, now: CallRecord, depth: int, parts: Sequence[Any] = ()
) -> list[Reason]:
    if then is None:
        return [Reason("new", f"no earlier call of {now.task.name!r} is recorded")]
    reasons: list[Reason] = []
    if then.task.code != now.task.code:
        old, new = store.lineage.code_parts(then.task.code), parts or store.lineage.code_parts(now.task.code)
        reasons += code_reasons(old, new)
        if not any(reason.kind != "library" for reason in reasons):
            reasons.insert(0, Reason("code", "its code is another one; which part was not recorded"))
    names = now.task.parameters.split()
    upstream = _upstream(store, then, now, depth)
    given = argument_reasons(names, split_arguments(then.arguments), split_arguments(now.arguments))
    # A container of calls is another one because they are; that is said by them.
    reasons += [reason for reason in given if not (upstream and "#" in reason.text)]
    reasons += upstream
    if not any(reason.kind in ("code", "argument", "upstream", "version") for reason in reasons):
        reasons.insert(0, _unchanged(then, now))
    # What is no part of the key comes last.
    return sorted(reasons, key=lambda reason: reason.kind == "library")


def _unchanged(then: CallRecord, now: CallRecord) -> Reason:
    if then.state == "failed":
        return Reason("failed", f"it failed before: {then.error}")
    if then.arguments != now.arguments:
        return Reason("upstream", "a call among its arguments is another one; which one was not recorded")
    return Reason("salted", "nothing changed: the task is not reused everywhere (reuse='run' or 'never')")


def _upstream(store: Store, then: CallRecord, now: CallRecord, depth: int) -> list[Reason]:
    """Why calls among the arguments are other ones, each distinct reason once."""
    pairs = _other_needs(store, then, now) if depth else []
    reasons = []
    for old, new in pairs[:_UPSTREAM_SHOWN]:
        inner = tuple(_reasons(store, old, new, depth - 1))
        reasons.append(Reason("upstream", f"{written(new)} [key {new.key.hex()[:12]}] is another call", "", inner))
    if len(pairs) > _UPSTREAM_SHOWN:
        reasons.append(Reason("upstream", f"and {len(pairs) - _UPSTREAM_SHOWN} more calls among the arguments"))
    return reasons


def _other_needs(store: Store, then: CallRecord, now: CallRecord) -> list[tuple[CallRecord | None, CallRecord]]:
    old, new = _split(then.needs), _split(now.needs)
    gone = _records(store, (need for need in old if need not in new))
    come = _records(store, (need for need in new if need not in old))
    return [(_nearest(record, gone, before=False), record) for record in come]


def _nearest(record: CallRecord, candidates: Iterable[CallRecord], *, before: bool = True) -> CallRecord | None:
    """The candidate of the same task with the fewest different arguments, of these the latest.

    Args:
        record: The call to find it for.
        candidates: Newest first.
        before: Whether only calls that were recorded before it count.
    """
    mine = split_arguments(record.arguments)
    best: CallRecord | None = None
    least = (0, False)
    for candidate in candidates:
        if candidate.key == record.key or (before and candidate.created_s >= record.created_s):
            continue
        if candidate.task.name != record.task.name:
            continue
        # Of equally near ones, another run's: a sibling in the same loop explains nothing.
        distance = (different(split_arguments(candidate.arguments), mine), candidate.run == record.run)
        if best is None or distance < least:
            best, least = candidate, distance
    return best


def _split(needs: bytes | None) -> list[bytes]:
    return [needs[at : at + NEED_BYTES] for at in range(0, len(needs), NEED_BYTES)] if needs else []


def _records(store: Store, needs: Iterable[bytes]) -> list[CallRecord]:
    found = []
    for need in needs:
        found += list(store.calls(prefix=need.hex(), limit=1))
    return found


def _parts(store: Store, record: CallRecord) -> tuple[tuple[str, str], ...]:
    code = [(row.name or row.kind, row.kind) for row in store.lineage.code_parts(record.task.code)]
    names = record.task.parameters.split()
    tokens = split_arguments(record.arguments)
    arguments = [
        (f"argument {name}", describe_arguments([""], token)) for name, token in zip(names, tokens, strict=False)
    ]
    return (*code, *arguments)


def _of_loss(loss: Loss) -> Reason:
    if loss.reason == SUSPICION:
        return Reason(
            "unsteady", f"run again on {_when(loss.at_s)} it gave another result: its key does not see all of it"
        )
    return Reason("lost", f"its kept result was dropped on {_when(loss.at_s)}: {loss.reason}")


def _when(time_s: float) -> str:
    return dt.datetime.fromtimestamp(time_s, dt.UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
