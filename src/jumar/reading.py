"""Reading the values of calls that have ended: one for each reader, computed once more where what was kept is damaged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from jumar.crew import NOBODY, Crew
from jumar.errors import DamagedError
from jumar.future import Future
from jumar.graph.call import DONE, Call
from jumar.graph.scheduler import Scheduler
from jumar.live import Live
from jumar.memory.resident import Resident
from jumar.result import Failed, Kept, Loose, Result
from jumar.trail import path_note


class Reading:
    """Reads the calls of one engine.

    Args:
        live: The engine's.
        scheduler: The engine's.
        crew: The engine's.
        await_end: Waits until a call has ended.
    """

    def __init__(self, live: Live, scheduler: Scheduler, crew: Crew, await_end: Callable[[Call], None]) -> None:
        self._live = live
        self._scheduler = scheduler
        self._crew = crew
        self._await_end = await_end

    def read(self, call: Call, *, lends: bool = False) -> Any:
        """The value of a finished call, for one reader.

        Args:
            call: The call.
            lends: Give what stands for it in what is sent to another process, where it is large.

        Raises:
            BaseException: What the call raised.
            DamagedError: What was kept is damaged, and the call's arguments are not there any more.
        """
        call = call.twin or call
        while True:
            if call.error is not None:
                raise self.failure(call)
            result: Result = call.outcome
            try:
                value = result.lend() if lends and isinstance(result, (Kept, Loose, Resident)) else result.take()
            except DamagedError:
                if call.args is None:  # computed in this session and let go of: only a new call can compute it again
                    raise
                self._revive(call, result)
            else:
                call.drop_inputs()
                return value

    def read_into(self, future: Future[Any]) -> None:
        """Give a future of a finished call its value; of two threads that ask at once, both get the first one's."""
        value = self.read(future._call)  # noqa: SLF001
        with self._live.latch:
            future.accept(value)

    def failure(self, call: Call) -> BaseException:
        """The error of a failed call, ready to be raised."""
        failed: Failed = call.outcome
        return failed.prepared(path_note(call))

    def _revive(self, call: Call, damaged: Result) -> None:
        """Run a restored call after all: its row was there, its bytes are not."""
        workers: Sequence[Call] = NOBODY
        live = self._live
        with live.latch:
            twin = live.calls.get(call.key)
            if twin is None and call.outcome is damaged and call.state is DONE:
                twin = live.calls[call.key] = call
                live.restored -= 1
                self._scheduler.revive(call)
                workers = self._crew.free()
        self._crew.start(workers)
        if twin is None:
            return  # another reader saw to it meanwhile
        self._await_end(twin)
        if twin is not call:
            call.outcome, call.error, call.state = twin.outcome, twin.error, twin.state
