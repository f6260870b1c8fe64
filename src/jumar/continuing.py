"""Letting calls end as the calls end that they returned: without a thread, a stack or a copy for each level."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from jumar.continuation import Continuation, calls_in, made_again
from jumar.errors import DeadlockError, StoreError
from jumar.graph.arguments import rebuild
from jumar.graph.call import CANCELLED, DONE, FAILED, NEW, NOTHING, RUNNING, Call
from jumar.graph.scheduler import Scheduler, depends
from jumar.live import Live
from jumar.record import Recorder
from jumar.result import KeptError, Result
from jumar.worker import Ran


class Continuing:
    """Continues the calls of one engine.

    Args:
        live: The engine's.
        scheduler: The engine's.
        recorder: The engine's.
        make: Makes a call of a kept graph again; see `made_again`.
        read: Gives the value of a finished call.
    """

    def __init__(
        self,
        live: Live,
        scheduler: Scheduler,
        recorder: Recorder,
        make: Callable[[Any, tuple[Any, ...], dict[str, Any], bool, bool | None, bytes | None], Call],
        read: Callable[[Call], Any],
    ) -> None:
        self._live = live
        self._scheduler = scheduler
        self._recorder = recorder
        self._make = make
        self._read = read

    def begin(self, call: Call, tail: Any) -> None:
        """Keep the graph that a call returned; the call now needs what is in it.

        Args:
            call: Its function has just run.
            tail: What it returned, with calls in it.

        Raises:
            DeadlockError: The call returned something that cannot end before it has.
        """
        needs = calls_in(tail)
        for need in needs:
            if depends(need, call, self._live.calls):
                raise DeadlockError(
                    f"task {call.task.name!r} (key {call.key.hex()[:12]}) returned a call of {need.task.name!r} (key "
                    f"{need.key.hex()[:12]}) that cannot finish before it. A call that returns itself with the same "
                    f"arguments is the usual reason."
                )
        self._recorder.continued(call, self._heirs(call) if type(tail) is Call else (), tail)
        call.needs, call.tail = needs, tail

    def take_up(self, call: Call, continuation: Continuation) -> bool:
        """Let a call need the graph that it returned in another session; False where that cannot be had any more."""
        tail = made_again(continuation, self._make, self._recorder.known)
        if tail is NOTHING:
            return False
        call.needs, call.tail = calls_in(tail), tail
        return True

    def found(self, call: Call) -> Result | KeptError | None:
        """The kept result or error of a call; None where there is none, and then the call may need what it had returned.

        A chain of calls that each returned the next one is followed here, so that it costs no level for each.
        """
        found = self._recorder.kept(call)
        link = call
        while isinstance(found, Continuation):
            if not self.take_up(call, found):
                call.tail = NOTHING
                return None
            link = call.tail
            if type(link) is not Call or call.catches or not self._is_at_rest(link):
                return None
            found = self._recorder.kept(link)
            if link.catches and isinstance(found, Continuation):  # its end is an answer of its own, still to be made
                return None
        if found is None or link is call or isinstance(found, KeptError):
            return found
        call.tail = NOTHING
        return self._recorder.inherited(call, found)[0]

    def _is_at_rest(self, link: Call) -> bool:
        """Whether a call may be looked for that was described only."""
        return link.state is NEW and link.is_findable and link.key not in self._live.calls

    def hand_over(self, call: Call) -> Sequence[Call]:
        """Let a call wait for what it returned. The latch is held.

        Returns:
            The calls that can never end because of it, as ``Scheduler.add``.
        """
        tail = call.tail
        if type(tail) is Call and tail.state not in (DONE, FAILED, CANCELLED) and self._scheduler.hand_over(call, tail):
            is_wanted = call.future is not None or call.followers or call.dependants or call.stands_in
            if not is_wanted:  # a link of a chain: whoever wants the end of it waits for the next one now
                self._scheduler.put_aside(call)
                self._live.leave(call)
                call.tail, call.entered = NOTHING, False
                return ()
        return self._scheduler.carry_on(call, call.needs)

    def conclude(self, call: Call) -> tuple[Result, StoreError | None]:
        """The result of a call that returned other calls, all of which have ended; and why it could not be kept."""
        tail = call.tail
        if call.caught is not None:
            return self._recorder.result(call, Ran(None, call.caught, call.seconds).as_answer())
        if type(tail) is Call and not call.catches:
            self._read_error(tail)
            return self._recorder.inherited(call, tail.outcome)
        value = rebuild(tail, lambda leaf: self._read(leaf) if type(leaf) is Call else leaf)
        ran = Ran(value, None, call.seconds)
        return self._recorder.result(call, ran.as_answer() if call.catches else ran)

    def _read_error(self, tail: Call) -> None:
        """Raise what an ended call ended with, if it has no result."""
        if tail.error is not None:
            self._read(tail)

    @staticmethod
    def _heirs(call: Call) -> list[Call]:
        """Those that end as this call does, so that the newest graph is theirs too."""
        if call.catches:
            return []
        return [each for each in tuple(call.dependants or ()) if each.tail is call and each.state is not RUNNING]
