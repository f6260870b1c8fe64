"""Working for a wait: a thread that waits for a call runs it, after what it needs, in the place of the one that waits."""

from __future__ import annotations

from collections.abc import Callable

from jumar.crew import Crew
from jumar.graph.call import READY, RUNNING, WAITING, Call
from jumar.graph.scheduler import Scheduler
from jumar.latch import Latch

Enough = Callable[[], bool]
"""Whether whoever waits need not wait any more."""


class Wanted:
    """Runs calls in the threads that wait for them.

    Nothing else is run there in the meantime: it might wait for a call that is under way further down on the stack, which
    could not go on before it. What a wanted call needs cannot do so without a ring of waits, which is refused.

    Args:
        latch: The engine's.
        scheduler: The engine's.
        crew: The engine's.
        run: Runs a call that the scheduler has marked as running, in the current thread.
        in_place: Whether calls run in the threads that make them, so that no other thread can be let in instead.
    """

    def __init__(
        self, latch: Latch, scheduler: Scheduler, crew: Crew, run: Callable[[Call], object], *, in_place: bool
    ) -> None:
        self._latch = latch
        self._scheduler = scheduler
        self._crew = crew
        self._run = run
        self._in_place = in_place

    def work(self, call: Call, enough: Enough) -> None:
        """Run a call in this thread, after what it needs; what others run at the moment is left to them."""
        stack: list[tuple[Call, tuple[Call, ...] | None]] = [(call, None)]
        while stack and not enough():
            current, seen = stack.pop()
            with self._latch:
                claimed = self._claim(current)
            if claimed:
                self._run(current)
                self.let_others_in()
                stack.append((current, None))  # it may have returned others, which it needs now
            elif current.state is WAITING and current.needs is not seen:
                stack.append((current, current.needs))
                stack.extend((need, None) for need in reversed(current.needs) if need.state in _TO_RUN)

    def _claim(self, call: Call) -> bool:
        """Mark a call as running in this thread, if it may. The latch is held."""
        if self._in_place:
            return self._scheduler.start(call)
        if call.state not in (READY, RUNNING) or _has_timeout(call) or not self._crew.may_take(call):
            return False
        if self._crew.reclaim(call):
            return True
        # One of a higher priority comes first: the wait lends this worker's place to it.
        return not self._scheduler.queue(call.executor).has_above(call.priority) and self._scheduler.start(call)

    def let_others_in(self) -> None:
        """Start what may run now."""
        with self._latch:
            workers = self._crew.free()
        self._crew.start(workers)


_TO_RUN = (WAITING, READY, RUNNING)
"""States of calls that a waiting thread may run: of those that are running, the ones that no worker has begun."""


def _has_timeout(call: Call) -> bool:
    """Whether this thread would be stuck with the call's function when its time is over."""
    return call.task is not None and call.task.policy is not None and call.task.policy.timeout_s is not None
