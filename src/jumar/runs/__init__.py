"""Durable runs: computations with an id, which survive whatever becomes of the process, and are resumed by the id.

``task.start(...)`` and ``with jumar.run(...)`` begin one, `jumar.resume` takes one up again; the rest is here.
"""

from jumar.errors import RunError, RunFailedError, RunHeldError
from jumar.runs.book import RunInfo
from jumar.runs.chronicle import RunEvent
from jumar.runs.handle import RunHandle
from jumar.runs.opening import delete, find, get, resume_all

__all__ = [
    "RunError",
    "RunEvent",
    "RunFailedError",
    "RunHandle",
    "RunHeldError",
    "RunInfo",
    "delete",
    "find",
    "get",
    "resume_all",
]
