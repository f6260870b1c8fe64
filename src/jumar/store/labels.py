"""Labels: what the index knows of each blob, written a second time, so that large results outlive the index.

A blob alone is bytes under a digest: nobody could tell which call it is the result of. The file ``labels`` says so. It is
appended to at each commit and read only when an index was lost.
"""

from __future__ import annotations

import mmap
import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

from jumar.clock import Clock, SystemClock
from jumar.store.forking import watch
from jumar.store.label_records import (
    HEAD,
    MARK,
    REMOVED,
    RESULTS,
    RESULTS_AT_ONCE,
    packed_removals,
    packed_results,
    payload_at,
    removals_in,
    results_in,
)
from jumar.store.records import Entry, TaskInfo
from jumar.store.row import Row
from jumar.store.trouble import Report, Trouble, warn

REMOVED_KEPT = 100_000
"""Of how many removed results it is remembered when the file is written anew."""


class Labels:
    """Appends to the file of labels, and reads it.

    Args:
        path: The file; made when there is something to be written.
        report: Told once if labels cannot be written: nothing is lost by that as long as the index is sound.
        clock: For when results were removed.

    *Guarantees*: several processes may append at once. A record is taken whole or not at all when it is read, wherever
    the file was torn or altered, and those behind it are found all the same. Nobody waits for the disk.
    """

    def __init__(self, path: Path, *, report: Report = warn, clock: Clock | None = None) -> None:
        self.path = path
        self._report = report
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._file: int | None = None
        self._inode: int | None = None
        self._told = False
        watch(self)

    def note(self, rows: Sequence[Row], tasks: Mapping[int, TaskInfo]) -> None:
        """Label the blobs of results that were committed.

        Args:
            rows: Results; those without a blob are passed over.
            tasks: The tasks under the numbers that are in the rows.
        """
        large = [row for row in rows if row[7] is not None]
        if large:
            self._append_or_tell(packed_results(large, tasks))

    def note_removed(self, keys: Sequence[bytes]) -> None:
        """Note that results are going to be removed, so that no rebuilding brings them back."""
        if keys:
            self._append_or_tell(packed_removals(keys, self._clock.now_s()))

    def results(self) -> Iterator[tuple[Entry, TaskInfo]]:
        """What is labelled and was not removed since, in the order of the newest labels; the numbers of tasks mean nothing.

        Raises:
            OSError: The file is there and cannot be read.
        """
        newest: dict[bytes, int] = {}
        for place, payload in self._payloads():
            if payload[0] == REMOVED:
                for key, _ in removals_in(payload):
                    newest.pop(key, None)
            elif payload[0] == RESULTS:
                newest.update((entry.key, place) for entry, _ in results_in(payload))
        for place, payload in self._payloads():
            if payload[0] == RESULTS:
                latest = {entry.key: (entry, task) for entry, task in results_in(payload)}
                yield from (found for key, found in latest.items() if newest.get(key) == place)

    def removed(self) -> dict[bytes, float]:
        """When results were removed, by their keys; seconds since the epoch.

        Raises:
            OSError: The file is there and cannot be read.
        """
        times: dict[bytes, float] = {}
        for _, payload in self._payloads():
            if payload[0] == REMOVED:
                times.update(removals_in(payload))
        return times

    def size_bytes(self) -> int:
        """How long the file is."""
        return self.path.stat().st_size if self.path.exists() else 0

    def torn(self) -> int:
        """How many stretches within the file are no record. One at its end does not count: it may be in the making.

        Raises:
            OSError: The file is there and cannot be read.
        """
        stretches, expected = 0, 0
        for place, payload in self._payloads():
            stretches += place != expected
            expected = place + HEAD.size + len(payload)
        return stretches

    def rewrite(self, results: Iterable[tuple[Row, TaskInfo]]) -> int:
        """Begin a new file in the place of this one; what others append meanwhile is taken along.

        Args:
            results: What is to be in it, with the tasks under the rows' own numbers; read after this has begun.

        Returns:
            How many results are in it.

        Raises:
            OSError: It could not be written; the old one is still there.
        """
        old_bytes = self.size_bytes()
        removed = self.removed()
        beside = self.path.with_name(f".{self.path.name}.new")
        count = 0
        with beside.open("wb") as file:
            for key, at_s in islice(removed.items(), max(0, len(removed) - REMOVED_KEPT), None):
                file.write(packed_removals([key], at_s))
            # One that is just being removed may still be in the index.
            left = (found for found in results if removed.get(found[0][0], -1.0) < found[0][2])
            while group := list(islice(left, RESULTS_AT_ONCE)):
                file.write(packed_results([row for row, _ in group], {row[1]: task for row, task in group}))
                count += len(group)
        old = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC) if self.path.exists() else None
        beside.replace(self.path)
        if old is not None:
            try:
                # Who has looked which file it is and not written yet loses a label by this, and no more.
                if later := os.pread(old, os.fstat(old).st_size - old_bytes, old_bytes):
                    self._append(later)
            finally:
                os.close(old)
        return count

    def close(self) -> None:
        """Close the file; a second close does nothing, and appending opens it again."""
        with self._lock:
            self._close()

    def hold(self) -> None:
        """See ``Forks.hold``: waits for what is being appended."""
        self._lock.acquire()

    def release(self) -> None:
        """See ``Forks.release``."""
        self._lock.release()

    def inherit(self) -> None:
        """See ``Forks.inherit``: a child may append to the same open file."""
        self._lock.release()

    def _append_or_tell(self, data: bytes) -> None:
        try:
            self._append(data)
        except OSError as error:
            if not self._told:
                self._told = True
                text = (
                    f"labels could not be written to {self.path} ({error}): no result is lost by that, but if the index is "
                    f"lost some day, large results are not found again by their labels. `jumar check --repair` writes them anew."
                )
                self._report(Trouble("unsaved", text, None, error))

    def _append(self, data: bytes) -> None:
        """Append in one write, so that records of several processes do not mix."""
        with self._lock:
            if self._file is None or self._inode != _inode(self.path):
                self._close()
                self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
                self._inode = os.fstat(self._file).st_ino
            written = os.write(self._file, data)
            if written != len(data):
                raise OSError(f"only {written:,} of {len(data):,} bytes were written")

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            os.close(file)

    def _payloads(self) -> Iterator[tuple[int, bytes]]:
        """The sound records with their places in the file; what is not one is passed over."""
        with suppress(FileNotFoundError), self.path.open("rb") as file:
            size_bytes = os.fstat(file.fileno()).st_size
            if not size_bytes:
                return
            with mmap.mmap(file.fileno(), size_bytes, access=mmap.ACCESS_READ) as data:
                at = data.find(MARK)
                while at >= 0:
                    payload = payload_at(data, at)
                    if payload:
                        yield at, payload
                    at = data.find(MARK, at + (HEAD.size + len(payload) if payload else 1))


def _inode(path: Path) -> int | None:
    try:
        return os.stat(path).st_ino  # noqa: PTH116 # at every commit: no Path object
    except OSError:
        return None
