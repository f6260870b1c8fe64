"""A call as hooks see it: what identifies it and what it was given, without what runs it."""

from __future__ import annotations

from typing import Any, NamedTuple

from jumar.graph.arguments import rebuild
from jumar.graph.call import Call


class CallInfo(NamedTuple):
    """A call, for the user's own functions that keep, restore or decide."""

    key: str
    """What identifies it, 64 hexadecimal digits: changes with the code and with the arguments."""
    task: str
    """The task's name."""
    arguments: dict[str, Any]
    """The bound arguments by name. In the place of another call's result, which may not be there yet, stands that call,
    without its own arguments."""
    seconds: float = 0.0
    """How long the function ran; 0 before it has run."""

    def __hash__(self) -> int:
        """By the key, so that calls in sets stay there when they are shown."""
        return hash(self.key)


def call_info(call: Call, seconds: float = 0.0) -> CallInfo:
    """What hooks see of a call.

    Args:
        call: With its arguments, which it must still have.
        seconds: How long the function ran.
    """

    def shown(value: Any) -> Any:
        # Without what it was given itself: a lazy graph may be deep.
        return CallInfo(value.key.hex(), value.task.name, {}) if type(value) is Call else value

    named = call.task.by_name(call.args or (), call.kwargs or {})
    arguments = {name: rebuild(value, shown) for name, value in named}
    return CallInfo(call.key.hex(), call.task.name, arguments, seconds)
