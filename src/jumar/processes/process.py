"""A worker process as the driver sees it: started clean, told what to do, ended for sure."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
from contextlib import suppress
from typing import Any

from jumar.codecs.catalogue import CATALOGUE
from jumar.processes.answers import Book
from jumar.processes.channel import Channel, Lost, pair
from jumar.processes.kinds import END, KNOW, STARTED
from jumar.processes.outfit import Outfit
from jumar.processes.relay import Screen, levels

_BOOT = "import sys,json;sys.path[:]=json.loads(sys.argv[2]);from jumar.processes.main import main;main(*json.loads(sys.argv[1]))"
_GRACE_S = 5.0
"""How long an idle worker may take to end by itself."""


class WorkerProcess:
    """A process that runs functions.

    It is started by a program of its own, never forked: a fork of a process with threads has their locks and not them.
    It leads a process group, so that it ends with all that its tasks have started, and Ctrl-C reaches the driver only.

    Args:
        outfit: Where it writes large values; None: they go through the socket.
    """

    def __init__(self, outfit: Outfit | None = None) -> None:
        self.outfit = outfit
        ours, theirs = pair()
        hears, self._calls = os.pipe()
        passed = [theirs.fileno(), hears]
        try:
            self._popen = subprocess.Popen(
                [sys.executable, *_flags(), "-c", _BOOT, json.dumps(passed), json.dumps(_search_path())],
                stdin=subprocess.DEVNULL,
                pass_fds=passed,
                process_group=0,
            )
        except BaseException:
            ours.close()
            os.close(self._calls)
            raise
        finally:
            theirs.close()
            os.close(hears)
        self.channel = Channel(ours)
        self.pid = self._popen.pid
        self.messages = 0
        """How many messages of several calls it was sent."""
        self.known: set[int] = set()
        """The numbers of the tasks that it was sent."""
        self.book = Book()
        self.screen = Screen()
        self.is_gone = False
        """Whether it was killed, or has been found dead."""
        self._surroundings: Any = None

    def await_start(self) -> None:
        """Return when it has started.

        Raises:
            Lost: It has ended instead.
        """
        try:
            kind, _ = self.channel.receive()
        except Lost as lost:
            raise Lost(f"it did not start: {self.bury()}; what it wrote to standard error says more") from lost
        assert kind == STARTED, kind

    def tell(self, bodies: dict[int, bytes]) -> None:
        """Let it know tasks, and where this process looks for modules and stands now.

        Raises:
            Lost: It is gone.
        """
        surroundings = (sys.path.copy(), _folder(), CATALOGUE.registered)
        is_moved = surroundings != self._surroundings
        if not is_moved and not bodies:
            return
        told = (_search_path(), *surroundings[1:]) if is_moved else None
        first = None if self._surroundings is not None else (levels(), self.outfit)
        self.channel.send(KNOW, (pickle.dumps((told, first, bodies), 5),))
        self._surroundings = surroundings
        self.known.update(bodies)

    def call_back(self) -> None:
        """Ask for the calls of a message that have not begun; `RETURNED` is the answer, if there are any."""
        with suppress(OSError):  # it is gone, which the channel tells
            os.write(self._calls, b".")

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return self._popen.poll() is None

    @property
    def was_killed(self) -> bool:
        """Whether it was ended by SIGKILL, which nobody here has sent."""
        return self._popen.returncode == -signal.SIGKILL

    @property
    def was_signalled(self) -> bool:
        """Whether a signal has ended it."""
        return (self._popen.returncode or 0) < 0

    def kill(self) -> None:
        """End it now, and what its tasks have started."""
        self.is_gone = True
        if self._popen.returncode is None:
            self._kill_group()
        self.channel.shut()

    def await_end(self) -> None:
        """Return when a killed one has ended. One that hangs in the kernel is left to it after a while."""
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(_GRACE_S)

    def dismiss(self) -> None:
        """Let an idle one end by itself; `bury` makes sure that it has."""
        with suppress(Lost):
            self.channel.send(END, ())

    def bury(self) -> str:
        """Make sure that it is gone; what it died of."""
        self.is_gone = True
        try:  # the connection closes a moment before the process has ended
            code = self._popen.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            self._kill_group()
            code = self._popen.wait()
        else:
            self._kill_group()
        self.channel.close()
        self._close_calls()
        return (
            f"it was ended by signal {-code} ({_signal_name(-code)})" if code < 0 else f"it ended with exit code {code}"
        )

    def _kill_group(self) -> None:
        """End it and what its tasks have started, which outlives it otherwise."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def _close_calls(self) -> None:
        calls, self._calls = self._calls, -1
        if calls >= 0:
            os.close(calls)

    def let_go(self) -> None:
        """In a forked child: close this copy of the connection, which would keep the worker alive."""
        self.channel.drop()
        self._close_calls()
        self._popen.returncode = 0  # not a child of this process


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"


def _folder() -> str | None:
    """The working directory; None where it is gone."""
    try:
        return os.getcwd()  # noqa: PTH109  (a text, and quick)
    except FileNotFoundError:
        return None


def _search_path() -> list[str]:
    return [os.path.abspath(entry) for entry in sys.path]  # noqa: PTH100  ('' is the working directory)


def _flags() -> list[str]:
    """The options of this interpreter that change what programs do."""
    chosen = ["-O"] * sys.flags.optimize + ["-B"] * bool(sys.flags.dont_write_bytecode)
    return [*chosen, *(f"-W{option}" for option in sys.warnoptions)]
