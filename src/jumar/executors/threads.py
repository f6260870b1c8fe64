"""The threads executor: daemon threads that are made when they are needed and kept for the next piece of work."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

from jumar.errors import SettingsError

T = TypeVar("T")


class ThreadsExecutor:
    """Runs each piece of work in a thread of its own kind.

    A thread is started only when none is idle, so a piece of work never waits for another one to end. Threads are
    daemons: a program that is told to stop does not hang on a task that does not end.

    Where more are needed than there are workers, because some only wait, one more is kept idle. Whoever submits work then
    need not start a thread, which means to let it run first: a task that makes a call and waits for it at once would find
    it begun elsewhere, at each level of a thousand.

    Args:
        workers: How many calls run at a time; by default one for each processor this process may use.

    Raises:
        SettingsError: ``workers`` is not a positive whole number.
    """

    name = "threads"

    def __init__(self, workers: int | None = None) -> None:
        self.workers = checked(processors() if workers is None else workers)
        self._work: SimpleQueue[tuple[Callable[[Any], None], Any] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._idle = 0
        self._threads: list[threading.Thread] = []
        self._closed = False

    def submit(self, work: Callable[[T], None], item: T) -> None:
        """Carry out ``work(item)`` in an idle thread, or in a new one."""
        with self._lock:
            if self._closed:
                raise RuntimeError("the threads executor was closed and takes no more work")
            if self._idle:
                self._idle -= 1
            else:
                self._start_thread()
        self._work.put((work, item))

    def resize(self, workers: int) -> None:
        """Want so many calls at a time; see `Sizable`. A thread too many stays idle.

        Raises:
            SettingsError: ``workers`` is not a positive whole number.
        """
        self.workers = checked(workers)

    def close(self, *, wait: bool) -> None:
        """Let idle threads end, and busy ones when they are done; with ``wait``, return after the last."""
        with self._lock:
            self._closed = True
            threads, self._threads = self._threads, []
        for _ in threads:
            self._work.put(None)
        if wait:
            for thread in threads:
                if thread is not threading.current_thread():
                    thread.join()

    def _keep_one_idle(self) -> None:
        if self._idle or len(self._threads) <= self.workers:
            return
        with self._lock:
            if not (self._idle or self._closed):
                self._start_thread()
                self._idle += 1

    def _start_thread(self) -> None:
        thread = threading.Thread(target=self._serve, name=f"jumar-{len(self._threads) + 1}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _serve(self) -> None:
        while (job := self._work.get()) is not None:
            work, item = job
            self._keep_one_idle()
            work(item)
            del job, work, item  # an idle thread keeps nothing alive
            with self._lock:
                self._idle += 1


def checked(workers: object) -> int:
    """The number of workers, if it can be one.

    Raises:
        SettingsError: It is not a positive whole number.
    """
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        raise SettingsError(f"workers must be a whole number of at least 1, not {workers!r}")
    return workers


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1
