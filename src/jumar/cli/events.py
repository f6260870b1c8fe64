"""``jumar events`` and ``send-event``: what happened in a run, and telling it something."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from jumar.cli.sheet import print_table
from jumar.cli.show import when
from jumar.cli.target import Failure, json_option, open_store, store_option
from jumar.runs.book import Book
from jumar.runs.chronicle import happened
from jumar.runs.sending import deliver


@click.command("events")
@click.argument("run_id", metavar="ID")
@store_option
@json_option
def events(run_id: str, path: Path | None, as_json: bool) -> None:
    """Show what happened in the run ID: who drove it, its steps, waits and events, and how it ended."""
    with open_store(path) as store:
        book = Book(store)
        found = happened(book, book.find(run_id))
    if as_json:
        click.echo(json.dumps([event._asdict() for event in found], indent=2, ensure_ascii=False))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("when", "what", ""):
        table.add_column(heading, overflow="fold")
    for event in found:
        table.add_row(when(event.at_s), event.what, Text(event.text))
    print_table(table)


@click.command("send-event")
@click.argument("run_id", metavar="ID")
@click.argument("name")
@click.argument("payload", metavar="[JSON]", default="null")
@click.option("--key", help="What tells this event apart: one that was sent with this key before is not sent again.")
@store_option
@json_option
def send_event(run_id: str, name: str, payload: str, key: str | None, path: Path | None, as_json: bool) -> None:
    """Send the event NAME to the run ID, which waits for it or will, with a payload in JSON."""
    value = _read(payload)
    with open_store(path) as store:
        number = deliver(Book(store), run_id, name, value, key)
    if as_json:
        click.echo(json.dumps({"id": run_id, "event": name, "number": number}, ensure_ascii=False))
    else:
        click.echo(f"sent {name} to {run_id}: event number {number}")


def _read(payload: str) -> Any:
    try:
        return json.loads(payload)
    except ValueError as error:
        raise Failure(
            f"the payload {payload!r} is no JSON ({error}). A text is written with double quotes: '\"yes\"'."
        ) from error
