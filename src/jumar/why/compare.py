"""What differs between two codes and between two lists of arguments. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

from jumar.keys.code import CodePart
from jumar.keys.value import describe, parts
from jumar.why.explanation import Reason

_CODE = ("function", "class", "module")
_NOT_IN_KEY = ("opaque", "written", "unresolved")
_MOST_PLACES = 5
_CONTEXT_LINES = 2


def code_reasons(then: Sequence[CodePart], now: Sequence[CodePart]) -> list[Reason]:
    """What was edited, added or removed between two codes, the libraries last."""
    reasons: list[Reason] = []
    libraries: list[Reason] = []
    for old, new in _paired(then, now):
        row = new or old
        if row is None or row.kind in _NOT_IN_KEY or (old and new and old.digest == new.digest):
            continue
        if row.kind == "library":
            if old and new:
                libraries.append(Reason("library", f"{row.name} {old.source} -> {new.source} (not part of the key)"))
        elif row.kind in ("version", "name"):
            text = f"{row.kind}: {_value(old)} -> {_value(new)}"
            reasons.append(Reason("version", text))
        elif row.kind in _CODE:
            reasons.append(Reason("code", f"{_place(row)}: {_verb(old, new)}", _diff(old, new)))
        else:
            reasons.append(Reason("code", f"{_value_place(row)}: {_value(old)} -> {_value(new)}"))
    return reasons + libraries


def argument_reasons(names: Sequence[str], then: Sequence[bytes], now: Sequence[bytes]) -> list[Reason]:
    """Which arguments differ, and where inside; calls among them are left to who can look them up."""
    reasons: list[Reason] = []
    for name, old, new in zip_longest(names, then, now):
        if old == new or is_reference(old) or is_reference(new):
            continue
        label = f"argument {name!r}" if name else "an argument"
        if old is None or new is None:
            text = f"{label}: {'added' if old is None else 'removed'}, {describe(new or old)}"
            reasons.append(Reason("argument", text))
        else:
            reasons += [Reason("argument", f"{label}{place}: {change}") for place, change in _places(old, new)]
    return reasons


def is_reference(token: bytes | None) -> bool:
    """Whether a token stands for another call's result."""
    return token is not None and token[:1] == b"@"


def different(then: Sequence[bytes], now: Sequence[bytes]) -> int:
    """How many arguments differ."""
    return sum(old != new for old, new in zip_longest(then, now))


def _paired(then: Sequence[CodePart], now: Sequence[CodePart]) -> list[tuple[CodePart | None, CodePart | None]]:
    """Parts side by side: by name and kind, and those that only moved by their digest."""
    old_by_name = {(row.name, row.kind): row for row in then}
    new_by_name = {(row.name, row.kind): row for row in now}
    moved = {row.digest for row in then} & {row.digest for row in now}
    names = sorted(old_by_name.keys() | new_by_name.keys(), key=lambda name: (name[1] not in _CODE, name))
    pairs = [(old_by_name.get(name), new_by_name.get(name)) for name in names]
    return [(old, new) for old, new in pairs if (old and new) or (old or new).digest not in moved]  # type: ignore[union-attr]


def _places(old: bytes, new: bytes) -> list[tuple[str, str]]:
    then, now = dict(parts(old)), dict(parts(new))
    paths = [path for path in {**then, **now} if then.get(path) != now.get(path)]
    innermost = [path for path in paths if not any(other != path and other.startswith(path) for other in paths)]
    changes = [(path, f"{_text(then.get(path))} -> {_text(now.get(path))}") for path in innermost]
    if len(changes) > _MOST_PLACES:
        changes = [*changes[:_MOST_PLACES], ("", f"and {len(changes) - _MOST_PLACES} more places")]
    return changes


def _text(token: bytes | None) -> str:
    return "nothing" if token is None else describe(token)


def _value(row: CodePart | None) -> str:
    return "nothing" if row is None else row.source


def _verb(old: CodePart | None, new: CodePart | None) -> str:
    return "edited" if old and new else "now reached" if new else "no longer reached"


def _place(row: CodePart) -> str:
    name = row.name.rpartition(".")[2]
    return f"{name!r} in {Path(row.file).name}" if row.file else repr(name)


def _value_place(row: CodePart) -> str:
    owner, _, name = row.name.partition(": ")
    where = f" in {Path(row.file).name}" if row.file else ""
    return f"{row.kind} {name.lstrip('=')!r} of {owner.rpartition('.')[2]!r}{where}"


def _diff(old: CodePart | None, new: CodePart | None) -> str:
    if old is None or new is None:
        return ""
    then, now = old.source.splitlines(), new.source.splitlines()
    lines = difflib.unified_diff(then, now, "then", "now", lineterm="", n=_CONTEXT_LINES)
    return "\n".join(lines)
