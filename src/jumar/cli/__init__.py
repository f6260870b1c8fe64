"""The ``jumar`` command: a reader of stores. Only ``jumar run`` and ``jumar resume`` run tasks."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from jumar import settings
from jumar.cli import accept, actors, archive, check, events, gc, pins, rerun, run_page, runs, serve, show, why
from jumar.cli.target import Failure as _Failure
from jumar.cli.target import call_of, chosen_path
from jumar.cli.target import checked_key as _checked
from jumar.cli.target import json_option as _json
from jumar.cli.target import open_store as _open
from jumar.cli.target import store_option as _store
from jumar.defaults import defaults_of
from jumar.errors import JumarError
from jumar.keys.call import is_key_prefix
from jumar.plan import plan
from jumar.store.choice import Choice
from jumar.store.retention import users_of
from jumar.store.store import Store


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="jumar", message="%(prog)s %(version)s")
def cli() -> None:
    """Look into a store of durable calls: what was computed, when, and what it cost."""


@cli.command()
@click.option("--task", default="", help="Only calls of the task with this name.")
@click.option("--state", type=click.Choice(["done", "failed"]), help="Only calls in this state.")
@click.option("--run", type=int, help="Only what the run with this number computed, see `jumar runs --scripts`.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="At most this many.")
@_store
@_json
def calls(task: str, state: str | None, run: int | None, limit: int, path: Path | None, as_json: bool) -> None:
    """List calls, newest first: key, task, arguments, state, when, seconds, bytes."""
    with _open(path) as store:
        found = []
        for record in store.calls(task=task, run=run):
            if state in (None, record.state):
                found.append(record)
            if len(found) > limit:
                break
        show.calls(found[:limit], more=len(found) > limit, as_json=as_json)


@cli.command("show")
@click.argument("target", metavar="KEY|RUN")
@click.option("--value", is_flag=True, help="Also read the result and print it. This unpickles it.")
@click.option("--call", "name", help="The call of this name in the run RUN.")
@click.option("--users", "with_users", is_flag=True, help="Also list the calls that it is an argument of.")
@_store
@_json
def show_call(target: str, value: bool, name: str | None, with_users: bool, path: Path | None, as_json: bool) -> None:
    """Show one call, or one run with its calls.

    A call is named by the beginning of its KEY in hexadecimal, or by RUN and --call; a run by its id, which comes first
    where both would fit.
    """
    with _open(path, also_others=True) as store:
        run = run_page.handle_of(store, target)
        if run is not None and name is None:
            run_page.show(run, as_json=as_json)
            return
        if name is None and not is_key_prefix(target):
            raise _Failure(
                f"{target!r} is no run in {store.path}, see `jumar runs`, and not the beginning of a key: keys are "
                f"hexadecimal, see `jumar calls`."
            )
        found = call_of(store, target if name is None else run_page.key_of(run, target, name))
        users = list(users_of(store.calls(), found.key)) if with_users else None
        show.call(found, _value_of(store, found.key) if value else None, users, as_json=as_json)


@cli.command("why")
@click.argument("key", required=False)
@click.option("--last", is_flag=True, help="Why the calls of the last run ran.")
@click.option("--run", type=int, help="Why the calls of the run with this number ran.")
@_store
@_json
def why_call(key: str | None, last: bool, run: int | None, path: Path | None, as_json: bool) -> None:
    """Say why a call ran: what changed since the nearest earlier one. KEY is the beginning of its key."""
    if (key is not None) + last + (run is not None) != 1:
        raise click.UsageError("give one of: a KEY (see `jumar calls`), --last, --run NUMBER")
    with _open(path, also_others=True) as store:
        if key is not None:
            why.show_call(store, _checked(key), as_json=as_json)
        else:
            why.show_run(store, run, as_json=as_json)


@cli.command("accept")
@click.argument("target", required=False)
@click.option("--was", default="", help="The name under which the task was recorded, if it was another.")
@click.option("--parameter", default="", help="A parameter that the old code did not have; its default counts.")
@click.option("--note", default="", help="Why the edit changes no result.")
@click.option("--list", "listing", is_flag=True, help="List what was declared.")
@click.option("--revoke", type=int, help="Take back the declaration with this number.")
@_store
@_json
def accept_edit(
    target: str | None,
    was: str,
    parameter: str,
    note: str,
    listing: bool,
    revoke: int | None,
    path: Path | None,
    as_json: bool,
) -> None:
    """Declare that an edit of a task changes no result, so that its results are kept.

    TARGET is script.py:task or package.module:task. The script is loaded, but not run as a program.
    """
    if (target is not None) + listing + (revoke is not None) != 1:
        raise click.UsageError("give one of: a TARGET such as script.py:task, --list, --revoke NUMBER")
    with _open(path, also_others=True) as store:
        if target is not None:
            accept.declare_task(store, target, was, parameter, note)
        elif revoke is not None:
            store.accepted.revoke(revoke)
        else:
            accept.show_all(store, as_json=as_json)


@cli.command("plan", context_settings={"ignore_unknown_options": True})
@click.argument("script", type=click.Path(exists=True, dir_okay=False))
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
@_json
def plan_script(script: str, args: tuple[str, ...], as_json: bool) -> None:
    """Say what SCRIPT would do: what would be restored, what would run, why, and for how long. Runs no task.

    The script itself is run, up to the first value that it needs and that is not kept.
    """
    found = plan(script, args)
    click.echo(json.dumps(found.to_json(), indent=2, ensure_ascii=False) if as_json else str(found))


@cli.command("check")
@click.option("--repair", is_flag=True, help="Drop what is damaged, mend the rest, and say which calls will run again.")
@click.option("--decode", is_flag=True, help="Also make every value once. This unpickles them.")
@_store
@_json
def check_store(repair: bool, decode: bool, path: Path | None, as_json: bool) -> None:
    """Check that every result is there as it was written. Status 1 if something is wrong, or was.

    Programs may use the store meanwhile. Without --repair nothing is changed.
    """
    if not check.run(chosen_path(path, "blobs", "index.sqlite"), repair=repair, decode=decode, as_json=as_json):
        sys.exit(1)


@cli.command("store")
@_store
@_json
def show_store(path: Path | None, as_json: bool) -> None:
    """Show where the store is and what it holds: calls, bytes."""
    with _open(path) as store:
        show.totals(store.path, store.totals(), as_json=as_json)


@cli.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--run",
    callback=archive.run_named,
    metavar="NUMBER|last|ID",
    help="Only what this run computed; of a run with an ID, what it asked for.",
)
@click.option("--task", default="", help="Only calls of the task with this name.")
@click.option("--key", default="", help="Only calls whose key begins so.")
@click.option("--downstream", is_flag=True, help="Also results that were made from these, and so on.")
@_store
@_json
def export_results(
    file: Path, run: int | str | None, task: str, key: str, downstream: bool, path: Path | None, as_json: bool
) -> None:
    """Write results into one FILE, which another machine can use as a store that is only read, or import."""
    with _open(path) as store:
        choice = Choice(task, _checked(key) if key else "", run, downstream)
        archive.write(store, file, choice, as_json=as_json)


@cli.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--replace", is_flag=True, help="Also results of calls that the store has.")
@_store
@_json
def import_results(file: Path, replace: bool, path: Path | None, as_json: bool) -> None:
    """Record the results in a FILE that `jumar export` wrote. The store is made if it is not there."""
    with _open(path, must_exist=False) as store:
        archive.read(store, file, replace=replace, as_json=as_json)


@cli.command()
@_json
def config(as_json: bool) -> None:
    """Show every setting of a program here, with where its value comes from."""
    found = settings.resolve(folder=Path.cwd())
    defaults_of(found)  # refuses what no session would take
    show.settings(found, as_json=as_json)


for command in (gc.gc, gc.rm, gc.invalidate, pins.pin, pins.unpin, pins.pins):
    cli.add_command(command)
for command in (runs.runs, runs.run_script, runs.resume_run, runs.cancel, runs.delete, rerun.rerun_call):
    cli.add_command(command)

for command in (actors.actors, events.events, events.send_event, serve.serve_events):
    cli.add_command(command)


def main(args: list[str] | None = None) -> None:
    """Run the command: the entry point ``jumar``."""
    try:
        cli.main(args=args, prog_name="jumar")
    except JumarError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)


def _value_of(store: Store, key: bytes) -> Any:
    entry = store.find(key)
    if entry is None:
        raise _Failure(f"call {key.hex()[:12]} has no result that could be read.")
    return [store.load(entry)]
