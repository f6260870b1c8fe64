"""What the current thread is doing: which engine runs which call in it."""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

from jumar.graph.call import Call


class Place(NamedTuple):
    """Where in an engine's work a thread stands."""

    engine: Any
    """The engine; None outside of every task."""
    call: Call | None
    """The call that runs in this thread, the innermost one."""
    depth: int
    """How many calls run inside one another in this thread."""


OUTSIDE = Place(None, None, 0)


class Here(threading.local):
    """The place of each thread."""

    place: Place = OUTSIDE
    is_worker = False
    """Whether an executor runs this thread for an engine, so that it takes one of the engine's places."""


here = Here()
