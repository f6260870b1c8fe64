"""The event loop in which the asynchronous tasks of a session run: one thread for any number of them."""

from __future__ import annotations

import asyncio
import concurrent.futures as cf
import contextvars
import threading
import time
from collections.abc import Coroutine
from typing import Any

from jumar.here import here
from jumar.worker import Ran


class Loop:
    """Runs coroutines; the thread is started with the first one."""

    name = "jumar-loop"
    """The thread's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def start(self, coroutine: Coroutine[Any, Any, Any], timeout_s: float | None) -> cf.Future[Ran]:
        """Begin to run a coroutine in the context of the caller; what comes of it is in the future, errors included.

        Args:
            coroutine: What an ``async def`` gave.
            timeout_s: How long it may take, in seconds.
        """
        landing = asyncio.run_coroutine_threadsafe(_ran(coroutine, timeout_s), self._running())
        # One that is cancelled before its first step would be let go of as "never awaited".
        landing.add_done_callback(lambda _: coroutine.close())
        return landing

    def close(self) -> None:
        """Cancel what runs, and end the thread."""
        with self._lock:
            loop, self._loop = self._loop, None
        if loop is not None and self._thread is not None:
            loop.call_soon_threadsafe(_cancel_all, loop)
            if self._thread is not threading.current_thread():
                self._thread.join()

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=_serve, args=(self._loop,), name=self.name, daemon=True)
                self._thread.start()
            return self._loop


def run_here(coroutine: Coroutine[Any, Any, Any], timeout_s: float | None) -> Ran:
    """Run a coroutine to its end and return what came of it; this thread waits."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(_ran(coroutine, timeout_s))
    # A loop runs in this thread already: the coroutine gets one in another thread, with this one's context.
    context = contextvars.copy_context()
    with cf.ThreadPoolExecutor(1) as pool:
        return pool.submit(context.run, asyncio.run, _ran(coroutine, timeout_s)).result()


async def _ran(coroutine: Coroutine[Any, Any, Any], timeout_s: float | None) -> Ran:
    started_s = time.perf_counter()
    limit = asyncio.timeout(timeout_s)
    try:
        async with limit:
            value = await coroutine
    except BaseException as error:
        if isinstance(error, asyncio.CancelledError) and (task := asyncio.current_task()) and task.cancelling():
            raise  # the session ends
        if isinstance(error, TimeoutError) and limit.expired() and not error.args:  # asyncio says nothing with it
            name = getattr(coroutine, "__name__", "coroutine")
            error.args = (f"task {name!r} was given up after {timeout_s:g} s, and stopped",)
        error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
        return Ran(None, error, time.perf_counter() - started_s)
    return Ran(value, None, time.perf_counter() - started_s)


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    here.is_loop = True
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        loop.close()


def _cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel all that runs, and stop the loop once it has ended."""
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()

    async def stop() -> None:
        await asyncio.gather(*tasks, return_exceptions=True)
        await loop.shutdown_asyncgens()
        loop.stop()

    loop.create_task(stop())
