"""Batches: calls that go to another process in one message, because sending each takes longer than running it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

from jumar.crew import Crew
from jumar.endings import Endings
from jumar.executors import Distant
from jumar.graph.call import NOTHING, RUNNING, Call
from jumar.graph.scheduler import Scheduler
from jumar.here import PLACE, Place
from jumar.latch import Latch
from jumar.record import Recorder
from jumar.worker import Ran

Inputs = tuple[tuple[Any, ...], dict[str, Any] | None]


class Loaded(NamedTuple):
    """A call with its arguments."""

    call: Call
    args: tuple[Any, ...]
    kwargs: dict[str, Any] | None
    serial: int


class Runs(Protocol):
    """What `Batch` needs of whoever runs calls."""

    crew: Crew

    def inputs(self, call: Call, *, lends: bool = False) -> Inputs:
        """The arguments, with the values of calls among them."""
        ...

    def end_as(self, call: Call, ran: Ran) -> None:
        """End a call as its function ended."""
        ...

    def take_up(self, call: Call, kept: Any) -> bool:
        """End a call with what is kept of it, if that will do."""
        ...


class Batches:
    """Makes batches of an engine's calls.

    Args:
        owner: The engine.
        runs: Runs its calls.
        latch: The engine's.
        scheduler: The engine's.
        recorder: The engine's.
        endings: Gives the endings of the engine.
    """

    def __init__(
        self,
        owner: Any,
        runs: Runs,
        latch: Latch,
        scheduler: Scheduler,
        recorder: Recorder,
        endings: Callable[[], Endings],
    ) -> None:
        self.owner = owner
        self.runs = runs
        self.latch = latch
        self.scheduler = scheduler
        self.recorder = recorder
        self._endings = endings

    @property
    def endings(self) -> Endings:
        """The engine's."""
        return self._endings()

    def gather(self, first: Call, distant: Distant) -> Batch | None:
        """A worker's call with others that are ready; None where it goes alone."""
        if not _fits(first):
            return None
        most = distant.together(first)
        if most < 2:
            return None
        with self.latch:
            more = self.runs.crew.of(first).more(most - 1, lambda call: _fits(call) and distant.together(call) > 1)
        return Batch(self, [first, *more], distant) if more else None


class Batch:
    """Some calls that one worker has been given.

    Args:
        batches: Whose it is.
        calls: In the order in which they are to run; the last may have to go alone.
        distant: Where they run.
    """

    def __init__(self, batches: Batches, calls: list[Call], distant: Distant) -> None:
        self._batches = batches
        self._distant = distant
        last = calls[-1]
        self._last = None if _fits(last) and distant.together(last) > 1 else calls.pop()
        self._calls = calls

    def run(self) -> Call | None:
        """Run the calls, and end each as soon as it is known what came of it; the next call for this worker."""
        loaded = [each for each in map(self._load, self._calls) if each is not None]
        if loaded:
            self._distant.run_functions(loaded, self)
        if self._last is not None and self._last.state is RUNNING:
            return self._last
        return self._batches.endings.successor()

    @contextmanager
    def at(self, call: Call) -> Iterator[None]:
        """In this block, the thread is at the place of a call."""
        token = PLACE.set(Place(self._batches.owner, call, PLACE.get().depth + 1, {}, call.run))
        try:
            yield
        finally:
            PLACE.reset(token)

    def ended(self, each: Loaded, ran: Ran) -> None:
        """It is known what came of a call."""
        call = each.call
        if call.serial != each.serial:
            return
        with self.at(call), self._failing(call):
            self._batches.runs.end_as(call, ran)

    def hand_back(self, rest: Sequence[Loaded]) -> None:
        """Let others run calls that have not begun."""
        calls = [each.call for each in rest]
        for call in calls:
            call.attempts -= 1
        if self._last is not None:
            calls.append(self._last)
            self._last = None
        batches = self._batches
        with batches.latch:
            batches.scheduler.hand_back([call for call in calls if call.state is RUNNING])
            workers = batches.runs.crew.free()
        batches.runs.crew.start(workers)

    def _load(self, call: Call) -> Loaded | None:
        """The call with its arguments; None where it has ended, as what it computes is kept."""
        call.serial += 1
        batches = self._batches
        with self.at(call), self._failing(call):
            args, kwargs = (call.args or (), call.kwargs)
            if call.needs:
                args, kwargs = batches.runs.inputs(call, lends=not call.task.looks_at_values)
                kept = batches.recorder.kept_for_values(call, args, kwargs)
                if kept is not None and batches.runs.take_up(call, kept):
                    return None
            if call.run is not None:
                call.run.begins(call)
            call.attempts += 1
            return Loaded(call, args, kwargs, call.serial)
        return None

    @contextmanager
    def _failing(self, call: Call) -> Iterator[None]:
        """Nobody may wait for ever for a call that ended in this block with an error."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  (it is the call's end)
            if call.state is RUNNING:
                self._batches.endings.fail(call, error, 0.0)


def _fits(call: Call) -> bool:
    """Whether nothing about a call needs the attention of a thread of its own."""
    task = call.task
    is_odd = call.awaits or call.journaled or call.demand is not None or call.tail is not NOTHING
    return not (is_odd or task.runs_here or (task.policy is not None and task.policy.timeout_s is not None))
