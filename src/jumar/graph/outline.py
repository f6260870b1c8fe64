"""Diagrams as text: a tree from the call at the top down to what it is made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jumar.graph.palette import lines, standing

if TYPE_CHECKING:
    from jumar.graph.diagram import Diagram, Node

_MOST_LINES = 100
_DEEPEST = 30


def headline(diagram: Diagram) -> str:
    """How many calls there are, and how they stand: ``7 calls: 4 to compute, 3 kept``."""
    counts = ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in diagram.counts().items())
    return f"{len(diagram.nodes)} call{'s' * (len(diagram.nodes) != 1)}: {counts}"


def outline(diagram: Diagram) -> str:
    """The diagram as a tree. A call that is needed twice is opened once, and marked as "above" afterwards.

    Args:
        diagram: Of any size: at most 100 calls are shown, at most 30 deep, and it says how many are not.
    """
    nodes = {node.key: node for node in diagram.nodes}
    needs: dict[str, list[tuple[str, str]]] = {}
    for edge in diagram.edges:
        needs.setdefault(edge.user, []).append((edge.path, edge.need))
    text = [headline(diagram)]
    shown: set[str] = set()
    stack = [(diagram.nodes[0].key, "", "", "", 0)]
    while stack and len(text) <= _MOST_LINES:
        key, path, indent, branch, depth = stack.pop()
        line = indent + branch + (f"{path}: " if path else "") + _said(nodes[key])
        below = needs.get(key, ())
        if key in shown:
            text.append(line + (" (above)" if below else ""))
            continue
        shown.add(key)
        if below and depth >= _DEEPEST:
            text.append(line + " …")
            continue
        text.append(line)
        inner = indent + {"": "", "├─ ": "│  ", "└─ ": "   "}[branch]
        for place, (step, need) in enumerate(reversed(below)):
            stack.append((need, step, inner, "├─ " if place else "└─ ", depth + 1))
    if len(shown) < len(nodes):
        text.append(f"… and {len(nodes) - len(shown)} more")
    return "\n".join(text)


def _said(node: Node) -> str:
    task, *arguments, _ = lines(node)
    return f"{task}({''.join(arguments)}) {standing(node)} [{node.key[:8]}]"
