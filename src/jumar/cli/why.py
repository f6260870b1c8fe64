"""``jumar why``: what changed, for a call or for a whole run."""

from __future__ import annotations

import json
from itertools import groupby

import click
from rich.console import Console
from rich.text import Text

from jumar.store.store import Store
from jumar.why import Explanation, Reason, explain, summarise

_DIFF_STYLES = {"+": "green", "-": "red", "@": "cyan"}
_STEP = 2
_DIFF_STEP = 4


def show_call(store: Store, key: str, *, as_json: bool) -> None:
    """Print why a call ran."""
    explanation = explain(store, key)
    if as_json:
        click.echo(json.dumps(explanation.to_json(), indent=2, ensure_ascii=False))
        return
    console = Console(highlight=False)
    _print(console, _head(explanation), 0)
    _print_reasons(console, explanation.reasons, _STEP)
    if explanation.earlier:
        _print(console, Text(f"compared with {explanation.earlier}", style="dim"), 0)


def show_run(store: Store, run: int | None, *, as_json: bool) -> None:
    """Print why the calls of a run ran."""
    summary = summarise(store, run)
    click.echo(json.dumps(summary.to_json(), indent=2, ensure_ascii=False) if as_json else str(summary))


def _head(explanation: Explanation) -> Text:
    return Text.assemble((explanation.call, "bold"), f" [key {explanation.key[:12]}] {explanation.opening}")


def _print_reasons(console: Console, reasons: tuple[Reason, ...], indent: int) -> None:
    """One line a reason; what several have in common (a hundred parts of one sum, one edit) is told once."""
    for because, alike in groupby(reasons, key=lambda reason: reason.because):
        for reason in alike:
            _print(console, Text(f"• {reason.text}"), indent, hang=_STEP)
            for line in reason.diff.splitlines()[2:]:  # without the two lines that name files
                _print(console, Text(line, style=_DIFF_STYLES.get(line[:1], "")), indent + _DIFF_STEP, hang=_STEP)
        _print_reasons(console, because, indent + _STEP)


def _print(console: Console, text: Text, indent: int, hang: int = 0) -> None:
    """Print a line; where it is too long, it goes on below, further in. No blanks are left at ends: it may be piped."""
    lines = text.wrap(console, max(console.width - indent - hang, 20))
    for number, line in enumerate(lines):
        line.rstrip()
        blanks = " " * (indent + hang * bool(number))
        console.print(Text(blanks).append_text(line), soft_wrap=True)
