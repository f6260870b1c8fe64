"""What runs where a task runs: the function itself, its time, its error, its encoded result. Knows no engine."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import AsyncGeneratorType, GeneratorType
from typing import Any, NamedTuple

from jumar.errors import ResultError


class Ran(NamedTuple):
    """What came of running a function once."""

    value: Any
    error: BaseException | None
    seconds: float

    def as_answer(self) -> Ran:
        """The same for a task that catches errors, whose value is both: ``(value, None)`` or ``(None, error)``."""
        return Ran((self.value, self.error), None, self.seconds)


_NOT_RESULTS: dict[type, str] = {
    GeneratorType: "a generator: return a list, or make each item a call of its own",
    AsyncGeneratorType: "an asynchronous generator: return a list",
}


def run(task: str, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any] | None) -> Ran:
    """Runs a function and never raises: what it raised is in the answer, ``KeyboardInterrupt`` included.

    Args:
        task: The task's name, for errors.
        fn: The function.
        args: Positional arguments.
        kwargs: Keyword arguments, if there are any.

    Returns:
        What came of it; the value of an asynchronous function is a coroutine, which has not begun to run.
    """
    started_s = time.perf_counter()
    try:
        value = fn(*args, **kwargs) if kwargs else fn(*args)
    except BaseException as error:  # noqa: BLE001  (the caller decides what an interrupt means where it runs)
        error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
        return Ran(None, error, time.perf_counter() - started_s)
    seconds = time.perf_counter() - started_s
    if type(value) in _NOT_RESULTS:
        return Ran(None, ResultError(f"task {task!r} returned {_NOT_RESULTS[type(value)]}"), seconds)
    return Ran(value, None, seconds)
