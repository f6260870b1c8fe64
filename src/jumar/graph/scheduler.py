"""The scheduler: a pure state machine that says which call may run next and what fails with what.

It is told what happened (``add``, ``start``, ``finish``, ``fail``, ``cancel``) and answers with calls. The engine calls
it under one lock, so nothing here knows of threads.
"""

from __future__ import annotations

from collections import deque

from jumar.graph.call import CANCELLED, DONE, FAILED, NEW, READY, RUNNING, WAITING, Call, CallState


class Scheduler:
    """Keeps the calls that have not finished, in the order in which they may run.

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

    def __init__(self) -> None:
        self._ready: deque[Call] = deque()
        self._queued = 0

    def __len__(self) -> int:
        """How many calls are ready and wait for a worker."""
        return self._queued

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

    def take(self) -> Call | None:
        """The next call to run, now marked as running; None when none is ready."""
        ready = self._ready
        while ready:
            call = ready.popleft()
            if call.state is READY:  # else it was started out of turn, or cancelled, and only its place is left
                call.state = RUNNING
                self._queued -= 1
                return call
        return None

    def start(self, call: Call) -> bool:
        """Mark a ready call as running out of turn; False when it is not ready."""
        if call.state is not READY:
            return False
        call.state = RUNNING
        self._queued -= 1
        return True

    def finish(self, call: Call) -> None:
        """Note that a call has its result; those that waited for it alone become ready."""
        call.state = DONE
        dependants = call.dependants
        if dependants is None:
            return
        call.dependants = None
        for dependant in dependants:
            if dependant.state is WAITING:
                dependant.missing -= 1
                if not dependant.missing:
                    self._make_ready(dependant)

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
        if call.state not in (NEW, WAITING, READY):
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
        self.add(call)

    def _make_ready(self, call: Call) -> None:
        call.missing = 0
        call.state = READY
        self._ready.append(call)
        self._queued += 1

    def _doom(self, call: Call, state: CallState, error: BaseException | None) -> list[Call]:
        doomed: list[Call] = []
        stack = [call]
        while stack:
            lost = stack.pop()
            if lost.state in (DONE, FAILED, CANCELLED):
                continue
            if lost.state is READY:
                self._queued -= 1
            lost.state = state
            lost.error = error
            doomed.append(lost)
            if lost.dependants:
                stack.extend(reversed(lost.dependants))
            lost.dependants = None
        return doomed


def depends(call: Call, on: Call) -> bool:
    """Whether a call cannot finish before another does: through what it needs, or what it is blocked on.

    A call about to wait asks this of the call it would wait for: True means that the wait would never end.
    """
    seen: set[int] = set()
    stack = [call]
    while stack:
        current = stack.pop()
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
