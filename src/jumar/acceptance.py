"""Declaring an edit equivalent: a refactoring, or a constant that became a parameter, keeps the results."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from jumar.errors import StoreError
from jumar.keys.call import split_arguments
from jumar.store.equivalence import Equivalence
from jumar.store.records import TaskInfo
from jumar.store.store import Store


def accepted_keys(
    accepted: Callable[[bytes], Sequence[Equivalence]], info: TaskInfo, arguments: bytes
) -> Iterator[tuple[bytes, bytes]]:
    """Older codes, and the arguments with which they computed what this call asks for, the most recent first.

    Args:
        accepted: Gives the declarations for a code; they may form a chain.
        info: The task as it is.
        arguments: The tokens of the call's arguments.
    """
    seen = {info.code}
    pending = [(info.code, tuple(info.parameters.split()), arguments)]
    while pending:
        code, names, tokens = pending.pop(0)
        for equivalence in reversed(accepted(code)):
            older = _without_parameter(equivalence, names, tokens)
            if older is None or equivalence.old in seen:
                continue
            seen.add(equivalence.old)
            yield equivalence.old, older[1]
            pending.append((equivalence.old, *older))


def _without_parameter(
    equivalence: Equivalence, names: tuple[str, ...], arguments: bytes
) -> tuple[tuple[str, ...], bytes] | None:
    """The names and arguments that the old code had; None where the new parameter has another value."""
    if not equivalence.parameter:
        return names, arguments
    tokens = split_arguments(arguments)
    if equivalence.parameter not in names or len(tokens) != len(names):
        return None
    at = names.index(equivalence.parameter)
    if tokens[at] != equivalence.token:
        return None
    return names[:at] + names[at + 1 :], b"".join(tokens[:at] + tokens[at + 1 :])


def declare(
    store: Store, info: TaskInfo, *, was: str = "", parameter: str = "", token: bytes = b"", note: str = ""
) -> Equivalence:
    """Declare that a task, as it is now, computes what it computed when it was last recorded.

    Args:
        store: Where the results are, and the declaration is kept.
        info: The task as it is now.
        was: The name under which it was recorded, if that was another.
        parameter: A parameter that the old code did not have.
        token: The token of that parameter's value, with which the new code computes what the old one did.
        note: Why the edit changes nothing, for those who read the list.

    Returns:
        The declaration, with its number.

    Raises:
        StoreError: No other code of the task is recorded, or the declaration is there already.
    """
    name = was or info.name
    old = next((record for record in store.calls(task=name) if record.task.code != info.code), None)
    if old is None:
        raise StoreError(
            f"no other code of task {name!r} is recorded in {store.path}: there is nothing to accept. If its results were "
            f"recorded under another name, see `jumar calls` for it, and give it with --was NAME."
        )
    if any(known.old == old.task.code for known in store.accepted.by(info.code)):
        raise StoreError(f"that task {info.name!r} computes what it computed before is declared already")
    made = Equivalence(0, info.code, old.task.code, parameter, token, 0.0, info.name, note)
    return made._replace(number=store.accepted.add(made))
