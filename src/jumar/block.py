"""Blocks of options: what holds for the calls made between two lines of a program."""

from __future__ import annotations

from contextvars import ContextVar
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar, Unpack

from jumar.graph.layer import Fillable, Layer, SharedOptions
from jumar.here import PLACE, Place

F = TypeVar("F", bound=Fillable)


class _Opened(NamedTuple):
    """An open block."""

    layer: Layer
    """Its options, with those of the blocks around it."""
    place: Place
    """Where it was opened: a task that happens to run in this thread meanwhile is at a place of its own."""
    outer: _Opened | None


opened: ContextVar[_Opened | None] = ContextVar("jumar_options", default=None)
"""The innermost open block of this thread or asyncio task, wherever in it that was opened."""


def said_here(task: F) -> F:
    """The task with what the open blocks say where it says nothing itself."""
    block = opened.get()
    return task if block is None or block.place is not PLACE.get() else block.layer.fill(task)


class Block:
    """Options for the calls made while it is open: made with ``jumar.options(...)``.

    Args:
        layer: The options.
    """

    def __init__(self, layer: Layer) -> None:
        self._layer = layer

    def __enter__(self) -> Self:
        """Open it, inside of those that are open."""
        outer, place = opened.get(), PLACE.get()
        layer = self._layer
        if outer is not None and outer.place is place:
            layer = Layer(outer.layer.values | layer.values, "a block")
        opened.set(_Opened(layer, place, outer))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        block = opened.get()
        opened.set(None if block is None else block.outer)

    def __repr__(self) -> str:
        said = ", ".join(f"{name}={value!r}" for name, value in self._layer.values.items())
        return f"<jumar.options {said}>"


def options(**said: Unpack[SharedOptions]) -> Block:
    """A block whose options hold for all calls made in it, of whatever task, where the task does not say otherwise.

    What is more specific counts: a call's own ``f.options(...)`` before the task's declaration, that before the
    innermost block, that before the blocks around it, and those before ``Session(options=...)``.

    Args:
        said: ``checkpoint``, ``checkpoint_errors``, ``retries``, ``retry_on``, ``backoff``, ``timeout_s``, ``priority``,
            ``resources``, ``executor``, ``refresh`` and ``ttl_s``, as of a task. What belongs to one task (its name, and
            what its calls are identified by) is refused.

    Raises:
        DeclarationError: There is no such option, it cannot have this value, or it belongs to one task.

    *Guarantees*: It holds for the code between its lines only, in this thread or asyncio task. Calls that the tasks
    make when they run do not see it; of what it says, they take over ``checkpoint`` and nothing else. Keys do not
    depend on it: what was computed inside is found outside.

    Example:
        >>> import jumar
        >>> @jumar.task
        ... def square(x: int) -> int:
        ...     return x * x
        >>> with jumar.options(retries=2, checkpoint=False):
        ...     future = square.spawn(5)
        >>> future.result()
        25
    """
    values: dict[str, Any] = dict(said)
    return Block(Layer(values, "a block"))
