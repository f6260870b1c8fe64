"""The engine: the one imperative shell. It feeds the scheduler what happened and carries out what it says.

One latch guards the scheduler and the table of live calls. It is held for a few steps at a time and never while user
code, the store's disk or the executor runs. A worker that ends a call takes the next one itself, so that a busy system
hands nothing from thread to thread.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Literal, Protocol

from jumar import worker
from jumar.clock import Clock, SystemClock
from jumar.continuation import Continuation, tail_of
from jumar.continuing import Continuing
from jumar.crew import NOBODY, Crew
from jumar.errors import JumarError, StoreError
from jumar.events import CallEnded, Counts, Event, How
from jumar.executors import Executor, InlineExecutor
from jumar.flights import ELSEWHERE, Elsewhere, Flights
from jumar.foreign import Adoptions
from jumar.future import Future
from jumar.graph.arguments import ATOMS, rebuild
from jumar.graph.call import CANCELLED, DONE, FAILED, NEW, NOTHING, RUNNING, Call
from jumar.graph.call_info import CallInfo
from jumar.graph.keep import Keep
from jumar.graph.options import Hooks
from jumar.graph.scheduler import Scheduler, upstream_first
from jumar.here import Place, here
from jumar.live import Live
from jumar.reading import Reading
from jumar.record import Recorder
from jumar.result import Failed, Result, Shared
from jumar.store.lease import Leases
from jumar.store.store import Store
from jumar.store.trouble import Trouble
from jumar.waits import Waits

if TYPE_CHECKING:
    from jumar.why import Explanation


class Runnable(Protocol):
    """What the engine and the recorder must know of a call's task."""

    name: str
    fn: Callable[..., Any]
    names: tuple[str, ...]
    """Of what is recorded as arguments."""
    ttl_s: float | None
    """How old a kept result may be."""
    keeps: Keep | None
    """By what rule results are kept, if there is one."""
    hooks: Hooks | None
    """The user's functions that are asked for kept values."""
    saves: Callable[[CallInfo, Any], Any] | None
    """The one that keeps them in the place of the store."""
    decides: Callable[[CallInfo, Any], bool] | None
    """The one that says whether the store keeps them."""

    def make(self, engine: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
        """The call in an engine."""

    def by_name(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[tuple[str, Any]]:
        """Each parameter with what it is given."""

    def tokens(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[bytes]:
        """The arguments' tokens as they are now."""

    def value_tokens(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes | None:
        """The tokens of finished values, side by side; None where one of them has no identity."""


class Engine:
    """Runs calls on an executor and keeps their results in a store.

    Args:
        store: Where results are looked for and kept.
        executor: Where calls run.
        hear: Is told of trouble with storage, before any listener.
        owner: The session; handed to whoever asks for the current one inside a task.
        looks: Whether kept results are used.
        keeps: Whether results are kept.
        audit: The share of kept results that are computed again and compared.
        strict: Whether a future whose result could not be kept raises that from ``result()``.
        clock: For the times in records.
        leases: Taken on calls before they run, so that other processes on the store do not run them too.
    """

    def __init__(
        self,
        store: Store,
        executor: Executor,
        hear: Callable[[Trouble], None],
        *,
        owner: Any = None,
        strict: bool = False,
        looks: bool = True,
        keeps: bool = True,
        audit: float = 0.0,
        clock: Clock | None = None,
        leases: Leases | None = None,
    ) -> None:
        self.owner = owner
        self.run_id = os.urandom(16)
        self.looks, self.keeps = looks, keeps
        self.strict = strict
        self.listeners: list[Callable[[Event], None]] = []
        self._hear = hear
        self.store = self._store = store
        self._recorder = Recorder(store, clock or SystemClock(), self.tell, audit)
        self.complain, self.holds = self._recorder.complain, self._recorder.holds
        self._executor = executor
        self._live = Live()
        self._latch = self._live.latch
        self._scheduler = Scheduler()
        self._crew = Crew(executor, self._scheduler, self._serve)
        self._waits = Waits(self, self._latch, self._scheduler, self._crew, self._carry_out)
        reading = Reading(self._live, self._scheduler, self._crew, self._await)
        self.read, self.read_into, self.failure = reading.read, reading.read_into, reading.failure
        self._continuing = Continuing(self._live, self._scheduler, self._recorder, self._make, self.read)
        self.adopt = Adoptions(self._live, self._scheduler, self._crew, self._settle, self._end).adopt
        in_place = isinstance(executor, InlineExecutor)
        self._flights = leases and Flights(
            leases, store, self._recorder, self._resume, self.tell, in_place=in_place, clock=clock
        )

    # -- making calls ----------------------------------------------------------------------------------------------

    def spawn(self, call: Call) -> Future[Any]:
        """A future for the call, which is found, joined with an equal one under way, or run."""
        if call.entered or call.twin is not None:
            return self._follow(call.twin or call)
        future: Future[Any] = Future(self, call)
        # What a first run asks for is new, and the store knows that without a look at the disk.
        look = call.is_findable
        is_new = look and call.task.hooks is None and self._store.is_new(call.info.code)
        try:
            with self._latch:
                if self._live.join(call, future):
                    return future
                if is_new:
                    look = self._store.has_recorded(call.key)
                is_lazy = self._is_lazy(call)
                workers = NOBODY if look or is_lazy else self._admit(call)
            if look and self._restored_from_store(call):
                return future
            if is_lazy or call.tail is not NOTHING:
                self._enter_lazy(call)
            if look or is_lazy:
                with self._latch:
                    workers = self._admit(call)
            if workers:
                self._crew.start(workers)
            if call.error is not None:
                self._end_if_doomed(call)
        except BaseException:
            self._live.forget(call)
            raise
        return future

    def run(self, call: Call) -> Any:
        """The call's value, found, or computed here and now in the caller's thread."""
        if self._is_lazy(call):
            return self.spawn(call).result()
        for need in call.needs:
            self._await(need)
        future: Future[Any] = Future(self, call)
        try:
            with self._latch:
                joined = self._live.join(call, future)
            look = call.is_findable
            if look and call.task.hooks is None and self._store.is_new(call.info.code):
                look = self._store.has_recorded(call.key)
            if not joined and not (look and self._restored_from_store(call)):
                if call.tail is not NOTHING:
                    self._enter_lazy(call)
                self._run_here(call)
        except BaseException:
            self._live.forget(call)
            raise
        return future.result()

    def _run_here(self, call: Call) -> None:
        with self._latch:
            self._scheduler.add(call)
            started = self._scheduler.start(call)
        if started:
            self._carry_out(call)
        elif call.error is not None:  # else it waits for what it returned in another session
            self._end_if_doomed(call)
        with self._latch:
            workers = self._crew.free()
        self._crew.start(workers)

    @staticmethod
    def _is_lazy(call: Call) -> bool:
        """Whether something that it needs was described and never started."""
        return any(need.state is NEW for need in call.needs)

    def _enter_lazy(self, call: Call) -> None:
        """Look for lazy calls from the top: what is found hides what it was made from; the rest is admitted.

        Without recursion, as a lazy graph may be deep. What is entered here is live until it ends, like any call.
        """
        entered: list[Call] = []
        pending = [call]
        while pending:
            for need in pending.pop().needs:
                if need.state is not NEW or need.twin is not None or not self._live.enter(need):
                    continue
                if not (need.is_findable and self._restored_from_store(need)):
                    entered.append(need)
                    pending.append(need)
        workers: list[Call] = []
        for need in upstream_first(entered):
            _give_way(need)
            with self._latch:
                workers.extend(self._admit(need))
            if need.error is not None:
                self._end_if_doomed(need)
        _give_way(call)
        self._crew.start(workers)

    def _make(self, task: Runnable, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
        return task.make(self, args, kwargs)

    def _follow(self, call: Call) -> Future[Any]:
        """A future for a call that was spawned before."""
        future: Future[Any] = Future(self, call)
        with self._latch:
            if call.state not in (DONE, FAILED, CANCELLED):
                call.follow(future)
                return future
        if call.state is DONE and type(call.outcome) is Shared:
            future.settle(call.outcome.take())
        else:
            future.settle(cancelled=call.state is CANCELLED)
        return future

    def _admit(self, call: Call) -> Sequence[Call]:
        self._scheduler.add(call)
        return self._crew.free()

    # -- running calls ---------------------------------------------------------------------------------------------

    def _serve(self, first: Call) -> None:
        """Run a call, then whatever is ready, until nothing is or this worker is one too many."""
        was_worker, here.is_worker = here.is_worker, True
        call: Call | None = first
        try:
            while call is not None:
                call = self._carry_out(call, and_next=True)
        except BaseException:  # the thread itself was interrupted
            with self._latch:
                self._crew.leave()
            raise
        finally:
            here.is_worker = was_worker

    def _carry_out(self, call: Call, *, and_next: bool = False) -> Call | None:
        """Run a call in this thread and end it, whatever happens. Raises only what interrupts the thread itself.

        Returns:
            With ``and_next``, the next call for this worker.
        """
        before = here.place
        here.place = Place(self, call, before.depth + 1)
        flight = self._flights
        try:
            if call.tail is not NOTHING:
                return self._complete(call, *self._continuing.conclude(call), and_next)
            args, kwargs = self._inputs(call) if call.needs else (call.args or (), call.kwargs)
            kept = self._kept_at_last(call, args, kwargs)
            if kept is ELSEWHERE:
                flight = None  # whoever takes the call up again may have its lease before this thread is out of here
                return self._put_off(call, and_next)
            if kept is not None and self._takes_up(call, kept):
                return (
                    self._go_on(call, and_next)
                    if isinstance(kept, Continuation)
                    else self._restore(call, kept, and_next)
                )
            ran = worker.run(call.task.name, call.task.fn, args, kwargs)
            del args, kwargs
            if flight and not flight.is_ours(call):  # another process took it over: its result is the one
                flight = None
                return self._carry_out(call, and_next=and_next)
            if ran.error is None:
                return self._finish(call, ran, and_next)
            self._fail(call, ran.error, ran.seconds)
            self._pass_on_interrupt(ran.error)
        except BaseException as error:
            if call.state is RUNNING:  # nobody may wait for ever for a call that ended here
                self._fail(call, error, 0.0)
            if not isinstance(error, Exception):
                raise
        finally:
            here.place = before
            if flight:
                flight.leave(call)
        return self._successor() if and_next else None

    def _kept_at_last(
        self, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any] | None
    ) -> Result | Continuation | Elsewhere | None:
        """What is kept of a call that is about to run: for its values, or recorded by another process meanwhile."""
        kept = self._recorder.kept_for_values(call, args, kwargs) if call.needs else None
        return self._flights.enter(call) if kept is None and self._flights else kept

    def _takes_up(self, call: Call, kept: Result | Continuation) -> bool:
        """Whether what is kept will do; of a graph only if it can be made again, and then the call needs it now."""
        if not isinstance(kept, Continuation):
            return True
        if not self._continuing.take_up(call, kept):
            return False
        self._enter_lazy(call)
        return True

    def _put_off(self, call: Call, and_next: bool) -> Call | None:
        """Let another process run the call; this worker goes on with the next one."""
        with self._latch:
            waits = not self._live.is_closed  # at its end a session waits for no other process
            cancelled = [] if waits else self._cancel(call, running=True)
            if waits:
                self._scheduler.put_off(call)
        self._end(cancelled, "cancelled", 0.0)
        if self._flights and waits:
            self._flights.watch(call)
        return self._successor() if and_next else None

    def _resume(self, calls: Sequence[Call]) -> None:
        """Take calls up again that were put off."""
        with self._latch:
            for call in calls:
                self._scheduler.resume(call)
            workers = self._crew.free()
        self._crew.start(workers)

    def _successor(self) -> Call | None:
        with self._latch:
            successor = self._crew.next()
            workers = self._crew.free()
        self._crew.start(workers)
        return successor

    @staticmethod
    def _pass_on_interrupt(error: BaseException) -> None:
        """Ctrl-C while a call runs in the main thread stops the program, not only the call."""
        if not isinstance(error, Exception) and threading.current_thread() is threading.main_thread():
            raise error

    def _inputs(self, call: Call) -> tuple[tuple[Any, ...], dict[str, Any] | None]:
        def value_of(leaf: Any) -> Any:
            return self.read(leaf) if type(leaf) is Call else leaf

        args = tuple([rebuild(arg, value_of) for arg in call.args or ()])
        kwargs = {name: rebuild(arg, value_of) for name, arg in call.kwargs.items()} if call.kwargs else None
        return args, kwargs

    def _finish(self, call: Call, ran: worker.Ran, and_next: bool) -> Call | None:
        if call.state is not RUNNING:  # abandoned: whoever waited has been told, and the store may be closed
            return self._successor() if and_next else None
        call.attempts += 1
        call.seconds = ran.seconds
        if type(ran.value) not in ATOMS and (tail := tail_of(ran.value, self._call_of)) is not NOTHING:
            self._continuing.begin(call, tail)
            self._enter_lazy(call)
            return self._go_on(call, and_next)
        return self._complete(call, *self._recorder.result(call, ran), and_next)

    def _call_of(self, handle: Any) -> Any:
        """The call behind a future or a lazy of this engine; the value of another's."""
        if handle._keeper is not self:  # noqa: SLF001
            return handle.result()
        call: Call = handle._call  # noqa: SLF001
        return call.twin or call

    def _go_on(self, call: Call, and_next: bool) -> Call | None:
        """Let a call end as what it returned does; this worker is free for the next one."""
        with self._latch:
            if call.state is not RUNNING:
                return self._crew.next() if and_next else None
            doomed = self._continuing.hand_over(call)
            for lost in doomed:
                self._lose(lost)
            successor = self._crew.next() if and_next else None
            workers = self._crew.free()
        self._end(doomed, "failed", 0.0)
        self._crew.start(workers)
        return successor

    def _complete(self, call: Call, outcome: Result, trouble: StoreError | None, and_next: bool) -> Call | None:
        """End a call with its result."""
        successor: Call | None = None
        workers: Sequence[Call] = NOBODY
        is_new = call.attempts > 0
        with self._latch:
            if call.state is not RUNNING:
                return self._crew.next() if and_next else None
            call.outcome = outcome
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
        self._settle(call, trouble)
        if workers:
            self._crew.start(workers)
        if self.listeners and call.counted:
            self.tell(CallEnded(call.key, call.task.name, "computed" if is_new else "restored", call.seconds))
        return successor

    def _restored_from_store(self, call: Call) -> bool:
        """End a call with its kept result, if there is one.

        Where what is kept is the graph that it returned, the call now needs that, as if it were lazy.
        """
        result = self._continuing.found(call)
        if result is None:
            return False
        self._restore(call, result, and_next=False)
        return True

    def _restore(self, call: Call, result: Result, and_next: bool) -> Call | None:
        call.outcome = result
        with self._latch:
            self._live.restored += 1
            self._scheduler.finish(call)
            self._live.leave(call)
            successor = self._crew.next() if and_next else None
            workers = self._crew.free()
        self._settle(call, None)
        self._crew.start(workers)
        if self.listeners:
            self.tell(CallEnded(call.key, call.task.name, "restored", 0.0))
        return successor

    def _fail(self, call: Call, error: BaseException, seconds: float) -> None:
        if call.keep and call.state is RUNNING and isinstance(error, Exception):
            self._recorder.failure(call, error, seconds)
        failed = Failed(error)
        with self._latch:
            doomed = self._scheduler.fail(call, error)  # nothing, if it was abandoned meanwhile
            self._live.failed += sum(lost.counted for lost in doomed)
            for lost in doomed:
                lost.outcome = failed
                self._live.leave(lost)
        self._end(doomed, "failed", seconds)

    def _settle(self, call: Call, trouble: StoreError | None) -> None:
        result: Result = call.outcome
        shared = type(result) is Shared
        for future in call.release():
            if trouble is not None:
                future.store_error = trouble
            if shared:
                future.settle(result.take())
            else:
                future.settle()

    def _end_if_doomed(self, call: Call) -> None:
        """End a call that was dead on arrival, because something it needs had failed or was cancelled."""
        with self._latch:
            if self._live.calls.get(call.key) is not call:
                return
            call.outcome = next((need.outcome for need in call.needs if need.error is call.error), None)
            how: How = "cancelled" if call.state is CANCELLED else "failed"
            self._live.failed += call.counted and how == "failed"
            self._live.cancelled += call.counted and how == "cancelled"
            self._live.leave(call)
        self._end([call], how, 0.0)

    def _lose(self, lost: Call) -> None:
        """Note that a call can never run, because something it needs failed. The latch is held."""
        lost.outcome = next((need.outcome for need in lost.needs if need.error is lost.error), None)
        self._live.failed += lost.counted
        self._live.leave(lost)

    def _end(self, calls: Sequence[Call], how: How, seconds: float) -> None:
        for index, call in enumerate(calls):
            call.args = call.kwargs = None
            for future in call.release():
                future.settle(cancelled=how == "cancelled")
            if self.listeners and call.counted:
                self.tell(CallEnded(call.key, call.task.name, how, 0.0 if index else seconds))

    # -- what futures ask ------------------------------------------------------------------------------------------

    def wait(self, future: Future[Any], timeout_s: float | None) -> None:
        """Return when the future is done, or raise TimeoutError; see `Waits.wait`."""
        self._waits.wait(future, future._call, timeout_s)  # noqa: SLF001

    def blocked(self) -> AbstractContextManager[None]:
        """While in this block, the current call only waits; see `Waits.blocked`."""
        return self._waits.blocked()

    def _await(self, call: Call) -> None:
        """Wait until a call has ended, whatever became of it."""
        future: Future[Any] = Future(self, call)
        with self._latch:
            if call.state in (DONE, FAILED, CANCELLED):
                return
            call.follow(future)
        self.wait(future, None)

    def why(self, future: Future[Any]) -> Explanation:
        """Why a call ran, as far as the store tells."""
        from jumar.why import explain  # noqa: PLC0415  (most programs never ask)

        future.exception()
        call: Call = future._call  # noqa: SLF001
        return explain(self._store, (call.content if call.unrepeatable and call.content else call.key).hex())

    def cancel(self, future: Future[Any]) -> bool:
        """Take back a future; its call too, if nobody else wants it and it has not started."""
        call: Call = future._call  # noqa: SLF001
        with self._latch:
            if call.unfollow(future):
                cancelled = []
            elif not (cancelled := self._cancel(call)):
                return False
        if not cancelled:
            future.settle(cancelled=True)
        self._end(cancelled, "cancelled", 0.0)
        return True

    def _cancel(self, call: Call, *, running: bool = False) -> list[Call]:
        take_back = self._scheduler.abandon if running else self._scheduler.cancel
        cancelled = take_back(call, JumarError("cancelled"))
        self._live.cancelled += sum(lost.counted for lost in cancelled)
        for lost in cancelled:
            self._live.leave(lost)
        return cancelled

    # -- the session's side ----------------------------------------------------------------------------------------

    def tell(self, event: Event) -> None:
        """Hand an event to every listener."""
        if isinstance(event, Trouble):
            self._hear(event)
        for listener in self.listeners:
            listener(event)

    @property
    def is_closed(self) -> bool:
        """Whether no more calls are taken, and the store may be closed as well."""
        return self._live.is_closed

    def under_way(self, key: bytes) -> Call | None:
        """The call that has this key and has not ended, if there is one."""
        return self._live.calls.get(key)

    def counts(self) -> Counts:
        """What became of the calls so far."""
        return self._live.counts()

    def drain(self) -> None:
        """Wait until no call is unfinished."""
        self._live.drain()

    def close(self, how: Literal["drain", "finish", "now"]) -> None:
        """Take no more calls and let go of the executor.

        Args:
            how: ``drain`` waits for every call. ``finish`` takes back what has not started and waits for what runs.
                ``now`` also abandons what runs: it counts as cancelled, and what it returns is dropped.
        """
        if how == "drain":
            self.drain()
        with self._latch:
            self._live.is_closed = True
            unwanted = [call for call in self._live.calls.values() if how == "now" or call.state is not RUNNING]
            cancelled = [lost for call in unwanted for lost in self._cancel(call, running=how == "now")]
        self._end(cancelled, "cancelled", 0.0)
        if how == "finish":
            self.drain()
        if self._flights:
            self._flights.close()
        self._executor.close(wait=how != "now")


def _give_way(call: Call) -> None:
    """Let a call need the calls that are under way in the place of equal ones that are not."""
    call.needs = tuple([need.twin or need for need in call.needs])
    if type(call.tail) is Call:
        call.tail = call.tail.twin or call.tail
