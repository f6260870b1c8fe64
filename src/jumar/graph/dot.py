"""Diagrams in the language of Graphviz."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jumar.graph.palette import FILL, lines

if TYPE_CHECKING:
    from jumar.graph.diagram import Diagram

_HEAD = """digraph jumar {
  node [shape=box, style="rounded,filled", fontname="Helvetica,Arial,sans-serif", fontsize=11, margin="0.12,0.06"];
  edge [fontname="Helvetica,Arial,sans-serif", fontsize=9, color="#666666", fontcolor="#666666", arrowsize=0.7];"""


def dot_text(diagram: Diagram) -> str:
    """The diagram for ``dot``: arrows lead from what is needed to what needs it; the pointer on a node shows its key.

    Args:
        diagram: Of any size; ``dot`` itself takes long for more than some hundred nodes.
    """
    number = {node.key: index for index, node in enumerate(diagram.nodes)}
    text = [_HEAD]
    for index, node in enumerate(diagram.nodes):
        faded = "" if node.needed else ', style="rounded,dashed", color="#999999", fontcolor="#777777"'
        label = r"\n".join([_escaped(line) for line in lines(node)])
        text.append(f'  n{index} [label="{label}", fillcolor="{FILL[node.state]}", tooltip="{node.key}"{faded}];')
    text += [f'  n{number[e.need]} -> n{number[e.user]} [label="{_escaped(e.path)}"];' for e in diagram.edges]
    return "\n".join([*text, "}\n"])


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
