"""``jumar runs``, ``run``, ``resume``, ``cancel``, ``delete``: runs with ids from the command line."""

from __future__ import annotations

import contextlib
import json
import runpy
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import click
from rich.table import Table
from rich.text import Text

from jumar import settings
from jumar.cli import run_page
from jumar.cli.sheet import print_table
from jumar.cli.show import when
from jumar.cli.target import Failure, chosen_path, json_option, open_store, store_option
from jumar.runs.book import Book, RunInfo
from jumar.runs.handle import RunHandle
from jumar.runs.opening import resume, resume_all, script_run
from jumar.runs.scripts import script_runs
from jumar.session import Session
from jumar.store.named_runs import STATES
from jumar.store.store import Store

_id = click.argument("run_id", metavar="ID")
_NOT_KEPT = 3
"""The exit status of `jumar run` where the script went well and something that it promised to keep is not there."""


@click.command("runs")
@click.option("--status", type=click.Choice(STATES), help="Only runs in this state.")
@click.option("--scripts", is_flag=True, help="List the runs without ids: each time that a program used the store.")
@store_option
@json_option
def runs(status: str | None, scripts: bool, path: Path | None, as_json: bool) -> None:
    """List runs with ids, newest first: id, state, what they run, when they were started."""
    if scripts and status is not None:
        raise click.UsageError("--scripts lists runs without ids, of which no state is known")
    with open_store(path) as store:
        if scripts:
            run_page.show_scripts(script_runs(store), as_json=as_json)
            return
        found = [info for info in Book(store).all() if status in (None, info.status)]
    if as_json:
        _print([info._asdict() for info in found])
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("id", "state", "call", "when", ""):
        table.add_column(heading, overflow="fold")
    for info in found:
        note = "; ".join(filter(None, (info.holder or info.error, _waits(info.waits))))
        table.add_row(Text(info.id), info.status, Text(info.call), when(info.created_s), Text(note))
    print_table(table)
    if not found:
        click.echo("No runs.", err=True)


def _waits(waits: list[dict[str, Any]]) -> str:
    """What a run waits for, in a few words; of many things the first."""
    if not waits:
        return ""
    first, *others = waits
    what = f"event {first['event']!r}" if first["event"] else "sleep"
    until = "" if first["until_s"] is None else f" until {when(first['until_s'])}"
    return f"waits: {what}{until}" + (f" and {len(others):,} more" if others else "")


@click.command("run", context_settings={"ignore_unknown_options": True})
@click.argument("script", type=click.Path(exists=True, dir_okay=False))
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
@click.option("--id", "run_id", required=True, help="The run's name; the same again resumes it.")
@click.option("--keep", type=click.Choice(["all", "steps"]), help="What is kept of its results when it has succeeded.")
@click.option("--store", "path", type=click.Path(path_type=Path), help="Folder of the store; made if it is not there.")
@json_option
def run_script(
    script: str,
    args: tuple[str, ...],
    run_id: str,
    keep: Literal["all", "steps"] | None,
    path: Path | None,
    as_json: bool,
) -> None:
    """Run SCRIPT as the run ID. Ends with the script's status; with 3 where that is 0 and a result was not kept.

    Options of this command stand before SCRIPT. With --json what the script prints goes to the standard error.
    """
    folder = Path(script).resolve().parent
    said = {name: each.value for name, each in settings.resolve(folder=folder).items() if each.origin != "default"}
    store = path or settings.resolve(folder=folder)["store"].value
    with _as_main(script, args), Session(**said | {"store": store}):
        with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
            handle, status = _run(script, run_id, keep)
        lost = [trouble.text for trouble in handle.troubles() if trouble.kind in ("unsaved", "mutated")]
        for text in lost if status == 0 else ():
            click.echo(f"not kept: {text}", err=True)
        status = status or (_NOT_KEPT if lost else 0)
        if as_json:
            _print(handle.info._asdict() | {"exit": status})
    sys.exit(status)


def _run(script: str, run_id: str, keep: Literal["all", "steps"] | None) -> tuple[RunHandle[None], int]:
    """Run a script in a run; the run, and the status with which the script would have ended."""
    status = 0
    opened: list[RunHandle[None]] = []
    try:
        with script_run(run_id, None, str(Path(script).resolve()), keep) as handle:
            opened.append(handle)
            runpy.run_path(script, run_name="__main__")
    except (Exception, SystemExit) as error:
        if not opened:  # not the script's
            raise
        if isinstance(error, SystemExit):
            status = _status_of(error)
        else:
            traceback.print_exc()
            status = 1
    return opened[0], status


