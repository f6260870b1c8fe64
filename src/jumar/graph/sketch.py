"""What is remembered of a lazy call for pictures, once it has run and has let go of its inputs."""

from __future__ import annotations

import weakref
from typing import Any

from jumar.graph.call import Call
from jumar.graph.places import places


class Sketch:
    """A call and what it was made from, without arguments and results.

    The call itself is held weakly: a sketch keeps no value alive.

    Args:
        call: The call.
        needs: The places of other calls among its arguments, and their sketches.
    """

    __slots__ = ("arguments", "call", "info", "is_findable", "journaled", "key", "needs", "task")

    def __init__(self, call: Call, needs: tuple[tuple[str, Sketch], ...]) -> None:
        self.call = weakref.ref(call)
        self.key = call.key
        self.task: Any = call.task
        self.info: Any = call.info
        self.arguments = call.arguments
        self.is_findable = call.is_findable
        self.journaled = call.journaled
        self.needs = needs


def sketch_of(call: Call) -> Sketch:
    """The sketch of a lazy call that was made just now.

    What it needs was made before. Lazy calls among that have sketches; what was started already is drawn as a point,
    because what it was made from may be let go of at any time.
    """
    if call.sketch is None:
        needs = [(path, _of_need(need)) for path, need in places(call)] if call.needs else ()
        call.sketch = Sketch(call, tuple(needs))
    sketch: Sketch = call.sketch
    return sketch


def _of_need(need: Call) -> Sketch:
    if need.sketch is None:
        need.sketch = Sketch(need, ())
    sketch: Sketch = need.sketch
    return sketch
