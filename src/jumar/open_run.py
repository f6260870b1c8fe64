"""A run with an id, as the process that drives it sees it: what was asked for in it, and what its journal says."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from typing import Any, Protocol

from jumar.errors import RunError
from jumar.graph.call import Call
from jumar.keys.call import describe_arguments
from jumar.logbook import Logbook
from jumar.store.call_names import Asked, Given
from jumar.store.named_runs import Begun, NamedRuns
from jumar.store.sqlite_connection import FAULTS
from jumar.store.trouble import Trouble


class Waits(Protocol):
    """Something that a run waits for."""

    key: bytes
    """The step's."""

    def give_up(self) -> None:
        """Wait no more; nobody is to be told what comes."""


class OpenRun:
    """A run whose calls this process makes.

    Args:
        run_id: The name that the user gave it.
        token: What its keys are made from.
        engine: Whose calls belong to it.
        table: Where it is recorded; None where nothing is to be written, as in a plan.
        lease: What the lease on it is known by.
        holder: Who has that lease: this process.
        drive: Which drive of the run this is, from 1.
    """

    def __init__(
        self,
        run_id: str,
        token: bytes,
        engine: Any,
        table: NamedRuns | None,
        lease: bytes = b"",
        holder: str = "",
        drive: int = 0,
    ) -> None:
        self.id, self.token, self.engine = run_id, token, engine
        self.tally: dict[bytes, Iterator[int]] = {}
        """How often each step was asked for by the script itself."""
        self.engines = [engine]
        """Those whose calls belong to it: of all sessions in the block that use the same store."""
        self.waits: set[Waits] = set()
        """What it waits for in this process."""
        self.is_cancelled = False
        self.stopped = ""
        """Why it takes no more calls; empty while it does."""
        self._table, self._lease, self._holder = table, lease, holder
        self._lock, self._writing = threading.Lock(), threading.Lock()
        begun = table.begun(token) if table else []
        self._known = {step.key for step in begun}
        self._first = {(step.parent, step.position): step for step in begun}
        self._asked: dict[bytes, tuple[bytes, int]] = {}
        self._noted: list[Asked] = []
        self._computed: deque[bytes] = deque()
        self._log = Logbook(engine.store.clock, drive)
        self._given: Given | None = None
        self._named: set[str] = set()

    def covers(self, engine: Any) -> bool:
        """Whether calls that are made in an engine belong to the run: they are recorded where its journal is."""
        if engine in self.engines:
            return True
        path = self.engine.store.path
        if path is None or engine.store.path != path:
            return False
        self.engines.append(engine)
        return True

    def is_busy(self) -> bool:
        """Whether calls of it have not ended."""
        return any(engine.is_busy_with(self) for engine in self.engines)

    def rests(self) -> bool:
        """Whether all that it does here is wait."""
        waits = {wait.key for wait in tuple(self.waits)}
        return bool(waits) and all(engine.rests(self, waits) for engine in self.engines)

    def cancel(self) -> None:
        """Stop it, as somebody wants it to be."""
        self.is_cancelled = True
        self.stop("was cancelled")

    def lose(self) -> None:
        """Stop it, as it is another process's now."""
        self.stop("was taken over by another process, as this one stood still for too long")

    def stop(self, why: str) -> None:
        """Take no more calls, and take back those that have not started; what runs is left to itself."""
        self.stopped = why
        for engine in self.engines:
            engine.stop(self)
        for wait in tuple(self.waits):
            wait.give_up()

    def check(self, task: str) -> None:
        """Refuse further calls where the run was stopped: what its functions still do cannot be hindered otherwise.

        Raises:
            RunError: It was.
        """
        if self.stopped:
            raise RunError(f"run {self.id!r} {self.stopped}: the call of task {task!r} is not made.")

    def is_first_of(self, task: str) -> bool:
        """Whether this is asked for the first time with this name."""
        is_first = task not in self._named
        self._named.add(task)
        return is_first

    def note(self, call: Call) -> None:
        """Note that a call was asked for; `take_notes` writes it."""
        if self._table is not None and call.counted:
            with self._lock:
                self._noted.append(Asked(call.key, call.place or call.key, call.task.name))

    def expect(self, call: Call, parent: bytes, position: int) -> None:
        """Note where a step is asked for, and tell if the journal has another one there that it does not know otherwise."""
        self._asked[call.key] = (parent, position)
        first = self._first.get((parent, position))
        if first is None or call.key in self._known:
            return
        then = _shown(first.task, first.parameters, first.arguments)
        now = _shown(call.task.name, " ".join(call.task.names), call.arguments)
        text = (
            f"run {self.id!r} asks for another step than it did before. first: {then} now: {now} It runs, as it has not run "
            f"before. The code was changed, or decides by something that differs each time: the clock, random numbers, the "
            f"order in which calls end. Take such things from a step."
        )
        self.engine.tell(Trouble("diverged", text, call.key))

    def begins(self, call: Call) -> None:
        """Note that a call is about to run in this thread; a step needs leave.

        Raises:
            RunError: It is a step, and not to run.
        """
        if self._table is not None and call.counted:
            self._log.begins(call)
        if call.journaled:
            self.begin(call)
        elif self._table is not None and call.keep and not call.unrepeatable:
            self._computed.append(call.key)

    def runs_in(self, call: Call, worker: str) -> None:
        """Note which process, or which other thread, runs a call that has begun."""
        self._log.runs_in(call, worker)

    def ends(self, call: Call) -> None:
        """Note that a call has ended, or will not run."""
        if self._table is not None and call.counted:
            self._log.ends(call)

    def begin(self, call: Call) -> None:
        """Write into the journal that a step is about to run.

        Raises:
            RunError: It is not to run: the run was cancelled, or another process has taken it over.
        """
        if self._table is None:
            return
        parent, position = self._asked.get(call.key, (b"", -1))
        step = Begun(
            call.key,
            parent,
            position,
            call.task.name,
            " ".join(call.task.names),
            call.arguments,
            self.engine.store.now_s(),
        )
        try:
            found = self._table.begin(self.token, step, self._lease, self._holder)
        except (*FAULTS, OSError) as error:
            self._tell(error)
            return
        if found == "cancelled":
            self.cancel()
        elif found == "taken":
            self.lose()
        self.check(call.task.name)
        self._known.add(call.key)

    def take_notes(self) -> None:
        """Write which calls were asked for, began and ended since the last time.

        Of two threads that do one waits, as names have an order.
        """
        with self._writing:
            with self._lock:
                noted, self._noted = self._noted, []
            computed = [self._computed.popleft() for _ in range(len(self._computed))]
            log = self._log.take()
            if (noted or computed or log) and self._table is not None:
                try:
                    self._given = self._table.note_calls(self.token, noted, computed, self._given, log)
                except (*FAULTS, OSError) as error:
                    self._tell(error)

    def _tell(self, error: Exception) -> None:
        text = (
            f"the journal of run {self.id!r} could not be written ({type(error).__name__}: {error}): what it did is not "
            f"listed, and no change of its steps is noticed. Results are kept and found all the same."
        )
        self.engine.tell(Trouble("unsaved", text, None, error))


def _shown(task: str, parameters: str, arguments: bytes) -> str:
    return f"{task}({describe_arguments(tuple(parameters.split()), arguments)})"
