"""The worker processes of one executor: taken, put back, replaced, ended."""

from __future__ import annotations

import threading
from collections.abc import Callable

from jumar.processes.channel import Lost
from jumar.processes.process import WorkerProcess

_STARTS = 5
"""How often a process is started in the place of one that was killed while it started."""
_MOST_TASKS_KNOWN = 1000
"""A worker that was sent so many tasks by their code is ended: a program that makes functions without end must not fill
its memory."""


class Pool:
    """Processes that are busy or wait for the next call.

    Args:
        size: How many may be idle.
        start: Starts one.
    """

    def __init__(self, size: int, start: Callable[[], WorkerProcess]) -> None:
        self._size = size
        self._start = start
        self._lock = threading.Lock()
        self._idle: list[WorkerProcess] = []
        self._leaving: list[WorkerProcess] = []
        """Those that were dismissed and have not been seen to end."""
        self._all: set[WorkerProcess] = set()
        self._sent = 0
        self.is_closed = False

    def take(self) -> WorkerProcess:
        """The process that was idle last, or a new one; it is the caller's until it is put back or has ended.

        Raises:
            Lost: The pool was closed at once, or the process did not start.
            OSError: There is no memory, or no number, for another process.
        """
        while True:
            with self._lock:
                self._refuse_if_closed()
                if not self._idle:
                    break
                process = self._idle.pop()
            if process.is_alive:
                return process
            process.bury()
            self._forget(process)
        return self._started()

    def _started(self) -> WorkerProcess:
        """A new process. One that was killed before it had started says nothing about the call that it was for."""
        for tries_left in reversed(range(_STARTS)):
            process = self._start()
            with self._lock:
                self._all = {each for each in self._all if each.is_alive} | {process}
                is_late = self.is_closed
            if is_late:
                process.kill()
            try:
                process.await_start()
            except Lost:
                if self.is_closed or not process.was_signalled or not tries_left:
                    raise
            else:
                break
        return process

    def prepare(self) -> None:
        """Start a process if none is idle.

        Raises:
            Lost, OSError: As `take`.
        """
        with self._lock:
            has_idle = bool(self._idle)
        if not has_idle:
            self.put_back(self.take())

    def put_back(self, process: WorkerProcess) -> None:
        """Keep a process for the next call, if there are not enough already."""
        with self._lock:
            if not self.is_closed and len(self._idle) < self._size and len(process.known) < _MOST_TASKS_KNOWN:
                self._idle.append(process)
                return
            leaving, self._leaving = [*self._leaving, process], []
        process.dismiss()
        for each in leaving:  # nobody waits here for one to end
            if not (each.is_alive and self._looks_later(each)):
                each.bury()
                self._forget(each)

    def resize(self, size: int) -> None:
        """Keep so many idle ones; those too many end now, busy ones when they are put back."""
        with self._lock:
            self._size = size
            spare, self._idle = self._idle[size:], self._idle[:size]
            self._leaving += spare
        for process in spare:
            process.dismiss()

    @property
    def sent_messages(self) -> int:
        """How many messages of several calls were sent to the processes that are, or were, idle last."""
        return self._sent + sum(process.messages for process in self._idle)

    def kill(self) -> None:
        """End all processes at once, busy ones too, and give out no more. They have ended when this returns."""
        with self._lock:
            self.is_closed = True
            processes = list(self._all)
        for process in processes:
            process.kill()
        for process in processes:
            process.await_end()

    def end(self) -> None:
        """End the processes that are not busy and give out no more. They have ended when this returns."""
        with self._lock:
            self.is_closed = True
            idle, self._idle = self._idle, []
            leaving, self._leaving = self._leaving, []
        for process in idle:
            self._sent += process.messages
            process.dismiss()
        for process in (*idle, *leaving):
            process.bury()
            self._forget(process)

    def let_go(self) -> None:
        """In a forked child: forget the processes, which are the parent's."""
        self._lock = threading.Lock()
        for process in self._all:
            process.let_go()
        self._idle, self._leaving, self._all, self.is_closed = [], [], set(), True

    def _looks_later(self, process: WorkerProcess) -> bool:
        """Whether there will be another occasion to see that a process has ended."""
        with self._lock:
            if not self.is_closed:
                self._leaving.append(process)
            return not self.is_closed

    def _forget(self, process: WorkerProcess) -> None:
        with self._lock:
            self._all.discard(process)

    def _refuse_if_closed(self) -> None:
        if self.is_closed:
            raise Lost("the session was closed")
