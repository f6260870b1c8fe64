"""What an index must do. Two kinds are here: ``SqliteIndex`` on disk and ``MemoryIndex``; one contract suite tests both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from jumar.store.records import CallRecord, Counts, Entry, Failure, TaskInfo


class Index(Protocol):
    """The rows that say what is known. Every method may be called from any thread."""

    def find(self, key: bytes) -> Entry | None:
        """The kept result of a call, or None. A row that fails its own check counts as absent and is reported."""
        ...

    def find_content(self, content: bytes) -> Entry | None:
        """The newest kept result with this content key, or None."""
        ...

    def add(self, entries: Sequence[Entry], failures: Sequence[Failure] = ()) -> None:
        """Record a group, all or nothing.

        An entry replaces what was there; it also removes the call's failure, unless what it keeps is an error.

        Raises:
            sqlite3.Error, OSError: The group could not be written; none of it is there.
        """
        ...

    def remove(self, keys: Sequence[bytes]) -> None:
        """Forget these calls (results and failures); keys that are not there are passed over."""
        ...

    def add_task(self, task: TaskInfo) -> int:
        """The task's number in this index (from 1), given now if it has none."""
        ...

    def has_code(self, code: bytes) -> bool:
        """Whether any task with this code was ever recorded; False means that no call of it can be found."""
        ...

    def changed_elsewhere(self) -> bool:
        """Whether anybody else may have written to the index since this was last asked; cheap, never waits."""
        ...

    def calls(
        self, prefix: str = "", task: str = "", limit: int | None = None, run: int | None = None
    ) -> Iterator[CallRecord]:
        """Calls, newest first: those whose key starts with ``prefix`` (hex), of this task, computed by this run."""
        ...

    def counts(self) -> Counts:
        """How much there is; reads the whole index, so it is for people and not for the hot path."""
        ...

    def blobs(self) -> Iterator[bytes]:
        """Digests of all blobs that some row names, each once."""
        ...

    def close(self) -> None:
        """Let go of files and connections; a second close does nothing."""
        ...
