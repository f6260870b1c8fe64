"""The engine: the one imperative shell. It feeds the scheduler what happened and carries out what it says.

One lock guards the scheduler and the table of live calls. It is held for a few steps at a time and never while user
code, the store's disk or the executor runs. A worker that ends a call takes the next one itself, so that a busy system
hands nothing from thread to thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, Protocol

from jumar import worker
from jumar.clock import Clock, SystemClock
from jumar.errors import DamagedError, DeadlockError, JumarError, StoreError
from jumar.events import CallEnded, Counts, Event, How
from jumar.executors import Executor
from jumar.future import Future
from jumar.graph.arguments import rebuild
from jumar.graph.call import CANCELLED, DONE, FAILED, NEW, RUNNING, Call
from jumar.graph.scheduler import Scheduler, depends
from jumar.latch import Latch
from jumar.record import Recorder, path_note
from jumar.result import Failed, Kept, Result, Shared, unchangeable
from jumar.store.store import Store
from jumar.store.trouble import Trouble

_DEEPEST_INLINE = 16
"""How many calls one thread runs inside one another before a further wait gets a thread of its own: each level is some
six Python frames, and the recursion limit is the user's to spend."""


class Runnable(Protocol):
    """What the engine and the recorder must know of a call's task."""

    name: str
    fn: Callable[..., Any]
    names: tuple[str, ...]
    """Of the parameters."""

    def tokens(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[bytes]:
        """The arguments' tokens as they are now."""
        ...


class _Here(threading.local):
    """What the current thread is doing for an engine."""

    engine: Engine | None = None
    call: Call | None = None
    depth = 0
    slot = False
    """Whether the thread is one of the engine's workers."""


_here = _Here()


def current() -> tuple[Engine | None, Call | None]:
    """The engine and the call that this thread is running, if it is."""
    return _here.engine, _here.call


class Engine:
    """Runs calls on an executor and keeps their results in a store.

    Args:
        store: Where results are looked for and kept.
        executor: Where calls run.
        hear: Is told of trouble with storage, before any listener.
        owner: The session; handed to whoever asks for the current one inside a task.
        strict: Whether a future whose result could not be kept raises that from ``result()``.
        clock: For the times in records.
    """

    def __init__(
        self,
        store: Store,
        executor: Executor,
        hear: Callable[[Trouble], None],
        *,
        owner: Any = None,
        strict: bool = False,
        clock: Clock | None = None,
    ) -> None:
        self.owner = owner
        self.strict = strict
        self.listeners: list[Callable[[Event], None]] = []
        self._hear = hear
        self._store = store
        self._recorder = Recorder(store, clock or SystemClock(), self.tell)
        self._executor = executor
        self._lock = Latch()
        self._drainers: list[threading.Event] = []
        self._scheduler = Scheduler()
        self._live: dict[bytes, Call] = {}
        self._limit = executor.workers
        self._active = 0
        self._closed = False
        self._computed = self._restored = self._failed = self._cancelled = 0

    # -- making calls ----------------------------------------------------------------------------------------------

    def spawn(self, call: Call) -> Future[Any]:
        """A future for the call, which is found, joined with an equal one under way, or run."""
        future: Future[Any] = Future(self, call)
        # What a first run asks for is new, and the store knows that without a look at the disk.
        is_new = self._store.is_new(call.info.code)
        try:
            with self._lock:
                if self._joined(call, future):
                    return future
                is_new = is_new and not self._store.has_recorded(call.key)
                workers = self._admit(call) if is_new else []
            if not is_new:
                if self._restored_from_store(call):
                    return future
                with self._lock:
                    workers = self._admit(call)
            self._start(workers)
            if call.error is not None:
                self._end_if_doomed(call)
        except BaseException:
            self._abandon(call)
            raise
        return future

    def run(self, call: Call) -> Any:
        """The call's value, found, or computed here and now in the caller's thread."""
        for need in call.needs:
            self._await(need)
        future: Future[Any] = Future(self, call)
        try:
            with self._lock:
                joined = self._joined(call, future)
            if not joined and not self._restored_from_store(call):
                self._run_here(call)
        except BaseException:
            self._abandon(call)
            raise
        return future.result()

    def _run_here(self, call: Call) -> None:
        with self._lock:
            self._scheduler.add(call)
            started = self._scheduler.start(call)
        if not started:
            self._end_if_doomed(call)
            return
        self._carry_out(call)
        self._feed()

    def _joined(self, call: Call, future: Future[Any]) -> bool:
        """Single flight: give the future to an equal call under way, if there is one, else enter this one."""
        if self._closed:
            raise JumarError(
                f"the session is closed and takes no more calls (task {call.task.name!r}). "
                "Make the call inside its `with` block, or open another Session."
            )
        twin = self._live.get(call.key)
        if twin is None:
            self._live[call.key] = call
            call.follow(future)
            return False
        future._call = twin  # noqa: SLF001  (a future and its engine are one thing in two files)
        twin.follow(future)
        return True

    def _admit(self, call: Call) -> list[Call]:
        self._scheduler.add(call)
        return self._wake() if self._active < self._limit else []

    def _wake(self) -> list[Call]:
        """Calls for workers that are free now. The caller holds the lock, and starts them after letting go of it."""
        calls: list[Call] = []
        while self._active < self._limit and (call := self._scheduler.take()) is not None:
            self._active += 1
            calls.append(call)
        return calls

    def _start(self, calls: list[Call]) -> None:
        for call in calls:
            self._executor.submit(self._serve, call)

    def _feed(self) -> None:
        with self._lock:
            workers = self._wake()
        self._start(workers)

    def _abandon(self, call: Call) -> None:
        """Forget a call whose making was interrupted (Ctrl-C between two steps), so that it can be made again."""
        with self._lock:
            if call.state is NEW and self._live.get(call.key) is call:
                self._leave(call)

    # -- running calls ---------------------------------------------------------------------------------------------

    def _serve(self, call: Call | None) -> None:
        """Run a call, then whatever is ready, until nothing is or this worker is one too many."""
        slot, _here.slot = _here.slot, True
        try:
            while call is not None:
                self._carry_out(call)
                with self._lock:
                    call = self._scheduler.take() if self._active <= self._limit else None
                    if call is None:
                        self._active -= 1
                    workers = self._wake() if len(self._scheduler) else []
                self._start(workers)
        except BaseException:  # the thread itself was interrupted
            with self._lock:
                self._active -= 1
            raise
        finally:
            _here.slot = slot

    def _carry_out(self, call: Call) -> None:
        """Run a call in this thread and end it, whatever happens. Raises only what interrupts the thread itself."""
        before = _here.engine, _here.call
        _here.engine, _here.call = self, call
        _here.depth += 1
        try:
            args, kwargs = self._inputs(call) if call.needs else (call.args or (), call.kwargs)
            ran = worker.run(call.task.name, call.task.fn, args, kwargs)
            del args, kwargs
            if ran.error is None:
                self._finish(call, ran)
            else:
                self._fail(call, ran.error, ran.seconds)
                self._pass_on_interrupt(ran.error)
        except BaseException as error:
            if call.state is RUNNING:  # nobody may wait for ever for a call that ended here
                self._fail(call, error, 0.0)
            if not isinstance(error, Exception):
                raise
        finally:
            _here.depth -= 1
            _here.engine, _here.call = before

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

    def _finish(self, call: Call, ran: worker.Ran) -> None:
        call.outcome, trouble = self._recorder.result(call, ran)
        with self._lock:
            self._computed += 1
            self._scheduler.finish(call)
            self._leave(call)
        self._drop_inputs(call)
        self._settle(call, trouble)
        if self.listeners:
            self.tell(CallEnded(call.key, call.task.name, "computed", ran.seconds))

    def _restored_from_store(self, call: Call) -> bool:
        """End a call with its kept result, if there is one. Small ones are read at once, large ones when asked for."""
        entry = self._store.find(call.key)
        if entry is None:
            return False
        result: Result = Kept(self._store, entry)
        if entry.inline is not None:
            try:
                value = self._store.load(entry)
            except DamagedError:
                return False
            result = Shared(value) if unchangeable(value) else Kept(self._store, entry).with_fresh(value)
            self._drop_inputs(call)
        call.outcome = result
        with self._lock:
            self._restored += 1
            self._scheduler.finish(call)
            self._leave(call)
            workers = self._wake() if len(self._scheduler) else []
        self._settle(call, None)
        self._start(workers)
        if self.listeners:
            self.tell(CallEnded(call.key, call.task.name, "restored", 0.0))
        return True

    @staticmethod
    def _drop_inputs(call: Call) -> None:
        """Keep alive nothing that only a run of the call would need."""
        call.args = call.kwargs = None
        call.needs = ()

    def _fail(self, call: Call, error: BaseException, seconds: float) -> None:
        if call.keep and isinstance(error, Exception):
            self._recorder.failure(call, error, seconds)
        failed = Failed(error)
        with self._lock:
            doomed = self._scheduler.fail(call, error)
            self._failed += len(doomed)
            for lost in doomed:
                lost.outcome = failed
                self._leave(lost)
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
        with self._lock:
            if self._live.get(call.key) is not call:
                return
            call.outcome = next((need.outcome for need in call.needs if need.error is call.error), None)
            how: How = "cancelled" if call.state is CANCELLED else "failed"
            self._failed += how == "failed"
            self._cancelled += how == "cancelled"
            self._leave(call)
        self._end([call], how, 0.0)

    def _end(self, calls: list[Call], how: How, seconds: float) -> None:
        for index, call in enumerate(calls):
            call.args = call.kwargs = None
            for future in call.release():
                future.settle(cancelled=how == "cancelled")
            if self.listeners:
                self.tell(CallEnded(call.key, call.task.name, how, 0.0 if index else seconds))

    def _leave(self, call: Call) -> None:
        """Take an ended call from the table. The caller holds the lock."""
        self._live.pop(call.key, None)
        if not self._live and self._drainers:
            for drainer in self._drainers:
                drainer.set()
            self._drainers.clear()

    # -- what futures ask ------------------------------------------------------------------------------------------

    def wait(self, future: Future[Any], timeout_s: float | None) -> None:
        """Return when the future is done, or raise TimeoutError.

        Inside a task the wait is not idle: a call that is ready runs here and now; else another worker is let in for
        the time of the wait.
        """
        me = _here.call if _here.engine is self else None
        if me is None:
            future.block(timeout_s)
            return
        call: Call = future._call  # noqa: SLF001
        if timeout_s is None and _here.depth < _DEEPEST_INLINE:
            with self._lock:
                self._block_on(me, call)
                claimed = self._scheduler.start(call)
            if claimed:
                try:
                    self._carry_out(call)
                finally:
                    me.blocked_on = None
                self._feed()
                return
        with self.blocked(call):
            future.block(timeout_s)

    @contextmanager
    def blocked(self, call: Call | None = None) -> Iterator[None]:
        """While in this block, the current call only waits (for ``call``) and lends its worker's place to another."""
        me = _here.call if _here.engine is self else None
        if me is None:
            yield
            return
        lent = int(_here.slot)
        with self._lock:
            self._block_on(me, call)
            self._limit += lent
            workers = self._wake()
        try:
            self._start(workers)
            yield
        finally:
            with self._lock:
                self._limit -= lent
                me.blocked_on = None

    def _block_on(self, me: Call, call: Call | None) -> None:
        if call is not None and depends(call, on=me):
            raise DeadlockError(
                f"task {me.task.name!r} (key {me.key.hex()[:12]}) waits for {call.task.name!r} "
                f"(key {call.key.hex()[:12]}), which cannot finish before it: the wait would never end. "
                "A call that asks for itself with the same arguments is the usual reason."
            )
        me.blocked_on = call

    def _await(self, call: Call) -> None:
        """Wait until a call has ended, whatever became of it."""
        future: Future[Any] = Future(self, call)
        with self._lock:
            if call.state in (DONE, FAILED, CANCELLED):
                return
            call.follow(future)
        self.wait(future, None)

    def read(self, call: Call) -> Any:
        """The value of a finished call, for one reader; computed once more if what was kept is damaged."""
        while True:
            if call.error is not None:
                raise self.failure(call)
            result: Result = call.outcome
            try:
                value = result.take()
            except DamagedError:
                if call.args is None:  # computed in this session and let go of: only a new call can compute it again
                    raise
                self._revive(call, result)
            else:
                self._drop_inputs(call)
                return value

    def read_into(self, future: Future[Any]) -> None:
        """Give a future of a finished call its value; of two threads that ask at once, both get the first one's."""
        value = self.read(future._call)  # noqa: SLF001
        with self._lock:
            future.accept(value)

    def _revive(self, call: Call, damaged: Result) -> None:
        """Run a restored call after all: its row was there, its bytes are not."""
        workers: list[Call] = []
        with self._lock:
            twin = self._live.get(call.key)
            if twin is None and call.outcome is damaged and call.state is DONE:
                twin = self._live[call.key] = call
                self._restored -= 1
                self._scheduler.revive(call)
                workers = self._wake()
        self._start(workers)
        if twin is None:
            return  # another reader saw to it meanwhile
        self._await(twin)
        if twin is not call:
            call.outcome, call.error, call.state = twin.outcome, twin.error, twin.state

    def failure(self, call: Call) -> BaseException:
        """The error of a failed call, ready to be raised."""
        failed: Failed = call.outcome
        return failed.prepared(path_note(call))

    def cancel(self, future: Future[Any]) -> bool:
        """Take back a future; its call too, if nobody else wants it and it has not started."""
        call: Call = future._call  # noqa: SLF001
        with self._lock:
            if call.unfollow(future):
                cancelled = []
            elif not (cancelled := self._cancel(call)):
                return False
        if not cancelled:
            future.settle(cancelled=True)
        self._end(cancelled, "cancelled", 0.0)
        return True

    def _cancel(self, call: Call) -> list[Call]:
        cancelled = self._scheduler.cancel(call, JumarError("cancelled"))
        self._cancelled += len(cancelled)
        for lost in cancelled:
            self._leave(lost)
        return cancelled

    # -- the session's side ----------------------------------------------------------------------------------------

    def tell(self, event: Event) -> None:
        """Hand an event to every listener."""
        if isinstance(event, Trouble):
            self._hear(event)
        for listener in self.listeners:
            listener(event)

    def counts(self) -> Counts:
        """What became of the calls so far."""
        with self._lock:
            return Counts(self._computed, self._restored, self._failed, self._cancelled, len(self._live))

    def drain(self) -> None:
        """Wait until no call is unfinished."""
        while True:
            quiet = threading.Event()
            with self._lock:
                if not self._live:
                    return
                self._drainers.append(quiet)
            quiet.wait()

    def close(self, how: Literal["drain", "finish", "now"]) -> None:
        """Take no more calls and let go of the executor.

        Args:
            how: ``drain`` waits for every call. ``finish`` takes back what has not started and waits for what runs.
                ``now`` takes back what has not started and waits for nothing.
        """
        if how == "drain":
            self.drain()
        with self._lock:
            self._closed = True
            waiting = [call for call in self._live.values() if call.state is not RUNNING]
            cancelled = [lost for call in waiting for lost in self._cancel(call)]
        self._end(cancelled, "cancelled", 0.0)
        if how == "finish":
            self.drain()
        self._executor.close(wait=how != "now")
