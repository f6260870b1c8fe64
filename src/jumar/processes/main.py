"""A worker process: runs the functions that it is told to, one after the other, until its driver is gone."""

from __future__ import annotations

import os
import pickle
import select
import signal
import sys
import threading
import time
from contextlib import suppress
from typing import Any, NamedTuple

from jumar import session, worker
from jumar.chunks.segment import SegmentWriter
from jumar.errors import JumarError
from jumar.graph.call import Call
from jumar.here import PLACE, Place
from jumar.processes.channel import Channel, Lost, adopted
from jumar.processes.kinds import ANSWER, END, KNOW, QUESTION, RUN, RUN_ALL, STARTED
from jumar.processes.outfit import Form, Outfit
from jumar.processes.parcel import packed, unpacked
from jumar.processes.relay import relay, set_levels
from jumar.processes.remote import RemoteEngine
from jumar.processes.report import Message, Reporter
from jumar.processes.series import Series
from jumar.processes.stock import Stock
from jumar.processes.trouble import Raised, received


class _RunName(NamedTuple):
    """The run with an id to which the driver's call belongs."""

    id: str


class Worker:
    """Serves a driver.

    Args:
        channel: The connection to it.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.series = Series(channel, self._ran)
        self._stock = Stock()
        self._reporter = Reporter(self._stock.reduce)
        self._engine = RemoteEngine(self._ask, self._error_of)
        self._depth = 0
        self.is_over = False

    @property
    def engine(self) -> RemoteEngine:
        """What stands for the driver's engine here."""
        return self._engine

    def serve(self) -> None:
        """Do what the driver says until it says that it is over."""
        while True:
            kind, body = self._channel.receive()
            if kind == END:
                self.is_over = True
                self._reporter.close()
                return
            self._obey(kind, body)

    def _obey(self, kind: bytes, body: bytes | memoryview) -> None:
        if kind == KNOW:
            self._know(*pickle.loads(body))
        elif kind == RUN_ALL:
            self.series.run(pickle.loads(body))
        else:
            assert kind == RUN, kind
            self._channel.send(*self._ran(body))

    def _know(
        self, surroundings: Any, first: tuple[dict[str, int], Outfit | None] | None, bodies: dict[int, bytes]
    ) -> None:
        if first is not None:
            set_levels(first[0])
            self._furnish(first[1])
        if surroundings is not None:
            sys.path[:], folder, codecs = surroundings
            self._reporter.need(codecs)
            if folder is not None:
                os.chdir(folder)
        self._stock.bodies.update(bodies)

    def _furnish(self, outfit: Outfit | None) -> None:
        if outfit is not None:
            self._channel.writer = SegmentWriter(outfit.grounds, outfit.prefix)
        self._reporter.furnish(outfit, self._channel.writer)

    def _ran(self, body: bytes | memoryview) -> Message:
        """The message of what came of a call."""
        self._depth += 1
        place, form = Call(b""), Form.VALUE
        token = PLACE.set(Place(self._engine, place, self._depth, {}))
        started_s = time.perf_counter()
        try:
            number, form, place.key, place.attempts, run_id, args, kwargs = unpacked(body, self._stock, {})
            place.run = None if run_id is None else _RunName(run_id)
            place.task = task = self._stock[number]
        except BaseException as error:  # noqa: BLE001  (unpickling runs user code: whole modules are imported)
            ran = worker.Ran(None, _unreadable(error), time.perf_counter() - started_s)
        else:
            ran = worker.run(task.name, task.fn, args, kwargs)
            del args, kwargs
        finally:
            PLACE.reset(token)
            self._depth -= 1
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        return self._reporter.of(ran, form)

    def _ask(self, question: str, *arguments: Any) -> Any:
        if not self._depth:
            raise JumarError("in a worker process calls are made while a task runs")
        self.series.drop()
        self._channel.send(QUESTION, packed((question, *arguments), self._stock.reduce))
        while True:
            kind, body = self._channel.receive()
            if kind != ANSWER:
                self._obey(kind, body)
                continue
            is_good, value = unpacked(body, self._stock, {})
            if is_good:
                return value
            raise self._error_of(value, "jumar")

    def _error_of(self, raised: Raised, task: str) -> BaseException:
        return received(raised, task, self._stock, {})


def _unreadable(error: BaseException) -> BaseException:
    if not isinstance(error, Exception):
        return error
    unreadable = JumarError(
        f"a call could not be read in its worker process: {type(error).__name__}: {error}. A module that only the driver "
        f"has, or one that does something else when it is imported again, is the usual reason."
    )
    unreadable.__cause__ = error
    return unreadable


def main(descriptor: int, calls: int) -> None:
    """Serve the driver at the other end of a socket, and end with it.

    Args:
        descriptor: Of the socket.
        calls: Of the pipe by which the driver calls for what has not.
    """
    channel = adopted(descriptor)
    os.set_inheritable(calls, False)
    serving = Worker(channel)
    threading.Thread(target=_heed_the_driver, args=(channel, serving, calls), name="jumar-driver", daemon=True).start()
    # A process forked by a task must not keep the connection open when this one is gone.
    os.register_at_fork(after_in_child=channel.drop)
    channel.send(STARTED, ())
    relay(channel)
    session.current_elsewhere(serving.engine)
    try:
        serving.serve()
    except Lost:
        _end()


def _heed_the_driver(channel: Channel, serving: Worker, calls: int) -> None:
    """Hand back what has not begun when the driver says so; end this process, whatever it does, when the driver is gone."""
    poll = select.poll()
    poll.register(channel.fileno(), select.POLLRDHUP if hasattr(select, "POLLRDHUP") else 0)
    poll.register(calls, select.POLLIN)
    with suppress(Lost):  # the driver is gone, as when the poll says so
        while all(descriptor == calls and event & select.POLLIN for descriptor, event in poll.poll()):
            os.read(calls, 1)
            serving.series.hand_back()
    if not serving.is_over:
        _end()


def _end() -> None:
    os.killpg(0, signal.SIGKILL)
