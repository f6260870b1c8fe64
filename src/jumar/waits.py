"""Waiting for calls, from outside and from inside of tasks, without deadlock."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from jumar.crew import Crew
from jumar.errors import DeadlockError
from jumar.future import Future
from jumar.graph.call import READY, WAITING, Call
from jumar.graph.scheduler import Scheduler, depends
from jumar.here import PLACE, here
from jumar.latch import Latch

DEEPEST_INLINE = 16
"""How many calls one thread runs inside one another before a further wait gets a thread of its own: each level is some
six Python frames, and the recursion limit is the user's to spend."""

_ROOM = 150
"""Frames kept for what the engine and the store do for one call."""


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
        self._run = run
        self._in_place = in_place

    def is_deep(self, call: Call) -> bool:
        """Whether a call that is about to be made is better run in another thread than inside of those in this one.

        Raises:
            RecursionError: There is no other thread, and little is left of the stack. Python's own error would come from
                somewhere inside of the engine, which would then not know what had happened to the call.
        """
        depth = PLACE.get().depth
        if depth < DEEPEST_INLINE or not self._in_place:
            return depth >= DEEPEST_INLINE
        limit = sys.getrecursionlimit()
        try:
            sys._getframe(limit - min(_ROOM, limit // 4))  # noqa: SLF001  (the only way to ask without a walk)
        except ValueError:  # the stack is not that deep
            return False
        raise RecursionError(
            f"task {call.task.name!r} is called {depth} calls deep on the inline executor, where each of them stays on "
            f"the stack; Python's limit of {limit} frames leaves no room for another one. Run it on threads, let the "
            f"tasks return calls instead of waiting for them, or raise the limit with sys.setrecursionlimit()."
        )

    def wait(self, future: Future[Any], call: Call, timeout_s: float | None) -> None:
        """Return when the call's future is done, or raise TimeoutError.

        Inside a task the wait is not idle: a call that is ready runs here and now; else another worker is let in for
        the time of the wait.
        """
        if here.is_loop:
            raise DeadlockError(
                f"{future!r} is waited for inside an asynchronous task without `await`, which would stop all of them. Write "
                f"`await future`; for several of them `asyncio.gather(*futures)`."
            )
        me = self._waiting_call()
        if me is None:
            future.block(timeout_s)
            return
        if self._in_place:
            self._run_upstream(me, call)
            if future.done():
                return
        # Not where this thread would be stuck in a function whose time is over.
        stoppable = call.task is not None and call.task.policy is not None and call.task.policy.timeout_s is not None
        may_run = timeout_s is None and PLACE.get().depth < DEEPEST_INLINE and not stoppable
        if may_run and self._ran_here(me, call) and future.done():
            return  # else it returned other calls, or is to be tried again
        with self.blocked(call):
            future.block(timeout_s)

    def _run_upstream(self, me: Call, call: Call) -> None:
        """Run a call in this thread, after what it needs; what others run at the moment is left to them.

        Nothing else is run in the meantime: it might wait for a call that is under way further down on this stack.
        """
        with self._latch:
            self._block(me, call)
        try:
            stack: list[tuple[Call, tuple[Call, ...] | None]] = [(call, None)]
            while stack:
                current, seen = stack.pop()
                with self._latch:
                    claimed = self._scheduler.start(current)
                if claimed:
                    self._run(current)
                    stack.append((current, None))  # it may have returned others, which it needs now
                elif current.state is WAITING and current.needs is not seen:
                    stack.append((current, current.needs))
                    stack.extend((need, None) for need in reversed(current.needs) if need.state in (WAITING, READY))
        finally:
            with self._latch:
                self._unblock(me)

    def _ran_here(self, me: Call, call: Call) -> bool:
        """Run a call in this thread if it is ready, in the place of the one that waits for it."""
        with self._latch:
            self._block(me, call)
            claimed = self._crew.may_take(call) and self._scheduler.start(call)
            if not claimed:
                self._unblock(me)
        if claimed:
            try:
                self._run(call)
            finally:
                with self._latch:
                    self._unblock(me)
                    workers = self._crew.free()
                self._crew.start(workers)
        return claimed

    @contextmanager
    def blocked(self, call: Call | None = None) -> Iterator[None]:
        """While in this block, the current call only waits (for ``call``) and lends its worker's place to another."""
        me = self._waiting_call()
        if me is None:
            yield
            return
        mine = self._crew.mine()
        on_top = int(call is None)
        with self._latch:
            self._crew.open_up(on_top)
            self._block(me, call)
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
