"""Skipping calls: those that have not begun, and that nobody needs once what they were made for was found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from typing import Any

from jumar.crew import Crew
from jumar.endings import Endings
from jumar.events import CallEnded, Event
from jumar.graph.call import DONE, RUNNING, SKIPPED, Call
from jumar.graph.scheduler import Scheduler, upstream_first
from jumar.live import Live
from jumar.result import unkept_result


class Skipping:
    """Sets calls of one engine aside, and lets them run after all when somebody asks for them.

    A call is skipped if all that needs it was found, or was skipped itself, as long as nobody can tell whether it ran: it
    has not begun, nobody has asked for its future, and it leaves nothing behind but its result.

    Args:
        live: The engine's.
        scheduler: The engine's.
        crew: The engine's.
        endings: The engine's.
        await_end: Waits until a call has ended.
        inputs: The arguments of a call, with the values of the calls among them.
        listeners: Who is told of calls that ended.
    """

    def __init__(
        self,
        live: Live,
        scheduler: Scheduler,
        crew: Crew,
        endings: Endings,
        await_end: Callable[[Call], None],
        inputs: Callable[[Call], tuple[tuple[Any, ...], dict[str, Any] | None]],
        listeners: list[Callable[[Event], None]],
    ) -> None:
        self._live = live
        self._scheduler = scheduler
        self._crew = crew
        self._endings = endings
        self._await_end = await_end
        self._inputs = inputs
        self._listeners = listeners

    def spare(self, needs: Iterable[Call]) -> None:
        """Skip what nobody needs any more of what a call needed that was found."""
        unfinished = [call for need in needs if (call := need.twin or need).state is not DONE]
        if not unfinished:  # nearly always, in a program that finds most of its calls
            return
        workers: Sequence[Call] = ()
        with self._live.latch:
            skipped = self._scheduler.skip(unfinished, may_be_skipped, self._crew.reclaim)
            # Who asks makes a note at the future first and looks at the state then; here it is the other way round. So
            # nobody waits for what is skipped, whoever was first.
            for call in skipped:
                if _is_asked_for(call):
                    self._scheduler.want(call)
            if skipped:
                workers = self._crew.free()
                self._live.look_again()
        self._crew.start(workers)

    def want(self, call: Call) -> None:
        """Let a call run that was skipped, as somebody asks for it; after the session's end, here and now."""
        workers: Sequence[Call] = ()
        with self._live.latch:
            if call.state is not SKIPPED:
                return
            is_late = self._live.is_closed
            if not is_late:
                self._scheduler.want(call)
                workers = self._crew.free()
        self._crew.start(workers)
        if is_late:
            for each in upstream_first(_skipped_for(call)):
                self._run_late(each)

    def end(self) -> None:
        """Let go of what is skipped when the session ends; it has no result, but may still be asked for."""
        live = self._live
        with live.latch:
            skipped = list(self._scheduler.skipped)
            self._scheduler.skipped.clear()
            live.never_run += sum(call.counted for call in skipped)
            for call in skipped:
                live.leave(call)
        for call in skipped:
            if call.counted:
                for listener in self._listeners:
                    listener(CallEnded(call.key, call.task.name, "skipped", 0.0))

    def _run_late(self, call: Call) -> None:
        """Run a skipped call in this thread, unless another one does or something it needs has failed."""
        with self._live.latch:
            if call.state is not SKIPPED:
                return
            call.state = RUNNING
            self._live.never_run -= call.counted
        try:
            for need in call.needs:
                self._await_end(need)
            afterwards = import_module("jumar.afterwards")  # what knows sessions, and what is hardly ever needed
            value = afterwards.computed(call, *self._inputs(call))
        except BaseException as error:
            self._endings.fail(call, error, 0.0, is_kept=True)
            if not isinstance(error, Exception):
                raise
        else:
            call.attempts += 1
            self._endings.complete(call, unkept_result(value), None, and_next=False)


def may_be_skipped(call: Call) -> bool:
    """Whether nobody can tell whether a call ran that has not ended."""
    is_fresh = call.serial == 0 and call.suspect is None
    is_to_be_refreshed = call.counted and not call.look  # of parts nothing is ever looked for
    is_silent = call.task.is_pure and not call.journaled and not call.unrepeatable and not is_to_be_refreshed
    # What it shares with the caller may be changed once the caller thinks that the call is over.
    return is_fresh and is_silent and not call.fragile and not _is_asked_for(call)


def _is_asked_for(call: Call) -> bool:
    """Whether somebody waits for the call, or wants to be told of its end."""
    futures = () if call.future is None else (call.future, *(call.followers or ()))
    return any(future.is_watched for future in futures)


def _skipped_for(call: Call) -> list[Call]:
    """The call and what it needs, as far as it is skipped."""
    found: dict[int, Call] = {}
    stack = [call]
    while stack:
        each = stack.pop()
        if each.state is SKIPPED and id(each) not in found:
            found[id(each)] = each
            stack.extend(each.needs)
    return list(found.values())
