"""Who holds a lease: a process that others can tell from every other one, and ask after."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

_PROCESSES = Path("/proc")
_STARTED_FIELD = 19
"""Where the time of the start stands in ``/proc/PID/stat``, counted behind the name."""

Life = Literal["alive", "dead", "unknown"]


class Holder(NamedTuple):
    """A process of one start of one machine. A process number comes again; with the time of its start it does not."""

    place: str
    """Where process numbers mean the same: the machine since it was started, and in it the container."""
    process: int
    started: str
    """When it was started, as the system counts; empty where the system does not tell."""
    session: str = ""
    """Tells the sessions of one process apart."""

    def __str__(self) -> str:
        return " ".join([self.place, str(self.process), self.started or "-", self.session or "-"])


def me(session: str = "") -> Holder:
    """This process.

    Args:
        session: Tells several holders in it apart; without blanks.
    """
    place, started = _own(os.getpid())
    return Holder(place, os.getpid(), started, session)


def read(text: str) -> Holder | None:
    """The holder that was written as text; None if it is none.

    Example:
        >>> read(str(me("s"))) == me("s"), read("somebody")
        (True, None)
    """
    words = text.split(" ")
    if len(words) != 4 or not words[1].isdigit():
        return None
    place, process, started, session = words
    return Holder(place, int(process), started.strip("-"), session.strip("-"))


def said(text: str) -> str:
    """A holder that was written as text, as people say it."""
    known = read(text)
    return text if known is None else f"process {known.process} on {known.place.partition('/')[0]}"


def life(holder: Holder | None) -> Life:
    """Whether a holder's process lives, as far as it can be known from here.

    Example:
        >>> life(me()), life(me()._replace(started="0")), life(me()._replace(place="another-machine"))
        ('alive', 'dead', 'unknown')
    """
    if holder is None or holder.place != _own(os.getpid())[0]:
        return "unknown"
    if not _tells():
        return "alive" if _answers(holder.process) else "dead"
    return "alive" if _started(holder.process) == holder.started else "dead"


@cache
def _own(process: int) -> tuple[str, str]:
    """The place and the start of this process, which stay what they are; a forked child has another number."""
    return _place(), _started(process) or ""


def _place() -> str:
    """Without the number of the start, a machine that was started again could take another process for the old one."""
    try:
        start = (_PROCESSES / "sys/kernel/random/boot_id").read_text().strip()
        numbers = (_PROCESSES / "self/ns/pid").readlink().name.strip("pid:[]")
    except OSError:
        start = numbers = "-"
    return f"{os.uname().nodename.replace(' ', '_')}/{start}/{numbers}"


def _tells() -> bool:
    return (_PROCESSES / "self/stat").exists()


def _started(process: int) -> str | None:
    """When a process was started; None where there is no such process, or the system does not tell."""
    try:
        text = (_PROCESSES / str(process) / "stat").read_text()
    except (OSError, UnicodeDecodeError):
        return None
    fields = text.rpartition(")")[2].split()  # the name, in parentheses, may have blanks and parentheses in it
    is_gone = len(fields) <= _STARTED_FIELD or fields[0] in ("Z", "X")  # ended, and only its parent has not looked yet
    return None if is_gone else fields[_STARTED_FIELD]


def _answers(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
