"""An index of which only what chosen runs computed is found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Literal

from jumar.store.index import Index
from jumar.store.lineage import Lineage
from jumar.store.records import CallRecord, Counts, Entry, Failure, TaskInfo

Runs = Sequence[int] | Literal["last"]
"""Numbers of runs, or the last one."""


def numbers_of(runs: Runs, lineage: Lineage, index: Index) -> frozenset[int]:
    """The numbers of the chosen runs; none where the last one is asked for and there is none.

    The last run is the one that began last in this store and has results: not one that found everything, and not one in
    which calls only failed. Runs of other stores, which came with an import, are asked only where there is no other; then
    the one that started last counts.

    Args:
        runs: What was chosen.
        lineage: Has the runs.
        index: Has their results.

    Raises:
        StoreError: The runs cannot be read.
    """
    if runs != "last":
        return frozenset(runs)
    known = [run for run in lineage.runs() if not run.is_idle]
    known.sort(key=lambda run: (run.number > 0, run.number if run.number > 0 else run.started_s), reverse=True)
    return frozenset(islice((run.number for run in known if _has_results(index, run.number)), 1))


def _has_results(index: Index, run: int) -> bool:
    return any(record.state != "failed" for record in index.calls(run=run))


class ChosenRuns:
    """Finds what chosen runs computed, and nothing else.

    An index has one result for each call, the latest: a call that a later run computed again is not found under the
    earlier one. A result that was found by its values, and recorded under another key, still counts to the run that
    computed it.

    Args:
        index: The whole index.
        runs: The numbers of the runs.

    Example:
        >>> from jumar.store.memory_index import MemoryIndex
        >>> index = MemoryIndex()
        >>> index.add([Entry(b"k" * 32, 1, 0.0, 0.0, 2, "pickle", b"N.", None, b"", run=3)])
        >>> [ChosenRuns(index, frozenset([run])).find(b"k" * 32) is not None for run in (2, 3)]
        [False, True]
    """

    def __init__(self, index: Index, runs: frozenset[int]) -> None:
        self._index = index
        self._runs = runs

    def find(self, key: bytes) -> Entry | None:
        """The kept result of a call, if one of the runs computed it."""
        return self._of_runs(self._index.find(key))

    def find_content(self, content: bytes) -> Entry | None:
        """The newest kept result with this content key, if one of the runs computed it."""
        return self._of_runs(self._index.find_content(content))

    def _of_runs(self, entry: Entry | None) -> Entry | None:
        return entry if entry is not None and entry.run in self._runs else None

    def add(self, entries: Sequence[Entry], failures: Sequence[Failure] = ()) -> None:
        """Record a group in the whole index."""
        self._index.add(entries, failures)

    def remove(self, keys: Sequence[bytes]) -> None:
        """Forget these calls, whichever run computed them."""
        self._index.remove(keys)

    def add_task(self, task: TaskInfo) -> int:
        """The task's number in the whole index."""
        return self._index.add_task(task)

    def has_code(self, code: bytes) -> bool:
        """Whether any task with this code was ever recorded, by whichever run."""
        return self._index.has_code(code)

    def changed_elsewhere(self) -> bool:
        """Whether anybody else may have written to the whole index."""
        return self._index.changed_elsewhere()

    def calls(
        self, prefix: str = "", task: str = "", limit: int | None = None, run: int | None = None
    ) -> Iterator[CallRecord]:
        """Calls that the runs computed, or that failed in them, newest first."""
        records = self._index.calls(prefix, task, None, run)
        return islice((record for record in records if record.run in self._runs), limit)

    def counts(self) -> Counts:
        """How much there is in the whole index."""
        return self._index.counts()

    def blobs(self) -> Iterator[bytes]:
        """Digests of all blobs that some row of the whole index names."""
        return self._index.blobs()

    def close(self) -> None:
        """Close the whole index."""
        self._index.close()
