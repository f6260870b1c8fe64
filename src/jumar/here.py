"""What the current thread, or asyncio task, is doing: which engine runs which call in it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from typing import Any, NamedTuple

from jumar.graph.call import Call


class Place(NamedTuple):
    """Where in an engine's work a thread, or an asyncio task, stands."""

    engine: Any
    """The engine; None outside of every task."""
    call: Call | None
    """The call that runs in this thread, the innermost one."""
    depth: int
    """How many calls run inside one another in this thread."""
    tally: dict[bytes, Iterator[int]]
    """How often each step was asked for at this place, so that equal ones are told apart."""
    run: Any = None
    """The run with an id to which calls made here belong."""


OUTSIDE = Place(None, None, 0, {})


PLACE: ContextVar[Place] = ContextVar("jumar_place", default=OUTSIDE)
"""The place. Threads that a task starts by itself are outside; what asyncio starts for it is where it is."""


def saving() -> AbstractContextManager[None]:
    """While in this block, the call that runs here only waits for the disk: others may begin in its place."""
    engine = PLACE.get().engine
    return nullcontext() if engine is None else engine.saving()


class Here(threading.local):
    """What is said of each thread."""

    crew: Any = None
    """The crew for which an executor runs this thread, so that it takes one of the crew's places; None elsewhere."""
    is_loop = False
    """Whether asynchronous tasks run in this thread, so that nothing in it may wait without ``await``."""


here = Here()
