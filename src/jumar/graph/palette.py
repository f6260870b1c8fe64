"""How the states of calls are shown, in every kind of picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jumar.graph.diagram import Node

FILL = {
    "kept": "#cfe8cf",
    "done": "#cfe8cf",
    "continued": "#e6f3d8",
    "to_compute": "#ffffff",
    "waiting": "#fff3c4",
    "running": "#ffd97a",
    "failed": "#f6b8b0",
    "cancelled": "#dddddd",
    "unknown": "#e3e0f5",
}
"""The colour behind each state. Never the only sign of it: it is written too."""


def standing(node: Node) -> str:
    """How a call stands, in words."""
    return node.state.replace("_", " ") + ("" if node.needed else ", not needed")


def lines(node: Node) -> list[str]:
    """What a node says: task, arguments, state. Line breaks and control characters in names are shown as spaces."""
    texts = [text for text in (node.task, node.arguments, standing(node)) if text]
    return ["".join([letter if letter.isprintable() else " " for letter in text]) for text in texts]
