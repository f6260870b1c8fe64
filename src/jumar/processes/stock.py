"""What a worker process knows of the driver's tasks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jumar.future import Future
from jumar.lazy import Lazy
from jumar.memory.chunk import Chunk
from jumar.processes.parcel import handle_at, task_at, unpacked
from jumar.task import Task


class Stock(Mapping[int, Any]):
    """Tasks by their numbers, each read from its body when it is first used."""

    def __init__(self) -> None:
        self.bodies: dict[int, bytes] = {}
        """What the driver has sent and nobody has used yet."""
        self._tasks: dict[int, Task[..., Any]] = {}
        self._numbers: dict[int, int] = {}
        self._functions: dict[int, int] = {}

    def __getitem__(self, number: int) -> Task[..., Any]:
        """The task; a function that names itself, or another that names it, gets this one while it is being read."""
        found = self._tasks.get(number)
        if found is not None:
            return found
        task = self._tasks[number] = Task.__new__(Task)
        try:
            kind, state = unpacked(memoryview(bytearray(self.bodies[number])), self, {})
        except BaseException:
            del self._tasks[number]
            raise
        if isinstance(state, Task):
            task = self._tasks[number] = state
        else:
            task.__dict__.update(state, _code=None, _signature=None)
            task.__class__ = kind
        self._numbers[id(task)] = self._functions[id(task.fn)] = number
        del self.bodies[number]
        return task

    def __iter__(self) -> Iterator[int]:
        return iter(self._tasks)

    def __len__(self) -> int:
        return len(self._tasks)

    def reduce(self, obj: Any) -> Any:
        """How what belongs to the driver is written on its way back: by number, so that it is the driver's own there."""
        if isinstance(obj, Task):
            number = self._numbers.get(id(obj))
            if number is not None:
                return task_at, (number,)
            origin = self._functions.get(id(obj.fn))
            if origin is not None:  # made here by .options(...)
                return _with_options, (self._tasks[origin], obj._options)  # noqa: SLF001
        elif isinstance(obj, (Future, Lazy, Chunk)):
            number = getattr(obj._call, "number", None)  # noqa: SLF001
            if number is not None:
                return handle_at, (number,)
        return NotImplemented


def _with_options(known: Task[..., Any], options: Any) -> Task[..., Any]:
    return known.with_options(options)
