"""How one run looks on a terminal and as JSON: what it is, who drove it, and its calls by their names."""

from __future__ import annotations

import json
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from jumar.cli.sheet import print_table
from jumar.cli.show import call_json, print_rows, seconds, when
from jumar.cli.target import Failure
from jumar.runs.book import Book, RunInfo
from jumar.runs.handle import RunHandle
from jumar.runs.log import LoggedCall
from jumar.runs.scripts import ScriptRun
from jumar.store.records import CallRecord
from jumar.store.sqlite_index import SqliteIndex
from jumar.store.store import Store


def handle_of(store: Store, run_id: str) -> RunHandle[Any] | None:
    """The run of this id; None where there is none."""
    if not isinstance(store.index, SqliteIndex):
        return None
    book = Book(store)
    with book.careful():
        row = book.table.find(run_id)
    return None if row is None else RunHandle(book, row)


def key_of(handle: RunHandle[Any] | None, run_id: str, name: str) -> str:
    """The key of a call by its name in a run, in hexadecimal."""
    if handle is None:
        raise Failure(f"there is no run {run_id!r}: --call names a call of a run. See `jumar runs`.")
    names = handle.names()
    if name not in names:
        raise Failure(f"run {run_id!r} has no call {name!r}; `jumar show {run_id}` lists those that it has.")
    return names[name]


def show(handle: RunHandle[Any], *, as_json: bool) -> None:
    """Print a run with its calls."""
    info, records = handle.info, {record.key.hex(): record for record in handle.calls()}
    log = {each.key: each for each in handle.log()}
    named = [(name, key, records.pop(key, None)) for name, key in handle.names().items()]
    named += [("", key, record) for key, record in records.items()]
    if as_json:
        calls = [
            {"name": name, "key": key} | ({} if record is None else call_json(record)) | _log_json(log.get(key))
            for name, key, record in named
        ]
        click.echo(json.dumps(info._asdict() | {"calls": calls}, indent=2, ensure_ascii=False))
        return
    print_rows(_rows(info))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("name", "key", "state", "seconds", "tries", "worker", ""):
        table.add_column(heading, overflow="fold")
    for name, key, record in named:
        table.add_row(Text(name), key[:12], *_standing(record, log.get(key)))
    click.echo()
    print_table(table)
    if info.traceback:
        click.echo("\n" + info.traceback.rstrip())


def _rows(info: RunInfo) -> dict[str, str]:
    rows = {"run": info.id, "state": info.status, "call": info.call, "started": when(info.created_s)}
    if info.ended_s is not None:
        rows["ended"] = when(info.ended_s)
    if info.holder:
        rows["driven by"] = info.holder
    if info.metadata:
        rows["metadata"] = json.dumps(info.metadata, ensure_ascii=False)
    for drive in info.drives:
        changed = f", changed: {', '.join(drive['changed'])}" if drive["changed"] else ""
        rows.setdefault("drives", "")
        rows["drives"] += f"{when(drive['at_s'])} with {drive['code']} code{changed}\n"
    if info.error:
        rows["error"] = info.error
    return {name: text.rstrip() for name, text in rows.items()}


def _standing(record: CallRecord | None, logged: LoggedCall | None) -> tuple[Text, str, str, Text, Text]:
    """State, seconds, tries, worker and error of a call; as far as they are known."""
    state = logged.state if logged is not None else record.state if record is not None else "asked for"
    style = {"failed": "red", "done": "green", "restored": "green"}.get(state, "")
    took_s = logged.seconds if record is None and logged is not None else record.seconds if record is not None else 0.0
    tries = str(logged.attempts) if logged is not None and logged.attempts else ""
    worker = "" if logged is None else logged.worker
    error = record.error if record is not None and state not in ("done", "restored") else ""
    return Text(state, style=style), seconds(took_s) if took_s else "", tries, Text(worker), Text(error)


def _log_json(logged: LoggedCall | None) -> dict[str, Any]:
    """What the log of the run has of a call; empty where that is nothing."""
    if logged is None:
        return {}
    fields = logged._asdict()
    return {"log": {name: value for name, value in fields.items() if name not in ("name", "key")}}


def show_scripts(found: list[ScriptRun], *, as_json: bool) -> None:
    """Print runs without ids."""
    if as_json:
        click.echo(json.dumps([run._asdict() for run in found], indent=2, ensure_ascii=False))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("run", "script", "when", "process", "results"):
        table.add_column(heading, overflow="fold")
    for run in found:
        process = f"{run.process} on {run.host}" if run.process else "computed nothing"
        table.add_row(str(run.number), Text(run.script), when(run.started_s), process, f"{run.computed:,}")
    print_table(table)
    if not found:
        click.echo("No runs.", err=True)
