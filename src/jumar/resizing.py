"""Workers that join and leave while calls run."""

from __future__ import annotations

from collections.abc import Mapping

from jumar.crew import Crew
from jumar.errors import SettingsError
from jumar.executors import Executor, Sizable
from jumar.latch import Latch


class Resizing:
    """Changes how many workers the executors of one engine have.

    Args:
        executors: The executors by their names; the session's own under None.
        crew: The engine's.
        latch: The engine's.
    """

    def __init__(self, executors: Mapping[str | None, Executor], crew: Crew, latch: Latch) -> None:
        self._executors = executors
        self._crew = crew
        self._latch = latch

    def resize(self, workers: int, name: str | None = None) -> None:
        """Let so many calls run at a time; see `Session.resize`.

        Raises:
            SettingsError: There is no such executor, it has a number of workers that cannot be changed, or the number
                cannot be.
        """
        executor = self._executors.get(name)
        if executor is None:
            there = ", ".join(repr(each) for each in self._executors if each is not None) or "none"
            raise SettingsError(f"Session.resize: there is no executor {name!r} (named ones: {there})")
        if not isinstance(executor, Sizable):
            raise SettingsError(
                f"Session.resize: {executor!r} has {executor.workers} workers for good. Executors 'threads' and 'processes' "
                f"can be resized, and others that have a resize(workers)."
            )
        with self._latch:
            before = executor.workers
            executor.resize(workers)
            self._crew.named(name).resize(executor.workers - before)
            calls = self._crew.free()
        self._crew.start(calls)
