"""The call that runs here, as its own function sees it."""

from __future__ import annotations

from typing import NamedTuple

from jumar.errors import JumarError
from jumar.here import PLACE


class CurrentCall(NamedTuple):
    """A call that is running."""

    key: str
    """What identifies it: 64 hexadecimal digits."""
    task: str
    """Its task's name."""
    run_id: str | None
    """The id of the run that it belongs to; None outside of those with ids."""
    attempt: int
    """1 where it runs for the first time in this process."""

    @property
    def idempotency_key(self) -> str:
        """The same in every attempt, also after the process has died: for services that do once what they are asked twice."""
        return self.key


def current_call() -> CurrentCall:
    """The call whose function asks.

    Raises:
        JumarError: No call runs here: outside of tasks, and in threads that a task started by itself.

    Example:
        >>> import jumar
        >>> @jumar.step
        ... def pay() -> str:
        ...     return jumar.current_call().idempotency_key
        >>> len(pay())
        64
    """
    call = PLACE.get().call
    if call is None:
        raise JumarError("no call runs here: current_call() is for functions of tasks, in the thread that runs them")
    return CurrentCall(call.key.hex(), call.task.name, None if call.run is None else call.run.id, call.attempts)
