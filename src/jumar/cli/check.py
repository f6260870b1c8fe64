"""``jumar check``: whether all that a store says it has is there."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from jumar.cli.show import size
from jumar.store.check import check_directory
from jumar.store.findings import CheckReport, Finding

_KEY_DIGITS = 12


def run(path: Path, *, repair: bool, decode: bool, as_json: bool) -> bool:
    """Check the store, print what was found, and say whether nothing was."""
    bar = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*bar, console=Console(stderr=True), transient=True, disable=as_json) as progress:
        shown = progress.add_task("checking", total=None)

        def tell(what: str, done: int, total: int) -> None:
            progress.update(shown, description=f"checking {what}", completed=done, total=total or None)

        report = check_directory(path, repair=repair, decode=decode, progress=tell)
    if as_json:
        click.echo(json.dumps(report.to_json(), indent=2, ensure_ascii=False))
    else:
        _print(report, repair=repair)
    return report.is_sound


def _print(report: CheckReport, *, repair: bool) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for finding in report.findings:
        console.print(_line(finding))
    again = [finding for finding in report.findings if finding.runs_again]
    if again:
        console.print(Text(f"{len(again):,} call{'s' if len(again) != 1 else ''} will run again."))
    console.print(
        f"{report.results:,} results, {report.blobs:,} blobs ({size(report.blob_bytes)}); "
        f"unreferenced: {report.unreferenced:,}, {size(report.unreferenced_bytes)}"
    )
    if report.set_aside:
        console.print(f"{report.set_aside:,} damaged databases were set aside (index.sqlite.damaged-N).")
    if report.torn_labels:
        console.print(f"{report.torn_labels:,} labels of blobs are torn or damaged (`jumar gc` writes them anew).")
    if report.is_sound:
        console.print(Text("Nothing is wrong.", style="green"))
    elif not repair:
        console.print("`jumar check --repair` drops what is damaged and mends the rest.")


def _line(finding: Finding) -> Text:
    key = f" [key {finding.key.hex()[:_KEY_DIGITS]}]" if finding.key is not None else ""
    about = f"{finding.call}{key}: " if finding.call or key else ""
    done = Text(" (repaired)", style="green") if finding.repaired else Text("")
    return Text.assemble((f"{finding.kind}: ", "bold red"), f"{about}{finding.text}", done)
