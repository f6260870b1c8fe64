"""The engine: the one imperative shell. It feeds the scheduler what happened and carries out what it says.

One latch guards the scheduler and the table of live calls. It is held for a few steps at a time and never while user
code, the store's disk or the executor runs. A worker that ends a call takes the next one itself, so that a busy system
hands nothing from thread to thread.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from threading import Semaphore
from typing import TYPE_CHECKING, Any, Literal

from jumar.clock import Clock, SystemClock
from jumar.continuation import Continuation
from jumar.continuing import Continuing
from jumar.crew import NOBODY
from jumar.crews import crew_of, unknown_executor
from jumar.endings import Endings
from jumar.errors import ArgumentError, JumarError
from jumar.events import Counts, Event
from jumar.executors import Executor, InlineExecutor
from jumar.foreign import Adoptions
from jumar.future import Future
from jumar.graph.call import CANCELLED, DONE, FAILED, NEW, NOTHING, RUNNING, SKIPPED, WAITING, Call
from jumar.graph.layer import Layer
from jumar.graph.scheduler import Scheduler, upstream_first
from jumar.live import Live
from jumar.reading import Reading
from jumar.record import Recorder
from jumar.resizing import Resizing
from jumar.result import KeptError, Shared
from jumar.runnable import Runnable
from jumar.running import Running
from jumar.skipping import Skipping
from jumar.store.store import Store
from jumar.store.trouble import Trouble
from jumar.unkept import Unkept
from jumar.waits import Waits

if TYPE_CHECKING:
    from jumar.flights import Flights
    from jumar.memory.pool import Pool
    from jumar.store.lease import Leases
    from jumar.why import Explanation


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
        resources: How much there is of what calls may need while they run.
        executors: Further executors, by the names that calls ask for them; not used if ``executor`` runs all in place.
        defaults: Options of the calls whose tasks do not say otherwise.
        memory_bytes: How much results may take in memory; None for any amount.
    """

    is_remote = False
    """Whether it stands for one in another process, which alone can make calls."""
    plans = False
    """Whether calls are only looked for, and nothing is to be written."""

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
        resources: Mapping[str, float] | None = None,
        executors: Mapping[str, Executor] | None = None,
        defaults: Layer | None = None,
        memory_bytes: int | None = None,
    ) -> None:
        self.owner = owner
        self.run_id = os.urandom(16)
        self.tally: dict[bytes, Iterator[int]] = {}
        """How often each step was asked for outside of every task, and of every run with an id."""
        self.looks, self.keeps = looks, keeps
        self.defaults = defaults
        self.strict = strict
        self.listeners: list[Callable[[Event], None]] = []
        self._hear = hear
        self.store = self._store = store
        self._recorder = Recorder(store, clock or SystemClock(), self.tell, audit)
        self.complain, self.holds, self.known = self._recorder.complain, self._recorder.holds, self._recorder.known
        self.remake = self._make
        self._executor, self._executors = executor, executors or {}
        self.is_in_place = in_place = isinstance(executor, InlineExecutor)
        """Whether calls run in the threads that make them."""
        self._live = live = Live()
        self.expect = live.expect
        self._latch = live.latch
        self._scheduler = scheduler = Scheduler(resources)
        named: Mapping[Any, Executor] = self._executors
        everywhere: dict[str | None, Executor] = {None: executor, **named}
        self._running = running = Running(self, live, scheduler, self._recorder, everywhere, in_place=in_place)
        where = self if in_place else None
        self._crew = crew = crew_of(executor, self._executors, scheduler, live.latch, running.serve, where)
        self._endings = endings = Endings(live, scheduler, crew, self._recorder, self.listeners)
        self._waits = Waits(self, self._latch, scheduler, crew, running.carry_out, in_place=in_place)
        reading = Reading(live, scheduler, crew, self._await)
        self.read, self.read_into, self.failure = reading.read, reading.read_into, reading.failure
        self._continuing = Continuing(live, scheduler, self._recorder, self._make, self.read)
        self._skipping = Skipping(live, scheduler, crew, endings, self._await, running.inputs, self.listeners)
        self.want = self._skipping.want
        live.skipped = scheduler.skipped
        self.adopt = Adoptions(live, scheduler, crew, endings.settle, endings.doom).adopt
        self.resize = Resizing(everywhere, crew, self._latch).resize
        self._flights: Flights | None = None
        if leases is not None:
            from jumar.flights import Flights  # noqa: PLC0415  (most sessions share no calls with other processes)

            self._flights = Flights(
                leases, store, self._recorder, running.resume, self.tell, in_place=in_place, clock=clock
            )
        running.crew, running.endings, running.continuing, running.flights = (
            crew,
            endings,
            self._continuing,
            self._flights,
        )
        if memory_bytes is not None:
            self._recorder.pool = pool = self._pool(memory_bytes)
            crew.bound(pool)

    def describe(self, task: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
        """A call made by the engine that this one stands for; this one stands for none."""
        raise NotImplementedError(f"{self!r} makes its calls here")

    # -- making calls ----------------------------------------------------------------------------------------------

    def spawn(self, call: Call) -> Future[Any]:
        """A future for the call, which is found, joined with an equal one under way, or run."""
        if call.entered or call.twin is not None:
            return self._follow(call.twin or call)
        if self.is_in_place:
            self._waits.is_deep(call)  # raises where the call would find no room on the stack
        future: Future[Any] = Future(self, call)
        look = call.look and not call.unrepeatable
        seen = self._first_look(call, future) if look else "unknown"
        if seen == "found":
            return future
        try:
            with self._latch:
                if self._live.join(call, future):
                    return future
                if seen == "absent":
                    look = self._store.has_recorded(call.key)
                is_lazy = bool(call.needs) and self._is_lazy(call)
                workers = NOBODY if look or is_lazy else self._admit(call)
            if look and self._restored_from_store(call):
                return future
            if is_lazy or call.tail is not NOTHING:
                self.enter_lazy(call)
            if look or is_lazy:
                with self._latch:
                    workers = self._admit(call)
            if workers:
                self._crew.start(workers)
            if call.error is not None:
                self._endings.end_if_doomed(call)
        except BaseException:
            self._live.forget(call)
            raise
        return future

    def run(self, call: Call) -> Any:
        """The call's value: found, or computed here and now in this thread.

        It runs in another one with a timeout, deep down, or if it names an executor of which this thread is no worker.
        """
        policy = call.task.policy
        if self._is_lazy(call) or (policy is not None and policy.timeout_s is not None) or self._waits.is_deep(call):
            return self.spawn(call).result()
        if call.executor is not None and not self._crew.may_take(call):
            return self.spawn(call).result()
        future: Future[Any] = Future(self, call)
        look = call.look and not call.unrepeatable
        seen = self._first_look(call, future) if look else "unknown"
        if seen == "found":
            return future.result()
        try:
            with self._latch:
                joined = self._live.join(call, future)
            if seen == "absent":
                look = self._store.has_recorded(call.key)
            if not joined and not (look and self._restored_from_store(call)):
                if call.tail is not NOTHING:
                    self.enter_lazy(call)
                else:
                    for need in call.needs:
                        self._await(need)
                self._run_here(call)
        except BaseException:
            self._live.forget(call)
            raise
        if not joined and type(call.outcome) is Unkept and call.outcome.is_sole:
            future.accept(call.outcome.only())
        return future.result()

    def _run_here(self, call: Call) -> None:
        with self._latch:
            self._scheduler.add(call)
            started = self._scheduler.start(call)
            if started:
                self._scheduler.unlist(call)
        if started:
            with self._waits.calling(call):
                self._running.carry_out(call)
        elif call.error is not None:  # else it waits for what it returned in another session
            self._endings.end_if_doomed(call)
        with self._latch:
            workers = self._crew.free()
        self._crew.start(workers)

    def _first_look(self, call: Call, future: Future[Any]) -> Literal["found", "absent", "unknown"]:
        """Look for a call before it is entered: most that are found need not be.

        Returns:
            ``found``: the call has ended, and its future. ``absent``: only what this process records from here on can be
            found. ``unknown``: it is to be looked for once it is entered, where nobody else looks for it at the same time.
        """
        # A step is known by its place, whichever code recorded it; what stays at hand, whether it was recorded or not.
        if call.journaled or call.task.hooks is not None or call.task.retains is not None:
            return "unknown"
        try:
            if self._store.is_new(call.info.code):  # as in a first run; the store knows that without a look at the disk
                return "absent"
            needs = call.needs
            kept = self._recorder.kept(call)
        except Exception:
            if self._live.is_closed:  # the store as well, then; whoever enters the call is told
                return "unknown"
            raise
        if kept is None:
            return "absent"
        if isinstance(kept, (Continuation, KeptError)) or not self._endings.end_unentered(call, future, kept):
            return "unknown"
        if needs:
            self._skipping.spare(needs)
        return "found"

    @staticmethod
    def _is_lazy(call: Call) -> bool:
        """Whether something that it needs was described and never started."""
        return any(need.state is NEW for need in call.needs)

    def enter_lazy(self, call: Call) -> None:
        """Look for lazy calls from the top: what is found hides what it was made from; the rest is admitted.

        Without recursion, as a lazy graph may be deep. What is entered here is live until it ends, like any call.
        """
        # In place all of them run in here, and nothing on this stack may keep alive what has been used.
        self._crew.start(self._entered(call))

    def _entered(self, call: Call) -> list[Call]:
        """Enter the lazy calls that a call needs; those that workers may begin with now."""
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
                self._endings.end_if_doomed(need)
        _give_way(call)
        return workers

    def _make(
        self,
        task: Runnable,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        keep: bool,
        bequest: bool | None,
        place: bytes | None,
    ) -> Call:
        """A call of a kept graph: what it had from the call that made it first, and not what it would have here."""
        call = task.make(self, args, kwargs, place)
        call.keep, call.bequest = keep and self.keeps, bequest
        return call

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

    def _restored_from_store(self, call: Call) -> bool:
        """End a call with what is kept of it, if anything is.

        Where what is kept is the graph that it returned, the call now needs that, as if it were lazy.
        """
        needs = call.needs
        kept = self._continuing.found(call)
        if needs and (kept is not None or call.tail is not NOTHING):
            self._skipping.spare(needs)
        if kept is None:
            return False
        if isinstance(kept, KeptError):
            self._endings.fail(call, kept.error, 0.0, is_kept=True)
        else:
            self._endings.restore(call, kept, and_next=False)
        return True

    # -- what futures ask ------------------------------------------------------------------------------------------

    def wait(self, future: Future[Any], timeout_s: float | None) -> None:
        """Return when the future is done, or raise TimeoutError; see `Waits.wait`."""
        if not future.done():  # which asks for it, where it was skipped
            self._waits.wait(future, future._call, timeout_s)  # noqa: SLF001

    def work_for(self, future: Future[Any], timeout_s: float | None, enough: Callable[[], bool]) -> None:
        """Inside a task that waits for a future and others: run its call here, if that may be; see `Waits.work_for`."""
        self._waits.work_for(future, timeout_s, enough)

    def saving(self) -> AbstractContextManager[None]:
        """While in this block, the current call's result is written; see `Waits.saving`."""
        return self._waits.saving()

    def blocked(self, call: Call | None = None, *, on_top: bool = False) -> AbstractContextManager[None]:
        """While in this block, the current call only waits; see `Waits.blocked`."""
        return self._waits.blocked(call, on_top=on_top)

    def wait_for_place(self, places: Semaphore, ahead: Iterable[Future[Any]]) -> None:
        """Take a place that is free as soon as one of the calls ahead has ended; see `Waits.wait_for_place`."""
        self._waits.wait_for_place(places, ahead)

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
        if self.keeps:
            self._recorder.note_asked()
        call: Call = future._call  # noqa: SLF001
        return explain(self._store, (call.recorded_key or call.key).hex())

    def cancel(self, future: Future[Any]) -> bool:
        """Take back a future; its call too, if nobody else wants it and it has not started."""
        call: Call = future._call  # noqa: SLF001
        with self._latch:
            if call.unfollow(future):
                cancelled = []
            elif not (cancelled := self.take_back(call)):
                return False
        if not cancelled:
            future.settle(cancelled=True)
        self._endings.end(cancelled, "cancelled", 0.0)
        return True

    def take_back(self, call: Call, *, running: bool = False) -> list[Call]:
        """Cancel a call, with ``running`` even if it runs, and all that need it. The latch is held."""
        cancel = self._scheduler.abandon if running else self._scheduler.cancel
        cancelled = cancel(call, JumarError("cancelled"))
        self._live.cancelled += sum(lost.counted for lost in cancelled)
        for lost in cancelled:
            self._live.leave(lost)
        return cancelled

    def is_busy_with(self, run: Any) -> bool:
        """Whether calls of a run have not ended."""
        with self._latch:
            return any(call.run is run and call.state is not SKIPPED for call in self._live.calls.values())

    def rests(self, run: Any, waits: Collection[bytes]) -> bool:
        """Whether the calls of a run that have not ended only wait, as far as can be seen.

        Args:
            run: The run.
            waits: The keys of those that are waits themselves.
        """
        with self._latch:
            calls = [call for call in self._live.calls.values() if call.run is run and call.state is not SKIPPED]
            return all(
                call.key in waits
                or call.blocked_on is not None
                or (call.state is WAITING and not (call.awaits and call.journaled))
                for call in calls
            )

    def stop(self, run: Any) -> None:
        """Take back the calls of a run, except for steps that are running: what they do is to be recorded."""
        with self._latch:
            calls = [call for call in self._live.calls.values() if call.run is run]
            unwanted = [call for call in calls if call.state is not RUNNING or not call.journaled]
            cancelled = [lost for call in unwanted for lost in self.take_back(call, running=True)]
        self._endings.end(cancelled, "cancelled", 0.0)

    def met(self, demand: Mapping[str, float], task: str) -> Mapping[str, float]:
        """The demand, if it can ever be met.

        Raises:
            ArgumentError: It cannot.
        """
        lacking = self._scheduler.pool.lacks(demand)
        if lacking is not None:
            raise ArgumentError(
                f"task {task!r} needs {lacking}. Give the session more, such as Session(resources={dict(demand)!r}), or let "
                f"the task need less."
            )
        return demand

    def placed(self, executor: str, task: str) -> str | None:
        """The executor's name, if there is such a one; None where everything runs in place.

        Raises:
            ArgumentError: There is none.
        """
        if executor not in self._executors:
            raise ArgumentError(unknown_executor(executor, task, self._executors))
        return None if self.is_in_place else executor

    def pooled(self) -> Pool:
        """What looks after results in memory: all of them where there is a budget, else those that are to stay there."""
        if self._recorder.pool is None:
            fresh = self._pool(None)
            with self._latch:
                self._recorder.pool = self._recorder.pool or fresh
        return self._recorder.pool

    def _pool(self, memory_bytes: int | None) -> Pool:
        from jumar.memory.pool import Pool  # noqa: PLC0415  (most sessions have no budget, and hold nothing)

        return Pool(self.store, self.tell, memory_bytes)

    # -- the session's side ----------------------------------------------------------------------------------------

    def tell(self, event: Event) -> None:
        """Hand an event to every listener."""
        if isinstance(event, Trouble):
            self._hear(event)
        for listener in self.listeners:
            listener(event)

    @property
    def workers(self) -> int:
        """How many calls run at a time."""
        return self._executor.workers + sum(each.workers for each in self._executors.values())

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
            self._live.drain(also_expected=True)
        with self._latch:
            self._live.is_closed = True
            left = (SKIPPED,) if how == "now" else (RUNNING, SKIPPED)
            unwanted = [call for call in self._live.calls.values() if call.state not in left]
            cancelled = [lost for call in unwanted for lost in self.take_back(call, running=how == "now")]
        self._endings.end(cancelled, "cancelled", 0.0)
        if how == "finish":
            self.drain()
        self._skipping.end()
        if self._flights:
            self._flights.close()
        if self.keeps:
            self._recorder.close()
        self._running.close()
        with ExitStack() as stack:  # one that fails at it keeps no other from it
            for executor in (self._executor, *self._executors.values()):
                stack.callback(executor.close, wait=how != "now")
        if self._recorder.pool is not None:
            self._recorder.pool.close()


def _give_way(call: Call) -> None:
    """Let a call need the calls that are under way in the place of equal ones that are not."""
    call.needs = tuple([need.twin or need for need in call.needs])
    if type(call.tail) is Call:
        call.tail = call.tail.twin or call.tail
