"""The crew: how many workers of an executor are at work, and which calls are given to those that are free.

A call that was given to a worker is on its way until that worker has begun with it. Until then whoever waits for the call
may take it back and run it, so that a wait costs a thread only where the call has really begun elsewhere.

Every method but `start` is called with the engine's latch held.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from jumar.executors import Distant, Executor
from jumar.graph.call import RUNNING, Call
from jumar.graph.scheduler import Scheduler
from jumar.here import PLACE, here
from jumar.latch import Latch

NOBODY: tuple[Call, ...] = ()


class Memory(Protocol):
    """What a crew asks of the memory that its calls use, where that is bounded. The latch is held."""

    def is_short(self) -> bool:
        """Whether no further call should begin while others go on."""

    def begin(self, call: Call) -> None:
        """Reserve what a call is about to use."""


class Crew:
    """Counts the workers of an executor.

    Args:
        executor: Where they are.
        scheduler: Says what may run.
        latch: The engine's.
        serve: What a worker does with the first call it is given.
        in_place: The engine, where its calls run in the threads that make them. There nothing is started on top of a
            call that has not ended: it might wait for that one, which could not go on before it.
        name: The name by which calls ask for the executor; None for the one of those that name none.
    """

    def __init__(
        self,
        executor: Executor,
        scheduler: Scheduler,
        latch: Latch,
        serve: Callable[[Call], None],
        in_place: object = None,
        name: str | None = None,
    ) -> None:
        self.name = name
        self._executor = executor
        self._distant = executor if isinstance(executor, Distant) else None
        self._scheduler = scheduler
        self._queue = scheduler.queue(name)
        self._latch = latch
        self._serve = serve
        self._in_place = in_place
        self._open = 0
        self._places = executor.workers
        self._at_work = self._lent = 0
        self._on_the_way: set[Call] = set()
        self._memory: Memory | None = None

    def free(self) -> Sequence[Call]:
        """Calls for the workers that are free now, to be given to `start` once the latch is let go."""
        if self._at_work >= self._places or not self._queue.waiting:
            return NOBODY
        if self._in_place is not None and not self._open and PLACE.get().engine is self._in_place:
            return NOBODY
        calls: list[Call] = []
        while self._at_work < self._places:
            if self._memory is not None and self._is_held_back(self._at_work):
                break
            if (call := self._scheduler.take(self._queue)) is None:
                break
            if self._memory is not None:
                self._memory.begin(call)
            self._at_work += 1
            self._on_the_way.add(call)
            calls.append(call)
        return calls

    def next(self) -> Call | None:
        """The next call of the worker that asks; None sends it home."""
        is_welcome = self._at_work <= self._places
        if self._memory is not None and self._is_held_back(self._at_work - 1):
            is_welcome = False
        call = self._scheduler.take(self._queue) if is_welcome else None
        if call is None:
            self._at_work -= 1
        elif self._memory is not None:
            self._memory.begin(call)
        return call

    def more(self, most: int, fits: Callable[[Call], bool]) -> list[Call]:
        """Further calls for a worker, no more than its share of those that wait; the last may not fit, and ends the list.

        Args:
            most: How many at most.
            fits: Whether a call may be followed by others.
        """
        if self._memory is not None or self._at_work > self._places:  # what each begins with is counted there
            return []
        queue = self._queue
        share = min(most, queue.waiting // self._places)
        calls: list[Call] = []
        while len(calls) < share and (call := self._scheduler.take(queue)) is not None:
            calls.append(call)
            if not fits(call):
                break
        return calls

    def reclaim(self, call: Call) -> bool:
        """Take back a call that no worker has begun with, to run it in this thread; False where one has."""
        crew = self.of(call)._on_the_way  # noqa: SLF001  (of another object of this class)
        if call not in crew or call.state is not RUNNING:
            return False
        crew.discard(call)
        return True

    def _is_held_back(self, others: int) -> bool:
        """Whether memory is short while so many others are at work. Those that only wait may wait for what begins now."""
        return self._memory is not None and others > self._lent and self._memory.is_short()

    def leave(self) -> None:
        """A worker that was interrupted is gone."""
        self._at_work -= 1

    def lend(self, places: int) -> None:
        """Let so many more in, for workers that only wait; a negative number takes places back."""
        self._places += places
        self._lent += places

    def resize(self, by: int) -> None:
        """Let so many more in, or fewer, for good."""
        self._places += by

    def bound(self, memory: Memory) -> None:
        """Let calls begin only where memory is not short, or none goes on otherwise."""
        self._memory = memory

    def open_up(self, times: int) -> None:
        """Let calls start on top of others that wait for nobody knows what; a negative number closes that again."""
        self._open += times

    def start(self, calls: Sequence[Call]) -> None:
        """Give each call to a worker of its own."""
        for call in calls:
            self._executor.submit(self._work, call)

    # -- which crew of several; see `Crews` -------------------------------------------------------------------------

    def of(self, call: Call) -> Crew:  # noqa: ARG002  (there is one)
        """The crew whose workers run the call."""
        return self

    def named(self, name: str | None) -> Crew:  # noqa: ARG002  (there is one)
        """The crew of the executor of this name."""
        return self

    def mine(self) -> Crew | None:
        """The crew of which this thread is a worker; None where it is none of this engine's."""
        return self if here.crew is self else None

    def may_take(self, call: Call) -> bool:  # noqa: ARG002  (whatever there is to run is this crew's)
        """Whether this thread may run the call in the place of one that waits for it."""
        return True

    def _work(self, call: Call) -> None:
        before, here.crew = here.crew, self
        try:
            if self._distant is not None:
                self._distant.prepare(call)
            with self._latch:
                first = self._begin(call)
            if first is not None:
                self._serve(first)
        finally:
            here.crew = before

    def _begin(self, call: Call) -> Call | None:
        """What a worker begins with: the call that it was sent for, or another one if that was taken back meanwhile."""
        if call in self._on_the_way:
            self._on_the_way.discard(call)
            if call.state is RUNNING:  # else it was cancelled
                return call
        return self.next()
