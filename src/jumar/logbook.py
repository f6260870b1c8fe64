"""The logbook of a run that this process drives: what is to be written about its calls that have begun, and that have ended."""

from __future__ import annotations

import json
import threading

from jumar.clock import Clock
from jumar.graph.call import CANCELLED, DONE, FAILED, SKIPPED, Call, CallState
from jumar.store.run_log import LogRow, LogState

_ENDS: dict[CallState, LogState] = {DONE: "done", FAILED: "failed", CANCELLED: "cancelled", SKIPPED: "skipped"}


class Logbook:
    """Notes about calls, in memory until somebody writes them. Every method may be called from any thread.

    Its lock is the innermost: `ends` is called with the latch of an engine held, and nothing is called with this one held.

    Args:
        clock: Tells when.
        drive: Which drive of the run this is, from 1.
    """

    def __init__(self, clock: Clock, drive: int) -> None:
        self._now_s, self._drive = clock.now_s, drive
        self._lock = threading.Lock()
        self._running: dict[bytes, tuple[Call, float, str]] = {}
        self._begun: set[bytes] = set()
        """Those that have begun since the last time, or were told another worker."""
        self._ended: list[LogRow] = []

    def begins(self, call: Call) -> None:
        """Note that this thread begins an attempt of a call."""
        worker, now_s = threading.current_thread().name, self._now_s()
        with self._lock:
            known = self._running.get(call.key)
            self._running[call.key] = (call, now_s if known is None else known[1], worker)
            self._begun.add(call.key)

    def runs_in(self, call: Call, worker: str) -> None:
        """Note that something else than this thread runs a call that has begun: a process, an event loop."""
        with self._lock:
            known = self._running.get(call.key)
            if known is not None:
                self._running[call.key] = (call, known[1], worker)
                self._begun.add(call.key)

    def ends(self, call: Call) -> None:
        """Note that a call has ended, or will not run; its state says how."""
        state = _ENDS.get(call.state)
        if state is None:  # its making was interrupted
            return
        now_s = self._now_s()
        if state == "done" and not call.attempts:
            state = "restored"
        with self._lock:
            _, begun_s, worker = self._running.pop(call.key, (call, None, ""))
            self._begun.discard(call.key)
            self._ended.append(self._row(call, state, worker, begun_s, now_s))

    def take(self) -> list[LogRow]:
        """What was noted since the last time: calls that have begun and not ended, and calls that have ended."""
        with self._lock:
            ended, self._ended = self._ended, []
            begun = [self._running[key] for key in self._begun]
            self._begun.clear()
        return ended + [self._row(call, "running", worker, begun_s, None) for call, begun_s, worker in begun]

    def _row(self, call: Call, state: LogState, worker: str, begun_s: float | None, ended_s: float | None) -> LogRow:
        resources = json.dumps(dict(call.demand), sort_keys=True) if call.demand else "{}"
        executor = call.executor or ""
        return LogRow(
            call.key, state, call.attempts, worker, executor, resources, begun_s, ended_s, call.seconds, self._drive
        )
