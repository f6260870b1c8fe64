"""``jumar pin``, ``jumar unpin``, ``jumar pins``: what no sweep takes away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from jumar.cli.show import when
from jumar.cli.target import Failure, calls_of, checked_key, json_option, open_store, store_option
from jumar.store.pins import Pin, Pins
from jumar.store.sqlite_connection import FAULTS
from jumar.store.store import Store
from jumar.store.sweep import stock_of

_keys = click.argument("keys", nargs=-1, metavar="[KEY...]")
_task = click.option("--task", default="", help="All calls of the task with this name that have a result now.")


@click.command("pin")
@_keys
@_task
@click.option("--note", default="", help="Why.")
@store_option
def pin(keys: tuple[str, ...], task: str, note: str, path: Path | None) -> None:
    """Keep calls from every sweep. KEY is the beginning of a key in hexadecimal."""
    _check(keys, task)
    with open_store(path) as store, _pins(store) as pins:
        records = calls_of(store, keys) if keys else [call for call in store.calls(task=task) if call.state == "done"]
        if not records:
            raise Failure(f"no call of a task with the name {task!r} has a result in {store.path}. See `jumar calls`.")
        pins.add([Pin(record.key, store.now_s(), note) for record in records])
        click.echo(f"pinned: {len(records):,}")


@click.command("unpin")
@_keys
@_task
@store_option
def unpin(keys: tuple[str, ...], task: str, path: Path | None) -> None:
    """Take pins away."""
    _check(keys, task)
    with open_store(path) as store, _pins(store) as pins:
        if keys:
            prefixes = tuple(map(checked_key, keys))
            wanted = [pin.key for pin in pins.all() if pin.key.hex().startswith(prefixes)]
        else:
            wanted = [call.key for call in store.calls(task=task)]
        click.echo(f"unpinned: {pins.remove(wanted):,}")


@click.command("pins")
@store_option
@json_option
def pins(path: Path | None, as_json: bool) -> None:
    """List what is pinned."""
    with open_store(path) as store, _pins(store) as kept:
        rows = [
            {
                "key": each.key.hex(),
                "task": next((call.task.name for call in store.calls(prefix=each.key.hex(), limit=1)), ""),
                "when": when(each.created_s),
                "note": each.note,
            }
            for each in kept.all()
        ]
    if as_json:
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for row in rows:
        click.echo(f"{row['key'][:12]}  {row['task'] or '(no result now)'}  {row['when']}  {row['note']}".rstrip())
    if not rows:
        click.echo("Nothing is pinned.", err=True)


def _check(keys: tuple[str, ...], task: str) -> None:
    if bool(keys) == bool(task):
        raise click.UsageError("give KEYs (see `jumar calls`), or --task NAME")


@contextmanager
def _pins(store: Store) -> Iterator[Pins]:
    try:
        yield stock_of(store).pins
    except FAULTS as error:
        raise Failure(f"the pins of {store.path} could not be read or changed: {error}") from error
