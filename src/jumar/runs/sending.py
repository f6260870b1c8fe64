"""Sending events to runs: from other programs, from tasks, and from other runs, where it is a step."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from jumar.current import current_call
from jumar.errors import ArgumentError, RunError
from jumar.graph.options import Options
from jumar.here import PLACE
from jumar.naming import is_name
from jumar.runs.book import Book, no_run
from jumar.runs.vigil import VIGIL
from jumar.session import current
from jumar.store.awaited import EventRow
from jumar.task import Task

P = ParamSpec("P")
T = TypeVar("T")


def send_event(run_id: str, name: str, payload: Any = None, *, key: str | None = None) -> int:
    """Sends an event to a run, which `wait_event` there gives the payload; its number in the store.

    The run need not wait yet, and need not be driven by anybody: the event is kept until it is asked for. A run of this
    process hears of it at once, one of another process within a quarter of a second.

    Args:
        run_id: The run's id, in the store of the current session.
        name: What the event is called; a text of one line.
        payload: Anything that JSON can say. It comes out as JSON reads it: tuples as lists, keys of dicts as texts.
        key: What tells this event apart from others to the run: one that was sent with this key before is the same, and is
            not sent again. Inside of a run it is the step's own by default.

    Raises:
        ArgumentError: The name, the key or the payload cannot be used.
        RunError: There is no such run, it has succeeded, or the store cannot be written.

    *Guarantees*: when this returns, the event is in the store. Inside of a run this is a step: an event is sent once,
    however often the run is resumed.

    Example:
        >>> import jumar, tempfile
        >>> @jumar.task
        ... def first() -> str:
        ...     return jumar.wait_event("answer")
        >>> with tempfile.TemporaryDirectory() as folder, jumar.Session(folder + "/store"):
        ...     run = first.start(id="x")
        ...     jumar.send_event("x", "answer", "yes")
        ...     run.result()
        1
        'yes'
    """
    place = PLACE.get()
    if place.run is not None or (place.engine or current().engine).is_remote:
        return send(run_id, name, payload, key)
    return deliver(Book(current().engine.store), run_id, name, payload, key)


def deliver(book: Book, run_id: str, name: str, payload: Any, key: str | None) -> int:
    """Put an event into the book, and wake who waits for it in this process; see `send_event`."""
    check_name(name)
    if key is not None and (not isinstance(key, str) or not key):
        raise ArgumentError(f"key={key!r} tells no event apart: it takes a text")
    try:
        text = json.dumps(payload, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"the payload of event {name!r} is not what JSON can say: {error}") from error
    with book.careful():
        how, event = book.awaited.send(run_id, EventRow(None, b"", name, text, book.store.now_s(), key or ""))
    if how == "no run":
        raise no_run(run_id, book.store)
    if how == "over":
        raise RunError(f"run {run_id!r} has succeeded: it waits for no event {name!r} any more.")
    VIGIL.look(event.run, name)
    return event.number or 0


def check_name(name: Any) -> None:
    """Refuse what cannot be the name of an event.

    Raises:
        ArgumentError: It cannot.
    """
    if not is_name(name):
        raise ArgumentError(f"name={name!r} cannot be the name of an event: it takes a text of one line")


class _Sending(Task[P, T]):
    """A step that is done by the driver, which has the store."""

    runs_here = True


def _sends(fn: Callable[P, T]) -> _Sending[P, T]:
    return _Sending(fn, Options(name="send_event", step=True, code="version", version="1"))


@_sends
def send(run_id: str, name: str, payload: Any, key: str | None) -> int:
    """Send an event as a step: what `send_event` is inside of a run."""
    return deliver(Book(PLACE.get().engine.store), run_id, name, payload, key or current_call().idempotency_key)
