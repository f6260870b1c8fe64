"""``jumar actors``: what actors there are, the state of one, and deleting one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from jumar.actors.directory import Directory
from jumar.cli.sheet import print_table
from jumar.cli.show import print_rows, when
from jumar.cli.target import json_option, open_store, store_option
from jumar.store.sqlite_index import SqliteIndex

_id = click.argument("actor_id", metavar="ID")


@click.group("actors", invoke_without_command=True)
@store_option
@json_option
@click.pass_context
def actors(context: click.Context, path: Path | None, as_json: bool) -> None:
    """List durable actors, the one that was changed last first; or show or delete one."""
    context.obj = path
    if context.invoked_subcommand is not None:
        return
    with open_store(path) as store:
        found = Directory(store).all() if isinstance(store.index, SqliteIndex) else []
    if as_json:
        _print([info._asdict() for info in found])
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("id", "class", "turns", "created", "changed", ""):
        table.add_column(heading, overflow="fold")
    for info in found:
        holder = f"changed by {info.holder}" if info.holder else ""
        row = (
            Text(info.id),
            Text(info.kind),
            f"{info.turns:,}",
            when(info.created_s),
            when(info.changed_s),
            Text(holder),
        )
        table.add_row(*row)
    print_table(table)
    if not found:
        click.echo("No actors.", err=True)


@actors.command("show")
@_id
@store_option
@json_option
@click.pass_obj
def show(outer: Path | None, actor_id: str, path: Path | None, as_json: bool) -> None:
    """Show the actor ID with its state. This unpickles it."""
    with open_store(path or outer) as store:
        directory = Directory(store)
        row = directory.find(actor_id)
        fields = directory.info(row)._asdict() | {"state": repr(directory.state(row))}
    if as_json:
        _print(fields)
        return
    times = {name: when(fields[name]) for name in ("created_s", "changed_s")}
    print_rows({name.removesuffix("_s"): str(text) for name, text in (fields | times).items() if text != ""})


@actors.command("delete")
@_id
@store_option
@json_option
@click.pass_obj
def delete(outer: Path | None, actor_id: str, path: Path | None, as_json: bool) -> None:
    """Delete the actor ID with its state. The id is free then."""
    with open_store(path or outer) as store:
        directory = Directory(store)
        info = directory.info(directory.find(actor_id))
        directory.delete(actor_id)
    if as_json:
        _print({"id": info.id, "kind": info.kind, "turns": info.turns})
    else:
        click.echo(f"deleted {info.kind} {info.id} after {info.turns:,} turns")


def _print(found: Any) -> None:
    click.echo(json.dumps(found, indent=2, ensure_ascii=False))
