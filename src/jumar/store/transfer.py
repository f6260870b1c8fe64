"""Results on their way from one store to another: what is numbered in each store of its own gets the other's numbers."""

from __future__ import annotations

from contextlib import suppress

from jumar.errors import StoreError
from jumar.keys.call import split_arguments
from jumar.keys.code import CodePart
from jumar.keys.value_outline import expanded, remember
from jumar.store.lineage import Run
from jumar.store.memory_index import UNKNOWN_TASK
from jumar.store.records import Entry, TaskInfo
from jumar.store.sqlite_connection import FAULTS
from jumar.store.store import Store


class Transfer:
    """Makes rows of one store rows of another, and takes along what explains them: code, run, long arguments.

    Blobs are no part of it: who transfers a result sees to it that the blob is there before the row is recorded.

    Args:
        source: Where the rows are.
        target: Where they are to be recorded.

    *Guarantees*: what explains results and cannot be read is left out; the result is transferred all the same. The
    methods may be called from any thread.
    """

    def __init__(self, source: Store, target: Store) -> None:
        self._source = source
        self._target = target
        self._tasks: dict[int, int] = {}
        self._runs: dict[int, int] = {}
        self._known: dict[int, Run] = {}
        self._outlined: set[bytes] = set()

    def numbered(self, entry: Entry, task: TaskInfo | None = None, run: int | None = None) -> Entry:
        """The row as the target counts.

        Args:
            entry: The source's row.
            task: Its task, where that is known already; else the source is asked once for each number.
            run: The number of its run in the source, where the row has another.
        """
        self._take_outlines(entry.arguments)
        number = entry.run if run is None else run
        return entry._replace(task=self._task(entry, task), run=self._run(number))

    def _task(self, entry: Entry, task: TaskInfo | None) -> int:
        number = self._tasks.get(entry.task) if entry.task else None
        if number is None:
            info = task or self._task_of(entry)
            if info is UNKNOWN_TASK:
                return 0
            has_parts = bool(self._parts(info.code))
            number = self._target.task(info, self._parts if has_parts else None)
            if entry.task:
                self._tasks[entry.task] = number
        return number

    def _task_of(self, entry: Entry) -> TaskInfo:
        try:
            record = next(self._source.calls(prefix=entry.key.hex(), limit=1), None)
        except StoreError:
            return UNKNOWN_TASK
        return UNKNOWN_TASK if record is None else record.task

    def _parts(self, code: bytes) -> list[CodePart]:
        try:
            return self._source.lineage.code_parts(code)
        except StoreError:
            return []

    def _run(self, number: int) -> int:
        found = self._runs.get(number)
        if found is None:
            if number not in self._known:
                with suppress(StoreError):
                    self._known = {run.number: run for run in self._source.lineage.runs()}
            run = self._known.get(number)
            if run is None or self._target.read_only:
                return 0
            try:
                found = self._runs[number] = self._target.lineage.note_run(run)
            except (*FAULTS, OSError):
                return 0
        return found

    def _take_outlines(self, arguments: bytes) -> None:
        """Remember the long forms of these arguments: the target keeps what is remembered when it records the row."""
        if b"#" not in arguments:
            return
        with suppress(
            ValueError, StoreError
        ):  # written by other means than a session, where arguments may be any bytes
            for token in split_arguments(arguments):
                expanded(token, self._outline)

    def _outline(self, digest: bytes) -> bytes | None:
        if digest in self._outlined:
            return None
        self._outlined.add(digest)
        literal = self._source.lineage.outline(digest)
        if literal is not None:
            remember(digest, literal)
        return literal
