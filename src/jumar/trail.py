"""The way from a call that was asked for to the one that failed, as it is told in the notes of the error."""

from __future__ import annotations

from jumar.graph.call import FAILED, Call
from jumar.keys.call import describe_arguments

_LONGEST_PATH = 8
"""Calls named between a call that was asked for and the one whose error it raises."""


def path_note(call: Call) -> str:
    """A line that leads from a call to the one whose error it raises: for the notes of that error."""
    path = [call]
    while len(path) < _LONGEST_PATH:
        origin = next((need for need in path[-1].needs if need.state is FAILED and need.error is call.error), None)
        if origin is None:
            break
        path.append(origin)
    *users, origin = path
    return "jumar: in " + ", needed by ".join([_line(origin, _where(origin)), *map(_line, reversed(users))])


def _line(call: Call, where: str = "") -> str:
    return f"{call.task.name}({describe_arguments(call.task.names, call.arguments)}) [key {call.key.hex()[:12]}{where}]"


def _where(call: Call) -> str:
    """Which attempt of a call failed, and on which worker, as far as it ran here."""
    attempt = f", attempt {call.attempts}" if call.attempts > 1 else ""
    worker = getattr(call.outcome, "worker", "")
    return f"{attempt}, on {worker}" if call.attempts and worker else attempt
