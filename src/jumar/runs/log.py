"""The log of a run as programs read it: each call with how it ended, and where, when and how often it ran."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from jumar.store.run_log import LogRow


class LoggedCall(NamedTuple):
    """A call of a run."""

    name: str
    """Its name in the run; the first, where it was asked for at several places, and empty where the code that asked for it
    was edited since."""
    key: str
    state: Literal["running", "interrupted", "done", "restored", "failed", "cancelled", "skipped"]
    """``done`` and ``failed`` as in `jumar.runs.RunHandle.calls`; a call that failed with no attempt needed one that did.
    ``restored``: found, and not computed by this run. ``interrupted``: it ran when the run's driver died or let go.
    ``skipped``: only calls that were found needed it."""
    attempts: int
    """How often it ran, in all drives of the run."""
    worker: str
    """The thread (its name) or the process (``process 123``) that ran it last; empty where none did."""
    executor: str
    """The named executor that it was for; empty for the session's own."""
    resources: dict[str, Any]
    """What it needed of the session's resources while it ran."""
    begun_s: float | None
    """When its first attempt began, in seconds since the epoch; None where it did not run."""
    ended_s: float | None
    seconds: float
    """How long its function ran the last time."""
    drive: int
    """In which drive of the run, from 1: ``run.info.drives[drive - 1]`` says which process on which machine that was."""


def logged(row: LogRow, names: Mapping[bytes, str], *, is_driven: bool) -> LoggedCall:
    """A call of a run, from what the log has of it.

    Args:
        row: The log's.
        names: Names of calls, by their keys.
        is_driven: Whether somebody drives the run; if not, nothing of it runs.
    """
    state = "interrupted" if row.state == "running" and not is_driven else row.state
    return LoggedCall(
        names.get(row.key, ""),
        row.key.hex(),
        state,
        row.attempts,
        row.worker,
        row.executor,
        json.loads(row.resources),
        row.begun_s,
        row.ended_s,
        row.seconds,
        row.drive,
    )
