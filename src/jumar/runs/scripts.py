"""Runs without an id: what every program leaves behind that used the store, whether it opened a run or not."""

from __future__ import annotations

from typing import NamedTuple

from jumar.store.store import Store


class ScriptRun(NamedTuple):
    """A session of a program, as the store knows it."""

    number: int
    """What `jumar why --run` and `jumar calls --run` take."""
    script: str
    started_s: float
    """When it computed, or found, something for the first time, in seconds since the epoch."""
    host: str
    process: int
    """0 where it computed nothing."""
    computed: int
    """Its results that are in the store."""


def script_runs(store: Store, limit: int | None = None) -> list[ScriptRun]:
    """The runs without an id in a store, newest first.

    Raises:
        StoreError: They cannot be read.
    """
    found = [run for run in store.lineage.runs() if run.number > 0][:limit]
    counts = dict.fromkeys((run.number for run in found), 0)
    for record in store.calls():
        if record.run in counts and record.state != "failed":
            counts[record.run] += 1
    return [
        ScriptRun(run.number, run.script, run.started_s, run.host, run.process, counts[run.number]) for run in found
    ]
