"""How calls end: with a result, a kept one, an error, or not at all; and who is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from jumar.crew import NOBODY, Crew
from jumar.errors import StoreError
from jumar.events import CallEnded, Event, How
from jumar.future import NOT_READ, Future
from jumar.graph.call import CANCELLED, RUNNING, Call
from jumar.graph.scheduler import Scheduler
from jumar.live import Live
from jumar.record import Recorder
from jumar.result import Failed, Result, Shared
from jumar.unkept import Unkept


class Endings:
    """Ends the calls of one engine.

    Args:
        live: The engine's.
        scheduler: The engine's.
        crew: The engine's.
        recorder: The engine's.
        listeners: Who is told of calls that ended.
    """

    def __init__(
        self,
        live: Live,
        scheduler: Scheduler,
        crew: Crew,
        recorder: Recorder,
        listeners: list[Callable[[Event], None]],
    ) -> None:
        self._live = live
        self._latch = live.latch
        self._scheduler = scheduler
        self._crew = crew
        self._recorder = recorder
        self._listeners = listeners

    def successor(self) -> Call | None:
        """The next call of the worker that asks; others are sent to those that are free."""
        with self._latch:
            successor = self._crew.next()
            workers = self._crew.free()
        self._crew.start(workers)
        return successor

    def complete(self, call: Call, outcome: Result, trouble: StoreError | None, and_next: bool) -> Call | None:
        """End a running call with its result; with ``and_next``, the next call for this worker."""
        successor: Call | None = None
        workers: Sequence[Call] = NOBODY
        is_new = call.attempts > 0
        with self._latch:
            if call.state is not RUNNING:
                return self._crew.next() if and_next else None
            call.outcome = outcome
            if type(outcome) is Unkept:
                outcome.is_sole = call.dependants is None and call.followers is None
            if is_new:
                self._live.computed += call.counted
            else:  # its function ran in another session, and what it returned in this one
                self._live.restored += 1
            self._scheduler.finish(call)
            self._live.leave(call)
            if and_next:
                successor = self._crew.next()
                workers = self._crew.free()
        call.drop_inputs()
        self.settle(call, trouble)
        if workers:
            self._crew.start(workers)
        if self._listeners and call.counted:
            self._tell(CallEnded(call.key, call.task.name, "computed" if is_new else "restored", call.seconds))
        return successor

    def restore(self, call: Call, result: Result, and_next: bool) -> Call | None:
        """End a call with its kept result; with ``and_next``, the next call for this worker."""
        call.outcome = result
        workers: Sequence[Call] = NOBODY
        with self._latch:
            self._live.restored += 1
            releases = and_next or call.dependants is not None  # else nobody becomes free, and nothing ready
            self._scheduler.finish(call)
            self._live.leave(call)
            successor = self._crew.next() if and_next else None
            if releases:
                workers = self._crew.free()
        self.settle(call, None)
        if workers:
            self._crew.start(workers)
        if self._listeners:
            self._tell(CallEnded(call.key, call.task.name, "restored", 0.0))
        return successor

    def end_unentered(self, call: Call, future: Future[Any], result: Result) -> bool:
        """End a call with its kept result before it is entered; False where that cannot be, as an equal one is under way."""
        live = self._live
        with self._latch:
            if live.is_closed or call.key in live.calls:
                return False
            live.restored += 1
            call.entered = True
            call.outcome = result
            self._scheduler.finish(call)
        if call.run is not None:
            call.run.ends(call)
        future.settle(result.value if type(result) is Shared else NOT_READ)
        if self._listeners:
            self._tell(CallEnded(call.key, call.task.name, "restored", 0.0))
        return True

    def fail(self, call: Call, error: BaseException, seconds: float, *, is_kept: bool = False) -> None:
        """End a call, and all that need it, with an error; ``is_kept`` says that it was found, and is not to be recorded."""
        if call.keep and call.state is RUNNING and isinstance(error, Exception) and not is_kept:
            self._recorder.failure(call, error, seconds)
        self.doom(call, error, "failed", seconds)

    def doom(self, call: Call, error: BaseException, how: How, seconds: float = 0.0) -> None:
        """End a call, and all that can never run because of it; calls that answer with the error may run now."""
        failed = Failed(error)
        with self._latch:
            lose = self._scheduler.abandon if how == "cancelled" else self._scheduler.fail
            doomed = lose(call, error)  # nothing, if it was abandoned meanwhile
            counted = sum(lost.counted for lost in doomed)
            if how == "cancelled":
                self._live.cancelled += counted
            else:
                self._live.failed += counted
            for lost in doomed:
                lost.outcome = failed
                self._live.leave(lost)
            workers = self._crew.free()
        self.end(doomed, how, seconds)
        self._crew.start(workers)

    def settle(self, call: Call, trouble: StoreError | None) -> None:
        """Give a finished call's result to its futures."""
        result: Result = call.outcome
        value = result.value if type(result) is Shared else NOT_READ
        for future in call.release():
            if trouble is not None:
                future.store_error = trouble
            future.settle(value)

    def end_if_doomed(self, call: Call) -> None:
        """End a call that was dead on arrival, because something it needs had failed or was cancelled."""
        with self._latch:
            if self._live.calls.get(call.key) is not call:
                return
            call.outcome = _outcome_of_the_lost(call)
            how: How = "cancelled" if call.state is CANCELLED else "failed"
            self._live.failed += call.counted and how == "failed"
            self._live.cancelled += call.counted and how == "cancelled"
            self._live.leave(call)
        self.end([call], how, 0.0)

    def lose(self, lost: Call) -> None:
        """Note that a call can never run, because something it needs failed. The latch is held."""
        lost.outcome = _outcome_of_the_lost(lost)
        self._live.failed += lost.counted
        self._live.leave(lost)

    def end(self, calls: Sequence[Call], how: How, seconds: float) -> None:
        """Tell the futures of calls that have no result."""
        for index, call in enumerate(calls):
            if how == "cancelled":  # what failed may yet be returned by its maker, and is then kept with what it had
                call.args = call.kwargs = None
            for future in call.release():
                future.settle(cancelled=how == "cancelled")
            if self._listeners and call.counted:
                self._tell(CallEnded(call.key, call.task.name, how, 0.0 if index else seconds))

    def _tell(self, event: Event) -> None:
        for listener in self._listeners:
            listener(event)


def _outcome_of_the_lost(call: Call) -> Failed | None:
    return next((need.outcome for need in call.needs if need.error is call.error), None)
