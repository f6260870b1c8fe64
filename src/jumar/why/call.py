"""Why one call ran: compared with the nearest earlier call of its task, and upstream as far as the change goes back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from jumar.errors import StoreError
from jumar.keys.call import describe_arguments, split_arguments
from jumar.keys.code import CodePart
from jumar.keys.value import parts as places
from jumar.store.lineage import RENEWALS, SUSPICION, UNKEPT, Loss
from jumar.store.records import NEED_BYTES, CallRecord
from jumar.store.store import Store
from jumar.why.compare import argument_reasons, code_reasons, is_reference, own_part, renamed
from jumar.why.explanation import Explanation, Reason, when
from jumar.why.history import History, nearest_of, split_needs

_READ_FOR_ONE = 1000
_DEEPEST = 8
_UPSTREAM_SHOWN = 5
_CHANGES = ("code", "argument", "upstream", "version")


def explain(store: Store, key: str) -> Explanation:
    """Say why a recorded call ran, or where its result comes from if nothing ran for it.

    Args:
        store: Where it is recorded.
        key: The beginning of its key in hexadecimal.

    Returns:
        The call, the earlier one it is compared with, and part by part what changed.

    Raises:
        StoreError: No call or several have such a key, or the index cannot be read.

    Example:
        >>> store = Store.in_memory()
        >>> explain(store, "3fa9")
        Traceback (most recent call last):
        jumar.errors.StoreError: no call in <jumar.Store in memory> has a key that starts with 3fa9: see `jumar calls`
    """
    found = [record for record, _ in zip(store.calls(prefix=key), range(2), strict=False)]
    if not found:
        raise StoreError(f"no call in {store!r} has a key that starts with {key}{_lost(store, key)}: see `jumar calls`")
    if len(found) > 1:
        raise StoreError(f"several calls in {store!r} have keys that start with {key}: write more of it")
    return explain_record(store, found[0], history=History(store))


def explain_record(
    store: Store, record: CallRecord, parts: Sequence[CodePart] = (), history: History | None = None
) -> Explanation:
    """Say why this call ran.

    Args:
        store: Where earlier calls are recorded.
        record: The call.
        parts: The parts of its code, where they are not recorded yet.
        history: What was read of earlier calls, for whoever explains many; None reads the newest thousand of the task.

    Returns:
        As `explain`.

    Raises:
        StoreError: The index cannot be read.
    """
    past = history or History(store, _READ_FOR_ONE)
    if parts:
        past.know_code(record.task.code, parts)
    earlier, reasons = compared(past, record)
    return Explanation(
        record.key.hex(),
        written(record),
        record.state,
        record.created_s,
        record.run,
        None if earlier is None else f"{_named(earlier)} of {when(earlier.created_s)}",
        tuple(reasons),
        _parts(past, record),
    )


def compared(history: History, record: CallRecord) -> tuple[CallRecord | None, list[Reason]]:
    """The earlier call that this one is compared with, and why this one ran."""
    original = history.original(record)
    if original is not None:
        return original, [_copied(original, record)]
    lost = [_of_loss(loss) for loss in history.losses(record) if _explains(loss, record)][:1]
    if lost and lost[0].kind != "unsteady":
        return None, lost  # with this very key it had been there: nothing else can have changed
    earlier = history.nearest(record)
    reasons = _reasons(history, earlier, record, _DEEPEST)
    return earlier, lost + [reason for reason in reasons if not (lost and reason.kind in ("new", "salted"))]


def written(record: CallRecord) -> str:
    """The call as people write it."""
    return f"{record.task.name}({describe_arguments(record.task.parameters.split(), record.arguments)})"


def _named(record: CallRecord) -> str:
    return f"{written(record)} [key {record.key.hex()[:12]}]"


def _copied(original: CallRecord, record: CallRecord) -> Reason:
    if original.task.code != record.task.code:
        return Reason("kept", f"the edit since {_named(original)} was accepted as one that changes no result")
    return Reason("kept", f"its arguments have the values that they have in {_named(original)}")


def _reasons(history: History, then: CallRecord | None, now: CallRecord, depth: int) -> list[Reason]:
    if then is None:
        return [Reason("new", f"no earlier call of {now.task.name!r} is recorded")]
    reasons: list[Reason] = []
    if then.task.code != now.task.code:
        reasons = _code_reasons(history, then, now)
        if all(reason.kind in ("library", "renamed") for reason in reasons):
            reasons.insert(0, Reason("code", "its code is another one; which part was not recorded"))
    upstream = _upstream(history, then, now, depth)
    old_tokens, new_tokens = history.tokens(then), history.tokens(now)
    hidden = bool(upstream) and (_hides(then, old_tokens) or _hides(now, new_tokens))
    reasons += argument_reasons(now.task.parameters.split(), old_tokens, new_tokens, calls_in_containers=hidden)
    reasons += upstream
    if not any(reason.kind in _CHANGES for reason in reasons):
        reasons.insert(0, _unchanged(then, now))
    return sorted(reasons, key=_rank)


def _code_reasons(history: History, then: CallRecord, now: CallRecord) -> list[Reason]:
    old, new = history.code_parts(then.task.code), history.code_parts(now.task.code)
    before, after = own_part(old, then.task.name), own_part(new, now.task.name)
    former = history.former(now) if then.task.name != now.task.name else None
    if former is not None and before and after:
        old = renamed(old, before, after)
    # Where one of them was not recorded, all parts of the other would seem to have come or gone.
    reasons = code_reasons(old, new) if old and new else []
    return reasons if former is None else [*reasons, Reason("renamed", f"{now.task.name!r} {former}")]


def _rank(reason: Reason) -> int:
    """What was edited comes first, as it explains many calls; what is no part of the key comes last."""
    kind = reason.root().kind
    return {"library": 3, "renamed": 2, "argument": 1, "new": 1}.get(kind, 0)


def _hides(record: CallRecord, tokens: Sequence[bytes]) -> bool:
    """Whether there are calls among the arguments that their tokens do not show: inside long containers."""
    shown = {part[1 : 1 + NEED_BYTES] for token in tokens for _, part in places(token) if is_reference(part)}
    return not shown.issuperset(split_needs(record.needs))


def _unchanged(then: CallRecord, now: CallRecord) -> Reason:
    if then.state == "failed":
        return Reason("failed", f"it failed before: {then.error}")
    if then.arguments != now.arguments:
        return Reason("upstream", "a call among its arguments is another one; which one was not recorded")
    return Reason("salted", "nothing changed: the task is not reused everywhere (reuse='run' or 'never')")


def _upstream(history: History, then: CallRecord, now: CallRecord, depth: int) -> list[Reason]:
    """What became of the calls among the arguments: which are other ones and why, which came and which went."""
    if not depth:
        return []
    old, new = split_needs(then.needs), split_needs(now.needs)
    gone = [record for need in old if need not in new and (record := history.call(need))]
    come = [record for need in new if need not in old and (record := history.call(need))]
    spare = Counter(record.task.name for record in gone)
    names: dict[bytes, str] = {}  # what the tasks of those that have come were called before
    others: list[CallRecord] = []
    added: list[Reason] = []
    for record in come:
        former = None if spare[record.task.name] else history.former(record)
        name = names[record.key] = former.name if former else record.task.name
        if spare[name]:
            spare[name] -= 1
            others.append(record)
        else:
            added.append(Reason("argument", f"{_named(record)} is a new call among its arguments"))
    changed = []
    for record in others[:_UPSTREAM_SHOWN]:
        inner = _reasons(history, history.same(record) or _of_task(record, names[record.key], gone), record, depth - 1)
        changed.append(Reason("upstream", f"{_named(record)} is another call", "", tuple(inner)))
    left = [
        Reason(
            "argument", f"{_counted(count, f'call of {task!r}', f'calls of {task!r}')} no longer among its arguments"
        )
        for task, count in spare.items()
        if count
    ]
    return [*changed, *_more(len(others)), *added[:_UPSTREAM_SHOWN], *_more(len(added)), *left]


def _of_task(record: CallRecord, name: str, gone: Sequence[CallRecord]) -> CallRecord | None:
    return nearest_of(record, (candidate for candidate in gone if candidate.task.name == name))


def _more(count: int) -> list[Reason]:
    left_out = count - _UPSTREAM_SHOWN
    if left_out <= 0:
        return []
    return [Reason("more", f"and so {'is' if left_out == 1 else 'are'} {left_out:,} more")]


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one} is" if count == 1 else f"{count:,} {many} are"


def _parts(history: History, record: CallRecord) -> tuple[tuple[str, str], ...]:
    code = [(row.name or row.kind, row.kind) for row in history.code_parts(record.task.code)]
    names = record.task.parameters.split()
    tokens = split_arguments(record.arguments)
    arguments = [
        (f"argument {name}", describe_arguments([""], token)) for name, token in zip(names, tokens, strict=False)
    ]
    return (*code, *arguments)


def _lost(store: Store, key: str) -> str:
    """What is known of a call that is not there."""
    loss = next((loss for loss in store.lineage.losses() if loss.key.hex().startswith(key)), None)
    return f" ({_of_loss(loss).text})" if loss else ""


def _explains(loss: Loss, record: CallRecord) -> bool:
    """Whether the call ran because of it; a suspicion is told whenever it arose."""
    return loss.reason == SUSPICION or loss.at_s <= record.created_s


def _of_loss(loss: Loss) -> Reason:
    if loss.reason == SUSPICION:
        return Reason(
            "unsteady", f"run again on {when(loss.at_s)} it gave another result: its key does not see all of it"
        )
    if loss.reason in RENEWALS:
        return Reason("renewed", loss.reason)
    if loss.reason.startswith(UNKEPT):
        return Reason("unkept", f"when it ran on {when(loss.at_s)}, its result {loss.reason}")
    return Reason("lost", f"its kept result was dropped on {when(loss.at_s)}: {loss.reason}")
