"""The block of a script whose calls belong to a run: ``with jumar.run("id"):``, or ``async with``."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Literal

from jumar import project
from jumar.runs.handle import RunHandle
from jumar.runs.opening import script_run


class run:  # noqa: N801  (users write it as a function)
    """A block whose calls and steps belong to a run; the script that is run again with the id resumes it.

    Args:
        run_id: The run's name in the store.
        metadata: What is kept with it: anything that JSON can say.
        keep: What is kept of its results when it has succeeded: ``"all"``, or ``"steps"``, without those of plain tasks
            that nobody else has asked for. By default what the session's ``keep_runs`` says.

    Raises:
        RunError: The id is that of another run, or a run or a task is open around the block.
        RunHeldError: Another process drives it.

    *Guarantees*: the block ends when its calls have ended; ``async with`` lets the event loop go on meanwhile. Steps that
    are done are not done again.

    Example:
        >>> import jumar, tempfile
        >>> @jumar.step
        ... def charge(order: int) -> str:
        ...     return f"charged {order}"
        >>> with tempfile.TemporaryDirectory() as folder, jumar.Session(folder + "/store"):
        ...     with jumar.run("orders") as run:
        ...         print(charge(1))
        ...     print(run.status())
        charged 1
        succeeded
    """

    def __init__(
        self, run_id: str, *, metadata: Mapping[str, Any] | None = None, keep: Literal["all", "steps"] | None = None
    ) -> None:
        self._id, self._metadata, self._keep = run_id, metadata, keep
        self._open = ExitStack()
        self._handle: RunHandle[None]

    def __enter__(self) -> RunHandle[None]:
        """Begin the run, or take it up again."""
        self._handle = self._open.enter_context(script_run(self._id, self._metadata, project.script(), self._keep))
        return self._handle

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for the calls of the block, and write how it ended."""
        self._open.__exit__(kind, error, trace)

    async def __aenter__(self) -> RunHandle[None]:
        """As in a plain block."""
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """As in a plain block; the event loop goes on while calls end."""
        if error is None:
            await asyncio.to_thread(self._handle.drain)
        self.__exit__(kind, error, trace)
