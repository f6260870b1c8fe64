"""``jumar gc``, ``jumar rm``, ``jumar invalidate``: make room, or forget what is not wanted any more."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from jumar.cli.sheet import print_table
from jumar.cli.show import seconds, size
from jumar.cli.target import Failure, calls_of, json_option, open_store, store_option
from jumar.quantities import parse_duration, parse_size
from jumar.store.pins import Pin
from jumar.store.retention import Rules, downstream
from jumar.store.stock import Item
from jumar.store.sweep import Share, Swept, remove, stock_of

_dry_run = click.option("--dry-run", is_flag=True, help="Say what would go, and change nothing.")


def _amount(parse: Callable[[str], float]) -> Callable[[click.Context, click.Parameter, str | None], float | None]:
    """Reads an option that is an amount with a unit."""

    def read(_: click.Context, parameter: click.Parameter, written: str | None) -> float | None:
        try:
            return None if written is None else parse(written)
        except ValueError as error:
            raise click.BadParameter(f"{error}, not {written!r}", param=parameter) from None

    return read


@click.command("gc")
@click.option(
    "--older-than", "older_than_s", metavar="DURATION", callback=_amount(parse_duration), help="Results older than 30d."
)
@click.option("--task", "tasks", multiple=True, help="Results of the task with this name; may be given several times.")
@click.option("--run", "runs", multiple=True, type=int, help="Results that the run with this number computed.")
@click.option(
    "--keep-last", type=click.IntRange(min=1), help="Of each task name, results of all but its last N code versions."
)
@click.option(
    "--unused-for-runs", type=click.IntRange(min=1), help="Results of code that none of the last N runs asked for."
)
@click.option(
    "--max-size",
    "max_size_bytes",
    metavar="SIZE",
    callback=_amount(parse_size),
    help="Of what is left, the cheapest to recompute, until the rest takes no more than 10GiB.",
)
@_dry_run
@store_option
@json_option
def gc(
    path: Path | None,
    dry_run: bool,
    as_json: bool,
    tasks: tuple[str, ...],
    runs: tuple[int, ...],
    max_size_bytes: int | None,
    **rules: Any,
) -> None:
    """Remove results by rules, and what nobody can reach.

    A result goes if all of the rules that are given apply to it; one that is pinned stays. Without rules, only what
    nobody can reach goes: blobs without rows, failures older than 30 days, sources of code that has no results and that
    none of the last thousand runs asked for.
    """
    chosen = Rules(tasks=frozenset(tasks), runs=frozenset(runs), max_size_bytes=max_size_bytes, **rules)
    with open_store(path) as store:
        show(store.sweep(chosen, dry_run=dry_run), dry_run=dry_run, as_json=as_json)


@click.command("rm")
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
@_dry_run
@store_option
@json_option
def rm(keys: tuple[str, ...], dry_run: bool, path: Path | None, as_json: bool) -> None:
    """Remove calls. KEY is the beginning of a key in hexadecimal."""
    with open_store(path) as store:
        found = calls_of(store, keys)
        pins = {pin.key: pin for pin in stock_of(store).pins.all()}
        for record in found:
            if record.key in pins:
                raise Failure(_pinned(pins[record.key]))
        wanted = {record.key for record in found}
        show(remove(store, lambda _: wanted, "removed by jumar rm", dry_run=dry_run), dry_run=dry_run, as_json=as_json)


@click.command("invalidate")
@click.option("--task", "tasks", multiple=True, required=True, help="The name of a task; may be given several times.")
@click.option("--downstream", "with_users", is_flag=True, help="Also results that were made from these, and so on.")
@_dry_run
@store_option
@json_option
def invalidate(tasks: tuple[str, ...], with_users: bool, dry_run: bool, path: Path | None, as_json: bool) -> None:
    """Remove the results of a task, so that its calls run again."""

    def chosen(items: Sequence[Item]) -> set[bytes]:
        roots = {item.key for item in items if item.task in tasks}
        return roots | downstream(items, roots) if with_users else roots

    with open_store(path) as store:
        known = {item.task for item in stock_of(store).items()}
        for task in tasks:
            if task not in known:
                raise Failure(f"no task with the name {task!r} has results in {store.path}. See `jumar calls`.")
        show(remove(store, chosen, "invalidated", dry_run=dry_run), dry_run=dry_run, as_json=as_json)


def show(swept: Swept, *, dry_run: bool, as_json: bool) -> None:
    """Print what went, or would go."""
    if as_json:
        fields = {"calls": swept.calls, **swept._asdict(), "shares": [share._asdict() for share in swept.shares]}
        click.echo(json.dumps({"dry_run": dry_run, **fields}, indent=2, ensure_ascii=False))
        return
    if swept.shares:
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("task", no_wrap=True)
        for heading in ("calls", "size", "seconds to recompute"):
            table.add_column(heading, justify="right", no_wrap=True)
        for share in (*swept.shares, _total(swept.shares)) if len(swept.shares) > 1 else swept.shares:
            table.add_row(share.task or "(unknown)", f"{share.calls:,}", size(share.size_bytes), seconds(share.seconds))
        print_table(table)
    for line in _lines(swept, "would go" if dry_run else "went"):
        click.echo(line)


def _total(shares: Sequence[Share]) -> Share:
    return Share(
        "all of them",
        sum(share.calls for share in shares),
        sum(share.size_bytes for share in shares),
        sum(share.seconds for share in shares),
    )


def _lines(swept: Swept, went: str) -> list[str]:
    counted = (
        (swept.calls, "result", ""),
        (swept.blobs, "blob", f" ({size(swept.blob_bytes)} of disk)"),
        (swept.failures, "record of a failure", ""),
        (swept.codes, "code without results", ""),
    )
    lines = [f"{_number(number, what)}{more} {went}" for number, what, more in counted if number]
    if swept.index_bytes:
        lines.append(f"{size(swept.index_bytes)} of the index {went}")
    if swept.blobs_in_use:
        lines.append(
            f"{_number(swept.blobs_in_use, 'blob')} without a row in use by running programs: `jumar gc` takes them later"
        )
    if swept.spared:
        lines.append(swept.spared)
    return lines or [f"nothing {went}"]


def _number(number: int, what: str) -> str:
    first, space, rest = what.partition(" ")
    return f"{number:,} {first}{'' if number == 1 else 's'}{space}{rest}"


def _pinned(pin: Pin) -> str:
    note = f" ({pin.note})" if pin.note else ""
    return f"call {pin.key.hex()[:12]} is pinned{note}, so nothing was removed. `jumar unpin` it first."
