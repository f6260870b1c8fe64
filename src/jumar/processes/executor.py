"""The processes executor: the engine's threads each hand the function of their call to a worker process."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from jumar.errors import ArgumentError, JumarError, ResultError, WorkerLostError
from jumar.executors import Several, ThreadsExecutor
from jumar.graph.call import Call
from jumar.processes.answers import answer
from jumar.processes.batch_run import BatchRun, Message, tell_worker
from jumar.processes.channel import Lost
from jumar.processes.furniture import Furniture
from jumar.processes.kinds import ANSWER, DONE, ENCODED, ENDS, QUESTION, RETURNED, RUN
from jumar.processes.outfit import Form, form_of
from jumar.processes.pace import Pace
from jumar.processes.parcel import is_plain, packed, unpacked
from jumar.processes.pool import Pool
from jumar.processes.process import WorkerProcess
from jumar.processes.relay import LOG, OUTPUT
from jumar.processes.shelf import Shelf
from jumar.processes.shortage import Shortage
from jumar.processes.trouble import received, sent
from jumar.store.store import Store
from jumar.worker import Ran

T = TypeVar("T")

_LOG = logging.getLogger("jumar")


class ProcessesExecutor:
    """Runs functions in worker processes; all else of a call is done in this process.

    A process is started when there is a call for it, and kept for the next one, up to ``workers`` of them. A task that
    waits for other calls holds its process; a call that is not run in that process meanwhile gets a further one.

    Args:
        workers: How many calls run at a time; by default one for each processor this process may use.
        lost_retries: How often a call is tried again whose process was lost (killed, crashed, out of memory). It has
            nothing to do with the ``retries`` of its task, which are for errors.

    Raises:
        SettingsError: ``workers`` is not a positive whole number.

    Guarantees:
        No worker outlives this process, whatever it dies of, nor `close`.
    """

    name = "processes"

    def __init__(self, workers: int | None = None, *, lost_retries: int = 2) -> None:
        self._threads = ThreadsExecutor(workers)
        self.workers = self._threads.workers
        self._lost_retries = lost_retries
        self.shelf = Shelf()
        self._pool = Pool(self.workers, self._start)
        self._furniture: Furniture | None = None
        self._pace = Pace()
        self._shortage = Shortage()
        self._busy: dict[int, WorkerProcess] = {}
        self._given_up: set[int] = set()
        self._losses: dict[bytes, int] = {}
        self._answering = _Answering()
        _executors.add(self)

    def submit(self, work: Callable[[T], None], item: T) -> None:
        """Carry out ``work(item)`` in a thread, which may run functions elsewhere."""
        self._threads.submit(work, item)

    def resize(self, workers: int) -> None:
        """Want so many calls at a time; see `Sizable`. A process too many ends, when its call has if it runs one.

        Raises:
            SettingsError: ``workers`` is not a positive whole number.
        """
        self._threads.resize(workers)
        self.workers = workers
        self._pool.resize(workers)

    def close(self, *, wait: bool) -> None:
        """Take no more work. With ``wait``, return when what was submitted is done; else end what runs."""
        if not wait:
            self._pool.kill()
        self._threads.close(wait=wait)
        self._pool.end()
        if self._furniture is not None:
            self._furniture.close()

    def furnish(self, store: Store) -> None:
        """See `Distant.furnish`."""
        self._furniture = Furniture(store)

    def _start(self) -> WorkerProcess:
        return WorkerProcess() if self._furniture is None else self._furniture.start()

    # -- running a function ----------------------------------------------------------------------------------------

    def run_function(
        self, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any] | None, begins: Callable[[], None]
    ) -> Ran:
        """What came of running a call's function in a worker process; never raises, as `jumar.worker.run`."""
        try:
            message = self.message(call, args, kwargs)
        except Exception as error:  # noqa: BLE001  (pickling runs user code)
            return Ran(None, _unsendable(call, error), 0.0)
        serial = call.serial
        while True:
            try:
                process = self._process_for(call)
            except (Lost, OSError) as error:  # the executor was closed at once; or the machine has no more to give
                return Ran(None, _unstarted(call, error), 0.0)
            try:
                begins()
                ran = self._run_on(process, call, message, serial)
            except Lost:
                how = self._bury(process)
                if call.serial != serial or self._pool.is_closed:  # nobody waits for it any more
                    return Ran(None, WorkerLostError(f"task {call.task.name!r} was stopped"), 0.0)
                if self._is_given_up(call, process, how):
                    return Ran(None, _lost(call, self._lost_retries + 1, how), 0.0)
                continue
            except BaseException as error:  # noqa: BLE001  (Ctrl-C while the main thread waits for its own call)
                process.kill()
                process.bury()
                self._clear(process)
                return Ran(None, error, 0.0)
            self.note(call, ran)
            return ran

    def prepare(self, call: Call) -> None:
        """See `Distant.prepare`."""
        if call.task.runs_here:
            return
        try:
            self._pool.prepare()
        except (Lost, OSError) as error:  # the call is about to meet the same, and can tell whoever wants it
            _LOG.debug("no worker process could be started ahead of a call: %s", error)

    def together(self, call: Call) -> int:
        """See `Distant.together`. A call that has cost a process is not to take others along."""
        return 1 if call.key in self._losses else self._pace.together(call.info.code)

    def run_functions(self, calls: Sequence[Any], batch: Several) -> None:
        """See `Distant.run_functions`."""
        run = BatchRun(self, batch)
        for each in calls:
            try:
                run.add(each, self.message(each.call, each.args, each.kwargs))
            except Exception as error:  # noqa: BLE001  (pickling runs user code)
                batch.ended(each, Ran(None, _unsendable(each.call, error), 0.0))
        try:
            process = self._pool.take() if run.open else None
        except (Lost, OSError) as error:
            for each in run.open:
                batch.ended(each, Ran(None, _unstarted(each.call, error), 0.0))
            return
        if process is None:
            return
        try:
            run.on(process)
        except Lost:
            self._end_lost(process, run, batch)
        except BaseException:
            process.kill()
            process.bury()
            self._clear(process)
            raise
        else:
            self._pool.put_back(process)

    def _end_lost(self, process: WorkerProcess, run: BatchRun, batch: Several) -> None:
        """Go on after a process was lost that had several calls: only the one that had begun has had its chance."""
        how = self._bury(process)
        culprit, *rest = run.open
        if self._pool.is_closed:  # nobody waits for them any more
            for each in (culprit, *rest):
                batch.ended(each, Ran(None, WorkerLostError(f"task {each.call.task.name!r} was stopped"), 0.0))
            return
        if self._is_given_up(culprit.call, process, how):
            batch.ended(culprit, Ran(None, _lost(culprit.call, self._lost_retries + 1, how), 0.0))
        else:
            rest.insert(0, culprit)
        batch.hand_back(rest)

    def note(self, call: Call, ran: Ran) -> None:
        """Remember how long a call took, and that it did not cost its process."""
        if ran.error is None:
            self._pace.note(call.info.code, ran.seconds)
        if self._losses:
            self._losses.pop(call.key, None)

    def stop_function(self, call: Call) -> None:
        """End the process that runs a call."""
        process = self._busy.get(id(call))
        if process is not None:
            process.kill()

    def message(self, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any] | None) -> Message:
        """A call with its arguments, ready to be sent."""
        met = {self.shelf.number(call.task, call.info.code)}
        run_id = None if call.run is None else call.run.id
        form = Form.VALUE if self._furniture is None else form_of(call, self._furniture.place)
        content = (*met, form, call.key, call.attempts, run_id, args, kwargs)
        is_small = is_plain(args) and (not kwargs or is_plain(kwargs.values()))
        frames = packed(content, None if is_small else lambda obj: self.shelf.reduce(obj, met))
        self.shelf.prepare(met)
        return Message(frames, met)

    def _process_for(self, call: Call) -> WorkerProcess:
        """The one whose task waits for this call in this thread; else one of the pool."""
        waiting = self._answering.process
        # A call that has cost a process is not to take its caller along.
        if waiting is not None and not waiting.is_gone and call.key not in self._losses:
            return waiting
        return self._pool.take()

    def _run_on(self, process: WorkerProcess, call: Call, message: Message, serial: int) -> Ran:
        is_inner = process is self._answering.process
        self._busy[id(call)] = process
        try:
            if (
                call.serial != serial
            ):  # its time was over before there was a process; `stop_function` may have come too soon
                process.kill()
            process.tell(self.shelf.bodies(message.met, process.known))
            tell_worker(call, process)
            process.channel.send(RUN, message.frames)
            ran = self._follow(process, call)
        finally:
            del self._busy[id(call)]
        if not is_inner:
            process.book.clear()
            self._pool.put_back(process)
        return ran

    def _follow(self, process: WorkerProcess, call: Call) -> Ran:
        """Do what a worker asks for until it has run the call."""
        while True:
            kind, body = process.channel.receive()
            if kind in ENDS:
                return self.ran(process, call, kind, body)
            if kind != RETURNED:  # else it had several calls, which it has given back by asking something
                self.serve(process, call, kind, body)

    def serve(self, process: WorkerProcess, call: Call, kind: bytes, body: bytes | memoryview) -> None:
        """Do what a worker asks for while it runs a call."""
        if kind == QUESTION:
            self._answer(process, call, body)
        elif kind == OUTPUT:
            process.screen.show(body)
        else:
            assert kind == LOG, kind
            process.screen.log(body, call.task.name)

    def ran(self, process: WorkerProcess, call: Call, kind: bytes, body: bytes | memoryview) -> Ran:
        """What came of a call, as a worker tells it."""
        if kind == DONE:
            return self._done(process, call, body)
        if kind == ENCODED:
            assert self._furniture is not None
            return self._furniture.received(process, body)
        raised, seconds = unpacked(body, {}, {})
        return Ran(None, received(raised, call.task.name, self.shelf.tasks, process.book), seconds)

    def _done(self, process: WorkerProcess, call: Call, body: bytes | memoryview) -> Ran:
        try:
            value, seconds = unpacked(body, self.shelf.tasks, process.book)
        except Exception as error:  # noqa: BLE001  (unpickling runs user code)
            text = (
                f"task {call.task.name!r} returned something in a worker process that cannot be read here: "
                f"{type(error).__name__}: {error}. Return plain data, or objects whose classes can be imported."
            )
            unreadable = ResultError(text)
            unreadable.__cause__ = error
            return Ran(None, unreadable, 0.0)
        return Ran(value, None, seconds)

    def _answer(self, process: WorkerProcess, call: Call, body: bytes | memoryview) -> None:
        """Answer a question of the task; meanwhile calls that run in this thread may run in its process."""
        before, self._answering.process = self._answering.process, process
        met: set[int] = set()

        def reduce(obj: Any) -> Any:
            return self.shelf.reduce(obj, met)

        try:
            question, *arguments = unpacked(body, self.shelf.tasks, process.book)
            frames = packed((True, answer(process.book, question, *arguments)), reduce)
            self.shelf.prepare(met)
        except Lost:
            raise
        except Exception as error:  # noqa: BLE001  (it is the task's to handle)
            met.clear()
            frames = packed((False, sent(error, reduce)), reduce)
        finally:
            self._answering.process = before
        if process.is_gone:
            raise Lost(f"the process of task {call.task.name!r} has ended")
        process.tell(self.shelf.bodies(met, process.known))
        process.channel.send(ANSWER, frames)

    def _is_given_up(self, call: Call, process: WorkerProcess, how: str) -> bool:
        """Whether a call has lost as many processes as it may."""
        count = self._losses[call.key] = self._losses.get(call.key, 0) + 1
        if count > self._lost_retries:
            self._losses[call.key] = 0  # remembered, so that it is not run in the process of who asks for it again
            return True
        _LOG.warning(
            "the worker process %d, which ran task %r, was lost: %s; the call is tried again (%d of %d)",
            process.pid,
            call.task.name,
            how,
            count,
            self._lost_retries,
        )
        return False

    def _bury(self, process: WorkerProcess) -> str:
        """Make sure that a lost process is gone, with what it has left; what it died of."""
        how = process.bury()
        self._clear(process)
        if process.was_killed and self._shortage.has_killed():
            return f"{how}: the system ran out of memory, its kernel says"
        return how

    def _clear(self, process: WorkerProcess) -> None:
        if self._furniture is not None:
            self._furniture.clear(process)

    def let_go(self) -> None:
        """In a forked child: keep nothing of the workers, which are the parent's."""
        self._pool.let_go()


