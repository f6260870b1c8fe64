"""Errors on their way between driver and worker."""

from __future__ import annotations

import traceback
from typing import Any, NamedTuple

from jumar.errors import RemoteError
from jumar.processes.parcel import Reduce, packed, unpacked


class RemoteTraceback(Exception):  # noqa: N818  (the cause of an error, for those who read it)
    """Shows where an error was raised in another process: the cause of the error that came from there.

    Args:
        text: The traceback there.
    """

    def __str__(self) -> str:
        return f'\n"""\n{self.args[0]}"""'


class Raised(NamedTuple):
    """An error as it is sent."""

    body: bytes | None
    """Its pickle; None where it has none that can be read again."""
    summary: str
    """Its type and text."""
    text: str
    """Its traceback where it was raised."""


def sent(error: BaseException, reduce: Reduce) -> Raised:
    """The error, ready to be sent; type, arguments, attributes and notes go with it if it can be pickled."""
    text = "".join(traceback.format_exception(error))
    summary = f"{type(error).__qualname__}: {_text(error)}"
    try:
        body = b"".join(packed(error, reduce))
    except Exception:  # noqa: BLE001  (pickling runs user code; its text goes in its place)
        body = None
    return Raised(body, summary, text)


def received(raised: Raised, task: str, tasks: Any, handles: Any) -> BaseException:
    """The error that was raised in the other process, with the traceback there as its cause."""
    error: object = None
    if raised.body is not None:
        try:
            error = unpacked(memoryview(bytearray(raised.body)), tasks, handles)
        except Exception as trouble:  # noqa: BLE001  (an error class whose pickle cannot be read is told by its text)
            reason = f"{type(trouble).__name__}: {trouble}"
        else:
            reason = "its pickle is no error"
    else:
        reason = "it cannot be pickled"
    if not isinstance(error, BaseException):
        error = RemoteError(
            f"task {task!r} raised {raised.summary} in a worker process; the error itself could not be sent ({reason}). "
            f"Errors with arguments of their own pass them all to super().__init__()."
        )
    error.__cause__ = RemoteTraceback(raised.text)
    return error


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001  (an error that cannot say what it is still has a type)
        return "<its text cannot be made>"
