"""Records what this process does below one directory, through Python and through SQLite, as a log of operations.

Python's side is seen at the functions of ``os`` that change names or wait for the disk; what was written to a file is
taken from the file before its name changes or it is synced. SQLite's side is seen in its own layer for files. Both go
under one lock, so that the order in the log is the order on the disk.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from jumar.testing.disk_log import Enter, Leave, Move, Operation, Promise, Sync, Truncate, Write

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_ROOT = 0


class DiskRecorder:
    """The log of what happens below a directory.

    Use one in a process of its own: Python's audit hooks stay for as long as the process lives.

    Args:
        root: The directory; it must be there, and empty.
    """

    def __init__(self, root: Path) -> None:
        self.log: list[Operation] = []
        self.lock = threading.RLock()
        """Held around every operation."""
        self._root = os.path.realpath(root)
        self._names: dict[int, dict[str, int]] = {_ROOT: {}}
        self._inodes = {os.stat(root).st_ino: _ROOT}  # noqa: PTH116
        self._next = 1
        self._contents: dict[str, bytes | None] = {}
        """What Python opened for writing, and what is known to be in it; None before it is there."""

    def promise(self, number: int) -> None:
        """Note that so much was promised by now."""
        with self.lock:
            self.look()
            self.log.append(Promise(number))

    @contextmanager
    def python(self) -> Iterator[None]:
        """Record what Python does in this block."""
        real = {
            name: getattr(os, name) for name in ("fsync", "replace", "rename", "mkdir", "unlink", "remove", "rmdir")
        }
        ended = threading.Event()

        def hear(event: str, arguments: tuple[Any, ...]) -> None:
            if event != "open" or ended.is_set():
                return
            if isinstance(arguments[0], str | os.PathLike) and arguments[2] & _WRITING:
                self._opened(os.path.realpath(arguments[0]))

        def wrapped(name: str, note: Callable[..., None]) -> Callable[..., Any]:
            def call(*args: Any, **options: Any) -> Any:
                with self.lock:
                    self.look()
                    result = real[name](*args, **options)
                    note(*args, **options)
                return result

            return call

        notes: dict[str, Callable[..., None]] = {
            "fsync": self._synced_file,
            "mkdir": self._made,
            **dict.fromkeys(("replace", "rename"), self._moved),
            **dict.fromkeys(("unlink", "remove", "rmdir"), self._removed),
        }
        sys.addaudithook(hear)
        with ExitStack() as undo:
            for name, note in notes.items():
                setattr(os, name, wrapped(name, note))
                undo.callback(setattr, os, name, real[name])
            undo.callback(ended.set)
            yield
            self.look()

    # -- what both sides note ------------------------------------------------------------------------------------------

    def covers(self, path: str) -> bool:
        """Whether a path lies below the directory."""
        return path.startswith(self._root + os.sep)

    def enter(self, path: str, *, is_directory: bool = False) -> int:
        """The number of what has this name, entered in the log if it is new."""
        directory, name = self._place(path)
        node = self._names[directory].get(name)
        if node is None:
            node, self._next = self._next, self._next + 1
            self._names[directory][name] = node
            self._inodes[os.stat(path).st_ino] = node  # noqa: PTH116
            if is_directory:
                self._names[node] = {}
            self.log.append(Enter(directory, name, node, is_directory))
        return node

    def leave(self, path: str, *, dir_fd: int | None = None) -> None:
        """Note that a name is gone."""
        directory, name = self._place(path, dir_fd)
        if self._names[directory].pop(name, None) is not None:
            self.log.append(Leave(directory, name))

    def sync_directory(self, path: str) -> None:
        """Note that the names in the directory of this path were waited for."""
        self.log.append(Sync(self._place(path)[0]))

    def look(self) -> None:
        """Take what Python has written since the last look."""
        for path, known in list(self._contents.items()):
            try:
                content = Path(path).read_bytes()
            except FileNotFoundError:
                continue
            file = self.enter(path)
            before = known or b""
            if not content.startswith(before):
                self.log.append(Truncate(file, 0))
                before = b""
            if len(content) > len(before):
                self.log.append(Write(file, len(before), content[len(before) :]))
            self._contents[path] = content

    # -- Python's side -------------------------------------------------------------------------------------------------

    def _opened(self, path: str) -> None:
        if self.covers(path):
            with self.lock:
                self._contents.setdefault(path, None)

    def _synced_file(self, descriptor: int) -> None:
        node = self._inodes.get(os.fstat(descriptor).st_ino)
        if node is not None:
            self.log.append(Sync(node))

    def _made(self, path: Any, *_: Any, **__: Any) -> None:
        if self.covers(real := os.path.realpath(path)):
            self.enter(real, is_directory=True)

    def _removed(self, path: Any, *, dir_fd: int | None = None) -> None:
        if dir_fd is not None:
            if os.fstat(dir_fd).st_ino in self._inodes:
                self.leave(os.fspath(path), dir_fd=dir_fd)
        elif self.covers(absolute := os.path.abspath(path)):  # noqa: PTH100
            self._contents.pop(absolute, None)
            self.leave(absolute)

    def _moved(self, source: Any, target: Any) -> None:
        before, after = os.path.abspath(source), os.path.abspath(target)  # noqa: PTH100
        if self.covers(before):
            self._contents.pop(before, None)
            (directory, name), (to_directory, to_name) = self._place(before), self._place(after)
            node = self._names[directory].pop(name)
            self._names[to_directory][to_name] = node
            self.log.append(Move(directory, name, to_directory, to_name, node))

    def _place(self, path: str, dir_fd: int | None = None) -> tuple[int, str]:
        """The directory's number and the name in it."""
        if dir_fd is not None:
            return self._inodes[os.fstat(dir_fd).st_ino], path
        *parents, name = Path(path).relative_to(self._root).parts
        directory = _ROOT
        for parent in parents:
            directory = self._names[directory][parent]
        return directory, name
