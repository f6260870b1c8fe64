"""Results that the user's own functions keep: asked first, saved last, and never able to lose a result."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol

from jumar.errors import DamagedError, StoreError
from jumar.graph.call import Call
from jumar.graph.call_info import CallInfo, call_info
from jumar.graph.options import Hooks
from jumar.result import Result, unkept_result
from jumar.unkept import Unkept


class Complain(Protocol):
    """Tells trouble with a call, and gives the error for its future."""

    def __call__(self, kind: str, call: Call, text: str, error: Exception | None = None) -> StoreError:
        """The error."""


class OnDemand:
    """A result that is loaded when the first reader asks for it; each reader has a value of its own.

    Args:
        load: Gives the value, or None where it is not there after all.
    """

    __slots__ = ("_load", "_loaded", "_lock")

    def __init__(self, load: Callable[[], Any]) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._loaded: Unkept | None = None

    def take(self) -> Any:
        """The value.

        Raises:
            DamagedError: It is not there, or loading it failed: the call must be computed.
        """
        with self._lock:
            if self._loaded is None:
                value = self._load()
                if value is None:
                    raise DamagedError("what exists= said to be there was not")
                self._loaded = Unkept(value)
        return self._loaded.take()


def restored(call: Call, hooks: Hooks, complain: Complain) -> Result | None:
    """What the user's functions have of a call; None where they have nothing, or fail, which is told.

    Args:
        call: The call; what it needs need not have run.
        hooks: The functions.
        complain: Is told of errors in them.
    """
    info = call_info(call)

    def load() -> Any:
        try:
            return hooks.restore(info)
        except Exception as error:  # noqa: BLE001  (user code: whatever it is, the call can be computed)
            complain("hook", call, _NOT_RESTORED, error)
            return None

    if hooks.exists is not None:
        try:
            return OnDemand(load) if hooks.exists(info) else None
        except Exception as error:  # noqa: BLE001
            complain("hook", call, _NOT_RESTORED, error)
            return None
    value = load()
    return None if value is None else unkept_result(value)


def saved(
    call: Call, info: CallInfo, value: Any, save: Callable[[CallInfo, Any], object], complain: Complain
) -> StoreError | None:
    """Hand a result to the user's function; the trouble, where it failed.

    Args:
        call: The call.
        info: The call as the function sees it.
        value: Its result.
        save: The user's function.
        complain: Is told of an error in it.
    """
    try:
        save(info, value)
    except Exception as error:  # noqa: BLE001  (the value goes on to whoever needs it)
        return complain("hook", call, _NOT_SAVED, error)
    return None


def is_wanted(call: Call, value: Any, seconds: float, complain: Complain) -> bool:
    """Whether a result is to be kept, where a function of the user's decides; True where it fails, which is told."""
    decide = call.task.decides
    try:
        answer = decide(call_info(call, seconds), value)
        if type(answer) is not bool:
            raise TypeError(f"checkpoint= without restore= answers True or False, not {answer!r}")
    except Exception as error:  # noqa: BLE001  (better kept in vain than lost)
        complain("hook", call, _NOT_DECIDED, error)
        return True
    return answer


_NOT_RESTORED = (
    "the restore= or exists= function of task {task!r} failed for call {key}: {reason}. The call is computed instead. "
    "Let it return None (or False) where nothing is there."
)
_NOT_SAVED = (
    "the checkpoint= function of task {task!r} failed for call {key}: {reason}. The value goes on to whoever needs it; "
    "after a restart the call runs again."
)
_NOT_DECIDED = (
    "the checkpoint= function of task {task!r} could not decide on call {key}: {reason}. The result was kept."
)
