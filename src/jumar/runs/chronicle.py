"""The chronicle of a run: what happened in it, told from what the store keeps of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from jumar.keys.call import describe_arguments
from jumar.runs.book import Book
from jumar.runs.root import shown
from jumar.store import holder as holders
from jumar.store.awaited import EventRow, WaitRow
from jumar.store.named_runs import Begun, NamedRun
from jumar.store.records import CallRecord

What = Literal["started", "driven", "begun", "done", "failed", "waits", "over", "event", "stopped"]


class RunEvent(NamedTuple):
    """Something that happened in a run."""

    at_s: float
    """When, in seconds since the epoch."""
    what: What
    """``started`` the run was stored. ``driven``: a process took it up. ``begun``, ``done``, ``failed``: a step.
    ``waits``, ``over``: a sleep, or a wait for an event. ``event``: one was sent. ``stopped``: who drove it says how it
    stood then; one that died says nothing."""
    text: str
    """As people read it."""
    key: str
    """The step's key in hexadecimal; empty for what is no step."""
    detail: dict[str, Any]
    """What else is known of it: all that JSON can say."""


def happened(book: Book, run: NamedRun) -> list[RunEvent]:
    """What happened in a run, in the order of time.

    Of a step that was begun several times, because the process died in it or it failed, the last time is told.

    Raises:
        RunError: The store cannot be read.
    """
    with book.careful():
        begun = book.table.begun(run.token)
        waits = {wait.key: wait for wait in book.awaited.waits(run.token)}
        sent = book.awaited.events(run.token)
        records = {step.key: next(book.store.calls(prefix=step.key.hex(), limit=1), None) for step in begun}
    taken = {event.taken_by: event for event in sent if event.taken_by is not None}
    found = [RunEvent(run.created_s, "started", shown(run), "", {"metadata": json.loads(run.metadata)}), *_drives(run)]
    for step in sorted(begun, key=lambda step: (step.begun_s, step.position)):
        wait, record = waits.get(step.key), records[step.key]
        found += _step(step, record) if wait is None else _wait(step, wait, record, taken.get(step.key))
    found += [_sent(event) for event in sent]
    # What happened at one moment stays as it was found; an end comes after what has led to it.
    return sorted(found, key=lambda event: (event.at_s, event.what == "stopped"))


def _drives(run: NamedRun) -> Iterator[RunEvent]:
    for drive in json.loads(run.drives):
        began = {name: value for name, value in drive.items() if name not in ("at_s", "ended_s", "state")}
        changed = f", changed: {', '.join(drive['changed'])}" if drive["changed"] else ""
        yield RunEvent(
            drive["at_s"], "driven", f"by {holders.said(drive['by'])}, {drive['code']} code{changed}", "", began
        )
        if "ended_s" in drive:
            yield RunEvent(drive["ended_s"], "stopped", drive["state"], "", {"state": drive["state"]})


def _step(step: Begun, record: CallRecord | None) -> Iterator[RunEvent]:
    text = f"{step.task}({describe_arguments(tuple(step.parameters.split()), step.arguments)})"
    yield RunEvent(step.begun_s, "begun", text, step.key.hex(), {"task": step.task})
    if record is not None:
        what: What = "done" if record.state == "done" else "failed"
        detail = {"task": step.task, "seconds": record.seconds}
        if what == "failed":
            text, detail = f"{text}: {record.error}", detail | {"error": record.error}
        yield RunEvent(record.created_s, what, text, step.key.hex(), detail)


def _wait(step: Begun, wait: WaitRow, record: CallRecord | None, taken: EventRow | None) -> Iterator[RunEvent]:
    text = f"event {wait.name!r}" if wait.name else "sleep"
    detail: dict[str, Any] = {"event": wait.name or None, "until_s": wait.until_s}
    yield RunEvent(wait.since_s, "waits", text, step.key.hex(), detail)
    if record is not None:
        how = f"event {taken.name!r}, number {taken.number}" if taken is not None else f"{text}: the time is over"
        number = None if taken is None else taken.number
        yield RunEvent(record.created_s, "over", how, step.key.hex(), {"event": wait.name or None, "number": number})


def _sent(event: EventRow) -> RunEvent:
    detail = {"event": event.name, "number": event.number, "payload": json.loads(event.payload)}
    detail |= {"key": event.sender or None, "taken": event.taken_by is not None}
    return RunEvent(event.sent_s, "event", f"{event.name!r}, number {event.number}: {event.payload}", "", detail)
