"""The graph of code that reaches code, and a digest for each node of it.

A node's digest covers its own text and the digests of what it reaches. Functions that reach each other in a circle
have no first one to begin with, so a circle is digested as a whole: its nodes are told apart by repeated colouring
(each by its text and its neighbours' colours), sorted by colour, and written down with references by rank. The result
depends on neither the node that was asked first nor on names, modules or addresses; nodes that cannot be told apart
compute the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from jumar.keys.digest import digest

ReTokenise = Callable[[Any, Callable[["Node"], bytes]], bytes]


@dataclass(slots=True)
class Live:
    """A value that holds code: its token depends on the digests of the nodes in it, so it is made when they are known.

    Args:
        value: The value.
        nodes: The code in it.
        tokenise: Makes the token, given what stands for each node.
    """

    value: Any
    nodes: list[Node]
    tokenise: ReTokenise


@dataclass(slots=True)
class Entry:
    """One thing that a node reaches.

    Args:
        name: By what it is reached, unique in the node, such as ``model.norm`` or ``=alpha`` for a default.
        kind: For people: global, default, closure, ...
        payload: Bytes that identify it, a node, or a value that holds nodes.
    """

    name: str
    kind: str
    payload: bytes | Node | Live

    def nodes(self) -> Iterable[Node]:
        """The nodes in it."""
        if isinstance(self.payload, Node):
            return (self.payload,)
        return self.payload.nodes if isinstance(self.payload, Live) else ()

    def identity(self, of_node: Callable[[Node], bytes]) -> bytes:
        """Bytes that identify it, given what stands for each node."""
        if isinstance(self.payload, Node):
            return of_node(self.payload)
        return self.payload.tokenise(self.payload.value, of_node) if isinstance(self.payload, Live) else self.payload


@dataclass(slots=True, eq=False)
class Node:
    """A function, class or module with what it reaches.

    Args:
        name: For people, such as ``model.norm``.
        kind: function, class or module.
        file: Where it is written; empty if nowhere.
        line: First line, from 1; 0 if nowhere.
        text: Gives its source for people.
    """

    name: str
    kind: str
    file: str = ""
    line: int = 0
    text: Callable[[], str] = str
    label: bytes = b""
    entries: dict[str, Entry] = field(default_factory=dict)
    digest: bytes = b""

    def add(self, name: str, kind: str, payload: bytes | Node | Live) -> None:
        """Take note of something reached; a name that is there already is kept."""
        self.entries.setdefault(name, Entry(name, kind, payload))

    def children(self) -> Iterator[Node]:
        """The nodes it reaches directly, in the order of their names."""
        for name in sorted(self.entries):
            yield from self.entries[name].nodes()

    def own(self, of_node: Callable[[Node], bytes]) -> bytes:
        """A digest of its text and what it reaches, given what stands for each node."""
        pieces = [self.label]
        for name in sorted(self.entries):
            pieces.append(name.encode("utf-8", "surrogatepass"))
            pieces.append(self.entries[name].identity(of_node))
        return digest(joined(pieces))


def joined(pieces: Iterable[bytes]) -> bytes:
    """Pieces of any length as one, so that different pieces never give the same bytes.

    Example:
        >>> joined([b"ab", b""]) != joined([b"a", b"b"])
        True
    """
    return b"".join(part for piece in pieces for part in (b"%d:" % len(piece), piece))


def digest_all_nodes(roots: Iterable[Node]) -> None:
    """Set the digest of every node that is reached from ``roots``."""
    for circle in _circles(roots):
        if len(circle) == 1 and circle[0] not in set(circle[0].children()):
            circle[0].digest = circle[0].own(_known)
        else:
            _digest_circle(circle)


def _known(node: Node) -> bytes:
    return node.digest


def _digest_circle(circle: list[Node]) -> None:
    colours: dict[Node, bytes] = dict.fromkeys(circle, b"in a circle".ljust(32))

    def colour(node: Node) -> bytes:
        return colours.get(node, node.digest)

    distinct = 0
    while distinct < len(set(colours.values())):
        distinct = len(set(colours.values()))
        colours = {node: digest(joined([colours[node], node.own(colour)])) for node in circle}
    ranks = {each: b"rank %d" % rank for rank, each in enumerate(sorted(set(colours.values())))}
    named = {node: ranks[each].ljust(32) for node, each in colours.items()}
    one_of_each = {colours[node]: node for node in circle}

    def rank(node: Node) -> bytes:
        return named.get(node, node.digest)

    whole = digest(joined(one_of_each[each].own(rank) for each in sorted(one_of_each)))
    for node in circle:
        node.digest = digest(joined([whole, named[node]]))


def _circles(roots: Iterable[Node]) -> Iterator[list[Node]]:
    """Groups of nodes that reach each other, each after all that it reaches (Tarjan, with an explicit stack)."""
    order: dict[Node, int] = {}
    low: dict[Node, int] = {}
    pending: dict[Node, None] = {}  # reached, group not known yet; in order
    for root in roots:
        path = [(root, root.children())] if root not in order else []
        while path:
            node, children = path[-1]
            if node not in order:
                order[node] = low[node] = len(order)
                pending[node] = None
            for child in children:
                if child not in order:
                    path.append((child, child.children()))
                    break
                if child in pending:
                    low[node] = min(low[node], order[child])
            else:
                path.pop()
                if path:
                    low[path[-1][0]] = min(low[path[-1][0]], low[node])
                if low[node] == order[node]:
                    yield _group(node, pending)


def _group(first: Node, pending: dict[Node, None]) -> list[Node]:
    group = []
    while True:
        node, _ = pending.popitem()
        group.append(node)
        if node is first:
            return group
