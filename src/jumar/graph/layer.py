"""Layers: options that hold for many calls at once, where their tasks say nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Protocol, TypedDict, TypeVar
from weakref import WeakKeyDictionary

from jumar.errors import DeclarationError
from jumar.graph.keep import Keep
from jumar.graph.options import Options
from jumar.graph.policy import Errors, Waits


class SharedOptions(TypedDict, total=False):
    """What a block or a session may say of all calls; see `Options`."""

    checkpoint: bool | Keep | Callable[[Any, Any], bool] | None
    checkpoint_errors: bool
    retries: int
    retry_on: Errors | Callable[[BaseException], bool]
    backoff: Waits
    timeout_s: float | None
    priority: int
    resources: Mapping[str, float] | None
    executor: str | None
    refresh: bool
    ttl_s: float | None
    persist: bool
    cache: bool


class Fillable(Protocol):
    """A task that takes options where it says nothing itself."""

    def filled(self, values: Mapping[str, Any]) -> Any:
        """The task with these options, as far as it says nothing else."""
        ...


F = TypeVar("F", bound=Fillable)


class Layer:
    """Options for all calls of a place: a block or a session.

    Args:
        values: The options.
        where: Which place, for errors.
        fill: Makes a task that has them; by default ``task.filled``.

    Raises:
        DeclarationError: There is no such option, it cannot have this value, or it belongs to one task.

    Example:
        >>> Layer({"retries": 2}, "a block").values
        {'retries': 2}
        >>> try:
        ...     Layer({"version": "2"}, "a block")
        ... except DeclarationError as error:
        ...     print(str(error).partition(":")[0])
        option version= cannot be said for a block
    """

    def __init__(
        self, values: Mapping[str, Any], where: str, fill: Callable[[Any, Mapping[str, Any]], Any] | None = None
    ) -> None:
        # Names first: what belongs to one task is not worth a word on its value.
        for name in values:
            if name in _OF_ONE_TASK:
                raise DeclarationError(
                    f"option {name}= cannot be said for {where}: {_OF_ONE_TASK[name]} Say it where the task is declared, "
                    f"or with f.options({name}=...)."
                )
        Options().with_changes(dict(values))
        # A checkpoint of None says nothing, so it must not hide what the layer around says.
        self.values = {name: value for name, value in values.items() if name != "checkpoint" or value is not None}
        self._where = where
        self._fill = fill or _filled
        # By the task, and gone with it: `f.options(...)` in a loop makes a new one each time.
        self._filled: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()

    @cached_property
    def inside(self) -> Layer:
        """What is left of it where a call has been told by the one that makes it whether it is kept."""
        values = {name: value for name, value in self.values.items() if name != "checkpoint"}
        return Layer(values, self._where, self._fill)

    def fill(self, task: F) -> F:
        """The task with these options, as far as it says nothing else; the same one each time."""
        known: F | None = self._filled.get(task)
        if known is None:
            known = self._filled[task] = self._fill(task, self.values)
        return known


def _filled(task: Fillable, values: Mapping[str, Any]) -> Any:
    return task.filled(values)


_KEY = "it is part of what a call is, and the same call outside would be another one."
_HOOKS = "it belongs together with the checkpoint= that keeps the values; for a graph, jumar.collect takes both."
_OF_ONE_TASK = {
    "name": "it tells one task from others.",
    "restore": _HOOKS,
    "exists": _HOOKS,
    "catch": "with it calls give other values, (value, error), which code that does not know of the block cannot expect.",
    "meta": "with it the function is given chunks, which one that does not know of the block cannot expect.",
    "step": f"{_KEY} Whether a function has effects is for its declaration to say.",
    "reuse": f"{_KEY} To run all calls anew, say refresh=True.",
} | dict.fromkeys(("version", "ignore", "key", "code", "uses", "env"), _KEY)