class _Answering(threading.local):
    """Which process's question this thread is answering."""

    process: WorkerProcess | None = None


def _unstarted(call: Call, error: Exception) -> JumarError:
    unstarted = JumarError(f"task {call.task.name!r} has no worker process: {error}")
    unstarted.__cause__ = error
    return unstarted


def _unsendable(call: Call, error: Exception) -> ArgumentError:
    unsendable = ArgumentError(
        f"task {call.task.name!r} (key {call.key.hex()[:12]}) cannot be sent to a worker process: {type(error).__name__}: "
        f"{error}. Its function, what that closes over, and its arguments must be things that pickle or cloudpickle can "
        f"write. Open files, connections and locks inside the task, or use executor='threads'."
    )
    unsendable.__cause__ = error
    return unsendable


def _lost(call: Call, times: int, how: str) -> WorkerLostError:
    return WorkerLostError(
        f"task {call.task.name!r} (key {call.key.hex()[:12]}) was run {times} times, and each time its worker process was "
        f"lost; the last time {how}. A crash in compiled code, os._exit and too little memory are the usual reasons. "
        f"How often such a call is tried again is set by lost_retries."
    )


_executors: weakref.WeakSet[ProcessesExecutor] = weakref.WeakSet()


def _let_go_of_all() -> None:
    for executor in list(_executors):
        executor.let_go()


os.register_at_fork(after_in_child=_let_go_of_all)
