"""Capturing the arguments of a call: containers are made anew, and calls stand in the place of their futures."""

from __future__ import annotations

from typing import Any

from jumar.engine import Engine
from jumar.errors import ArgumentError
from jumar.future import Future
from jumar.graph.arguments import is_steady, rebuild
from jumar.graph.call import Call
from jumar.lazy import Lazy


def capture(call: Call, task: str, engine: Engine, references: list[Any]) -> None:
    """Complete a call: its arguments as they are now, what it needs, and whether something in it may still change.

    Args:
        call: Has the arguments as they were given.
        task: The task's name, for errors.
        engine: The one that will run it.
        references: The futures that were met when the arguments were identified.

    Raises:
        ArgumentError: A future stands where it cannot be replaced, or belongs to another session and has not finished;
            or an argument is nested too deeply.
    """
    needs: dict[int, Call] = {}
    seen: set[int] = set()

    def leaf(value: Any) -> Any:
        if type(value) is Call:  # in a graph that is made again, where no future stands for it
            seen.add(id(value))
            needs[id(value)] = value
            return value
        if isinstance(value, (Future, Lazy)):
            seen.add(id(value))
            need: Call = value._call  # noqa: SLF001
            if value._keeper is not engine:  # noqa: SLF001
                return _foreign(task, value)
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


def _foreign(task: str, future: Future[Any] | Lazy[Any]) -> Any:
    if isinstance(future, Lazy) or not future.done():
        raise ArgumentError(
            f"task {task!r}: {future!r} belongs to another session and has not finished. "
            "Pass its result(), or make both calls in one session."
        )
    return future.result()
