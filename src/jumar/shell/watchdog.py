"""Ends what runs when this program dies in a way that lets it do nothing any more, such as kill -9.

A small process, started with the first command, reads from a pipe which process groups there are. When this program is
gone, however it went, the pipe ends, and the watchdog kills the groups that are left. ``PR_SET_PDEATHSIG`` was rejected:
it reaches only the direct child and not what that has started, it belongs to the thread that made the child and not to
the program, and only Linux has it.
"""

from __future__ import annotations

import os
import subprocess
import threading
from typing import IO

# The inner shell goes on in the background and the outer one ends, so that there is no child to be waited for.
_SCRIPT = r"""
exec 3<&0 </dev/null
(
    groups=" "
    while read -r what group <&3; do
        case $what in
            add) groups="$groups$group " ;;
            drop) groups="${groups%% $group *} ${groups#* $group }" ;;
        esac
    done
    for group in $groups; do kill -s KILL -- "-$group"; done
) &
"""


class Watchdog:
    """The process that outlives this one for a moment.

    *Guarantees*: a group that was added before its command began to run ends with this program, unless it has left the
    group (``setsid``) or the watchdog was killed as well. Any number of threads may use it. One that was killed is
    replaced when the next group is added.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._groups: set[int] = set()
        self._pipe: IO[bytes] | None = None

    def add(self, group: int) -> None:
        """Watch over a process group."""
        with self._lock:
            self._groups.add(group)
            if self._pipe is None or not self._say(f"add {group}\n"):
                self._start()

    def drop(self, group: int) -> None:
        """Forget a group that has ended, before its number can belong to another."""
        with self._lock:
            self._groups.discard(group)
            if self._pipe is not None:
                self._say(f"drop {group}\n")

    def forget(self) -> None:
        """In a forked child: the groups are the parent's, and so is the pipe, which must end with the parent."""
        self._lock = threading.Lock()
        self._groups = set()
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None

    def _start(self) -> None:
        started = subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,  # signals for this program's group are not for the watchdog
            bufsize=0,
        )
        if self._pipe is not None:
            self._pipe.close()
        self._pipe = started.stdin
        self._say("".join(f"add {group}\n" for group in self._groups))
        started.wait()

    def _say(self, text: str) -> bool:
        assert self._pipe is not None
        try:
            self._pipe.write(text.encode())
        except BrokenPipeError:
            return False
        return True


WATCHDOG = Watchdog()
os.register_at_fork(after_in_child=WATCHDOG.forget)
