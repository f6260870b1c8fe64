"""How records look on a terminal, and as JSON."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from jumar.cli.sheet import print_table
from jumar.keys.call import describe_arguments
from jumar.settings import Value
from jumar.store.records import CallRecord, Totals

_KEY_DIGITS = 12
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def calls(records: Sequence[CallRecord], *, more: bool, as_json: bool) -> None:
    """Print a table of calls, or a JSON list."""
    if as_json:
        _print_json([call_json(record) for record in records])
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("key", "task", "arguments", "state", "when"):
        table.add_column(heading, no_wrap=True, overflow="ellipsis")
    for heading in ("seconds", "size"):
        table.add_column(heading, justify="right", no_wrap=True)
    for record in records:
        table.add_row(
            record.key.hex()[:_KEY_DIGITS],
            record.task.name,
            Text(_arguments(record)),
            Text(record.state, style="red" if record.state == "failed" else "green"),
            when(record.created_s),
            seconds(record.seconds),
            size(record.size_bytes) if record.state == "done" else "",
        )
    print_table(table)
    if more:
        click.echo("… and more: --limit shows them.", err=True)
    if not records:
        click.echo("No calls.", err=True)


def call(record: CallRecord, value: list[Any] | None, users: list[CallRecord] | None = None, *, as_json: bool) -> None:
    """Print all that is known of a call.

    Args:
        record: The call.
        value: A list of its result, if that is to be shown.
        users: The calls that it is an argument of, if they are to be shown.
        as_json: For programs.
    """
    if as_json:
        fields = call_json(record) | {"traceback": record.traceback}
        fields |= {} if users is None else {"users": [user.key.hex() for user in users]}
        _print_json(fields | ({"value": repr(value[0])} if value else {}))
        return
    rows = {
        "key": record.key.hex(),
        "task": f"{record.task.name} (in {record.task.module}, code {record.task.code.hex()[:_KEY_DIGITS]})",
        "arguments": _arguments(record),
        "state": record.state,
        "when": when(record.created_s),
        "seconds": seconds(record.seconds),
    }
    if record.state == "done":
        rows["size"] = f"{size(record.size_bytes)} ({record.codec})"
        rows["blob"] = record.blob.hex() if record.blob else "none: the result is in the index"
    else:
        rows["attempts"] = str(record.attempt)
        rows["error"] = record.error
    if value:
        rows["value"] = repr(value[0])
    for user in users or ():
        rows[f"used by {user.key.hex()[:_KEY_DIGITS]}"] = f"{user.task.name}({_arguments(user)})"
    print_rows(rows | ({"used by": "no call that has a result"} if users == [] else {}))
    if record.traceback:
        click.echo("\n" + record.traceback.rstrip())


def totals(path: Path | None, found: Totals, *, as_json: bool) -> None:
    """Print what a store holds."""
    if as_json:
        _print_json({"path": str(path), **found._asdict()})
        return
    print_rows(
        {
            "path": str(path),
            "calls": f"{found.calls:,} done, {found.failures:,} failed, of {found.tasks:,} tasks",
            "index": f"{size(found.index_bytes)}, with {size(found.inline_bytes)} of small results",
            "blobs": f"{found.blobs:,}, {size(found.blob_bytes)}",
        }
    )


def settings(values: Mapping[str, Value], *, as_json: bool) -> None:
    """Print settings with their origins."""
    shown: dict[str, Any] = {
        name: None if value.value is None else _plain(value.value) for name, value in values.items()
    }
    if as_json:
        _print_json({name: {"value": shown[name], "origin": values[name].origin} for name in values})
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("setting", "value", "from"):
        table.add_column(heading, overflow="fold")
    for name, value in values.items():
        absent = "no limit" if name == "max_store_size" else "automatic"
        text = ", ".join(shown[name]) if isinstance(shown[name], list) else str(shown[name])
        table.add_row(name, absent if shown[name] is None else text, Text(value.origin))
    print_table(table)


def size(size_bytes: int) -> str:
    """A number of bytes as people read it.

    Example:
        >>> size(0), size(1023), size(1536), size(5 * 2**30)
        ('0 B', '1023 B', '1.5 KiB', '5.0 GiB')
    """
    step = min(int(math.log2(size_bytes) // 10), len(_UNITS) - 1) if size_bytes else 0
    return f"{size_bytes / 1024**step:.{1 if step else 0}f} {_UNITS[step]}"


def seconds(duration_s: float) -> str:
    """A duration in seconds with three significant digits.

    Example:
        >>> seconds(0.00123), seconds(12.345), seconds(4500)
        ('0.00123', '12.3', '4500')
    """
    return f"{duration_s:.3g}" if duration_s < 1000 else f"{duration_s:.0f}"


def when(time_s: float) -> str:
    """A time in the zone of the machine, to the second."""
    return dt.datetime.fromtimestamp(time_s, dt.UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _arguments(record: CallRecord) -> str:
    return describe_arguments(tuple(record.task.parameters.split()), record.arguments)


def call_json(record: CallRecord) -> dict[str, Any]:
    """A call as JSON has it."""
    return {
        "key": record.key.hex(),
        "task": record.task.name,
        "module": record.task.module,
        "code": record.task.code.hex(),
        "arguments": _arguments(record),
        "state": record.state,
        "when": dt.datetime.fromtimestamp(record.created_s, dt.UTC).isoformat(),
        "seconds": record.seconds,
        "size_bytes": record.size_bytes,
        "codec": record.codec,
        "blob": record.blob.hex() if record.blob else None,
        "attempts": record.attempt,
        "error": record.error,
    }


def print_rows(rows: Mapping[str, str]) -> None:
    """Print names with what belongs to them."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in rows.items():
        table.add_row(name, Text(text))
    print_table(table)


def _print_json(found: Any) -> None:
    click.echo(json.dumps(found, indent=2, ensure_ascii=False))


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, Path) else value
