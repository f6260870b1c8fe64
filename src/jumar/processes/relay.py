"""What is printed and logged in workers, shown by the driver where it shows its own."""

from __future__ import annotations

import codecs
import io
import logging
import os
import pickle
import sys
import threading
from collections.abc import Sequence
from typing import Any

from jumar.here import PLACE
from jumar.processes.channel import Channel, Lost

OUTPUT, LOG = b"O", b"L"
_LOG = logging.getLogger("jumar")
_BUFFER_BYTES = 1 << 20
_kept: list[io.TextIOBase] = []
"""Streams that must not be flushed, as they are when they are let go of."""
_showing = threading.Lock()
"""Held while lines are written, so that those of two workers do not mix."""


# -- in the worker -----------------------------------------------------------------------------------------------------


class _Outlet(io.RawIOBase):
    """Sends what is written to it.

    Args:
        channel: Where to.
        number: 1 for standard output, 2 for standard error.
    """

    def __init__(self, channel: Channel, number: int) -> None:
        super().__init__()
        self._channel = channel
        self._number = number

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        """The driver's own: what programs started by tasks write goes there directly."""
        return self._number

    def write(self, data: Any, /) -> int:
        try:
            self._channel.send(OUTPUT, (bytes([self._number]), bytes(data)))
        except Lost as error:
            raise OSError("the program that this worker process belongs to is gone") from error
        return len(data)


class _LogRelay(logging.Handler):
    """Sends log records, with their texts made."""

    def __init__(self, channel: Channel) -> None:
        super().__init__()
        self._channel = channel

    def emit(self, record: logging.LogRecord) -> None:
        fields: dict[str, Any] = {
            name: value for name, value in vars(record).items() if isinstance(value, (str, int, float))
        }
        text = logging.Formatter().formatException(record.exc_info) if record.exc_info else record.exc_text
        call = PLACE.get().call
        fields["jumar_task"] = None if call is None or call.task is None else call.task.name
        fields.update(msg=record.getMessage(), args=None, exc_info=None, exc_text=text, stack_info=record.stack_info)
        try:
            self._channel.send(LOG, (pickle.dumps(fields, 5),))
        except Lost:  # nobody is left to read it
            self.handleError(record)


def relay(channel: Channel) -> None:
    """Send what is printed and logged in this process to the driver, line by line."""
    streams = []
    for number in (1, 2):
        buffered = io.BufferedWriter(_Outlet(channel, number), _BUFFER_BYTES)
        streams.append(io.TextIOWrapper(buffered, "utf-8", "backslashreplace", line_buffering=True))
    sys.stdout, sys.stderr = streams
    handler = _LogRelay(channel)
    logging.getLogger().addHandler(handler)
    os.register_at_fork(after_in_child=lambda: _end_relay(streams, handler))


def _end_relay(streams: Sequence[io.TextIOBase], handler: logging.Handler) -> None:
    """In a process that a task has forked: write to where this program's output goes, without a detour."""
    _kept.extend(streams)
    sys.stdout = open(1, "w", buffering=1, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, encoding="utf-8", closefd=False)  # noqa: SIM115
    logging.getLogger().removeHandler(handler)


def levels() -> dict[str, int]:
    """The level of each logger that has one of its own; the root's under an empty name."""
    known = logging.getLogger().manager.loggerDict.copy()
    found = {
        name: logger.level for name, logger in known.items() if isinstance(logger, logging.Logger) and logger.level
    }
    return {**found, "": logging.getLogger().level}


def set_levels(chosen: dict[str, int]) -> None:
    """Let loggers here take what those of the driver take."""
    for name, level in chosen.items():
        logging.getLogger(name or None).setLevel(level)


# -- in the driver -----------------------------------------------------------------------------------------------------


class Screen:
    """Shows what one worker sends."""

    def __init__(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")
        self._decoders = {1: decoder("replace"), 2: decoder("replace")}

    def show(self, data: bytes | memoryview) -> None:
        """Write what was printed to this program's ``sys.stdout`` or ``sys.stderr``."""
        number = data[0]
        text = self._decoders[number].decode(data[1:])
        with _showing:
            stream = sys.stdout if number == 1 else sys.stderr
            if stream is None:  # a program without a console
                return
            try:
                stream.write(text)
                stream.flush()
            except (OSError, ValueError) as error:
                _LOG.warning("what a worker process printed could not be shown: %s", error)

    @staticmethod
    def log(data: bytes | memoryview, task: str) -> None:
        """Hand a log record to the logger of the same name; its ``jumar_task`` is the name of the task.

        Args:
            data: The record.
            task: The name where the record has none, as it comes from another thread than that of the task.
        """
        record = logging.makeLogRecord(pickle.loads(data))
        record.jumar_task = record.__dict__.get("jumar_task") or task
        logger = logging.getLogger(record.name)
        if logger.isEnabledFor(record.levelno):
            logger.handle(record)
