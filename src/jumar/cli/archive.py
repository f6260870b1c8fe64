"""``jumar export`` and ``jumar import``: results in a single file."""

from __future__ import annotations

import json
from pathlib import Path

import click

from jumar.cli.show import size
from jumar.store.archive import export, import_archive
from jumar.store.choice import Choice
from jumar.store.store import Store


def run_named(_context: click.Context, _parameter: click.Parameter, written: str | None) -> int | str | None:
    """A run as it is written: its number, "last" or its id, which is no number."""
    return int(written) if written and written.lstrip("-").isdecimal() else written


def write(store: Store, path: Path, choice: Choice, *, as_json: bool) -> None:
    """Export, and tell how much that was."""
    done = export(store, path, **choice._asdict())
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
