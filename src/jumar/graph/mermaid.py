"""Diagrams in the language of Mermaid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jumar.graph.palette import FILL, lines

if TYPE_CHECKING:
    from jumar.graph.diagram import Diagram

# Letters that mean something to Mermaid or to HTML, as the codes that Mermaid itself has for them.
_CODES = str.maketrans({letter: f"#{ord(letter)};" for letter in '"#&<>;`\\|*~'})


def mermaid_text(diagram: Diagram) -> str:
    """The diagram for Mermaid: arrows lead from what is needed to what needs it.

    Args:
        diagram: Of any size; Mermaid itself draws at most 500 arrows unless it is told otherwise.
    """
    number = {node.key: index for index, node in enumerate(diagram.nodes)}
    text = ["flowchart TD"]
    for index, node in enumerate(diagram.nodes):
        label = "<br/>".join([line.translate(_CODES) for line in lines(node)])
        text.append(f'  n{index}["{label}"]:::{node.state if node.needed else "not_needed"}')
    text += [f'  n{number[e.need]} -->|"{e.path.translate(_CODES)}"| n{number[e.user]}' for e in diagram.edges]
    states = sorted({node.state for node in diagram.nodes if node.needed})
    text += [f"  classDef {state} fill:{FILL[state]},stroke:#333,color:#111" for state in states]
    if not all(node.needed for node in diagram.nodes):
        text.append("  classDef not_needed fill:#fff,stroke:#999,color:#777,stroke-dasharray:4")
    return "\n".join([*text, ""])
