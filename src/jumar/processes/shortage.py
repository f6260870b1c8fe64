"""Whether the kernel has killed for lack of memory, as far as it says: by a count that Linux keeps."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

_COUNT = "oom_kill"


class Shortage:
    """Tells whether processes were killed for lack of memory since it was last asked.

    Args:
        root: Where ``proc`` and ``sys`` are.

    Example:
        >>> Shortage(Path("/nowhere")).has_killed()
        False
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self._file = next((path for path in _files(root) if _count_in(path) is not None), None)
        self._lock = threading.Lock()
        self._seen = 0 if self._file is None else _count_in(self._file) or 0

    def has_killed(self) -> bool:
        """Whether it was so since the last time, or since this was made.

        Where this process belongs to a group that is limited together, such as a container, only that group counts.
        """
        if self._file is None:
            return False
        with self._lock:
            before, self._seen = self._seen, _count_in(self._file) or self._seen
            return self._seen > before


def _files(root: Path) -> Iterator[Path]:
    """Where the count may be: for the group of this process, in either version of control groups; for the machine."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        lines = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            yield root / "sys/fs/cgroup" / path.strip("/") / "memory.events"
        elif "memory" in controllers.split(","):
            yield root / "sys/fs/cgroup/memory" / path.strip("/") / "memory.oom_control"
    yield root / "proc/vmstat"


def _count_in(path: Path) -> int | None:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    words = next((line.split() for line in lines if line.startswith(f"{_COUNT} ")), None)
    return None if words is None else int(words[1])
