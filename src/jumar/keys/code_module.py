"""Modules that are taken as a whole: those imported inside a function, and those used other than by attribute.

Which names of such a module are used cannot be told before it is loaded, and loading it is not ours to do. So the whole
text of the module counts, with every project module that it imports, also where it happens to be loaded already: the
same function has the same digest whatever was imported before. An edit of an unrelated function in it is a miss.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from types import FunctionType
from typing import TYPE_CHECKING, Any

from jumar.keys.code_bytes import code_label
from jumar.keys.code_graph import Node
from jumar.keys.code_names import Import, bound_names, outside
from jumar.keys.code_origin import is_project, people_name
from jumar.keys.code_source import SourceFile, source_of
from jumar.keys.code_text import canonical

if TYPE_CHECKING:
    from jumar.keys.code_walk import Walk


def reach_import(walk: Walk, node: Node, found: Import, namespace: dict[str, Any]) -> None:
    """Enter the modules that an import statement inside ``node`` names.

    Args:
        walk: The walk under way.
        node: What imports them.
        found: The statement.
        namespace: Globals where it stands, for relative imports.
    """
    base = _absolute(found, namespace)
    for name in _modules_named(base, found.names):
        file = _file_of_module(name)
        if file is None:
            continue  # a name in a module and no module; or a module that is not there, which its text already says
        if is_project(name, file):
            node.add(f"import {name.removeprefix(base) if found.level else name}", "module", walk.module(name))
        else:
            node.add(f"import {name}", "library", b"module " + name.encode())


def _modules_named(base: str, names: tuple[str, ...]) -> list[str]:
    """The modules behind ``from base import names``: a package itself only if a name is to be found in it."""
    submodules = {name for name in names if _file_of_module(f"{base}.{name}") is not None}
    file = _file_of_module(base)
    source = source_of(file) if submodules and file is not None else None
    # A package may bind the name of its submodule to something else, which goes first.
    own = bound_names(source.tree) if source is not None else set()
    needs_base = not names or any(name not in submodules or name in own or "*" in own for name in names)
    return [*([base] if needs_base else []), *(f"{base}.{name}" for name in sorted(submodules))]


def look_into(walk: Walk, name: str, node: Node) -> None:
    """Fill the node of a module.

    Args:
        walk: The walk under way.
        name: Its dotted name.
        node: Its node, still empty.
    """
    file = _file_of_module(name)
    module = sys.modules.get(name)
    namespace = vars(module) if module else {"__name__": name, "__package__": name.rpartition(".")[0]}
    source = source_of(file, namespace) if file else None
    if module is None and file is not None:
        walk.watch.name(sys.modules, name)
        walk.watch.file(file)
    elif module is not None:
        walk.watch.name(vars(module), "__spec__")  # a reload puts a new one there
    if source is None:
        node.label = f"module {people_name(name, namespace)}".encode()
        return
    node.file, node.line, node.text = source.path, 1, lambda: "".join(source.lines)
    node.label = canonical(source.tree, set(), lambda _: False).encode("utf-8", "surrogatepass")
    for each in sorted(outside(source.tree).imports, key=repr):
        reach_import(walk, node, each, namespace)
    _enter_stale(node, source, namespace)


def _enter_stale(node: Node, source: SourceFile, namespace: dict[str, Any]) -> None:
    """Where the file was edited after the module was loaded, what is loaded counts too: never the new text alone."""
    for name, value in namespace.items():
        if (
            isinstance(value, FunctionType)
            and value.__code__.co_filename == source.path
            and source.find(value.__code__) is None
        ):
            node.add(f"loaded {name}", "name", code_label(value.__code__).encode())


def _absolute(found: Import, namespace: dict[str, Any]) -> str:
    if not found.level:
        return found.module
    package = namespace.get("__package__") or ""
    if not package and "__path__" in namespace:
        package = namespace.get("__name__", "")
    parents = package.split(".")
    base = ".".join(parents[: len(parents) - found.level + 1])
    return f"{base}.{found.module}" if found.module else base


def _file_of_module(name: str) -> str | None:
    """The file of a module, found without importing anything; None if there is none."""
    if not name:
        return None
    module = sys.modules.get(name)
    if module is not None:
        file = getattr(module, "__file__", None)
        return file if isinstance(file, str) else None
    path: Any = None
    spec: ModuleSpec | None = None
    parts = name.split(".")
    for count in range(1, len(parts) + 1):
        spec = _spec(".".join(parts[:count]), path)
        if spec is None:
            return None
        path = spec.submodule_search_locations
        if path is None and count < len(parts):
            return None
    return spec.origin if spec is not None and spec.has_location else None


def _spec(name: str, path: Any) -> ModuleSpec | None:
    for finder in sys.meta_path:
        find = getattr(finder, "find_spec", None)
        spec: ModuleSpec | None = find(name, path) if find else None
        if spec is not None:
            return spec
    return None
