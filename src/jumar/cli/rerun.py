"""``jumar rerun``: one recorded call again, alone, also in the debugger."""

from __future__ import annotations

import json
import operator
import pdb
import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

import click

from jumar.cli.target import chosen_path, json_option, store_option
from jumar.errors import RunError
from jumar.runs.rerun import rerun
from jumar.session import Session


@click.command("rerun")
@click.argument("key")
@click.option("--pdb", "post_mortem", is_flag=True, help="If it fails, look at where, in the debugger.")
@click.option("--trace", is_flag=True, help="Go through it in the debugger from its first line.")
@store_option
@json_option
def rerun_call(key: str, post_mortem: bool, trace: bool, path: Path | None, as_json: bool) -> None:
    """Run one recorded call again, alone, with the code as it is now. KEY is the beginning of its key.

    Nothing is recorded. What it calls is found, as in the run that asked for it; steps of the run that are not done are
    done. Prints the value, or the traceback; status 1 if it fails.
    """
    sys.path.insert(0, str(Path.cwd()))
    with Session(chosen_path(path), reuse="read-only"):
        try:
            value = rerun(key, through=pdb.runcall if trace else operator.call)
        except RunError:
            raise
        except Exception as error:  # noqa: BLE001  (user code; that is what people want to see)
            trail = _users(error.__traceback__)
            _say({"error": f"{type(error).__name__}: {error}", "traceback": _text(error, trail)}, as_json=as_json)
            if post_mortem:
                pdb.post_mortem(trail)
            sys.exit(1)
        _say({"value": repr(value)}, as_json=as_json)


def _users(trail: TracebackType | None) -> TracebackType | None:
    """The trail from the user's function on, without how it was called."""
    while trail is not None and trail.tb_next is not None and _is_ours(trail):
        trail = trail.tb_next
    return trail


def _is_ours(trail: TracebackType) -> bool:
    return trail.tb_frame.f_globals.get("__name__", "").partition(".")[0] in ("jumar", "asyncio", "bdb", "pdb")


def _text(error: Exception, trail: TracebackType | None) -> str:
    return "".join(traceback.format_exception(type(error), error, trail))


def _say(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
    elif "value" in found:
        click.echo(found["value"])
    else:
        click.echo(found["traceback"].rstrip(), err=True)
