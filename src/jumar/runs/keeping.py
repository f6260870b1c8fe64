"""What is kept of a run when it has succeeded: all, its steps and its result, or its result alone."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from jumar.errors import RunError
from jumar.runs.book import Book
from jumar.session import Session
from jumar.store.named_runs import NamedRun
from jumar.store.run_leavings import KEEPS, Keep
from jumar.store.store import Store
from jumar.store.sweep import discard, free_blobs

_REASONS = {"steps": "its run kept only its steps and its result", "result": "its run kept only its result"}


def say_keep(book: Book, row: NamedRun, keep: str | None, default: Keep) -> None:
    """Write what is to be kept of a run, if it is said now, or by a setting when it is new.

    Args:
        book: The book that the run is in.
        row: The run.
        keep: What was said with the run.
        default: What the session says.

    Raises:
        RunError: There is no such way, or the script that is run again would do its steps again.
    """
    if keep is None and (row.state != "pending" or default == "all"):
        return
    said = default if keep is None else keep
    chosen = next((each for each in KEEPS if each == said), None)
    if chosen is None:
        raise RunError(f"keep={keep!r}: it takes {', '.join(map(repr, KEEPS))}")
    if chosen == "result" and not row.task:
        if keep is None:
            chosen = "steps"
        else:
            raise RunError(
                f"run {row.id!r} is a script's, which has no result: with keep='result' a script that is run again would do "
                f"its steps again. Use keep='steps'."
            )
    with book.careful():
        book.leavings.keep(row.token, chosen)


def clear_away(book: Book, row: NamedRun, result: bytes | None, owner: Session) -> None:
    """Remove what is not to be kept of a run that has succeeded.

    Args:
        book: The book that the run is in.
        row: The run.
        result: The key of its root's result.
        owner: The session that drives it; blobs that it has written itself go when it closes.

    Raises:
        sqlite3.Error, OSError, StoreError: The store cannot be read or written. What is left then may be swept.

    *Guarantees*: what another run asked for stays, and so does what a later program asked for by the same code, and what is
    pinned.
    """
    keep = book.leavings.kept(row.token)
    if keep == "all":
        return
    going = book.leavings.own(row.token)
    if keep == "result":
        steps = {step.key for step in book.table.begun(row.token)} - {result}
        book.leavings.forget_steps(row.token, steps)
        going |= steps
    gone = discard(book.store, going - {result}, _REASONS[keep])
    if gone.blobs and owner.has_own_store:
        owner.at_close(partial(_free, book.store, gone.blobs))


def _free(store: Store, blobs: Collection[bytes]) -> None:
    """Delete blobs that the session itself may have named again until now, when its calls have ended."""
    store.let_go()
    free_blobs(store, blobs)
