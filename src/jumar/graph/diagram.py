"""Diagrams: what a lazy call is made from, as plain values that can be drawn, printed and searched."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from jumar.graph.dot import dot_text
from jumar.graph.mermaid import mermaid_text
from jumar.graph.outline import headline, outline
from jumar.graph.sketch import Sketch
from jumar.keys.call import split_arguments
from jumar.keys.value import describe

State = Literal["kept", "continued", "to_compute", "waiting", "running", "done", "failed", "cancelled", "unknown"]

_LOOKS_DEEPER = frozenset({"to_compute", "waiting", "unknown"})
_LONGEST_ARGUMENTS = 60
_PARAMETER = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Node:
    """A call in a diagram.

    Args:
        key: Its key in hexadecimal.
        task: Its task's name.
        arguments: Those that hold no other call, shortened: ``n=3, scale=0.5``.
        state: ``kept``: its result is in the store. ``to_compute``: it is not. ``continued``: its function has run and
            returned calls that have not all ended. ``waiting``, ``running``: it was started.
            ``done``: its value is in memory. ``failed``, ``cancelled``. ``unknown``: a ``restore=`` function of the
            user's would have to be asked, or the session is closed.
        needed: Whether collecting would look at it: what is kept or done hides what it was made from.
    """

    key: str
    task: str
    arguments: str
    state: State
    needed: bool


@dataclass(frozen=True, slots=True)
class Edge:
    """One call among the arguments of another.

    Args:
        need: The key of the call whose result is needed.
        user: The key of the call that needs it.
        path: Where it stands among the arguments: ``parts[3]``.
    """

    need: str
    user: str
    path: str


@dataclass(frozen=True, slots=True, repr=False)
class Diagram:
    """Calls and what they are made from, as they stood when this was made. Equal calls are one node.

    Args:
        nodes: The call itself first, then what it needs, outer before inner.
        edges: What needs what.
    """

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def counts(self) -> dict[str, int]:
        """How many calls are in each state."""
        return dict(Counter(node.state for node in self.nodes).most_common())

    def to_dot(self) -> str:
        """The text that Graphviz draws, from what is needed down to what needs it."""
        return dot_text(self)

    def to_mermaid(self) -> str:
        """The text that Mermaid draws: in Markdown of many kinds, on Git hosts and in notebooks."""
        return mermaid_text(self)

    def to_json(self) -> dict[str, Any]:
        """The diagram as plain data: ``nodes`` and ``edges``, with the fields of `Node` and `Edge`."""
        return {"nodes": [asdict(node) for node in self.nodes], "edges": [asdict(edge) for edge in self.edges]}

    def __str__(self) -> str:
        return outline(self)

    def __repr__(self) -> str:
        return f"<jumar.{type(self).__name__} {headline(self)}>"


def nodes_and_edges(root: Sketch, state_of: Callable[[Sketch], State]) -> tuple[tuple[Node, ...], tuple[Edge, ...]]:
    """What a `Diagram` is made of.

    Args:
        root: The call at the top.
        state_of: Says how each call stands, without running anything.
    """
    found: dict[bytes, Sketch] = {}
    edges: list[Edge] = []
    stack = [root]
    while stack:
        sketch = stack.pop()
        known = found.get(sketch.key)
        if known is not None and (known.needs or not sketch.needs):
            continue
        found[sketch.key] = sketch
        user = sketch.key.hex()
        edges.extend([Edge(need.key.hex(), user, path) for path, need in sketch.needs])
        stack.extend([need for _, need in reversed(sketch.needs)])
    states = {key: state_of(sketch) for key, sketch in found.items()}
    needed = _needed(root, found, states)
    nodes = [
        Node(key.hex(), sketch.task.name, _short(sketch), states[key], key in needed) for key, sketch in found.items()
    ]
    return tuple(nodes), tuple(edges)


def _needed(root: Sketch, found: dict[bytes, Sketch], states: dict[bytes, State]) -> set[bytes]:
    needed: set[bytes] = set()
    pending = [root.key]
    while pending:
        key = pending.pop()
        if key not in needed:
            needed.add(key)
            if states[key] in _LOOKS_DEEPER:
                pending.extend([need.key for _, need in found[key].needs])
    return needed


def _short(sketch: Sketch) -> str:
    """The arguments without those that edges show."""
    held = {name.group() for path, _ in sketch.needs if (name := _PARAMETER.match(path))}
    tokens: Sequence[bytes] = split_arguments(sketch.arguments) if sketch.arguments else ()
    named = zip(sketch.task.names, tokens, strict=False)  # a task with key= has one token for all
    text = ", ".join([f"{name}={describe(token)}" for name, token in named if name not in held])
    return text if len(text) <= _LONGEST_ARGUMENTS else text[: _LONGEST_ARGUMENTS - 1] + "…"
