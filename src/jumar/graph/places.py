"""Where in a call's arguments other calls stand."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

from jumar.graph.arguments import ATOMS
from jumar.graph.call import Call


def places(call: Call) -> Iterator[tuple[str, Call]]:
    """The calls among the captured arguments of a call, each with the way to it, such as ``parts[3].rows``.

    Args:
        call: With its arguments, which it must still have.

    Example:
        >>> class Task:
        ...     def by_name(self, args, kwargs): return [("x", args[0]), ("more", kwargs)]
        >>> need = Call(b"1")
        >>> [path for path, _ in places(Call(b"2", Task(), None, (need,), {"a": [0, (need,)]}))]
        ['x', "more['a'][1][0]"]
    """
    for name, argument in call.task.by_name(call.args or (), call.kwargs or {}):
        seen: set[int] = set()  # a container that holds itself has no end
        stack = [(name, argument)]
        while stack:
            path, value = stack.pop()
            if type(value) is Call:
                yield path, value
            elif type(value) not in ATOMS and id(value) not in seen:
                seen.add(id(value))
                stack.extend(reversed([*_children(path, value)]))


def _children(path: str, value: Any) -> Iterable[tuple[str, Any]]:
    """What `rebuild` looks into, piece by piece."""
    if isinstance(value, dict):
        return ((f"{path}[{key!r}]", child) for key, child in value.items())
    if isinstance(value, (list, tuple)):
        if ATOMS.issuperset(map(type, value)):
            return ()
        return ((f"{path}[{index}]", child) for index, child in enumerate(value))
    if isinstance(value, (set, frozenset)):
        return ((f"{path}{{}}", child) for child in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = (field.name for field in dataclasses.fields(value))
        return ((f"{path}.{name}", getattr(value, name)) for name in fields if hasattr(value, name))
    return ()
