"""jumar: graphs of plain Python functions in which whatever has finished stays finished.

Example:
    >>> import jumar
    >>> @jumar.task
    ... def square(x: int) -> int:
    ...     return x * x
    >>> @jumar.task
    ... def total(parts: list[int]) -> int:
    ...     return sum(parts)
    >>> total.spawn([square.spawn(i) for i in range(4)]).result()
    14
"""

from importlib import import_module
from typing import TYPE_CHECKING

from jumar import processes as processes  # it puts itself in its place
from jumar.block import options
from jumar.building import graph, lazily
from jumar.current import current_call
from jumar.decorator import spawn, task
from jumar.delayed import delayed
from jumar.errors import (
    ArgumentError,
    DamagedError,
    DeadlockError,
    DeclarationError,
    FingerprintError,
    JumarError,
    ResultError,
    SettingsError,
    StoreError,
    StoreFormatError,
    StoreWarning,
)
from jumar.errors import WorkerLostError as WorkerLostError
from jumar.future import Future
from jumar.graph.call_info import CallInfo
from jumar.graph.keep import Keep
from jumar.graph.policy import Backoff
from jumar.keys.file import Dir, File
from jumar.keys.value import fingerprint
from jumar.lazy import Lazy, collect
from jumar.memory.chunk import Chunk
from jumar.part import attr, item
from jumar.referring import compute, put
from jumar.session import Session, configure
from jumar.several import as_completed, gather, wait
from jumar.shell import shell
from jumar.step import step
from jumar.store.store import Store
from jumar.task import Task

if TYPE_CHECKING:
    from jumar import actors, hooks, runs
    from jumar.actors.kind import actor
    from jumar.picture import Graph
    from jumar.runs.block import run
    from jumar.runs.opening import resume
    from jumar.runs.opening import resume_all as resume_all
    from jumar.runs.sending import send_event
    from jumar.shell import ShellError, ShellResult
    from jumar.waiting import sleep, wait_event
else:  # imported when they are asked for: most programs use none of them

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = import_module(_MODULES[name])
        return module if name in ("actors", "hooks", "runs") else getattr(module, name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


_MODULES = {
    "Graph": "jumar.picture",
    "ShellError": "jumar.shell.error",
    "ShellResult": "jumar.shell.result",
    "actor": "jumar.actors.kind",
    "actors": "jumar.actors",
    "hooks": "jumar.hooks",
    "resume": "jumar.runs.opening",
    "resume_all": "jumar.runs.opening",
    "run": "jumar.runs.block",
    "runs": "jumar.runs",
    "send_event": "jumar.runs.sending",
    "sleep": "jumar.waiting",
    "wait_event": "jumar.waiting",
}

__all__ = [
    "ArgumentError",
    "Backoff",
    "CallInfo",
    "Chunk",
    "DamagedError",
    "DeadlockError",
    "DeclarationError",
    "Dir",
    "File",
    "FingerprintError",
    "Future",
    "Graph",
    "JumarError",
    "Keep",
    "Lazy",
    "ResultError",
    "Session",
    "SettingsError",
    "ShellError",
    "ShellResult",
    "Store",
    "StoreError",
    "StoreFormatError",
    "StoreWarning",
    "Task",
    "actor",
    "actors",
    "as_completed",
    "attr",
    "collect",
    "compute",
    "configure",
    "current_call",
    "delayed",
    "fingerprint",
    "gather",
    "graph",
    "hooks",
    "item",
    "lazily",
    "options",
    "put",
    "resume",
    "run",
    "runs",
    "send_event",
    "shell",
    "sleep",
    "spawn",
    "step",
    "task",
    "wait",
    "wait_event",
]

__version__ = "0.1.0"
