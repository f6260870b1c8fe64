"""Several calls on one worker, as the driver follows them."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from jumar.codecs.codec import Frame
from jumar.executors import Several
from jumar.graph.call import Call
from jumar.processes.kinds import ENDS, QUESTION, RETURNED, RUN_ALL
from jumar.processes.process import WorkerProcess
from jumar.processes.shelf import Shelf
from jumar.worker import Ran

_SILENCE_S = 0.01
"""After so long without news from a worker, one of its calls takes long: others may have those that have not begun."""


class Message(NamedTuple):
    """A call, ready to be sent."""

    frames: Sequence[Frame]
    met: set[int]
    """The numbers of the tasks in it."""


class Follower(Protocol):
    """What following needs of the executor."""

    shelf: Shelf

    def ran(self, process: WorkerProcess, call: Call, kind: bytes, body: bytes | memoryview) -> Ran:
        """What came of a call, as a worker tells it."""
        ...

    def serve(self, process: WorkerProcess, call: Call, kind: bytes, body: bytes | memoryview) -> None:
        """Do what a worker asks for while it runs a call."""
        ...

    def note(self, call: Call, ran: Ran) -> None:
        """Remember what came of it."""
        ...


def tell_worker(call: Call, process: WorkerProcess) -> None:
    """Tell the run with an id that a call belongs to, if there is one, which process runs it."""
    if call.run is not None:
        call.run.runs_in(call, f"process {process.pid}")


class BatchRun:
    """Follows the calls of one message.

    Args:
        executor: Whose it is.
        batch: Is told what becomes of each.
    """

    def __init__(self, executor: Follower, batch: Several) -> None:
        self._executor = executor
        self._batch = batch
        self._calls: list[Any] = []
        self._bodies: list[bytes] = []
        self._met: set[int] = set()
        self._number = -1
        self._at = 0

    def add(self, each: Any, message: Message) -> None:
        """Take in a call."""
        self._calls.append(each)
        self._bodies.append(b"".join(message.frames))
        self._met |= message.met

    @property
    def open(self) -> Sequence[Any]:
        """The calls of which nothing is known yet, and which nobody else was given; the first is the one that runs."""
        return self._calls[self._at :]

    def on(self, process: WorkerProcess) -> None:
        """Send the calls to a process and do what it asks for until all have ended, or were given back.

        Raises:
            Lost: The process is gone.
        """
        self._number = process.messages
        process.messages += 1
        process.tell(self._executor.shelf.bodies(self._met, process.known))
        for each in self._calls:
            tell_worker(each.call, process)
        process.channel.send(RUN_ALL, (pickle.dumps(self._bodies, 5),))
        is_called_back = False
        while self._at < len(self._calls):
            if not is_called_back and not process.channel.has_news(_SILENCE_S):
                process.call_back()
                is_called_back = True
            self._heed(process, *process.channel.receive())

    def _heed(self, process: WorkerProcess, kind: bytes, body: bytes | memoryview) -> None:
        if kind in ENDS:
            self._end(process, kind, body)
        elif kind == RETURNED:
            number, first = pickle.loads(body)
            if number == self._number:
                self._give_back_from(first)
        else:
            if kind == QUESTION:  # the worker runs none of them now, and the call may be about to wait for one
                self._give_back_from(self._at + 1)
            call = self._calls[self._at].call
            with self._batch.at(call):
                self._executor.serve(process, call, kind, body)

    def _end(self, process: WorkerProcess, kind: bytes, body: bytes | memoryview) -> None:
        each = self._calls[self._at]
        ran = self._executor.ran(process, each.call, kind, body)
        self._at += 1
        process.book.clear()
        self._executor.note(each.call, ran)
        self._batch.ended(each, ran)

    def _give_back_from(self, first: int) -> None:
        rest = self._calls[first:]
        del self._calls[first:]
        if rest:
            self._batch.hand_back(rest)
