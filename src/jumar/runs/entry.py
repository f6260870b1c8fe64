"""Entering runs in the book: what is written of a new one, and whether one of the same id is the same."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from jumar.errors import RunError
from jumar.naming import is_name
from jumar.runs.book import Book
from jumar.runs.root import Root, difference
from jumar.store.named_runs import NamedRun

_TOKEN_BYTES = 16


def new_token() -> bytes:
    """What the keys of a new run are made from."""
    return os.urandom(_TOKEN_BYTES)


def new_row(run_id: str, token: bytes, book: Book, metadata: Mapping[str, Any] | None, root: Root) -> NamedRun:
    """A run that nobody has begun, ready to be recorded."""
    text = _json(metadata or {})
    now_s = book.store.now_s()
    return NamedRun(run_id, token, now_s, None, "pending", *root, None, "", "", text, "[]")


def script_row(book: Book, run_id: str, metadata: Mapping[str, Any] | None, script: str, *, adds: bool) -> NamedRun:
    """The run of a script, recorded now if ``adds`` says so and it is not yet.

    Raises:
        RunError: The id is another run's, or the store cannot be written.
    """
    with book.careful():
        row = book.table.find(run_id)
    if row is None:
        root = Root("", "", b"", b"", script, None, None)
        row = new_row(run_id, new_token(), book, metadata, root)
        if not adds:
            return row
        row = added(book, row)
    compare(row, None, script)
    if adds:
        change_metadata(book, row, metadata)
    return row


def added(book: Book, row: NamedRun) -> NamedRun:
    """The run that is recorded under the id: this one, or one that another process has added meanwhile."""
    with book.careful():
        book.table.add(row)
    return book.find(row.id)


def compare(row: NamedRun, root: Root | None, script: str) -> None:
    """Refuse a run that was started with something else.

    Raises:
        RunError: It was; the text shows both.
    """
    found = difference(row, root, script)
    if found is not None:
        raise RunError(
            f"run {row.id!r} was started with something else. {found} Choose another id, or free this one with "
            f"`jumar delete {row.id}`."
        )


def change_metadata(book: Book, row: NamedRun, metadata: Mapping[str, Any] | None) -> None:
    """Write what was given with the run, if something else was given now.

    Raises:
        RunError: JSON cannot say it, or the store cannot be written.
    """
    if metadata is not None and _json(metadata) != row.metadata:
        with book.careful():
            book.table.change(row.token, metadata=_json(metadata))


def _json(metadata: Mapping[str, Any]) -> str:
    try:
        return json.dumps(dict(metadata), ensure_ascii=False, sort_keys=True)
    except (TypeError, ValueError) as error:
        raise RunError(f"metadata= takes what JSON can say: {error}") from error


def checked_id(run_id: str) -> str:
    """The id, if it can be one.

    Raises:
        RunError: It cannot.
    """
    if not is_name(run_id):
        raise RunError(f"id={run_id!r} cannot be the id of a run: it takes a text of one line")
    return run_id
