"""A lock between processes, for what must not happen twice at once: creating, clearing and replacing files of a store."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jumar.errors import StoreError

_PAUSE_S = 0.01


@contextmanager
def locked(path: Path, timeout_s: float = 30.0) -> Iterator[None]:
    """Hold the lock of this file, which is made if it is not there and stays behind.

    *Guarantees*: the lock goes with the process, however that ends; it works between threads as well.

    Raises:
        StoreError: Somebody held it all the time.
        OSError: The file cannot be made.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline_s = time.monotonic() + timeout_s
        while not try_lock(descriptor):
            if time.monotonic() >= deadline_s:
                raise StoreError(
                    f"{path} was held by another process for {timeout_s:g} s. It is held only for moments, so that "
                    f"process is probably stopped or stuck: end it (`fuser {path}` shows it) and try again."
                )
            time.sleep(_PAUSE_S)
        yield
    finally:
        os.close(descriptor)


def try_lock(descriptor: int) -> bool:
    """Take the lock of an open file if it is free; closing the file, or the end of the process, gives it back."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
