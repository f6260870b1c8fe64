"""``jumar why``: what changed, for a call or for a whole run."""

from __future__ import annotations

import json

import click
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.syntax import Syntax
from rich.text import Text

from jumar.store.store import Store
from jumar.why import Explanation, Reason, explain, summarise


def show_call(store: Store, key: str, *, as_json: bool) -> None:
    """Print why a call ran."""
    explanation = explain(store, key)
    if as_json:
        click.echo(json.dumps(explanation.to_json(), indent=2, ensure_ascii=False))
        return
    console = Console()
    console.print(_head(explanation))
    for reason in explanation.reasons:
        console.print(_drawn(reason, 2))
    if explanation.earlier:
        console.print(Text(f"compared with {explanation.earlier}", style="dim"))


def show_run(store: Store, run: int | None, *, as_json: bool) -> None:
    """Print why the calls of a run ran."""
    summary = summarise(store, run)
    click.echo(json.dumps(summary.to_json(), indent=2, ensure_ascii=False) if as_json else str(summary))


def _head(explanation: Explanation) -> Text:
    run = f" in run {explanation.run}" if explanation.run else ""
    return Text.assemble((explanation.call, "bold"), f"  [key {explanation.key[:12]}]  ran{run} because")


def _drawn(reason: Reason, indent: int) -> RenderableType:
    parts: list[RenderableType] = [Padding(Text(f"• {reason.text}"), (0, 0, 0, indent))]
    if reason.diff:
        lines = "\n".join(reason.diff.splitlines()[2:])  # without the two lines that name files
        diff = Syntax(lines, "diff", theme="ansi_dark", background_color="default")
        parts.append(Padding(diff, (0, 0, 0, indent + 4)))
    parts += [_drawn(inner, indent + 2) for inner in reason.because]
    return Group(*parts)
