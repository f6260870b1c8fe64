"""Feeds: inputs that become calls, a few at a time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any
from weakref import ref

from jumar.engine import Engine
from jumar.errors import ArgumentError
from jumar.future import Future
from jumar.runnable import Runnable

CALLS_PER_WORKER = 4
SMALLEST_WINDOW = 16
"""The default window: so many calls for each worker, and at least so many, lest workers idle while a result is used."""


class Feed:
    """Calls of one task, made of inputs as they come, never more than a window of them ahead of whoever takes them.

    A place in the window is taken by an input before it is asked for. It is free again when the call has ended *and* its
    future was handed out, whichever is later. So neither results that nobody has taken nor calls that nobody has waited
    for can pile up.

    Args:
        engine: Where the calls run.
        task: Whose calls they are.
        inputs: The arguments of one call after the other.
        window: The number of places.
    """

    def __init__(self, engine: Engine, task: Runnable, inputs: Iterator[tuple[Any, ...]], window: int) -> None:
        self._engine = engine
        self._task = task
        self._inputs: Iterator[tuple[Any, ...]] | None = inputs
        self._taken = 0
        self._window = window
        self._places = threading.Semaphore(window)
        self._ahead: deque[Future[Any]] = deque()
        self._out: deque[ref[Future[Any]]] = deque()
        """Those that hold a place and were handed out; a call that has not ended keeps its future alive."""
        self._error: Exception | None = None
        self._fill()

    def futures(self) -> Iterator[Future[Any]]:
        """The futures in the order of the inputs, then the error that ended the inputs, if one did."""
        while True:
            self._fill()
            if self._ahead:
                yield self._hand_out()
            elif self._inputs is not None:
                self._engine.wait_for_place(self._places, self._pending())
                self._take()
            else:
                break
        try:
            if self._error is not None:
                raise self._error
        finally:
            self._error = None  # it refers to this feed through its traceback

    def _fill(self) -> None:
        while self._inputs is not None and self._places.acquire(blocking=False):
            self._take()

    def _take(self) -> None:
        """Make a call of the next input, for which there is a place; an error waits for its turn."""
        if self._inputs is None:
            return
        try:
            args = next(self._inputs, None)
            if args is not None:
                self._ahead.append(self._engine.spawn(self._task.make(self._engine, args, {})))
                self._taken += 1
                return
        except Exception as error:  # noqa: BLE001  (of the user's inputs, or of arguments that do not fit)
            error.add_note(f"jumar: at input {self._taken} of {self._task.name}.map (the first is 0)")
            self._error = error
        self._inputs = None

    def _hand_out(self) -> Future[Any]:
        future = self._ahead.popleft()
        places = self._places  # alone: a call that runs long must not keep the inputs alive
        if future.done():
            places.release()
        else:
            future.release_at_end(places)
            if len(self._out) >= 2 * self._window:  # no more than a window of them can hold a place
                self._out = deque(map(ref, self._pending()))
            self._out.append(ref(future))
        return future

    def _pending(self) -> Iterator[Future[Any]]:
        """Those that hold a place, in the order in which they were handed out."""
        for each in tuple(self._out):
            future = each()
            if future is not None and not future.done():
                yield future


def mapped(
    engine: Engine, task: Runnable, iterables: tuple[Iterable[Any], ...], window: int | None, strict: bool, *first: Any
) -> Iterator[Future[Any]]:
    """Futures for the calls of a task with each of the inputs; see `Task.map`.

    Args:
        engine: Where the calls run.
        task: Whose calls they are.
        iterables: The inputs, one iterable for each argument.
        window: Calls that have not ended or were not handed out, at most; None for the default.
        strict: Whether iterables of unequal lengths are an error.
        first: What comes before the inputs in each call.
    """
    if not iterables:
        raise ArgumentError(f"{task.name}.map needs an iterable for each argument of a call, and was given none")
    if window is None:
        window = max(SMALLEST_WINDOW, CALLS_PER_WORKER * engine.workers)
    if isinstance(window, bool) or not isinstance(window, int) or window < 1:
        raise ValueError(f"{task.name}.map: window must be a whole number of calls, at least 1, not {window!r}")
    inputs = ((*first, *args) for args in zip(*iterables, strict=strict))
    return Feed(engine, task, inputs, window).futures()
