"""Capturing the arguments of a call: containers are made anew, and calls stand in the place of their futures."""

from __future__ import annotations

import concurrent.futures as cf
from typing import Any

from jumar.engine import Engine
from jumar.errors import ArgumentError
from jumar.future import Future
from jumar.graph.arguments import is_steady, rebuild
from jumar.graph.call import Call
from jumar.lazy import Lazy
from jumar.memory.chunk import Chunk


def capture(call: Call, task: str, engine: Engine, references: list[Any]) -> None:
    """Complete a call: its arguments as they are now, what it needs, and whether something in it may still change.

    Args:
        call: Has the arguments as they were given.
        task: The task's name, for errors.
        engine: The one that will run it.
        references: The futures that were met when the arguments were identified.

    Raises:
        ArgumentError: A future stands where it cannot be replaced; a lazy call belongs to another session; or an
            argument is nested too deeply.
    """
    needs: dict[int, Call] = {}
    seen: set[int] = set()

    def leaf(value: Any) -> Any:
        if type(value) is Call:  # in a graph that is made again, where no future stands for it
            seen.add(id(value))
            needs[id(value)] = value
            return value
        if isinstance(value, (cf.Future, Lazy, Chunk)):
            seen.add(id(value))
            need = _need(value, task, engine)
            needs[id(need)] = need
            return need
        if not call.fragile and not is_steady(value):
            call.fragile = True
        return value

    try:
        call.args = tuple([rebuild(value, leaf) for value in call.args or ()])
        if call.kwargs:
            call.kwargs = {name: rebuild(value, leaf) for name, value in call.kwargs.items()}
    except RecursionError:
        raise ArgumentError(
            f"task {task!r}: an argument is nested too deeply to be captured (Python's recursion limit). "
            "Flatten it, or pass it as bytes."
        ) from None
    hidden = next((future for future in references if id(future) not in seen), None)
    if hidden is not None:
        raise ArgumentError(
            f"task {task!r}: {hidden!r} stands where it cannot be replaced by its value (a dict key, or an "
            "attribute of an object). Put it in a list, tuple, dict, set or dataclass, or pass its result()."
        )
    call.needs = tuple(needs.values())
    if any(need.unrepeatable for need in call.needs):
        call.unrepeatable = True


def _need(future: cf.Future[Any] | Lazy[Any] | Chunk[Any], task: str, engine: Engine) -> Call:
    """The call that a future, of whomever, stands for in this engine."""
    if isinstance(future, Chunk):
        return future.call_for(engine)
    if isinstance(future, (Future, Lazy)) and future._keeper is engine:  # noqa: SLF001
        call: Call = future._call  # noqa: SLF001
        return call
    if isinstance(future, Lazy):
        raise ArgumentError(
            f"task {task!r}: {future!r} belongs to another session, which alone could start it. "
            "Pass what jumar.collect gives for it, or make both calls in one session."
        )
    return engine.adopt(future)
