"""From a name in the text to the object that it means, by the rules of the language."""

from __future__ import annotations

import builtins
from collections import Counter, OrderedDict, defaultdict, deque
from types import CellType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from jumar.keys.code_callable import unwrapped
from jumar.keys.code_graph import Node
from jumar.keys.code_names import Chain
from jumar.keys.code_origin import module_is_project

if TYPE_CHECKING:
    from jumar.keys.code_walk import Walk

MISSING = object()
"""What a name means that means nothing (yet)."""

_BUILTINS = vars(builtins)
_CONTAINERS = (list, dict, set, deque, Counter, defaultdict, OrderedDict, bytearray)
_NUMBERS = (bool, int, float, complex, str, bytes, tuple)


def look_up(walk: Walk, namespace: dict[str, Any], name: str) -> Any:
    """What ``name`` means in a module, or `MISSING`; it is watched."""
    walk.watch.name(namespace, name)
    return namespace.get(name, _BUILTINS.get(name, MISSING))


def content(walk: Walk, cell: CellType) -> Any:
    """What a closure's variable holds, or `MISSING`; it is watched."""
    try:
        walk.watch.attribute(cell, "cell_contents")
    except ValueError:  # not assigned yet: a nested function that is asked about before the next line ran
        walk.watch.incomplete()
        return MISSING
    return cell.cell_contents


def follow(walk: Walk, value: Any, chain: Chain, node: Node, kind: str, itself: Any = None) -> None:
    """Enter what ``chain`` means into ``node``.

    Args:
        walk: The walk under way.
        value: What the first name of the chain means.
        chain: The name and the attributes read from it.
        node: What reads it.
        kind: For people: global or closure.
        itself: The function whose names these are: reaching itself is nothing new.
    """
    value, at = _through_modules(walk, value, chain)
    name = ".".join(chain[:at])
    if value is MISSING:
        node.add(name, "unresolved", b"unresolved")
        return
    function = unwrapped(value)
    if function is not itself:
        walk.reach(value, node, name, kind)
    if at < len(chain) and isinstance(function, FunctionType) and not chain[at].startswith("__"):
        attributes = vars(function)
        walk.watch.name(attributes, chain[at])
        if chain[at] in attributes:
            walk.reach(attributes[chain[at]], node, f"{name}.{chain[at]}", "attribute")


def written(walk: Walk, value: Any, chain: Chain, node: Node, kind: str) -> None:
    """Enter something that is only written: its content is no input, unless its type may do anything when written."""
    target, at = _through_modules(walk, value, chain)
    rest = chain[at:]
    if isinstance(target, FunctionType) and len(rest) == 1:
        target, rest = vars(target).get(rest[0], MISSING), ()
    is_plain = type(target) in _CONTAINERS or type(target) in _NUMBERS
    if target is MISSING or isinstance(target, ModuleType) or (is_plain and not rest):
        node.add(".".join(chain), "written", b"written")
    else:
        follow(walk, value, chain, node, kind)


def _through_modules(walk: Walk, value: Any, chain: Chain) -> tuple[Any, int]:
    """The object behind the modules at the beginning of a chain, and how many of its names lead there."""
    at = 1
    while at < len(chain) and isinstance(value, ModuleType) and module_is_project(value):
        members = vars(value)
        walk.watch.name(members, chain[at])
        if chain[at] not in members:
            break  # made by the module's __getattr__: only the module as a whole can tell
        value = members[chain[at]]
        at += 1
    return value, at