@click.command("resume")
@click.argument("run_id", metavar="[ID]", required=False)
@click.option(
    "--code",
    type=click.Choice(["current", "recorded"]),
    default="current",
    show_default=True,
    help="Run the code as it is written now, or as it was when the run was started.",
)
@click.option("--due", is_flag=True, help="All interrupted runs whose time has come, or whose event is there.")
@click.option("--leave", is_flag=True, help="Stop when all that is left is to wait; with --due that is so anyway.")
@store_option
@json_option
def resume_run(
    run_id: str | None, code: Literal["current", "recorded"], due: bool, leave: bool, path: Path | None, as_json: bool
) -> None:
    """Take the run ID up again, without the program that started it. Status 1 if it does not succeed.

    What has finished is found; no step is done twice. A run that was left as it only waits is no failure.
    """
    if (run_id is None) != due:
        raise click.UsageError("give an ID, or --due for all runs that need not wait any more")
    with Session(chosen_path(path)) as session:
        handles = resume_all(code=code, due=True) if run_id is None else [resume(run_id, code=code)]
        for handle in handles if not as_json else ():
            if handle.changed:
                click.echo(f"{handle.id}: changed since the run was started: {', '.join(handle.changed)}", err=True)
        ends = [(handle, handle.wait(leaves=due or leave)) for handle in handles]
        session.checkpoint()
        found = [_end(handle, state) for handle, state in ends]
        if as_json:
            _print(found if due else found[0])
        else:
            for each in found:
                _say_end(each, with_id=due)
        has_failed = any(state != "succeeded" and not handle.was_left for handle, state in ends)
    sys.exit(1 if has_failed else 0)


def _end(handle: RunHandle[Any], state: str) -> dict[str, Any]:
    """How a run ended, with its value if it has one."""
    info = handle.info
    has_value = state == "succeeded" and not info.is_script
    return info._asdict() | ({"value": repr(handle.result())} if has_value else {})


def _say_end(end: dict[str, Any], *, with_id: bool) -> None:
    if "value" in end:
        click.echo(f"{end['id']}: {end['value']}" if with_id else end["value"])
    else:
        waits = _waits(end["waits"]) if end["status"] == "interrupted" else ""
        click.echo(end["traceback"] or f"run {end['id']!r}: {waits or end['status']}", err=True)


@click.command("cancel")
@_id
@store_option
@json_option
def cancel(run_id: str, path: Path | None, as_json: bool) -> None:
    """Cancel the run ID; who drives it stops within a second. A step that is running ends first, and is recorded."""
    with _handle(run_id, path) as (store, handle):
        if not handle.cancel():
            raise Failure(f"run {run_id!r} in {store.path} has succeeded: there is nothing to cancel.")
        _say(handle.info, "cancelled", as_json=as_json)


@click.command("delete")
@_id
@click.option("--keep-results", is_flag=True, help="Let the results of plain tasks stay; those of steps go.")
@store_option
@json_option
def delete(run_id: str, keep_results: bool, path: Path | None, as_json: bool) -> None:
    """Delete the run ID with its journal and results. The id is free then; a new run does all steps anew.

    Results of plain tasks stay where another run, or a later program, has asked for them. Pinned ones stay.
    """
    with _handle(run_id, path) as (store, handle):
        info = handle.info
        book = Book(store)
        results = book.delete(book.find(run_id), keep_results=keep_results)
        if as_json:
            _print({"id": info.id, "results": results})
        else:
            click.echo(f"deleted {info.id}: {info.call}, results of the run: {results:,}")


@contextlib.contextmanager
def _handle(run_id: str, path: Path | None) -> Iterator[tuple[Store, RunHandle[Any]]]:
    with open_store(path) as store:
        book = Book(store)
        yield store, RunHandle(book, book.find(run_id))


def _say(info: RunInfo, done: str, *, as_json: bool) -> None:
    if as_json:
        _print(info._asdict())
    else:
        click.echo(f"{done} {info.id}: {info.call}")


@contextlib.contextmanager
def _as_main(script: str, args: tuple[str, ...]) -> Iterator[None]:
    """While in this block the command line and the way to modules are the script's."""
    argv, path = sys.argv, sys.path.copy()
    sys.argv = [script, *args]
    sys.path.insert(0, str(Path(script).resolve().parent))
    try:
        yield
    finally:
        sys.argv, sys.path = argv, path


def _status_of(end: SystemExit) -> int:
    """The status with which Python would end."""
    if end.code is None or isinstance(end.code, int):
        return end.code or 0
    click.echo(end.code, err=True)
    return 1


def _print(found: Any) -> None:
    click.echo(json.dumps(found, indent=2, ensure_ascii=False))
