"""``jumar export`` and ``jumar import``: results in a single file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import click

from jumar.cli.show import size
from jumar.store.archive import export, import_archive
from jumar.store.store import Store

_LAST: Literal["last"] = "last"


def run_number(context: click.Context, parameter: click.Parameter, written: str | None) -> int | Literal["last"] | None:
    """A run as it is written: its number, or "last".

    Raises:
        click.BadParameter: It is neither.
    """
    if written is None or written == _LAST:
        return written and _LAST
    try:
        return int(written)
    except ValueError:
        raise click.BadParameter(f"takes the number of a run or 'last', not {written!r}", context, parameter) from None


def write(
    store: Store, path: Path, task: str, prefix: str, run: int | Literal["last"] | None, *, as_json: bool
) -> None:
    """Export, and tell how much that was."""
    done = export(store, path, task=task, prefix=prefix, run=run)
    if as_json:
        click.echo(json.dumps({"path": str(path), **done._asdict(), "file_bytes": path.stat().st_size}, indent=2))
        return
    click.echo(f"{path}: {_results(done.calls)}, {size(path.stat().st_size)}")
    if done.damaged:
        click.echo(f"{_results(done.damaged)} could not be read and are not in it", err=True)


def read(store: Store, path: Path, *, replace: bool, as_json: bool) -> None:
    """Import, and tell what came of it."""
    done = import_archive(store, path, replace=replace)
    if as_json:
        click.echo(json.dumps(done._asdict(), indent=2))
        return
    click.echo(f"{store.path}: {_results(done.calls)} from {path}")
    if done.present:
        click.echo(f"{_results(done.present)} were there and were left as they are (see --replace)")
    if done.damaged:
        click.echo(f"{_results(done.damaged)} in {path} are damaged and were left out", err=True)


def _results(count: int) -> str:
    return f"{count:,} result{'' if count == 1 else 's'}"
