"""What differs between two codes and between two lists of arguments. Pure."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path

from jumar.keys.code import CodePart
from jumar.keys.value import describe, parts
from jumar.why.explanation import Reason

_CODE = ("function", "class", "module")
_NOT_IN_KEY = ("opaque", "written", "unresolved")
_CONTAINERS = (b"list ", b"tuple ", b"dict ", b"set ", b"frozenset ", b"object ")
_LIBRARY = re.compile(r"\S+ \S+")
_NOTHING = "nothing"
_MOST_PLACES = 5
_CONTEXT_LINES = 2


def own_part(parts: Sequence[CodePart], task: str) -> CodePart | None:
    """The function, or class, of the task itself among the parts of its code; None where its name does not tell."""
    name = task.rpartition(".")[2]
    return next((part for part in parts if part.kind in _CODE and part.name.rpartition(".")[2] == name), None)


def renamed(parts: Sequence[CodePart], then: CodePart, now: CodePart) -> list[CodePart]:
    """The parts of a code under the names that they have since its function, ``then``, is called as ``now`` is."""
    old = re.compile(re.escape(then.name) + r"(?![\w])")
    return [replace(part, name=old.sub(now.name, part.name, count=1)) for part in parts]


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
            reasons += [Reason("version", text) for text in _version_changes(row.kind, _value(old), _value(new))]
        elif row.kind in _CODE:
            reasons.append(Reason("code", f"{_place(row)}: {_verb(old, new)}", _diff(old, new)))
        else:
            reasons.append(Reason("code", f"{_value_place(row)}: {_value(old)} -> {_value(new)}"))
    return list(dict.fromkeys(reasons + libraries))  # each function that uses a library has it among its parts


def argument_reasons(
    names: Sequence[str], then: Sequence[bytes], now: Sequence[bytes], *, calls_in_containers: bool = False
) -> list[Reason]:
    """Which arguments differ, and where inside; calls among them are left to who can look them up.

    Args:
        names: The parameters' names.
        then: The token of each argument of the earlier call.
        now: Those of the later one.
        calls_in_containers: Leave out containers that are kept as a digest: they differ because calls in them do.
    """
    reasons: list[Reason] = []
    for name, old, new in zip_longest(names, then, now):
        if old == new or is_reference(old) or is_reference(new):
            continue
        label = f"argument {name!r}" if name else "an argument"
        if old is None or new is None:
            text = f"{label}: {'added' if old is None else 'removed'}, {describe(new or old)}"
            reasons.append(Reason("argument", text))
        else:
            changes = _places(old, new, calls_in_containers=calls_in_containers)
            reasons += [Reason("argument", f"{label}{place}: {change}") for place, change in changes]
    return reasons


def is_reference(token: bytes | None) -> bool:
    """Whether a token stands for another call's result."""
    return token is not None and token[:1] == b"@"


def _paired(then: Sequence[CodePart], now: Sequence[CodePart]) -> list[tuple[CodePart | None, CodePart | None]]:
    """Parts that differ, side by side: by name and kind, several of one name in the order of their lines.

    What is the same under another name only moved, and is left out.
    """
    gone, come = _without(then, now), _without(now, then)
    pairs: list[tuple[CodePart | None, CodePart | None]] = []
    for label in sorted(gone.keys() | come.keys(), key=lambda label: (label[1] not in _CODE, label)):
        pairs += zip_longest(gone.get(label, []), come.get(label, []))
    return pairs


def _without(rows: Sequence[CodePart], others: Sequence[CodePart]) -> dict[tuple[str, str], list[CodePart]]:
    """The parts that are not among the others, by name and kind."""
    # A value moves with what it belongs to, under its own name: 0.1 as one constant is not 0.1 as another.
    spare = Counter(_identity(row) for row in others)
    left: dict[tuple[str, str], list[CodePart]] = {}
    for row in sorted(rows, key=lambda row: row.line):
        if spare[_identity(row)]:
            spare[_identity(row)] -= 1
        else:
            left.setdefault((row.name, row.kind), []).append(row)
    return left


def _identity(row: CodePart) -> tuple[str, str, bytes]:
    return ("" if row.kind in _CODE else row.name.partition(": ")[2] or row.name, row.kind, row.digest)


def _places(old: bytes, new: bytes, *, calls_in_containers: bool) -> list[tuple[str, str]]:
    then, now = dict(parts(old)), dict(parts(new))
    paths = [path for path in {**then, **now} if then.get(path) != now.get(path)]
    innermost = [path for path in paths if not any(other != path and other.startswith(path) for other in paths)]
    changes = [
        (path, f"{_text(then.get(path))} -> {_text(now.get(path))}")
        for path in innermost
        if not (_is_call(then.get(path), now.get(path)) or (calls_in_containers and _is_container(now.get(path))))
    ]
    if len(changes) > _MOST_PLACES:
        changes = [*changes[:_MOST_PLACES], ("", f"and {len(changes) - _MOST_PLACES} more places")]
    return changes


def _is_call(then: bytes | None, now: bytes | None) -> bool:
    return is_reference(then if now is None else now) and (then is None or now is None or is_reference(then))


def _is_container(token: bytes | None) -> bool:
    """Whether it is a digest of something in which calls may stand."""
    return token is not None and token[:1] == b"#" and token[2:].startswith(_CONTAINERS)


def _text(token: bytes | None) -> str:
    return _NOTHING if token is None else describe(token)


def _version_changes(kind: str, then: str, now: str) -> list[str]:
    """What changed in a ``version=`` and in the libraries that ``env=`` names, which stand behind it."""
    old_option, old_libraries = _split_version(then)
    new_option, new_libraries = _split_version(now)
    texts = [f"{kind}: {old_option} -> {new_option}"] if old_option != new_option else []
    for name in sorted(old_libraries.keys() | new_libraries.keys()):
        old, new = old_libraries.get(name, _NOTHING), new_libraries.get(name, _NOTHING)
        if old != new:
            texts.append(f"{name} {old} -> {new} (in env=)")
    return texts or [f"{kind}: {then} -> {now}"]


def _split_version(text: str) -> tuple[str, dict[str, str]]:
    option, *libraries = text.split("; ")
    if not all(_LIBRARY.fullmatch(library) for library in libraries):
        return text, {}  # a version= of the user's that has a semicolon in it
    return option or _NOTHING, dict(library.split(" ") for library in libraries)


def _value(row: CodePart | None) -> str:
    return _NOTHING if row is None else row.source


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
