"""The thread that commits: results are handed to it at almost no cost and reach the index in groups."""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import cast

from jumar.store.forking import watch
from jumar.store.records import Entry, Failure
from jumar.store.trouble import Report, Trouble

Commit = Callable[[Sequence[Entry], Sequence[Failure]], None]

MAX_RECORDS = 16_384
MAX_BYTES = 64 * 1024 * 1024
REPORT_PERIOD_S = 10.0
LINGER_S = 0.002
_ONLY_ENTRIES = frozenset({Entry})


class Writer:
    """Takes records from any thread and commits them in groups.

    While one group is being committed the next one gathers; after a pause the thread lets a moment pass before it takes
    the first records, so that a busy program does not pay for a transaction per result. What waits is bounded: who
    records more than the disk can take waits for it.

    Who waits for what was handed over writes it, if nobody does yet: the way to the thread and back takes longer than a
    commit, and much longer where other threads compute.

    Args:
        commit: Writes a group, all or nothing; one at a time is written, in whatever thread.
        report: Told of groups that could not be written: at once for each new kind of error, then at most every ten seconds.
        max_records: How many records may wait.
        max_bytes: How many bytes of results and arguments may wait.
        linger_s: How long the first records of a group wait for others, in seconds.

    *Guarantees*: records are committed in the order in which they were handed over. An error of ``commit`` reaches
    nobody but ``report``: the group counts as lost, the next one is tried again. The thread does not survive a
    ``fork``: in a child the records are refused with a report (open a store of its own there).
    """

    def __init__(
        self,
        commit: Commit,
        report: Report,
        *,
        max_records: int = MAX_RECORDS,
        max_bytes: int = MAX_BYTES,
        linger_s: float = LINGER_S,
    ) -> None:
        self._commit = commit
        self._report = report
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._linger_s = linger_s
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        self._progress = threading.Condition(self._lock)
        self._queue: list[Entry | Failure] = []
        self._queued_bytes = 0
        self._pending: dict[bytes, Entry] = {}
        self._taken = self._ended = 0
        self._idle = self._writing = False
        self._hurry = False
        self._closing = False
        self._crash: BaseException | None = None
        self._told: dict[str, float] = {}
        self._untold = 0
        self.lost = 0
        """Records that could not be written."""
        self._open = True  # whether records are taken: asked at every record, so a plain attribute
        self._process = os.getpid()
        watch(self)
        self._thread = threading.Thread(target=self._run, name="jumar-store-writer", daemon=True)
        self._thread.start()

    def enqueue(self, record: Entry | Failure, *, flushes: bool = False) -> None:
        """Hand over a record; waits only while too much is waiting already.

        Args:
            record: The record.
            flushes: Whether the caller flushes next, and may write it then: the thread is not woken for it.

        Raises:
            BaseException: What ended the writer's thread, if something did.
        """
        with self._lock:
            if len(self._queue) >= self._max_records or self._queued_bytes >= self._max_bytes or not self._open:
                self._wait_for_room()
            if self._open:
                self._queue.append(record)
                self._taken += 1
                if type(record) is Entry:
                    self._queued_bytes += len(record.arguments) + (len(record.inline) if record.inline else 0)
                    self._pending[record.key] = record
                    if record.content is not None:
                        self._pending[record.content] = record
                if self._idle and not flushes:
                    self._idle = False
                    self._work.notify()
                return
        self._refuse(record)  # outside of the lock: who is told may well use the store

    def pending(self, key: bytes) -> Entry | None:
        """The result of the call with this key, or content key, if it is on its way to the index."""
        return self._pending.get(key)

    def flush(self, timeout_s: float | None = None) -> bool:
        """Wait until all that was handed over before is committed or reported.

        Returns:
            False if the time was not enough, or if the thread does not live in this process.

        Raises:
            BaseException: What ended the writer's thread, if something did.
        """
        deadline_s = None if timeout_s is None else time.monotonic() + timeout_s
        with self._lock:
            target = self._taken
            group = self._take() if timeout_s is None and self._may_write_here() else []
        if group:
            self._write_here(group)
        with self._lock:
            if self._ended < target:
                self._hurry = True
                self._work.notify()
            while self._ended < target:
                if not self._alive:
                    self._raise_crash()
                    return False
                left_s = None if deadline_s is None else deadline_s - time.monotonic()
                if left_s is not None and left_s <= 0:
                    return False
                self._progress.wait(left_s)
        return True

    def close(self, timeout_s: float | None = None) -> bool:
        """Commit what is left and end the thread; a second close does nothing. Records that come later are refused.

        Returns:
            False if the time was not enough: the thread goes on with what it has.

        Raises:
            BaseException: What ended the writer's thread, if something did.
        """
        with self._lock:
            self._closing = True
            self._open = False
            self._work.notify()
        done = self.flush(timeout_s)
        if done and self._alive:
            self._thread.join(timeout_s)
        return done

    # -- the thread ----------------------------------------------------------------------------------------------------

    @property
    def _alive(self) -> bool:
        return self._crash is None and self._process == os.getpid() and self._thread.is_alive()

    @property
    def _works(self) -> bool:
        return not self._closing and self._alive

    def hold(self) -> None:
        """See ``Forks.hold``."""
        self._lock.acquire()

    def release(self) -> None:
        """See ``Forks.release``."""
        self._lock.release()

    def inherit(self) -> None:
        """See ``Forks.inherit``: the thread is not here, so nothing is taken any more."""
        self._open = False
        self._lock.release()

    def _wait_for_room(self) -> None:
        self._hurry = True
        self._work.notify()
        while self._works and (len(self._queue) >= self._max_records or self._queued_bytes >= self._max_bytes):
            self._progress.wait()
        self._raise_crash()

    def _refuse(self, record: Entry | Failure) -> None:
        self.lost += 1
        why = "is closed" if self._closing else "belongs to the process that this one was forked from"
        self._tell(
            "unsaved", f"a result was not kept because the store {why}: the call will run again.", record.key, None
        )

    def _raise_crash(self) -> None:
        if self._crash is not None:
            raise self._crash

    def _run(self) -> None:
        try:
            while group := self._next_group():
                self._write(group)
                self._end(group)
        except BaseException as crash:  # noqa: BLE001 # raised again in whoever records, flushes or closes
            with self._lock:
                self._crash = crash
                self._open = False
                self._progress.notify_all()

    def _next_group(self) -> list[Entry | Failure]:
        """What has gathered, as soon as there is something; empty when the writer is closed."""
        with self._lock:
            while self._writing or (not self._queue and not self._closing):
                self._hurry = False
                self._idle = True
                self._work.wait()
                if self._queue and not self._hurry and not self._closing and self._linger_s:
                    self._work.wait(self._linger_s)
            self._idle = False
            return self._take()

    def _take(self) -> list[Entry | Failure]:
        """What has gathered, to be written by whoever takes it. The lock is held."""
        group, self._queue = self._queue, []
        self._queued_bytes = 0
        self._writing = bool(group)
        self._progress.notify_all()
        return group

    def _may_write_here(self) -> bool:
        """Whether who waits may as well write: nobody does. The lock is held."""
        return not self._writing and self._process == os.getpid() and self._crash is None

    def _write_here(self, group: list[Entry | Failure]) -> None:
        """Write a group in the thread that waits for it: that saves the way to the other thread and back."""
        try:
            self._write(group)
        except BaseException:  # this thread was interrupted: the other one writes what is not known to be written
            with self._lock:
                self._queue[:0] = group
                self._writing = False
                self._work.notify()
            raise
        self._end(group)

    def _write(self, group: Sequence[Entry | Failure]) -> None:
        try:
            for entries, failures in _portions(group):
                self._commit(entries, failures)
        except Exception as error:  # noqa: BLE001 # whatever it is, the results are lost and the program goes on
            with self._lock:
                self.lost += len(group)
                self._untold += len(group)
            self._tell("unsaved", _unsaved(error, self._untold), None, error)

    def _end(self, group: Sequence[Entry | Failure]) -> None:
        with self._lock:
            pending = self._pending
            for record in group:
                if pending.get(record.key) is record:
                    del pending[record.key]
                if type(record) is Entry and record.content is not None and pending.get(record.content) is record:
                    del pending[record.content]
            self._ended += len(group)
            self._writing = False
            self._progress.notify_all()
            if self._idle and (self._queue or self._closing):  # it was woken while another thread wrote
                self._idle = False
                self._work.notify()

    def _tell(self, kind: str, text: str, key: bytes | None, error: Exception | None) -> None:
        now_s = time.monotonic()
        what = f"{kind} {type(error).__name__} {getattr(error, 'sqlite_errorname', getattr(error, 'errno', ''))}"
        if now_s - self._told.get(what, -REPORT_PERIOD_S) < REPORT_PERIOD_S:
            return
        self._told[what] = now_s
        self._untold = 0
        try:
            self._report(Trouble(kind, text, key, error))
        except Exception:  # noqa: BLE001 # this thread has no caller: Python's own hook for that tells it
            threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread())))


def _portions(group: Sequence[Entry | Failure]) -> list[tuple[list[Entry], list[Failure]]]:
    """The group as transactions: one, unless a call has both a result and a failure, whose order then counts."""
    if _ONLY_ENTRIES.issuperset(map(type, group)):
        return [(cast("list[Entry]", group), [])]
    portions: list[tuple[list[Entry], list[Failure]]] = [([], [])]
    failed: set[bytes] = set()
    for record in group:
        entries, failures = portions[-1]
        if isinstance(record, Failure):
            failures.append(record)
            failed.add(record.key)
        elif record.key in failed:
            portions.append(([record], []))
            failed.clear()
        else:
            entries.append(record)
    return portions


def _unsaved(error: Exception, count: int) -> str:
    number = f"{count:,} result{'s' if count != 1 else ''}"
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        advice = "Another process held the index all that time: end it if it is stuck."
    elif code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        advice = "The disk or a quota is probably full: make room; later results will be kept again."
    elif code == sqlite3.SQLITE_READONLY:
        advice = "The store takes no results: check the permissions of its directory."
    else:
        advice = "The computation goes on; later results will be tried again."
    return f"{number} could not be written to the index ({type(error).__name__}: {error}); these calls will run again. {advice}"
