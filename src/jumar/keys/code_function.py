"""What a function reaches: defaults, closure, the names in its text, modules it imports, the class it belongs to."""

from __future__ import annotations

import weakref
from types import CellType, FunctionType
from typing import TYPE_CHECKING, Any

from jumar.keys import code_module
from jumar.keys.code_analysis import Analysis, analyse_function
from jumar.keys.code_callable import library_name, unwrapped
from jumar.keys.code_chain import MISSING, content, follow, look_up, written
from jumar.keys.code_graph import Node
from jumar.keys.code_text import ITSELF, outside_name

if TYPE_CHECKING:
    from jumar.keys.code_walk import Walk

_CACHES_OF_DISPATCH = ("cache_token", "dispatch_cache")


def look_into(walk: Walk, function: FunctionType, node: Node) -> None:
    """Fill the node of a function.

    Args:
        walk: The walk under way.
        function: A project function, or a library's that holds something.
        node: Its node, still empty.
    """
    holder: Any = weakref.proxy(function) if function is walk.top else function
    walk.watch.attribute(holder, "__code__")
    for attribute in ("__defaults__", "__kwdefaults__"):
        if getattr(function, attribute) is not None:  # a reload that adds the first default makes new code as well
            walk.watch.attribute(holder, attribute)
    _enter_defaults(walk, function, node)
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    if node.kind == "library":
        node.label = library_name(function)
        _enter_library_cells(walk, node, cells)
        return
    analysis = analyse_function(function)
    node.file, node.line = function.__code__.co_filename, function.__code__.co_firstlineno
    node.text = analysis.text
    itself = _enter_closure(walk, function, node, analysis, cells)
    if walk.follows:
        itself |= _enter_globals(walk, function, node, analysis, cells)
        for each in analysis.imports:
            code_module.reach_import(walk, node, each, function.__globals__)
        _enter_owner(walk, function, node)
    label = analysis.label
    for name in itself:
        label = label.replace(outside_name(name), ITSELF)
    node.label = label.encode("utf-8", "surrogatepass")


def _enter_defaults(walk: Walk, function: FunctionType, node: Node) -> None:
    values = function.__defaults__ or ()
    positional = function.__code__.co_varnames[: function.__code__.co_argcount]
    defaults = dict(zip(positional[len(positional) - len(values) :], values, strict=True))
    for name, value in {**defaults, **(function.__kwdefaults__ or {})}.items():
        walk.reach(value, node, f"={name}", "default")


def _enter_library_cells(walk: Walk, node: Node, cells: dict[str, CellType]) -> None:
    for name, cell in cells.items():
        value = content(walk, cell)
        # functools.singledispatch remembers what it looked up, in cells beside the registry of implementations.
        if value is not MISSING and name not in _CACHES_OF_DISPATCH:
            walk.reach(value, node, name, "closure")


def _enter_closure(
    walk: Walk, function: FunctionType, node: Node, analysis: Analysis, cells: dict[str, CellType]
) -> set[str]:
    """Enter what the closure holds; gives the names in it that mean the function itself."""
    reads = [chain for chain in analysis.reads if chain[0] in cells]
    writes = [chain for chain in analysis.writes if chain[0] in cells]
    values = {name: content(walk, cell) for name, cell in cells.items()}
    for chain in reads:
        follow(walk, values[chain[0]], chain, node, "closure", function)
    for chain in writes:
        written(walk, values[chain[0]], chain, node, "closure")
    for name in values.keys() - {chain[0] for chain in (*reads, *writes)}:
        follow(walk, values[name], (name,), node, "closure", function)  # __class__, which super() reads
    return {name for name, value in values.items() if value is not MISSING and unwrapped(value) is function}


def _enter_globals(
    walk: Walk, function: FunctionType, node: Node, analysis: Analysis, cells: dict[str, CellType]
) -> set[str]:
    """Enter what the global names mean; gives those that mean the function itself."""
    itself: set[str] = set()
    for chain in analysis.reads:
        if chain[0] not in cells:
            value = look_up(walk, function.__globals__, chain[0])
            follow(walk, value, chain, node, "global", function)
            if value is not MISSING and unwrapped(value) is function:
                itself.add(chain[0])
    for chain in analysis.writes:
        if chain[0] not in cells:
            # Not watched by its first name: COUNT += 1 binds it anew each time.
            written(walk, function.__globals__.get(chain[0], MISSING), chain, node, "global")
    return itself


def _enter_owner(walk: Walk, function: FunctionType, node: Node) -> None:
    """A method reaches its class as a whole: what ``self.other()`` means cannot be told from the text alone."""
    path = function.__code__.co_qualname.split(".")[:-1]
    if not path or "<locals>" in path:
        return
    owner: Any = look_up(walk, function.__globals__, path[0])
    for name in path[1:]:
        owner = getattr(owner, name, MISSING)
    if isinstance(owner, type) and any(_is_made_of(member, function) for member in vars(owner).values()):
        walk.reach(owner, node, "its class", "class")


def _is_made_of(member: Any, function: FunctionType) -> bool:
    """Whether a class's member is ``function``, or a property or cached property of it."""
    parts = (getattr(member, "fget", None), getattr(member, "fset", None), getattr(member, "func", None), member)
    return any(unwrapped(part) is function for part in parts)
