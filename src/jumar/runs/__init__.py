"""Durable runs: computations with an id, which survive whatever becomes of the process, and are resumed by the id.

``task.start(...)`` and ``with jumar.run(...)`` begin one, `jumar.resume` takes one up again; the rest is here.
``jumar.runs("failed")`` is short for `find`.
"""

import sys
from types import ModuleType
from typing import TYPE_CHECKING

from jumar.errors import RunError, RunFailedError, RunHeldError, RunLimitError
from jumar.runs.book import RunInfo
from jumar.runs.chronicle import RunEvent
from jumar.runs.handle import RunHandle
from jumar.runs.log import LoggedCall
from jumar.runs.opening import delete, find, get, result, resume_all
from jumar.runs.rerun import rerun
from jumar.runs.scripts import ScriptRun, script_runs

if TYPE_CHECKING:
    from jumar.store.named_runs import State

__all__ = [
    "LoggedCall",
    "RunError",
    "RunEvent",
    "RunFailedError",
    "RunHandle",
    "RunHeldError",
    "RunInfo",
    "RunLimitError",
    "ScriptRun",
    "delete",
    "find",
    "get",
    "rerun",
    "result",
    "resume_all",
    "script_runs",
]


class _Runs(ModuleType):
    """This module, which can be called."""

    def __call__(self, *status: "State") -> list[RunInfo]:
        """See `find`."""
        return find(*status)


sys.modules[__name__].__class__ = _Runs
