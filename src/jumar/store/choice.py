"""Which results of a store are meant: by task, key and run, and what was made from them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from jumar.errors import StoreError
from jumar.store.chosen_runs import numbers_of
from jumar.store.named_runs import NamedRuns
from jumar.store.records import CallRecord
from jumar.store.retention import downstream
from jumar.store.sqlite_index import SqliteIndex

if TYPE_CHECKING:
    from jumar.store.store import Store


class Choice(NamedTuple):
    """What is to be had of a store; all conditions that are given hold at once.

    Example:
        >>> from jumar.store.store import Store
        >>> list(Choice(task="simulate").of(Store.in_memory()))
        []
    """

    task: str = ""
    """Only calls of the task with this name."""
    prefix: str = ""
    """Only calls whose key starts with this (hexadecimal)."""
    run: int | str | None = None
    """Only what the run with this number computed; ``"last"``: the last one; else what the run of this id asked for."""
    downstream: bool = False
    """Also all that was made from these, directly or through others."""

    def of(self, store: Store) -> Iterator[CallRecord]:
        """The chosen results, newest first.

        Raises:
            StoreError: There is no such run, or the index cannot be read.
        """
        chosen = self._roots(store)
        if self.downstream:
            roots = {record.key for record in chosen}
            keys = roots | downstream(store.calls(), roots)
            chosen = (record for record in store.calls() if record.key in keys)
        return (record for record in chosen if record.state == "done")

    def _roots(self, store: Store) -> Iterator[CallRecord]:
        if isinstance(self.run, str) and self.run != "last":
            keys = _asked_by(store, self.run)
            return (record for record in store.calls(self.prefix, self.task) if record.key in keys)
        run = _last(store) if self.run == "last" else self.run
        assert not isinstance(run, str)
        return store.calls(self.prefix, self.task, run=run)


def _last(store: Store) -> int:
    last = next(iter(numbers_of("last", store.lineage, store.index)), None)
    if last is None:
        raise StoreError(f"no run is recorded in {store!r}: nothing was computed")
    return last


def _asked_by(store: Store, run_id: str) -> set[bytes]:
    table = NamedRuns(store.index) if isinstance(store.index, SqliteIndex) else None
    run = table.find(run_id) if table else None
    if table is None or run is None:
        raise StoreError(f"{store!r} has no run with the id {run_id!r}. `jumar runs` lists them.")
    return {*table.calls(run.token), *([run.result] if run.result else [])}
