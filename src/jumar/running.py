"""Running calls: what a worker does with the calls it is given, again where they go wrong and that is wanted."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Mapping, Sequence
from functools import partial
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from jumar import worker
from jumar.alarms import Alarm, Alarms
from jumar.batches import Batch, Batches
from jumar.continuation import Continuation, calls_in, tail_of
from jumar.continuing import Continuing
from jumar.crew import Crew
from jumar.endings import Endings
from jumar.executors import Distant, Executor
from jumar.graph.arguments import ATOMS, rebuild
from jumar.graph.call import NOTHING, RUNNING, Call
from jumar.graph.scheduler import Scheduler
from jumar.here import PLACE, Place, here
from jumar.live import Live
from jumar.memory.chunk import Chunk
from jumar.record import Recorder
from jumar.result import ELSEWHERE, Elsewhere, KeptError, Result

if TYPE_CHECKING:
    from jumar.flights import Flights
    from jumar.loop import Loop

_LOG = logging.getLogger("jumar")


class Running:
    """Runs the calls of one engine.

    Args:
        owner: The engine.
        live: The engine's.
        scheduler: The engine's.
        recorder: The engine's.
        executors: Where calls run, by their names; one that has a `Distant` side runs their functions too.
        in_place: Whether calls run in the threads that make them, so that nothing may be run in another one.
    """

    crew: Crew
    endings: Endings
    continuing: Continuing
    flights: Flights | None = None

    def __init__(
        self,
        owner: Any,
        live: Live,
        scheduler: Scheduler,
        recorder: Recorder,
        executors: Mapping[str | None, Executor],
        *,
        in_place: bool,
    ) -> None:
        self._owner = owner
        self._live = live
        self._latch = live.latch
        self._scheduler = scheduler
        self._recorder = recorder
        self._in_place = in_place
        self._distant = {name: each for name, each in executors.items() if isinstance(each, Distant)}
        for each in self._distant.values():
            each.furnish(recorder.store)
        self._batches = Batches(owner, self, self._latch, scheduler, recorder, lambda: self.endings)
        self.alarms = Alarms()
        self._loop: Loop | None = None

    def serve(self, first: Call) -> None:
        """Run a call, then whatever is ready, until nothing is or this worker is one too many."""
        call: Call | None = first
        try:
            while call is not None:
                batch = self._batch(call) if self._distant else None
                call = self.carry_out(call, and_next=True) if batch is None else batch.run()
        except BaseException:  # the thread itself was interrupted
            with self._latch:
                here.crew.leave()
            raise

    def _batch(self, call: Call) -> Batch | None:
        """The call with others that go to another process together; None where it goes alone."""
        distant = self._distant_of(call)
        return None if distant is None or self.flights is not None else self._batches.gather(call, distant)

    def carry_out(self, call: Call, *, and_next: bool = False) -> Call | None:
        """Run a call in this thread and end it, whatever happens. Raises only what interrupts the thread itself.

        Returns:
            With ``and_next``, the next call for this worker.
        """
        following = self._attempt(call, and_next)
        while following is call:  # it is to be tried again, at once
            following = self._attempt(call, and_next)
        return following

    def _attempt(self, call: Call, and_next: bool) -> Call | None:
        token = PLACE.set(Place(self._owner, call, PLACE.get().depth + 1, {}, call.run))
        flight = self.flights
        call.serial += 1
        serial = call.serial
        try:
            if call.awaits:
                following = self._land(call, and_next)
            elif call.tail is not NOTHING:
                following = self.endings.complete(call, *self.continuing.conclude(call), and_next)
            else:
                following, flight = self._find_or_run(call, serial, and_next)
        except BaseException as error:
            if call.state is RUNNING and call.serial == serial:  # nobody may wait for ever for a call that ended here
                self.endings.fail(call, error, 0.0)
            elif call.serial != serial:
                self._give_place_back(call)
            if not isinstance(error, Exception):
                raise
            following = self.endings.successor() if and_next else None
        finally:
            PLACE.reset(token)
            if self._recorder.pool is not None:
                self._recorder.pool.end(call)
            if flight:
                flight.leave(call)
        return following

    def _find_or_run(self, call: Call, serial: int, and_next: bool) -> tuple[Call | None, Flights | None]:
        """End a call with what is kept of it or comes of it; what follows, and what is to be told that it has ended."""
        flight = self.flights
        if self._recorder.pool is not None:
            self._recorder.pool.make_room(call)
        distant = self._distant_of(call) if self._distant else None
        lends = distant is not None and not call.task.looks_at_values
        args, kwargs = self.inputs(call, lends=lends) if call.needs else (call.args or (), call.kwargs)
        kept = self._kept_at_last(call, args, kwargs) if flight or call.needs else None
        if kept is ELSEWHERE:  # whoever takes the call up again may have its lease before this thread is out of here
            return self._put_off(call, and_next), None
        if kept is not None and self._takes_up(call, kept):
            return self._end_with(call, kept, and_next), flight
        if call.run is not None:
            call.run.begins(call)
        call.attempts += 1
        if distant is None:
            alarm = None if call.task.policy is None else self._guard(call, serial)
            ran = worker.run(call.task.name, call.task.fn, args, kwargs)
            if alarm is not None:
                self.alarms.cancel(alarm)
        else:
            ran = self._run_elsewhere(distant, call, serial, args, kwargs)
        del args, kwargs
        if call.task.policy is not None and not self._is_in_time(call, serial):
            _let_go(ran)
            return self._too_late(call, and_next), flight
        if flight and not flight.is_ours(call):  # another process took it over: its result is the one
            _let_go(ran)
            return call, None
        if type(ran.value) is CoroutineType:
            if not self._in_place:
                return self._await(call, ran.value, and_next), flight
            from jumar.loop import run_here  # noqa: PLC0415  (asyncio takes 27 ms that most programs need not spend)

            with self._owner.blocked(on_top=True):  # what it awaits is run in its place
                ran = run_here(ran.value, call.task.policy and call.task.policy.timeout_s)
        return self._finish(call, ran, and_next) if ran.error is None else self._end_as(call, ran, and_next), flight

    def _distant_of(self, call: Call) -> Distant | None:
        """What runs the call's function in another process; None where it is run here."""
        return None if call.task.runs_here else self._distant.get(call.executor)

    def _run_elsewhere(
        self, distant: Distant, call: Call, serial: int, args: tuple[Any, ...], kwargs: dict[str, Any] | None
    ) -> worker.Ran:
        """What came of running a call's function in another process; its time begins when there is one for it."""
        alarm: Alarm | None = None

        def begins() -> None:
            nonlocal alarm
            if alarm is not None:  # the process was lost, and this is another one
                self.alarms.cancel(alarm)
            alarm = self._guard(call, serial)

        ran = distant.run_function(call, args, kwargs, begins)
        if alarm is not None:
            self.alarms.cancel(alarm)
        return ran

    def _end_as(self, call: Call, ran: worker.Ran, and_next: bool) -> Call | None:
        """End a call as its function ended."""
        if ran.error is None:
            return self._finish(call, ran, and_next)
        following = self._went_wrong(call, ran.error, ran.seconds, and_next)
        self._pass_on_interrupt(ran.error)
        return following

    def end_as(self, call: Call, ran: worker.Ran) -> None:
        """End a call of a batch as its function ended; one that is to be tried again at once goes back into the line."""
        if self._end_as(call, ran, and_next=False) is call:
            with self._latch:
                self._scheduler.hand_back([call])
                workers = self.crew.free()
            self.crew.start(workers)

    def take_up(self, call: Call, kept: Result | Continuation | KeptError) -> bool:
        """End a call of a batch with what is kept of it; False where that will not do."""
        is_taken = self._takes_up(call, kept)
        if is_taken:
            self._end_with(call, kept, and_next=False)
        return is_taken

    def close(self) -> None:
        """Ring no alarms any more, and cancel what an event loop runs."""
        self.alarms.close()
        if self._loop is not None:
            self._loop.close()

    # -- asynchronous functions ------------------------------------------------------------------------------------

    def _await(self, call: Call, coroutine: CoroutineType[Any, Any, Any], and_next: bool) -> Call | None:
        """Let the event loop run a coroutine; this worker is free for the next call."""
        with self._latch:
            is_wanted = call.state is RUNNING  # else it was abandoned, and the loop may be closed
            if self._loop is None and is_wanted:
                from jumar.loop import Loop  # noqa: PLC0415  (as above)

                self._loop = Loop()
        if self._loop is None or not is_wanted:
            coroutine.close()
            return self.endings.successor() if and_next else None
        if call.run is not None:
            call.run.runs_in(call, self._loop.name)
        policy = call.task.policy
        landing = self._owner.adopt(self._loop.start(coroutine, policy and policy.timeout_s))
        call.needs, call.tail, call.awaits = (landing,), landing, True
        return self._go_on(call, and_next)

    def _land(self, call: Call, and_next: bool) -> Call | None:
        """End a call as its coroutine ended."""
        ran: worker.Ran = self._owner.read(call.tail)
        call.tail, call.awaits = NOTHING, False
        call.needs = calls_in((call.args, call.kwargs))
        return self._end_as(call, ran, and_next)

    # -- before it runs --------------------------------------------------------------------------------------------

    def _kept_at_last(
        self, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any] | None
    ) -> Result | Continuation | KeptError | Elsewhere | None:
        """What is kept of a call that is about to run: for its values, or recorded by another process meanwhile."""
        kept = self._recorder.kept_for_values(call, args, kwargs) if call.needs else None
        return self.flights.enter(call) if kept is None and self.flights else kept

    def _takes_up(self, call: Call, kept: Result | Continuation | KeptError) -> bool:
        """Whether what is kept will do; of a graph only if it can be made again, and then the call needs it now."""
        if not isinstance(kept, Continuation):
            return True
        if not self.continuing.take_up(call, kept):
            return False
        self._owner.enter_lazy(call)
        return True

    def _end_with(self, call: Call, kept: Result | Continuation | KeptError, and_next: bool) -> Call | None:
        if isinstance(kept, Continuation):
            return self._go_on(call, and_next)
        if isinstance(kept, KeptError):
            self.endings.fail(call, kept.error, 0.0, is_kept=True)
            return self.endings.successor() if and_next else None
        return self.endings.restore(call, kept, and_next)

    def _put_off(self, call: Call, and_next: bool) -> Call | None:
        """Let another process run the call; this worker goes on with the next one."""
        with self._latch:
            waits = not self._live.is_closed  # at its end a session waits for no other process
            cancelled = [] if waits else self._owner.take_back(call, running=True)
            if waits:
                self._scheduler.put_off(call)
        self.endings.end(cancelled, "cancelled", 0.0)
        if self.flights and waits:
            self.flights.watch(call)
        return self.endings.successor() if and_next else None

    def resume(self, calls: Sequence[Call]) -> None:
        """Take calls up again that were put off."""
        with self._latch:
            for call in calls:
                self._scheduler.resume(call)
            workers = self.crew.free()
        self.crew.start(workers)

    def inputs(self, call: Call, *, lends: bool = False) -> tuple[tuple[Any, ...], dict[str, Any] | None]:
        """The arguments of a call, with the values of the calls among them, or what stands for large ones elsewhere."""
        give = partial(Chunk, self._owner) if call.task.meta else partial(self._owner.read, lends=lends)

        def value_of(leaf: Any) -> Any:
            return give(leaf.twin or leaf) if type(leaf) is Call else leaf

        args = tuple([rebuild(arg, value_of) for arg in call.args or ()])
        kwargs = {name: rebuild(arg, value_of) for name, arg in call.kwargs.items()} if call.kwargs else None
        return args, kwargs

    # -- when it has run -------------------------------------------------------------------------------------------

    def _finish(self, call: Call, ran: worker.Ran, and_next: bool) -> Call | None:
        if call.state is not RUNNING:  # abandoned: whoever waited has been told, and the store may be closed
            return self.endings.successor() if and_next else None
        call.seconds = ran.seconds
        if type(ran.value) not in ATOMS and (tail := tail_of(ran.value, self._call_of)) is not NOTHING:
            self.continuing.begin(call, tail)
            self._owner.enter_lazy(call)
            return self._go_on(call, and_next)
        if call.catches:
            ran = ran.as_answer()
        return self.endings.complete(call, *self._recorder.result(call, ran), and_next)

    def _call_of(self, handle: Any) -> Any:
        """The call behind a future or a lazy; another session's future is waited for as anybody's is."""
        if handle._keeper is not self._owner:  # noqa: SLF001
            return handle.call_for(self._owner) if isinstance(handle, Chunk) else self._owner.adopt(handle)
        call: Call = handle._call  # noqa: SLF001
        return call.twin or call

    def _go_on(self, call: Call, and_next: bool) -> Call | None:
        """Let a call end as what it returned does; this worker is free for the next one."""
        with self._latch:
            if call.state is not RUNNING:
                return self.crew.next() if and_next else None
            doomed = self.continuing.hand_over(call)
            for lost in doomed:
                self.endings.lose(lost)
            successor = self.crew.next() if and_next else None
            workers = self.crew.free()
        self.endings.end(doomed, "failed", 0.0)
        self.crew.start(workers)
        return successor

    # -- when it went wrong ----------------------------------------------------------------------------------------

    def _went_wrong(self, call: Call, error: BaseException, seconds: float, and_next: bool) -> Call | None:
        """End a call with an error, unless it is to be tried again, or the error is its answer."""
        policy = call.task.policy
        if call.state is RUNNING:
            call.seconds = seconds
        if policy is not None and isinstance(error, Exception) and call.state is RUNNING:
            wait_s = self._wait_s(call, error)
            if wait_s is not None:
                self._recorder.failure(call, error, seconds)
                return self._try_again(call, wait_s, and_next)
            if policy.catches(error):
                caught = worker.Ran(None, error, seconds).as_answer()
                return self.endings.complete(call, *self._recorder.result(call, caught), and_next)
            if policy.checkpoint_errors and call.keep:
                self._recorder.error(call, error, seconds)
                self._recorder.failure(call, error, seconds)  # after it: a result takes the failures of its call away
                self.endings.fail(call, error, seconds, is_kept=True)
                return self.endings.successor() if and_next else None
        self.endings.fail(call, error, seconds)
        return self.endings.successor() if and_next else None

    @staticmethod
    def _wait_s(call: Call, error: Exception) -> float | None:
        """Seconds to wait before the call is tried again; None if it is not, or the user's function cannot say."""
        try:
            wait_s: float | None = call.task.policy.wait_s(call.attempts, error, random.random())
        except Exception:  # noqa: BLE001  (user code: the error at hand is the one to tell)
            _LOG.exception("retry_on= or backoff= of task %r failed; the call is not tried again", call.task.name)
            return None
        return wait_s

    def _try_again(self, call: Call, wait_s: float, and_next: bool) -> Call | None:
        if wait_s and not self._in_place:
            with self._latch:
                if call.state is RUNNING:
                    self._scheduler.put_off(call)
            self.alarms.set(wait_s, partial(self.resume, [call]))
            return self.endings.successor() if and_next else None
        time.sleep(wait_s)
        return call

    def _guard(self, call: Call, serial: int) -> Alarm | None:
        """The alarm that gives this attempt up when its time is over."""
        policy = call.task.policy
        if policy is None or policy.timeout_s is None:
            return None
        return self.alarms.set(policy.timeout_s, partial(self._give_up, call, serial, policy.timeout_s))

    def _give_up(self, call: Call, serial: int, timeout_s: float) -> None:
        """End an attempt whose time is over. The thread that runs it goes on, and another worker takes its place."""
        with self._latch:
            if call.state is not RUNNING or call.serial != serial or call.in_time == serial:
                return
            call.serial += 1  # what the function may still return is dropped
            self.crew.of(call).lend(not self._in_place)
        error = TimeoutError(
            f"task {call.task.name!r} (key {call.key.hex()[:12]}) was given up after {timeout_s:g} s. {self._stop(call)}"
        )
        following = self._went_wrong(call, error, timeout_s, and_next=False)
        if following is call:
            with self._latch:
                self._scheduler.put_off(call)
        self.resume([call] if following is call else [])

    def _is_in_time(self, call: Call, serial: int) -> bool:
        """Whether an attempt that has run was not given up; from now on it cannot be.

        Its alarm may have been about to ring when it was cancelled, and rings after that. So who comes first to the latch
        decides, and nothing else.
        """
        with self._latch:
            if call.serial != serial:
                return False
            call.in_time = serial
        return True

    def _stop(self, call: Call) -> str:
        """Stop the function of a call, where that can be done; says what became of it."""
        distant = self._distant_of(call)
        if distant is None:
            return "Its function cannot be stopped on a thread: it may still run, and what it returns is dropped."
        distant.stop_function(call)
        return "Its worker process was ended."

    def _too_late(self, call: Call, and_next: bool) -> Call | None:
        """What follows an attempt that was given up while it ran."""
        self._give_place_back(call)
        return self.endings.successor() if and_next else None

    def _give_place_back(self, call: Call) -> None:
        """Take back the place that another worker was let into when an attempt of this one was given up."""
        with self._latch:
            self.crew.of(call).lend(-(not self._in_place))

    @staticmethod
    def _pass_on_interrupt(error: BaseException) -> None:
        """Ctrl-C while a call runs in the main thread stops the program, not only the call."""
        if not isinstance(error, Exception) and threading.current_thread() is threading.main_thread():
            raise error


def _let_go(ran: worker.Ran) -> None:
    """Drop what a function returned; a coroutine is told, as it would complain of never having been awaited."""
    if type(ran.value) is CoroutineType:
        ran.value.close()
