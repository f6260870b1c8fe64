"""SIGTERM as a way to stop cleanly: the program ends with status 143, and what has finished is kept."""

from __future__ import annotations

import signal
import threading
from types import FrameType

EXIT_STATUS = 128 + signal.SIGTERM
"""143: what a shell shows for a program that SIGTERM ended."""


class Termination(SystemExit):
    """SIGTERM was received. A SystemExit, so that ``with`` blocks and ``finally`` clauses run."""

    def __init__(self) -> None:
        super().__init__(EXIT_STATUS)


def listen() -> None:
    """Turn SIGTERM into `Termination`, unless the program handles the signal itself or this is not its main thread."""
    if threading.current_thread() is not threading.main_thread():
        return
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _stop)


class _Mark:
    """Whether SIGTERM has come."""

    received = False


def received() -> bool:
    """Whether SIGTERM has come."""
    return _Mark.received


def _stop(_number: int, _frame: FrameType | None) -> None:
    _Mark.received = True
    raise Termination
