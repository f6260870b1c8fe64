"""The walk from a function to all that it depends on.

One walk makes one graph (`jumar.keys.code_graph`). Project functions and classes, and modules taken as a whole, become
nodes and are looked into; library code is taken by its name; values are taken by their token. What was looked up on the
way is put on the watch list.
"""

from __future__ import annotations

import io
import sys
import weakref
from collections import deque
from types import FunctionType, ModuleType
from typing import Any

from jumar.errors import FingerprintError
from jumar.keys import code_class, code_function, code_module
from jumar.keys.code_callable import declared_version, is_code, library_name, unwrapped
from jumar.keys.code_graph import Live, Node, digest_all_nodes
from jumar.keys.code_origin import (
    class_is_project,
    file_of,
    has_its_name,
    is_own,
    is_project,
    module_is_project,
    people_name,
)
from jumar.keys.code_token import code_token, named_token, shape_of, token_with
from jumar.keys.code_watch import Watch

# Things of the process that a function uses without its result depending on the state they are in.
_OPAQUE_MODULES = frozenset({"threading", "_thread", "logging", "contextvars", "_contextvars", "weakref", "_weakref"})
_OPAQUE_SUBMODULES = frozenset({"asyncio.locks", "asyncio.queues"})
_OPAQUE_TYPES = (io.IOBase, weakref.ref)


def followed_as(value: Any) -> str:
    """The kind of node that a function or class becomes; empty if its name says all."""
    if isinstance(value, FunctionType):
        namespace = value.__globals__
        if is_project(namespace.get("__name__"), file_of(namespace, value.__code__.co_filename)):
            return "function"
        # A library's function that holds something (a decorated project function, say) is more than its name.
        return "library" if value.__closure__ or value.__defaults__ else ""
    if not isinstance(value, type):
        return ""
    if class_is_project(value):
        return "class"
    return "" if has_its_name(value) else "library"


def _is_opaque(value: Any) -> bool:
    names = {base.__module__ for base in type(value).__mro__ if isinstance(base.__module__, str)}
    modules = {name.partition(".")[0] for name in names}
    return (
        isinstance(value, _OPAQUE_TYPES)
        or not modules.isdisjoint(_OPAQUE_MODULES)
        or not names.isdisjoint(_OPAQUE_SUBMODULES)
    )


def _is_found_by_name(value: Any) -> bool:
    """Whether a library offers ``value`` under its own name: NumPy's ufuncs are neither functions nor pickled."""
    name, homes = getattr(value, "__name__", None), (type(value).__module__, "scipy.special")
    return isinstance(name, str) and any(getattr(sys.modules.get(home), name, None) is value for home in homes)


class Walk:
    """One walk: the nodes found so far, what is still to be looked into, the watch list.

    Args:
        follows: Whether names are followed; False stays with a function's own text, defaults and closure.
        top: The object asked about; it is watched without being kept alive.
    """

    def __init__(self, *, follows: bool, top: Any) -> None:
        self.watch = Watch()
        self.follows = follows
        self.top = top
        self._nodes: dict[int | str, tuple[Any, Node]] = {}
        self._to_do: deque[tuple[Any, Node]] = deque()

    def run(self, root: Node) -> list[Node]:
        """Look into everything that ``root`` reaches and set all digests.

        Args:
            root: A node with entries made by `reach`.

        Returns:
            The nodes found, in the order found.
        """
        while self._to_do:
            value, node = self._to_do.popleft()
            if node.kind == "module":
                code_module.look_into(self, value, node)
            elif isinstance(value, type):
                code_class.look_into(self, value, node)
            else:
                code_function.look_into(self, value, node)
        digest_all_nodes([root])
        return [node for _, node in self._nodes.values()]

    def reach(self, value: Any, node: Node, name: str, kind: str) -> None:
        """Enter ``value`` into ``node`` as reached by ``name``.

        Args:
            value: Anything.
            node: What reaches it.
            name: By what, unique in the node.
            kind: For people: global, default, closure, …

        Raises:
            FingerprintError: The value has no identity; the error names the way to it.
        """
        version = declared_version(value)
        if version is not None:
            node.add(f"{name} version", "version", version.encode("utf-8", "surrogatepass"))
        value = unwrapped(value)
        if isinstance(value, ModuleType):
            if module_is_project(value):
                node.add(name, "module", self.module(value.__name__))
            else:
                node.add(name, "library", b"module " + value.__name__.encode())
        elif is_code(value):
            found = self.code(value)
            node.add(name, kind if isinstance(found, Node) else "library", found)
        else:
            self._value(value, node, name, kind)

    def code(self, value: Any) -> bytes | Node:
        """The node of a project function or class; the name of a library's."""
        kind = followed_as(value)
        return self._node(value, kind) if kind else library_name(value)

    def module(self, name: str) -> Node:
        """The node of a project module that is taken as a whole, loaded or not."""
        known = self._nodes.get(name)
        if known is None:
            known = self._nodes[name] = (
                name,
                Node(people_name(name, getattr(sys.modules.get(name), "__dict__", None)), "module"),
            )
            self._to_do.append(known)
        return known[1]

    def _node(self, value: Any, kind: str) -> Node:
        known = self._nodes.get(id(value))
        if known is None:
            module = value.__module__ or ""
            namespace = (
                value.__globals__
                if isinstance(value, FunctionType)
                else getattr(sys.modules.get(module), "__dict__", {})
            )
            name = f"{people_name(module, namespace)}.{value.__qualname__}"
            known = self._nodes[id(value)] = (value, Node(name, kind))
            self._to_do.append(known)
        return known[1]

    def _value(self, value: Any, node: Node, name: str, kind: str) -> None:
        if _is_opaque(value):  # asked first: a logger has an identity, but it is the name of its module
            node.add(name, "opaque", b"opaque")
            return
        met: dict[int, Any] = {}
        try:
            shape = shape_of(value, met)
        except FingerprintError as error:
            self._without_identity(value, node, (name, kind), error)
            return
        self.watch.value(value, shape_of, shape)
        if met:
            found = [each for each in map(self.code, met.values()) if isinstance(each, Node)]
            node.add(name, kind, Live(value, found, self._live_token))
        else:
            node.add(name, kind, shape)

    def _live_token(self, value: Any, of_node: Any) -> bytes:
        def stands_for(code: Any) -> bytes:
            found = self.code(code)
            return code_token(of_node(found)) if isinstance(found, Node) else named_token(found)

        return token_with(value, stands_for)

    def _without_identity(self, value: Any, node: Node, place: tuple[str, str], error: FingerprintError) -> None:
        name, kind = place
        if is_own(value) or node.kind == "library":
            node.add(name, "opaque", b"opaque")
            return
        if _is_found_by_name(value):
            node.add(name, "library", f"{type(value).__module__}.{value.__name__}".encode())
            return
        wrapped = getattr(value, "__wrapped__", None)
        if isinstance(wrapped, FunctionType):  # a compiled function (numba's, say) that still has its source
            node.add(f"{name} made by", "library", library_name(type(value)))
            self.reach(wrapped, node, name, kind)
            return
        raise FingerprintError(
            f"{error.problem}. {node.name} uses it, so its results may depend on it. Pass it as an argument, make it "
            f'inside the function, or declare what matters: code="own" with uses=[...], or code="version"',
            path=error.path,
            argument=f"{kind} {name!r}",
            task=node.name,
        ) from error
