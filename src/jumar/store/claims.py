"""What a process says to sweeps of others: these blobs I found or wrote, leave them as long as I live."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

from jumar.store.scratch import Scratch, living

_LOG = "claims"
_DIGEST_BYTES = 32


class Claims:
    """The blobs that this process uses, as a file of digests in its scratch directory, whose owner's lock tells that it lives.

    A file for each blob was rejected (an inode each), and so was a grace period by the age of the blob: it asks how long a
    process may be stopped, and what the clock says.

    Args:
        scratch: The process's directory.

    *Guarantees*: a blob is claimed when ``add`` returns, and until ``clear``, ``close`` or the end of the process.
    """

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        self._begin()
        self._closed = False

    def add(self, digest: bytes) -> None:
        """Claim a blob. It costs one small write for each blob, and nothing where it is claimed already.

        Raises:
            OSError: That could not be written.
        """
        if self._process != os.getpid():
            self._begin()  # a forked child has a directory of its own, and may not wait for a lock of its parent's
        if digest in self._claimed or self._closed:
            return
        with self._lock:
            self._append(digest)
            self._claimed.add(digest)

    def claimed(self) -> frozenset[bytes]:
        """What this object claims."""
        return frozenset(self._claimed)

    def clear(self) -> None:
        """Claim nothing any more."""
        if self._process != os.getpid():
            return  # what is claimed is the parent's, as is the lock
        with self._lock:
            self._claimed.clear()
            self._end()

    def close(self) -> None:
        """Claim nothing any more, and take nothing: the file goes with the directory."""
        self.clear()
        self._closed = self._process == os.getpid()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._claimed: set[bytes] = set()
        self._log: int | None = None

    def _append(self, digest: bytes) -> None:
        record = digest
        if self._log is None or os.fstat(self._log).st_nlink == 0:
            # Somebody removed the directory under the running process, or nothing is claimed yet.
            self._end()
            path = self._scratch.directory() / _LOG
            self._log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            record = b"".join((*self._claimed, digest))
        written_bytes = os.write(self._log, record)
        if written_bytes != len(record):
            # Half a digest would make garbage of all that follow.
            os.ftruncate(self._log, os.fstat(self._log).st_size - written_bytes)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), _LOG)

    def _end(self) -> None:
        log, self._log = self._log, None
        if log is not None:
            os.ftruncate(log, 0)
            os.close(log)


def claimed_below(root: Path) -> set[bytes]:
    """The blobs that any living process claims, this one included.

    Args:
        root: The directory of all scratch directories.

    Raises:
        OSError: It cannot be read.
    """
    claimed: set[bytes] = set()
    for directory in living(root):
        try:
            data = (directory / _LOG).read_bytes()
        except FileNotFoundError:  # it claims nothing, or has ended meanwhile
            continue
        claimed.update(data[start : start + _DIGEST_BYTES] for start in range(0, len(data), _DIGEST_BYTES))
    return claimed
