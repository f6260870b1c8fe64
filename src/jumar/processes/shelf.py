"""Tasks that travel by their code: each is sent once to a worker, and stands by its number from then on."""

from __future__ import annotations

import itertools
import threading
import weakref
from collections.abc import Collection
from typing import Any

from jumar.errors import JumarError
from jumar.processes.parcel import is_importable, packed, task_at
from jumar.task import Task

_NOT_SENT = ("_code", "_info", "_signature", "__wrapped__")
"""What a task remembers of itself and finds out again; the last is its function once more."""


class _Entry:
    """A task in one version of its code."""

    def __init__(self, number: int, code: bytes | None) -> None:
        self.number = number
        self.code = code
        self.body: bytes | None = None
        self.others: frozenset[int] = frozenset()
        """The numbers of the tasks that stand in its body."""


class Shelf:
    """The driver's tasks by their numbers.

    A task has another number when code that it reaches has changed, so that workers get it anew. It is held weakly.
    """

    def __init__(self) -> None:
        self.tasks: weakref.WeakValueDictionary[int, Task[..., Any]] = weakref.WeakValueDictionary()
        self._entries: weakref.WeakKeyDictionary[Task[..., Any], _Entry] = weakref.WeakKeyDictionary()
        self._numbers = itertools.count()
        self._ready: set[int] = set()
        self._lock = threading.RLock()

    def reduce(self, obj: Any, met: set[int]) -> Any:
        """How a task is written; adds its number to ``met``. Everything else is left to pickle."""
        if not isinstance(obj, Task) or _has_a_name(obj):
            return NotImplemented
        number = self.number(obj, _code_of(obj))
        met.add(number)
        return task_at, (number,)

    def prepare(self, met: set[int]) -> None:
        """Make what workers will be sent of these tasks.

        Raises:
            Exception: What pickling one of them raises.
        """
        if not met <= self._ready:
            self._ready.update(self.bodies(met, self._ready))

    def bodies(self, met: set[int], known: Collection[int]) -> dict[int, bytes]:
        """What a worker must be sent so that it knows these tasks and all that stand in them.

        Args:
            met: The numbers.
            known: What it has.
        """
        bodies: dict[int, bytes] = {}
        pending = [number for number in met if number not in known]
        while pending:
            number = pending.pop()
            if number not in bodies:
                bodies[number], others = self._body(number)
                pending.extend(other for other in others if other not in known)
        return bodies

    def number(self, task: Task[..., Any], code: bytes | None) -> int:
        """The number of a task whose code has this digest.

        Args:
            task: The task.
            code: The digest; None where it has no identity.
        """
        with self._lock:
            entry = self._entries.get(task)
            if entry is None or entry.code != code:
                entry = self._entries[task] = _Entry(next(self._numbers), code)
                self.tasks[entry.number] = task
            return entry.number

    def _body(self, number: int) -> tuple[bytes, frozenset[int]]:
        task = self.tasks[number]
        with self._lock:
            entry = self._entries[task]
        if entry.body is None:
            others: set[int] = set()
            state: Any = task
            if not _has_a_name(task):
                state = {name: value for name, value in vars(task).items() if name not in _NOT_SENT}
            body = b"".join(packed((type(task), state), lambda obj: self.reduce(obj, others)))
            with self._lock:
                entry.others, entry.body = frozenset(others), body
        return entry.body, entry.others


def _has_a_name(task: Task[..., Any]) -> bool:
    """Whether a worker finds the task by importing it."""
    return isinstance(task.__reduce__(), str) and is_importable(task.__module__)


def _code_of(task: Task[..., Any]) -> bytes | None:
    try:
        return task.info.code
    except JumarError:  # it has no identity, and is only passed on
        return None
