"""The table that people read, and the JSON that machines read."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.row import Row

_MET = {True: "[green]yes[/]", False: "[bold red]no[/]", None: ""}


def as_table(rows: Sequence[Row]) -> Table:
    """One line a row."""
    table = Table("what", box=box.SIMPLE, pad_edge=False)
    table.add_column("jumar", justify="right", no_wrap=True)
    table.add_column("peer")
    for heading in ("its figure", "ratio", "budget"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("met")
    for row in rows:
        table.add_row(
            row.what,
            _figure(row.jumar, row.unit),
            row.peer,
            "" if row.of_peer is None else _figure(row.of_peer, row.unit),
            "" if row.ratio is None else f"{row.ratio:.2f}",
            row.budget,
            _MET[row.met],
        )
    return table


def as_json(rows: Sequence[Row]) -> str:
    """A list of objects."""
    return json.dumps([asdict(row) | {"budget": row.budget, "met": row.met} for row in rows], indent=1)


def show(rows: Sequence[Row]) -> None:
    """Print the table; where nobody has a terminal, wide enough for it."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=140)
    console.print(as_table(rows))


def _figure(value: float, unit: str) -> str:
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"
