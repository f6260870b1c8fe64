"""A place for files that are being written: one directory a store object, cleared by others once its process is dead."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from pathlib import Path

from jumar.store.lock_file import locked, try_lock

_OWNER = "owner"


class Scratch:
    """Names for temporary files inside one file system.

    A process holds the lock of its own directory's ``owner`` file as long as it lives. Process numbers were rejected for
    telling the living from the dead: containers that share a store do not share them.

    Args:
        root: The directory for all scratch directories; made when the first name is asked for.
        clear: Remove what dead processes left there.
    """

    def __init__(self, root: Path, *, clear: bool = True) -> None:
        self._root = root
        self._numbers = itertools.count()
        self._directory: Path | None = None
        self._owner: int | None = None
        self._process = os.getpid()
        if clear:
            self._clear()

    def new_path(self) -> Path:
        """A path that nobody else uses, for a file that does not exist yet.

        Raises:
            OSError: The directory cannot be made.
        """
        return self.directory() / str(next(self._numbers))

    def directory(self) -> Path:
        """This process's directory, which is there.

        Raises:
            OSError: It cannot be made.
        """
        self._forget_if_forked()
        directory = self._directory
        if directory is None or not directory.is_dir():
            directory = self._claim()
        return directory

    def close(self) -> None:
        """Remove the directory with what is in it; a second close does nothing."""
        self._forget_if_forked()
        directory, self._directory = self._directory, None
        owner, self._owner = self._owner, None
        if directory is not None:
            shutil.rmtree(directory, ignore_errors=True)
        if owner is not None:
            os.close(owner)

    def _forget_if_forked(self) -> None:
        """In a forked child the directory is the parent's; its lock is shared through the descriptor, so keep that."""
        if self._process != os.getpid():
            self._process = os.getpid()
            self._directory = self._owner = None

    def _claim(self) -> Path:
        self._root.mkdir(parents=True, exist_ok=True)
        # Under the lock, as a directory whose owner is not locked yet looks like one that a dead process left.
        with locked(self._root / "lock"):
            if self._directory is not None and self._directory.is_dir():
                return self._directory  # another thread was faster
            directory = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=self._root))
            owner = os.open(directory / _OWNER, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try_lock(owner)
            if self._owner is not None:
                os.close(self._owner)
            self._owner, self._directory = owner, directory
        return directory

    def _clear(self) -> None:
        for directory in abandoned(self._root):
            shutil.rmtree(directory, ignore_errors=True)


def abandoned(root: Path) -> list[Path]:
    """The directories below ``root`` whose processes died; the next one that opens the store for writing removes them.

    Args:
        root: The directory for all scratch directories; nothing is seen in one that may not be written.
    """
    if not (root.is_dir() and os.access(root, os.W_OK)):
        return []
    with locked(root / "lock"):
        found = [directory for directory in root.iterdir() if directory.is_dir() and _is_abandoned(directory)]
        return [directory for directory in found if directory.is_dir()]  # not one that is just being removed


def living(root: Path) -> list[Path]:
    """The scratch directories of processes that live.

    Args:
        root: The directory for all scratch directories.
    """
    if not root.is_dir():
        return []
    # Under the lock, as trying the lock of a directory that is just being claimed would take it from its owner.
    with locked(root / "lock"):
        return [path for path in root.iterdir() if path.is_dir() and not _is_abandoned(path)]


def _is_abandoned(directory: Path) -> bool:
    try:
        descriptor = os.open(directory / _OWNER, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        return try_lock(descriptor)
    finally:
        os.close(descriptor)
