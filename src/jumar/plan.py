"""Planning a program: what would be restored and what would run, why, and for how long, without running any of it."""

from __future__ import annotations

import contextlib
import os
import runpy
import sys
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from threading import Semaphore
from typing import Any, Literal, NoReturn

from jumar.continuation import Continuation
from jumar.engine import Engine
from jumar.future import Future
from jumar.graph.call import DONE, NEW, NOTHING, Call
from jumar.graph.scheduler import upstream_first
from jumar.record import needs_of
from jumar.result import KeptError
from jumar.session import Session
from jumar.skipping import may_be_skipped
from jumar.store.records import CallRecord
from jumar.store.store import Store
from jumar.why.call import explain_record
from jumar.why.former import Planned
from jumar.why.history import History
from jumar.why.summary import headline, is_new

_MEASURED = 200
"""Calls of a task whose seconds are averaged, the newest ones."""
_EXPLAINED_AT_MOST = 2000


class PlanEnds(BaseException):
    """The program asked for a value that only a run could give. No Exception, so that no handler of its own takes it."""


@dataclass(frozen=True, slots=True)
class Step:
    """A call that would run.

    Args:
        key: Its key in hexadecimal.
        task: Its task's name.
        certain: Whether it would run for certain; else it waits for calls that would, and is found if their values
            come out as before.
        seconds: How long its task took on average; None where that was never measured.
        because: Why it is not found, in a line.
    """

    key: str
    task: str
    certain: bool
    seconds: float | None
    because: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a program would do.

    Args:
        restored: How many calls would be found.
        steps: The calls that would run, in the order in which they are made.
        ends: Where the plan ends although the program goes on: it needs a value there; empty where it was seen whole.
        skipped: How many calls would not run although they are not found, as all that needs them is: those of them that
            have begun by the time that is known run nevertheless.
    """

    restored: int
    steps: tuple[Step, ...]
    ends: str
    skipped: int = 0

    @property
    def seconds(self) -> float:
        """What is known of the time that the steps would take, one after the other."""
        return sum(step.seconds or 0.0 for step in self.steps)

    def to_json(self) -> dict[str, Any]:
        """The plan as plain data."""
        return asdict(self) | {"seconds": self.seconds}

    def __str__(self) -> str:
        certain = [step for step in self.steps if step.certain]
        lines = [f"{self.restored:,} call{'s' * (self.restored != 1)} would be restored"]
        reasons = Counter(step.because for step in certain)
        lines.append(
            f"{len(certain)} would run" + "".join(f"\n  {count} because {why}" for why, count in reasons.most_common())
        )
        if self.skipped:
            lines.append(f"{self.skipped} would be skipped, as all that needs them is restored")
        waiting = len(self.steps) - len(certain)
        if waiting:
            lines.append(f"{waiting} would run unless what they need comes out as before")
        unknown = sum(step.seconds is None for step in self.steps)
        more = f", and {unknown} that were never measured" if unknown else ""
        lines.append(f"about {self.seconds:.3g} s of work, one after the other{more}")
        if self.ends:
            lines.append(f"the plan ends at {self.ends}: what comes after it depends on a value that is not there yet")
        return "\n".join(lines)


class PlanningEngine(Engine):
    """Finds calls as an engine does, and notes those that it would run."""

    plans = True

    def __init__(self, store: Store, *args: Any, **options: Any) -> None:
        super().__init__(store, *args, **(options | {"looks": True, "keeps": False, "audit": 0.0, "leases": None}))
        self.missing: dict[bytes, Call] = {}
        self._spared: set[Call] = set()
        self._waited_for: Call | None = None

    @property
    def asked(self) -> frozenset[bytes]:
        """The codes of calls that were looked for."""
        return self._recorder.asked

    def spawn(self, call: Call) -> Future[Any]:
        """A future for the call, finished if its result is kept; else it will never be."""
        if call.entered:
            return self._follow(call)
        if not call.counted and all(need.state is DONE for need in call.needs):
            return self._part(call)
        future: Future[Any] = Future(self, call)
        with self._latch:
            if self._live.join(call, future):
                return future
        if call.is_findable and self._restored_from_store(call):
            return future
        if call.look and call.needs and all(need.state is DONE for need in call.needs) and self._found_by_values(call):
            return future
        self._note(call)
        return future

    def _part(self, call: Call) -> Future[Any]:
        """A part of a result that is there costs nothing, and what needs it is found only once it is there too."""
        part = super().spawn(call)
        super().wait(part, None)
        return part

    def _note(self, call: Call) -> None:
        """Note a call that would run, and the lazy ones that would run for it."""
        pending = [call]
        while pending:
            current = pending.pop()
            if (
                current.counted and current.tail is NOTHING
            ):  # else its function has run, and what it returned is to be computed
                self.missing[current.key] = current
            for need in current.needs:
                if need.state is NEW and not need.entered:
                    need.entered = True
                    if not (need.is_findable and self._restored_from_store(need)):
                        pending.append(need)

    def _restored_from_store(self, call: Call) -> bool:
        needs = call.needs
        is_found = super()._restored_from_store(call)
        if is_found or call.tail is not NOTHING:
            self._spared.update(need.twin or need for need in needs)
        return is_found

    def leave_out_skipped(self) -> int:
        """Take the calls out that would be skipped; how many there are."""
        users: dict[Call, list[Call]] = {}
        skipped: set[Call] = set()
        calls = upstream_first(list(self.missing.values()))
        for call in calls:
            for need in call.needs:
                users.setdefault(need.twin or need, []).append(call)
        for call in reversed(calls):
            mine = users.get(call, [])
            is_needed = call is self._waited_for or not skipped.issuperset(mine)
            if not is_needed and (call in self._spared or mine) and may_be_skipped(call):
                skipped.add(call)
        self.missing = {key: call for key, call in self.missing.items() if call not in skipped}
        return len(skipped)

    def _found_by_values(self, call: Call) -> bool:
        args, kwargs = self._running.inputs(call)
        result = self._recorder.kept_for_values(call, args, kwargs)
        if result is None or isinstance(result, (Continuation, KeptError)):
            return False
        self._endings.restore(call, result, and_next=False)
        return True

    def run(self, call: Call) -> Any:
        """The kept value; the plan ends where there is none."""
        future = self.spawn(call)
        return future.result()

    def wait(self, future: Future[Any], timeout_s: float | None) -> NoReturn:  # noqa: ARG002
        """End the plan: nobody will compute what is waited for."""
        self._waited_for = future._call  # noqa: SLF001
        raise PlanEnds

    def blocked(self, call: Call | None = None, *, on_top: bool = False) -> contextlib.AbstractContextManager[None]:  # noqa: ARG002
        """End the plan where something is waited for that would have to run."""
        if self.missing:
            raise PlanEnds
        return contextlib.nullcontext()

    def wait_for_place(self, places: Semaphore, ahead: Iterable[Future[Any]]) -> None:
        """Nothing is under way, so a window is never full, and the plan goes on to all inputs."""

    def drain(self) -> None:
        """Nothing runs."""

    def close(self, how: Literal["drain", "finish", "now"]) -> None:  # noqa: ARG002
        """Nothing runs."""
        super().close("now")


def plan(script: str, args: Sequence[str] = ()) -> Plan:
    """What a script would do if it were run now.

    The script itself is run, up to the first value that it needs and that is not kept; its tasks are not.

    Args:
        script: Path of the script.
        args: Its command line.

    Raises:
        BaseException: What the script raises by itself.
    """
    with _planning() as engines:
        ends = _run(script, args)
    path = os.path.abspath(script)  # noqa: PTH100  (as Python has it in __file__: links are not followed)
    skipped = sum(engine.leave_out_skipped() for engine in engines)
    steps = [step for engine in engines for step in _steps(engine, path)]
    return Plan(sum(engine.counts().restored for engine in engines), tuple(steps), ends, skipped)


@contextmanager
def _planning() -> Iterator[list[PlanningEngine]]:
    engines: list[PlanningEngine] = []

    def make(*args: Any, **options: Any) -> PlanningEngine:
        engines.append(PlanningEngine(*args, **options))
        return engines[-1]

    before, Session.engine_of = Session.engine_of, staticmethod(make)
    try:
        yield engines
    finally:
        Session.engine_of = before


def _run(script: str, args: Sequence[str]) -> str:
    """Run the script as far as it goes; where it stopped for a value."""
    argv, path = sys.argv, sys.path.copy()
    sys.argv = [script, *args]
    sys.path.insert(0, str(Path(script).resolve().parent))
    try:
        with contextlib.redirect_stdout(sys.stderr):
            runpy.run_path(script, run_name="__main__")
    except PlanEnds as end:
        places = [
            frame for frame in traceback.extract_tb(end.__traceback__) if Path(frame.filename).name == Path(script).name
        ]
        return f"line {places[-1].lineno} of {Path(script).name}" if places else "a wait"
    except SystemExit:
        return ""
    finally:
        sys.argv, sys.path = argv, path
    return ""


def _steps(engine: PlanningEngine, script: str) -> list[Step]:
    seconds: dict[str, float | None] = {}
    steps = []
    names = frozenset(call.info.name for call in engine.missing.values())
    history = History(engine.store, planned=Planned(script, engine.asked, names))
    for number, call in enumerate(engine.missing.values()):
        name = call.info.name
        if name not in seconds:
            seconds[name] = _average(engine.store, name)
        because = _because(history, engine.store, call) if number < _EXPLAINED_AT_MOST else "of the same as others"
        certain = all(need.state is DONE for need in call.needs)
        steps.append(Step(call.key.hex(), name, certain, seconds[name], because))
    return steps


def _average(store: Store, task: str) -> float | None:
    measured = [record.seconds for record in store.calls(task=task, limit=_MEASURED) if record.state == "done"]
    return fmean(measured) if measured else None


def _because(history: History, store: Store, call: Call) -> str:
    asked = CallRecord(
        call.key, call.info, "done", float("inf"), 0.0, 0, "", None, call.arguments, 0, "", "", needs_of(call), -1
    )
    explanation = explain_record(store, asked, call.task.parts_of(call.info.code), history)
    return "it has never run" if is_new(explanation) else headline(explanation.reasons[0].root())
