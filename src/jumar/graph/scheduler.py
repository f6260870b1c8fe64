"""The scheduler: a pure state machine that says which call may run next and what fails with what.

It is told what happened (``add``, ``start``, ``finish``, ``fail``, ``cancel``, ``skip``) and answers with calls. The engine calls
it under one lock, so nothing here knows of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from jumar.graph.call import CANCELLED, DONE, FAILED, NEW, NOTHING, READY, RUNNING, SKIPPED, WAITING, Call, CallState
from jumar.graph.queue import Queue
from jumar.graph.resources import Demand, Pool


class Scheduler:
    """Keeps the calls that have not finished, in the order in which they may run.

    Args:
        capacity: How much there is of each resource that calls may demand.

    Example:
        >>> scheduler = Scheduler()
        >>> first, second = Call(b"1"), Call(b"2")
        >>> second.needs = (first,)
        >>> scheduler.add(first), scheduler.add(second)
        ([], [])
        >>> call = scheduler.take()
        >>> call is first, scheduler.take() is None
        (True, True)
        >>> scheduler.finish(first)
        >>> scheduler.take() is second
        True
    """

    def __init__(self, capacity: Demand | None = None) -> None:
        self.pool = Pool(capacity or {})
        self.skipped: set[Call] = set()
        """Those that nobody needs any more and nobody has asked for."""
        self._own = Queue(self.pool)
        self._others: dict[str, Queue] = {}

    def __len__(self) -> int:
        """How many calls are ready and wait for a worker."""
        return self._own.waiting + sum(queue.waiting for queue in self._others.values())

    def queue(self, executor: str | None) -> Queue:
        """The calls that are ready for an executor: for `take`. An executor must have one before a call names it."""
        return self._own if executor is None else self._others.setdefault(executor, Queue(self.pool))

    def add(self, call: Call) -> list[Call]:
        """Take in a new call; what it needs must have been added before.

        Returns:
            The calls that can never run because of it: the call itself where something it needs has failed or was
            cancelled (its ``error`` says what), else nothing.
        """
        missing = 0
        for need in call.needs:
            state = need.state
            if state in (FAILED, CANCELLED):
                return self._doom(call, state, need.error)
            if state != DONE:
                if state is SKIPPED:
                    self._take_up(need)
                missing += 1
                if need.dependants is None:
                    need.dependants = [call]
                else:
                    need.dependants.append(call)
        if missing:
            call.missing = missing
            call.state = WAITING
        else:
            self._make_ready(call)
        return []

    def take(self, queue: Queue | None = None) -> Call | None:
        """The next call to run, now marked as running; None when none is ready.

        Args:
            queue: An executor's; by default that of the calls that name none.
        """
        queue = queue or self._own
        parked = queue.parked.first()
        above = None if parked is None else parked.priority
        while (call := queue.ready.take(above)) is not None and not self.start(call):
            queue.parked.add(call)
        if call is None and parked is not None:
            call = queue.parked.take(parked)
            self.start(call)
        return call

    def start(self, call: Call) -> bool:
        """Mark a ready call as running out of turn; False when it is not ready."""
        if call.state is not READY or (call.demand and not self._reserve(call)):
            return False
        call.state = RUNNING
        self._queue_of(call).waiting -= 1
        return True

    def unlist(self, call: Call) -> None:
        """Keep nothing of a call that was added a moment ago and runs already; else its place in the line would."""
        self._queue_of(call).ready.unlist(call)

    def _reserve(self, call: Call) -> bool:
        assert call.demand is not None
        if not self.pool.fits(call.demand):
            return False
        self.pool.take(call.demand)
        return True

    def lend(self, call: Call) -> None:
        """Let others have what a running call holds, while it only waits."""
        if call.demand and call.state is RUNNING and not call.lent:
            self._give_back(call)
            call.lent = True

    def take_back(self, call: Call) -> None:
        """Let a call that had lent what it holds go on, even if for a while more is in use than there is."""
        if call.lent:  # else it was given up meanwhile, and holds nothing any more
            call.lent = False
            if call.demand:
                self.pool.take(call.demand)

    def _give_back(self, call: Call) -> None:
        """Free what a call holds, unless it has lent that."""
        if call.lent:
            call.lent = False
        elif call.demand:
            self.pool.give(call.demand)
            for queue in (self._own, *self._others.values()):
                queue.parked.look_again()

    def finish(self, call: Call) -> None:
        """Note that a call has its result; those that waited for it alone become ready."""
        if call.demand and call.state is RUNNING:
            self._give_back(call)
        call.state = DONE
        dependants = call.dependants
        if dependants is None:
            return
        call.dependants = None
        for dependant in dependants:
            if dependant.state is WAITING:
                dependant.missing -= 1
                if not dependant.missing:
                    self._make_ready(dependant, is_released=True)
            elif dependant.state is SKIPPED:
                dependant.missing -= 1

    def carry_on(self, call: Call, needs: tuple[Call, ...]) -> list[Call]:
        """Note that a running call returned other calls, which are known here: it is ready again when they have ended.

        Returns:
            As `add`.
        """
        if call.demand:
            self._give_back(call)
        call.needs = needs
        call.state = NEW
        lost = next((need for need in needs if need.state in (FAILED, CANCELLED)), None)
        if lost is not None and _answers(call, lost.state, lost.error):
            call.caught = lost.error
            self._make_ready(call, is_released=True)
            return []
        return self.add(call)

    def hand_over(self, call: Call, tail: Call) -> list[Call]:
        """Let the calls that end as ``call`` does end as ``tail`` does, because that is how ``call`` will end.

        A chain of calls that each return the next one is thus never longer than two.

        Args:
            call: A call whose function returned ``tail`` and nothing else.
            tail: A call that is known here and has not ended.

        Returns:
            The calls that were handed over: nobody waits for ``call`` for their sake any more.
        """
        if call.catches:  # it ends with an answer of its own, which is not what ``tail`` ends with
            return []
        handed = [each for each in call.dependants or () if each.tail is call and each.state is WAITING]
        for each in handed:
            each.needs = (tail,)
            each.tail = tail
        if handed:
            self._take_up(tail)
            call.dependants = [each for each in call.dependants or () if each.tail is not tail] or None
            call.passed = 0
            tail.dependants = [*(tail.dependants or ()), *handed]
        return handed

    def put_aside(self, call: Call) -> None:
        """Take a call out that ended without a result of its own; it may be added again."""
        if call.demand and call.state is RUNNING:
            self._give_back(call)
        call.state = NEW

    def fail(self, call: Call, error: BaseException) -> list[Call]:
        """Note that a call failed.

        Returns:
            The call and all its descendants, each with the same ``error``: exactly those that can no longer run.
        """
        return self._doom(call, FAILED, error)

    def cancel(self, call: Call, error: BaseException) -> list[Call]:
        """Take back a call that has not started.

        Returns:
            The call and all its descendants, now cancelled; nothing when it runs already or has finished.
        """
        if call.state not in (NEW, WAITING, READY, SKIPPED):
            return []
        return self._doom(call, CANCELLED, error)

    def abandon(self, call: Call, error: BaseException) -> list[Call]:
        """Give up a call that has not ended, even if it runs: whatever comes of the run is not wanted any more.

        Returns:
            The call and all its descendants, now cancelled.
        """
        return self._doom(call, CANCELLED, error)

    def revive(self, call: Call) -> None:
        """Let a finished call run once more, because its kept result turned out to be damaged."""
        call.state = NEW
        call.passed = 0
        self.add(call)

    def skip(self, needs: Iterable[Call], may: Callable[[Call], bool], reclaim: Callable[[Call], bool]) -> list[Call]:
        """Set aside those of the calls that nobody needs any more, and what is needed for them alone.

        Args:
            needs: What a call needs that turned out to be done without them.
            may: Whether a call may be left out as far as others are concerned.
            reclaim: Takes a call back that was taken from here, if nobody has begun with it; whether that was so.

        Returns:
            The calls that are now skipped. They run after all if a call is added that needs them, or if they are wanted.
        """
        skipped: list[Call] = []
        stack = list(needs)
        while stack:
            call = stack.pop()
            if call.state not in (WAITING, READY, RUNNING) or call.wanted or call.tail is not NOTHING:
                continue
            if self._is_needed(call) or not may(call) or (call.state is RUNNING and not reclaim(call)):
                continue
            if call.state is READY:
                self._queue_of(call).waiting -= 1
            elif call.state is RUNNING and call.demand:
                self._give_back(call)
            call.state = SKIPPED
            skipped.append(call)
            stack.extend(call.needs)
        self.skipped.update(skipped)
        return skipped

    def want(self, call: Call) -> None:
        """Let a skipped call run after all, and what it needs; nothing happens to one that is not skipped."""
        if call.state is SKIPPED:
            call.wanted = True
            self._take_up(call)

    def _take_up(self, call: Call) -> None:
        """Line a skipped call up again, and what it needs: each may be skipped once more when nobody needs it any more."""
        stack = [call]
        while stack:
            again = stack.pop()
            if again.state is not SKIPPED:
                continue
            self.skipped.discard(again)
            for need in again.needs:
                need.passed = 0  # it may have been passed over among the dependants of that
                stack.append(need)
            if again.missing:
                again.state = WAITING
            else:
                self._make_ready(again)

    @staticmethod
    def _is_needed(call: Call) -> bool:
        """Whether some call waits for this one. Those that do not are never looked at again: it may have a million."""
        dependants = call.dependants or ()
        while call.passed < len(dependants):
            if dependants[call.passed].state is WAITING:
                return True
            call.passed += 1
        return False

    def put_off(self, call: Call) -> None:
        """Note that a running call cannot run now after all; it waits until `resume` says that it can."""
        if call.demand:
            self._give_back(call)
        call.missing = 1
        call.state = WAITING

    def resume(self, call: Call) -> None:
        """Let a call run that was put off; nothing happens if it was cancelled meanwhile."""
        if call.state is WAITING:
            self._make_ready(call)

    def hand_back(self, calls: Sequence[Call]) -> None:
        """Let calls wait for a worker again that were taken and have not begun; they come before others, in their order."""
        for call in reversed(calls):
            if call.demand:
                self._give_back(call)
            self._make_ready(call, is_released=True)

    def _make_ready(self, call: Call, *, is_released: bool = False) -> None:
        """Line a call up; ``is_released`` says that it waited for something, which has ended."""
        call.missing = 0
        call.state = READY
        queue = self._queue_of(call)
        if is_released:
            queue.ready.add_released(call)
        else:
            queue.ready.add(call)
        queue.waiting += 1

    def _queue_of(self, call: Call) -> Queue:
        return self._own if call.executor is None else self._others[call.executor]

    def _doom(self, call: Call, state: CallState, error: BaseException | None) -> list[Call]:
        doomed: list[Call] = []
        stack = [call]
        while stack:
            lost = stack.pop()
            if lost.state in (DONE, FAILED, CANCELLED):
                continue
            if lost is not call and lost.tail is not NOTHING and (lost.caught or _answers(lost, state, error)):
                if lost.caught is None and lost.state is WAITING:  # else it is about to end with an answer, or has
                    lost.caught = error
                    self._make_ready(lost, is_released=True)
                continue
            if lost.state is READY:
                self._queue_of(lost).waiting -= 1
            elif lost.state is RUNNING and lost.demand:
                self._give_back(lost)
            elif lost.state is SKIPPED:
                self.skipped.discard(lost)
            lost.state = state
            lost.error = error
            doomed.append(lost)
            if lost.dependants:
                stack.extend(reversed(lost.dependants))
            lost.dependants = None
        return doomed


def _answers(call: Call, state: CallState, error: BaseException | None) -> bool:
    """Whether a call answers with what became of something that it returned. That it was cancelled is no answer."""
    return call.catches is not None and state is FAILED and isinstance(error, call.catches)


def depends(call: Call, on: Call, live: Mapping[bytes, Call] | None = None) -> bool:
    """Whether a call cannot finish before another does: through what it needs, or what it is blocked on.

    A call about to wait asks this of the call it would wait for: True means that the wait would never end.

    Args:
        call: The one that would be waited for.
        on: The one that would wait.
        live: The calls under way, which take the place of equal ones that were only described.
    """
    live = live or {}
    seen: set[int] = set()
    stack = [call]
    while stack:
        current = stack.pop()
        if current.state is NEW:
            current = live.get(current.key, current)
        if current is on:
            return True
        if id(current) in seen or current.state in (DONE, FAILED, CANCELLED):
            continue
        seen.add(id(current))
        stack.extend(current.needs)
        if current.blocked_on is not None:
            stack.append(current.blocked_on)
    return False


def upstream_first(calls: list[Call]) -> list[Call]:
    """The calls in an order in which each comes after those of them that it needs."""
    inside = {id(call) for call in calls}
    ordered: list[Call] = []
    placed: set[int] = set()
    stack = [(call, False) for call in reversed(calls)]
    while stack:
        call, is_ready = stack.pop()
        if id(call) in placed:
            continue
        if is_ready:
            placed.add(id(call))
            ordered.append(call)
        else:
            stack.append((call, True))
            stack.extend((need, False) for need in call.needs if id(need) in inside and id(need) not in placed)
    return ordered
