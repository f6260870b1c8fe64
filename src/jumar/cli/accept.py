"""``jumar accept``: declare an edit equivalent, list what was declared, take it back."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import json
import runpy
import sys
from pathlib import Path
from typing import Any

import click

from jumar.acceptance import declare
from jumar.cli.show import when
from jumar.cli.target import Failure
from jumar.keys.value import token
from jumar.store.store import Store
from jumar.task import Task


def declare_task(store: Store, target: str, was: str, parameter: str, note: str) -> None:
    """Declare that a task computes what it did; ``target`` is ``script.py:task`` or ``package.module:task``."""
    task = _load(target)
    value = _default_of(task, parameter) if parameter else None
    made = declare(store, task.info, was=was, parameter=parameter, token=token(value) if parameter else b"", note=note)
    extra = f" with {parameter}={value!r}" if parameter else ""
    click.echo(f"{made.number}: {task.name}{extra} computes what its code {made.old.hex()[:12]} computed")


def show_all(store: Store, *, as_json: bool) -> None:
    """Print what was declared."""
    rows = [
        {
            "number": each.number,
            "task": each.task,
            "new": each.new.hex(),
            "old": each.old.hex(),
            "parameter": each.parameter,
            "when": when(each.created_s),
            "note": each.note,
        }
        for each in store.accepted.all()
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for row in rows:
        old, new = str(row["old"])[:12], str(row["new"])[:12]
        click.echo(f"{row['number']}: {row['task']}  {old} -> {new}  {row['when']}  {row['note']}".rstrip())
    if not rows:
        click.echo("Nothing was accepted.", err=True)


def _load(target: str) -> Task[..., Any]:
    place, _, name = target.rpartition(":")
    if not place:
        raise click.UsageError(f"{target!r} names no task: write script.py:task or package.module:task")
    if place.endswith(".py"):
        if not Path(place).is_file():
            raise Failure(f"there is no script {place} (looked from {Path.cwd()}).")
        sys.path.insert(0, str(Path(place).resolve().parent))
        # Not as __main__: what the script does when it is run is not wanted, its functions are.
        names = runpy.run_path(place, run_name="__jumar__")
    else:
        sys.path.insert(0, str(Path.cwd()))
        if not _can_be_found(place):
            raise Failure(f"there is no module {place} (looked from {Path.cwd()}). A script is written with its .py.")
        names = vars(importlib.import_module(place))
    found = names.get(name)
    if not isinstance(found, Task):
        tasks = ", ".join(sorted(known for known, thing in names.items() if isinstance(thing, Task))) or "none"
        raise Failure(f"{place} has no task {name!r}. Its tasks: {tasks}.")
    return found


def _can_be_found(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # a package on the way to it
        return False


def _default_of(task: Task[..., Any], parameter: str) -> Any:
    known = inspect.signature(task.fn).parameters.get(parameter)
    if known is None or known.default is inspect.Parameter.empty:
        raise click.UsageError(f"task {task.name!r} has no parameter {parameter!r} with a default")
    return known.default
