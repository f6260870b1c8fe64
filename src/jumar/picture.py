"""Pictures of lazy calls: diagrams that notebooks show, and how each call in them stands."""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING, Any

from jumar.engine import Engine
from jumar.errors import JumarError
from jumar.graph.call import CANCELLED, DONE, FAILED, NEW, READY, RUNNING, WAITING, CallState
from jumar.graph.diagram import Diagram, State, nodes_and_edges
from jumar.graph.sketch import Sketch

if TYPE_CHECKING:
    from collections.abc import Container

_LOG = logging.getLogger("jumar")

_MOST_NODES_FOR_DOT = 500
_MOST_EDGES_FOR_MERMAID = 500
_MOST_TEXT_FOR_MERMAID = 50_000
"""What Mermaid draws before it gives up, unless it is told otherwise."""
_PATIENCE_S = 20.0


class Graph(Diagram):
    """What a lazy call is made from: ``print`` shows a tree, a notebook a picture.

    In a notebook it is an SVG where the program ``dot`` of Graphviz is installed; else Mermaid's text, which JupyterLab
    4.1 and Notebook 7.1 and later draw; else, and for more than some 500 calls, the tree.

    Args:
        nodes: The call itself first, then what it needs, outer before inner.
        edges: What needs what.

    Example:
        >>> import jumar
        >>> @jumar.task
        ... def double(x: int) -> int:
        ...     return 2 * x
        >>> graph = double.lazy(double.lazy(1)).graph()
        >>> [(node.task, node.arguments) for node in graph.nodes]
        [('double', ''), ('double', 'x=1')]
        >>> [edge.path for edge in graph.edges]
        ['x']
    """

    __slots__ = ()

    def to_svg(self) -> str:
        """The picture that Graphviz draws.

        Raises:
            JumarError: The program ``dot`` is not installed, or failed, or took more than 20 seconds.
        """
        import subprocess  # noqa: PLC0415  (2 ms of `import jumar` that few programs need)

        program = shutil.which("dot")
        if program is None:
            raise JumarError(
                "to_svg needs the program `dot`, which is not on the PATH. Install Graphviz, or use to_mermaid()."
            )
        try:
            done = subprocess.run(
                [program, "-Tsvg"],
                input=self.to_dot(),
                capture_output=True,
                encoding="utf-8",
                timeout=_PATIENCE_S,
                check=True,
            )
        except (OSError, subprocess.SubprocessError) as error:
            said = getattr(error, "stderr", None) or error
            raise JumarError(f"`{program} -Tsvg` could not draw {len(self.nodes)} calls: {said}") from error
        return done.stdout

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, Any]:
        """What a notebook chooses from."""
        bundle = {"text/plain": str(self)} | self._drawn()
        return {
            kind: text
            for kind, text in bundle.items()
            if (include is None or kind in include) and (exclude is None or kind not in exclude)
        }

    def _drawn(self) -> dict[str, str]:
        if len(self.nodes) <= _MOST_NODES_FOR_DOT and shutil.which("dot"):
            try:
                return {"image/svg+xml": self.to_svg()}
            except JumarError as error:
                _LOG.warning("%s; shown as Mermaid instead", error)
        text = self.to_mermaid()
        if len(self.edges) > _MOST_EDGES_FOR_MERMAID or len(text) > _MOST_TEXT_FOR_MERMAID:
            return {}
        return {"text/vnd.mermaid": text}


def graph_of(root: Sketch, engine: Engine) -> Graph:
    """The graph below a lazy call, as it stands now. Nothing is run, and no result is read.

    Args:
        root: The call.
        engine: The one that would run it.
    """
    return Graph(*nodes_and_edges(root, lambda sketch: _state(sketch, engine)))


_STATES: dict[CallState, State] = {
    WAITING: "waiting",
    READY: "waiting",
    RUNNING: "running",
    DONE: "done",
    FAILED: "failed",
    CANCELLED: "cancelled",
}


def _state(sketch: Sketch, engine: Engine) -> State:
    call = sketch.call() or engine.under_way(sketch.key)
    if call is not None and call.twin is not None:
        call = call.twin
    if call is not None and call.state is NEW:
        call = engine.under_way(sketch.key)
    state: State = "to_compute" if call is None else _STATES.get(call.state, "to_compute")
    if state in ("waiting", "running", "failed", "cancelled"):
        return state
    if engine.is_closed:
        return "unknown" if state == "to_compute" else state
    if sketch.is_findable and (held := engine.holds(sketch)) is not None:
        return held
    if state == "to_compute" and sketch.is_findable and sketch.task.hooks is not None:
        return "unknown"
    return state
