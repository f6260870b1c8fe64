"""The crews of an engine with several executors: each call goes to the workers of the one that it names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from jumar.crew import Crew, Memory
from jumar.executors import Executor
from jumar.graph.call import Call
from jumar.graph.scheduler import Scheduler
from jumar.here import here
from jumar.latch import Latch


class Crews(Crew):
    """The crew of the executor that calls without a name run on, together with those of the named ones.

    A worker takes further calls, and lends its place, within its own crew.

    Args:
        executor: The one of calls that name none.
        named: The others.
        scheduler: Says what may run.
        latch: The engine's.
        serve: What a worker does with the first call it is given.
    """

    def __init__(
        self,
        executor: Executor,
        named: Mapping[str, Executor],
        scheduler: Scheduler,
        latch: Latch,
        serve: Callable[[Call], None],
    ) -> None:
        super().__init__(executor, scheduler, latch, serve)
        self._named = {name: Crew(each, scheduler, latch, serve, name=name) for name, each in named.items()}

    def free(self) -> Sequence[Call]:
        """Calls for the free workers of every crew."""
        calls = super().free()
        for crew in self._named.values():
            more = crew.free()
            if more:
                calls = [*calls, *more]
        return calls

    def next(self) -> Call | None:
        """The next call of the worker that asks, of those for its executor."""
        return super().next() if here.crew is self else here.crew.next()

    def start(self, calls: Sequence[Call]) -> None:
        """Give each call to a worker of the executor that it names."""
        for call in calls:
            if call.executor is None:
                super().start((call,))
            else:
                self._named[call.executor].start((call,))

    def bound(self, memory: Memory) -> None:
        """As for one crew: at least one call goes on in each."""
        super().bound(memory)
        for crew in self._named.values():
            crew.bound(memory)

    def of(self, call: Call) -> Crew:
        """The crew of the executor that the call names."""
        return self.named(call.executor)

    def named(self, name: str | None) -> Crew:
        """The crew of the executor of this name; None for the one of calls that name none."""
        return self if name is None else self._named[name]

    def mine(self) -> Crew | None:
        """The crew of which this thread is a worker; None where it is none of this engine's."""
        crew = here.crew
        return crew if crew is self or crew in self._named.values() else None

    def may_take(self, call: Call) -> bool:
        """Only a call for its own executor.

        A thread that is nobody's worker, where a call was made directly, stands in for one of the unnamed executor.
        """
        mine = self.mine()
        return call.executor == (None if mine is None else mine.name)


def crew_of(
    executor: Executor,
    named: Mapping[str, Executor],
    scheduler: Scheduler,
    latch: Latch,
    serve: Callable[[Call], None],
    in_place: object = None,
) -> Crew:
    """The crew, or crews, of an engine; one executor pays nothing for there being no others. See `Crew`."""
    if named and in_place is None:
        return Crews(executor, named, scheduler, latch, serve)
    return Crew(executor, scheduler, latch, serve, in_place)


def unknown_executor(name: str, task: str, known: Iterable[str]) -> str:
    """What is wrong with a call that names an executor which is not there, in words."""
    there = ", ".join(map(repr, known)) or "none"
    return (
        f"task {task!r} is to run on the executor {name!r}, which this session does not have (there are: {there}). "
        f"Give the session one, such as Session(executors={{{name!r}: 'threads'}}), or say executor=None for the "
        f"session's own."
    )
