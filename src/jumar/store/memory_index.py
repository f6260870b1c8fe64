"""An index in memory: for stores that last as long as the process, and the plain model that the others are tested against."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

from jumar.store.records import ERROR, CallRecord, Counts, Entry, Failure, TaskInfo, role

UNKNOWN_TASK = TaskInfo(b"", "?", "?")
"""Stands in a listing for a task whose row is not there."""


class MemoryIndex:
    """Keeps the rows in dictionaries.

    Example:
        >>> index = MemoryIndex()
        >>> index.add_task(TaskInfo(b"code", "f", "m"))
        1
        >>> index.has_code(b"code"), index.has_code(b"other")
        (True, False)
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[bytes, Entry] = {}
        self._contents: dict[bytes, dict[bytes, None]] = {}  # the keys of each content, newest last
        self._failures: dict[bytes, Failure] = {}
        self._tasks: dict[TaskInfo, int] = {}

    def find(self, key: bytes) -> Entry | None:
        """The kept result of a call, or None."""
        return self._entries.get(key)

    def find_content(self, content: bytes) -> Entry | None:
        """The newest kept result with this content key, or None."""
        with self._lock:
            keys = self._contents.get(content)
            return self._entries[next(reversed(keys))] if keys else None

    def add(self, entries: Sequence[Entry], failures: Sequence[Failure] = ()) -> None:
        """Record a group; see ``Index.add``."""
        with self._lock:
            for entry in entries:
                # Taken out first, so that the order of the dictionary is the order of recording.
                failure = self._failures.get(entry.key)
                self._forget(entry.key)
                if failure is not None and role(entry.codec)[0] == ERROR:
                    self._failures[entry.key] = failure
                self._entries[entry.key] = entry
                if entry.content is not None:
                    self._contents.setdefault(entry.content, {})[entry.key] = None
            for failure in failures:
                earlier = self._failures.pop(failure.key, None)
                attempt = earlier.attempt + 1 if earlier else 1
                self._failures[failure.key] = failure._replace(attempt=attempt)

    def remove(self, keys: Sequence[bytes]) -> None:
        """Forget these calls; keys that are not there are passed over."""
        with self._lock:
            for key in keys:
                self._forget(key)

    def _forget(self, key: bytes) -> None:
        self._failures.pop(key, None)
        entry = self._entries.pop(key, None)
        if entry is not None and entry.content is not None:
            keys = self._contents[entry.content]
            del keys[key]
            if not keys:
                del self._contents[entry.content]

    def add_task(self, task: TaskInfo) -> int:
        """The task's number, given now if it has none."""
        with self._lock:
            return self._tasks.setdefault(task, len(self._tasks) + 1)

    def has_code(self, code: bytes) -> bool:
        """Whether any task with this code was ever recorded."""
        with self._lock:
            return any(task.code == code for task in self._tasks)

    def changed_elsewhere(self) -> bool:
        """Always True: another store may hold this same object, and looking up is no dearer than knowing."""
        return True

    def calls(
        self, prefix: str = "", task: str = "", limit: int | None = None, run: int | None = None
    ) -> Iterator[CallRecord]:
        """Calls, newest first, as they were when this was called."""
        with self._lock:
            tasks = {number: info for info, number in self._tasks.items()}
            rows: list[Entry | Failure] = [*self._entries.values(), *self._failures.values()]
        # Reversed before the stable sort: of two records of one moment the later one comes first.
        rows.reverse()
        rows.sort(key=lambda row: row.created_s, reverse=True)
        shown = 0
        for row in rows:
            info = tasks.get(row.task, UNKNOWN_TASK)
            if (
                shown != limit
                and run in (None, row.run)
                and row.key.hex().startswith(prefix.lower())
                and task in ("", info.name)
            ):
                shown += 1
                yield _record(row, info)

    def counts(self) -> Counts:
        """How much there is."""
        with self._lock:
            inline_bytes = sum(len(entry.inline or b"") for entry in self._entries.values())
            return Counts(len(self._entries), len(self._failures), len(self._tasks), inline_bytes, 0)

    def blobs(self) -> Iterator[bytes]:
        """Digests of all blobs that some row names, each once."""
        with self._lock:
            return iter({entry.blob for entry in self._entries.values() if entry.blob is not None})

    def close(self) -> None:
        """Nothing to let go of."""


def _record(row: Entry | Failure, task: TaskInfo) -> CallRecord:
    if isinstance(row, Entry):
        kept = (row.created_s, row.seconds, row.size_bytes, row.codec, row.blob, row.arguments)
        return CallRecord(row.key, task, "done", *kept, 0, "", "", row.needs, row.run)
    failed = (row.created_s, row.seconds, 0, "", None, row.arguments, row.attempt, row.error, row.traceback)
    return CallRecord(row.key, task, "failed", *failed, row.needs, row.run)
