"""Waiting for calls, from outside and from inside of tasks, without deadlock.

A wait inside a task is not idle. What it waits for is run in its thread if nobody has begun with it, after what that needs;
only where it runs elsewhere does the wait lend its worker's place to another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Semaphore
from typing import Any

from jumar.crew import Crew
from jumar.errors import DeadlockError
from jumar.future import Future
from jumar.graph.call import Call
from jumar.graph.scheduler import Scheduler, depends
from jumar.here import PLACE, here
from jumar.latch import Latch
from jumar.stack import is_deep, refuse_overflow
from jumar.wanted import Enough, Wanted

SAVES_AT_MOST = 2
"""So many results of an engine are written beside the calls that run on all of its workers."""


class Waits:
    """Waits for the calls of one engine.

    Args:
        owner: The engine, to tell its own tasks from others.
        latch: The engine's.
        scheduler: The engine's.
        crew: The engine's.
        run: Runs a call that the scheduler has marked as running, in the current thread.
        in_place: Whether calls run in the threads that make them.
    """

    def __init__(
        self,
        owner: object,
        latch: Latch,
        scheduler: Scheduler,
        crew: Crew,
        run: Callable[[Call], object],
        *,
        in_place: bool,
    ) -> None:
        self._owner = owner
        self._latch = latch
        self._scheduler = scheduler
        self._crew = crew
        self._wanted = Wanted(latch, scheduler, crew, run, in_place=in_place)
        self._in_place = in_place
        self._saves = Semaphore(SAVES_AT_MOST)

    def is_deep(self, call: Call) -> bool:
        """Whether a call that is about to be made is better run in another thread than inside of those in this one.

        Raises:
            RecursionError: There is no other thread, and little is left of the stack.
        """
        depth = PLACE.get().depth
        if not depth:
            return False
        if not self._in_place:
            return is_deep()
        refuse_overflow(call.task.name, depth)
        return False

    def wait(self, future: Future[Any], call: Call, timeout_s: float | None) -> None:
        """Return when the call's future is done, or raise TimeoutError."""
        _refuse_in_loop(future)
        me = self._waiting_call()
        if me is None:
            future.block(timeout_s)
            return
        with self._only_waiting(me, call):
            if self._may_work(timeout_s):
                self._wanted.work(call, future.done)
            if not future.done():
                with self._place_lent():
                    future.block(timeout_s)

    def work_for(self, future: Future[Any], timeout_s: float | None, enough: Enough) -> None:
        """Inside a task that waits for a future and others: run its call here, if that may be.

        Args:
            future: One that is waited for.
            timeout_s: How long the wait may take, in seconds.
            enough: Whether the wait is over.

        Raises:
            DeadlockError: The call cannot finish before the one that waits, or nothing may wait here.
        """
        _refuse_in_loop(future)
        me = self._waiting_call()
        if me is not None and self._may_work(timeout_s):
            call: Call = future._call  # noqa: SLF001
            with self._only_waiting(me, call):
                self._wanted.work(call, enough)

    @contextmanager
    def blocked(self, call: Call | None = None, *, on_top: bool = False) -> Iterator[None]:
        """While in this block, the current call only waits, and lends its worker's place to another.

        Args:
            call: What it waits for, where that is known: a wait that would never end is refused.
            on_top: Whether calls may be started on top of it where they run in place: it waits for nobody knows which.
        """
        me = self._waiting_call()
        if me is None:
            yield
            return
        with self._only_waiting(me, call), self._place_lent(int(on_top)):
            yield

    @contextmanager
    def calling(self, call: Call) -> Iterator[None]:
        """While in this block, a call runs that was made directly; inside a task, that one waits for it meanwhile."""
        me = self._waiting_call()
        if me is None:
            yield
            return
        with self._only_waiting(me, call):
            if me.demand:  # which others may have now
                self._wanted.let_others_in()
            yield

    def wait_for_place(self, places: Semaphore, ahead: Iterable[Future[Any]]) -> None:
        """Take a place that is free as soon as one of the calls ahead has ended.

        Args:
            places: What the calls take their places of.
            ahead: Their futures.

        Raises:
            DeadlockError: Nothing may wait here.
        """
        if here.is_loop:
            raise DeadlockError(
                "a map is asked for its next future inside an asynchronous task while all calls in its window are under way: "
                "that would stop all such tasks. `await` each future before you ask for the next, or give a larger window=."
            )
        if self._waiting_call() is not None:
            for future in ahead:
                self.work_for(future, None, future.done)
                if places.acquire(blocking=False):
                    return
        with self.blocked():
            places.acquire()

    @contextmanager
    def saving(self) -> Iterator[None]:
        """While in this block, the result of the current call is written, and its worker's place is lent to another call.

        So is what it holds of the session's resources. Only so many results are written beside others that are computed:
        the worker of a further one keeps its place, so that results cannot outrun the disk.
        """
        me = None if self._in_place else self._waiting_call()
        if me is None or not self._saves.acquire(blocking=False):
            yield
            return
        try:
            with self._only_waiting(me, None), self._place_lent():
                yield
        finally:
            self._saves.release()

    def _may_work(self, timeout_s: float | None) -> bool:
        """Whether a wait may run what it waits for; in place nobody else would."""
        return self._in_place or (timeout_s is None and not is_deep())

    @contextmanager
    def _place_lent(self, on_top: int = 0) -> Iterator[None]:
        mine = self._crew.mine()
        with self._latch:
            self._crew.open_up(on_top)
            if mine is not None:
                mine.lend(1)
            workers = self._crew.free()
        try:
            self._crew.start(workers)
            yield
        finally:
            with self._latch:
                if mine is not None:
                    mine.lend(-1)
                self._crew.open_up(-on_top)

    @contextmanager
    def _only_waiting(self, me: Call, call: Call | None) -> Iterator[None]:
        """While in this block, a call waits for another one, and lends what it holds of the session's resources."""
        with self._latch:
            self._block(me, call)
        try:
            yield
        finally:
            with self._latch:
                self._unblock(me)

    def _waiting_call(self) -> Call | None:
        place = PLACE.get()
        return place.call if place.engine is self._owner else None

    def _block(self, me: Call, call: Call | None) -> None:
        if call is not None and depends(call, on=me):
            raise DeadlockError(
                f"task {me.task.name!r} (key {me.key.hex()[:12]}) waits for {call.task.name!r} "
                f"(key {call.key.hex()[:12]}), which cannot finish before it: the wait would never end. "
                "A call that asks for itself with the same arguments is the usual reason."
            )
        me.blocked_on = call
        self._scheduler.lend(me)

    def _unblock(self, me: Call) -> None:
        me.blocked_on = None
        self._scheduler.take_back(me)


def _refuse_in_loop(future: Future[Any]) -> None:
    """Refuse a wait that would stop all asynchronous tasks."""
    if here.is_loop:
        raise DeadlockError(
            f"{future!r} is waited for inside an asynchronous task without `await`, which would stop all of them. Write "
            f"`await future`; for several of them `asyncio.gather(*futures)`."
        )
