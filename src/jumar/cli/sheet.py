"""How tables leave the command: fitted to a terminal, whole into a pipe or a file."""

from __future__ import annotations

import os

import click
from rich.console import Console
from rich.table import Table

_NO_LIMIT = 100_000
"""Columns where nobody said how many: enough for any row, which then is one line."""


def print_table(table: Table) -> None:
    """Print a table.

    On a terminal it is cut and wrapped to the width. Elsewhere each row is one line with nothing left out and no spaces at
    its end, for ``grep`` and ``less -S``; the variable ``COLUMNS`` sets a width all the same.

    Args:
        table: The table.
    """
    console = Console()
    if console.is_terminal:
        console.print(table)
        return
    if "COLUMNS" not in os.environ:
        console.width = _NO_LIMIT
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        click.echo(line.rstrip())
