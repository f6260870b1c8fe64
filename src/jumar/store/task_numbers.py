"""The numbers that stand for tasks in rows, each asked for once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from jumar.keys.code import CodePart
from jumar.store.index import Index
from jumar.store.lineage import Lineage
from jumar.store.records import TaskInfo
from jumar.store.sqlite_connection import FAULTS
from jumar.store.trouble import Report, Trouble

PartsOf = Callable[[bytes], Sequence[CodePart]]
"""Gives the ``CodePart`` objects of a code digest; none where the code is not that any more."""


class TaskNumbers:
    """Knows the numbers of tasks, and asks the index for those it does not know.

    Args:
        index: Gives the numbers.
        lineage: Keeps the parts of the tasks' code.
        report: Told where a task cannot be recorded.
        read_only: Every number is 0.
    """

    def __init__(self, index: Index, lineage: Lineage, report: Report, *, read_only: bool) -> None:
        self._index = index
        self._lineage = lineage
        self._report = report
        self._read_only = read_only
        self._known: dict[TaskInfo, int] = {}

    def number(self, info: TaskInfo, parts_of: PartsOf | None = None) -> int:
        """The number under which calls of a task are recorded; 0, with a report, where the index takes none.

        Args:
            info: The task.
            parts_of: Gives the parts of its code, which are kept with it; asked once.
        """
        number = 0 if self._read_only else self._known.get(info)
        if number is None:
            try:
                number = self._index.add_task(info)
                if parts_of is not None:
                    self._lineage.remember_code(info.code, parts_of(info.code))
            except (*FAULTS, OSError) as error:
                text = f"task {info.name!r} could not be recorded ({type(error).__name__}: {error}): its calls have no name"
                self._report(Trouble("unsaved", text, None, error))
                return 0
            self._known[info] = number
        return number
