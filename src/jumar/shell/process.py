"""Running a command so that nothing of it is left when it is over: a process group that ends as a whole."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Literal, NamedTuple

from jumar.shell.watchdog import WATCHDOG

_LOOK_S = 0.1
"""How often a running command's thread looks whether anybody still wants it."""

# The command begins only when the watchdog knows its group: until a line comes the child waits, and if this program
# dies before that the pipe ends and the child with it.
_GATE = ["/bin/sh", "-c", 'read -r JUMAR_GATE && unset JUMAR_GATE && exec "$@" </dev/null', "jumar"]


class Ended(NamedTuple):
    """How a command ended."""

    exit_code: int
    """Minus the number of the signal where one ended it."""
    cause: Literal["itself", "timeout", "unwanted"]
    seconds: float


def run(
    arguments: Sequence[str],
    *,
    folder: Path,
    env: Mapping[str, str],
    stdout: IO[bytes],
    stderr: IO[bytes],
    timeout_s: float | None,
    grace_s: float,
    is_wanted: Callable[[], bool],
) -> Ended:
    """Run a program to its end and then end what it has left running.

    Args:
        arguments: The program and its arguments.
        folder: Its working directory.
        env: Its environment.
        stdout: An open file; no pipe, so that nothing waits for somebody to read.
        stderr: Likewise.
        timeout_s: After this long it is ended; None for as long as it takes.
        grace_s: How long it has after SIGTERM before SIGKILL.
        is_wanted: Asked ten times a second; False ends it.

    Raises:
        OSError: It cannot be started.
        BaseException: What interrupts this thread, after the group has ended.
    """
    started_s = time.monotonic()
    process = subprocess.Popen(
        [*_GATE, *arguments],
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=stderr,
        cwd=folder,
        env=env,
        start_new_session=True,
        bufsize=0,
    )
    cause: Literal["itself", "timeout", "unwanted"] = "unwanted"
    try:
        WATCHDOG.add(process.pid)
        _open_gate(process)
        cause = _wait(process, None if timeout_s is None else started_s + timeout_s, is_wanted)
        if cause != "itself":
            _terminate(process, grace_s)
    except BaseException:
        _terminate(process, grace_s)
        raise
    finally:
        # The leader's number stays the group's as long as anybody is in it. If nobody is, it could only be taken by a
        # new process if all other numbers were used since the line above.
        _signal(process.pid, signal.SIGKILL)
        process.wait()
        WATCHDOG.drop(process.pid)
    return Ended(process.returncode, cause, time.monotonic() - started_s)


def _open_gate(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    with suppress(BrokenPipeError):  # somebody killed it already: its exit code tells
        process.stdin.write(b"\n")
    process.stdin.close()


def _wait(
    process: subprocess.Popen[bytes], deadline_s: float | None, is_wanted: Callable[[], bool]
) -> Literal["itself", "timeout", "unwanted"]:
    while True:
        left_s = _LOOK_S if deadline_s is None else min(_LOOK_S, deadline_s - time.monotonic())
        try:
            process.wait(max(left_s, 0.0))
        except subprocess.TimeoutExpired:
            if not is_wanted():
                return "unwanted"
            if deadline_s is not None and time.monotonic() >= deadline_s:
                return "timeout"
        else:
            return "itself"


def _terminate(process: subprocess.Popen[bytes], grace_s: float) -> None:
    """Ask the group to end; who has not done so in time is killed by the caller."""
    _signal(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(grace_s)


def _signal(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # nobody is left in it (macOS says the latter of zombies)
        os.killpg(group, number)
