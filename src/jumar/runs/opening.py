"""Opening runs: a new one, one that is taken up again, and one for the code of a script."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from functools import partial
from typing import Any

from jumar.engine import Engine
from jumar.errors import JumarError, RunError, RunFailedError, RunHeldError, RunLimitError
from jumar.future import Future
from jumar.graph.call import Call
from jumar.here import PLACE, Place
from jumar.keys.code import CodePart
from jumar.open_run import OpenRun
from jumar.position import ROOT
from jumar.runs.book import Book, RunInfo
from jumar.runs.driver import Driver
from jumar.runs.entry import added, change_metadata, checked_id, compare, new_row, new_token, script_row
from jumar.runs.handle import Driven, RunHandle
from jumar.runs.keeping import say_keep
from jumar.runs.line import Ticket, line_of, ticket_of
from jumar.runs.root import Code, remade, root_of
from jumar.session import current
from jumar.store.named_runs import STATES, NamedRun, State
from jumar.store.run_leavings import Keep
from jumar.task import Task

_RESUMABLE: tuple[State, ...] = ("pending", "failed", "interrupted")

_driven: dict[tuple[int, bytes], Driven] = {}
"""The runs that this process drives, by engine and token."""


def start(
    task: Task[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    run_id: str | None,
    metadata: Mapping[str, Any] | None,
    keep: Keep | None = None,
) -> RunHandle[Any]:
    """See ``Task.start``."""
    engine = _engine()
    run_id = f"{task.name}-{os.urandom(4).hex()}" if run_id is None else checked_id(run_id)
    book = _book(engine)
    with book.careful():
        row = book.table.find(run_id)
    token = row.token if row is not None else new_token()
    with _inside(OpenRun(run_id, token, engine, None)):
        call = task.make(engine, args, kwargs, ROOT)
    root = root_of(call)
    if row is None:
        row = new_row(run_id, token, book, metadata, root)
        if not engine.plans:
            engine.store.task(call.info, call.task.parts_of)  # its code is kept, to say later what was changed
            row = added(book, row)
    compare(row, root, "")
    if not engine.plans:
        change_metadata(book, row, metadata)
        say_keep(book, row, keep, engine.owner.settings["keep_runs"].value)
    handle = _known(book, row, engine)
    if handle is not None:
        return handle
    if row.state == "cancelled":
        raise RunError(f"run {run_id!r} was cancelled. jumar.resume({run_id!r}) takes it up again.")
    if row.token != token:  # another process has added it since this one looked
        return resume(run_id)
    return _drive(book, row, engine, call, "current")


def resume(run_id: str, *, code: Code = "current") -> RunHandle[Any]:
    """Takes a run up again, without the program that started it: what has finished is found, the rest runs.

    Args:
        run_id: Its id.
        code: ``"current"``: the root as it is written now, if it can be imported, else as it was recorded; what was
            changed stands in ``changed`` of the handle. ``"recorded"``: as it was recorded only.

    Returns:
        The run's handle; of a run that succeeded, or that this program drives, without running anything.

    Raises:
        RunError: There is no such run, it is a script's, or its root cannot be made again here.
        RunHeldError: Another process drives it.

    *Guarantees*: steps that are done are not done again, whatever was edited.
    """
    if code not in ("current", "recorded"):
        raise RunError(f'resume(code={code!r}): it takes "current" or "recorded"')
    engine = _engine()
    book = _book(engine)
    row = book.find(run_id)
    handle = _known(book, row, engine)
    if handle is not None:
        return handle
    if not row.task:
        raise RunError(
            f"run {run_id!r} is that of script {row.place}, which has to be run again: `jumar run {row.place} --id {run_id}`, "
            f"or as it was run before."
        )
    with _inside(OpenRun(run_id, row.token, engine, None)):
        call, used = remade(row, engine, code)
    return _drive(book, row, engine, call, used)


def resume_all(
    *, status: Sequence[State] = _RESUMABLE, code: Code = "current", due: bool = False
) -> list[RunHandle[Any]]:
    """Takes all runs up again that are in one of these states; scripts' runs and those of other processes stay as they are.

    Args:
        status: Which ones.
        code: As for `resume`.
        due: Only interrupted runs that waited, and need not any more: a time has come, or an event is there.

    Raises:
        ExceptionGroup: Some could not be taken up; all the others were.
    """
    handles, errors = [], []
    book = Book(_engine().store)
    for info in find(*status):
        try:
            is_wanted = not due or (info.status == "interrupted" and book.is_due(book.find(info.id)))
            if is_wanted and not info.is_script:
                handles.append(resume(info.id, code=code))
        except RunHeldError:
            continue  # another process was faster
        except RunError as error:
            errors.append(error)
    if errors:
        raise ExceptionGroup(f"{len(errors)} of {len(errors) + len(handles)} runs could not be resumed", errors)
    return handles


@contextmanager
def script_run(
    run_id: str, metadata: Mapping[str, Any] | None, script: str, keep: Keep | None = None
) -> Iterator[RunHandle[None]]:
    """While in this block, calls belong to the run of a script; see `jumar.run`."""
    here = PLACE.get()
    if here.call is not None or here.run is not None:
        raise RunError(f"run {run_id!r} cannot be opened inside of a task or of another run; `task.start` can")
    engine = _engine()
    book = _book(engine)
    row = script_row(book, checked_id(run_id), metadata, script, adds=not engine.plans)
    if not engine.plans:
        say_keep(book, row, keep, engine.owner.settings["keep_runs"].value)
    if (id(engine), row.token) in _driven:
        raise RunError(f"run {run_id!r} is open in this session already")
    driver = Driver(book, row, engine)
    _await_turn(book, row, engine)
    driver.begin("script")
    engine.owner.at_close(driver.leave)
    key = (id(engine), row.token)
    _driven[key] = driven = Driven(driver, None, ())
    try:
        with _inside(driver.run):
            yield RunHandle(book, row, driven)
            engine.drain()
    except BaseException as error:
        driver.end(_state_of(driver, error), None if _is_good_exit(error) else error)
        raise
    else:
        driver.end("cancelled" if driver.run.is_cancelled else "succeeded")
    finally:
        del _driven[key]


def find(*status: State) -> list[RunInfo]:
    """The runs in the session's store, newest first: all of them, or those in one of these states.

    Raises:
        RunError: There is no such state, or the store cannot be read.
    """
    for each in status:
        if each not in STATES:
            raise RunError(f"{each!r} is no state of a run: those are {', '.join(STATES)}")
    return [info for info in Book(_engine().store).all() if not status or info.status in status]


def get(run_id: str) -> RunHandle[Any]:
    """The handle of a run, whoever drives it; nothing is resumed.

    Raises:
        RunError: There is none of this id.
    """
    engine = _engine()
    book = Book(engine.store)
    row = book.find(run_id)
    return _known(book, row, engine) or RunHandle(book, row)


def delete(run_id: str, *, keep_results: bool = False) -> int:
    """Deletes a run with its journal and results, and frees its id; how many results that were.

    Those of its steps go. Those of plain tasks go if the run computed them, no other run has asked for them, and no later
    program for any of their code. The rest stays, and what is pinned.

    Args:
        run_id: Its id.
        keep_results: Whether those of plain tasks stay in any case.

    Raises:
        RunError: There is none of this id, or somebody drives it.
    """
    book = Book(_engine().store)
    return book.delete(book.find(run_id), keep_results=keep_results)


def result(run_id: str, *, call: str | None = None, timeout: float | None = None) -> Any:
    """The value of a run's root, or of one of its calls; see `RunHandle.result`.

    Args:
        run_id: The run's id.
        call: The name of a call in it, see `RunHandle.names`.
        timeout: Seconds to wait at most, while somebody drives the run.

    Raises:
        TimeoutError: It is still driven. It goes on.
        RunError: There is no such run or call, or it has no value.
    """
    handle = get(run_id)
    return handle.result(timeout) if call is None else handle.result(timeout, call=call)


# -- parts of the above ------------------------------------------------------------------------------------------------


def _known(book: Book, row: NamedRun, engine: Engine) -> RunHandle[Any] | None:
    """The handle of a run that needs nobody to take it up: it has succeeded, or this session drives it or will."""
    known = _driven.get((id(engine), row.token))
    ticket = ticket_of(engine, row.token)
    if known is None and ticket is None and row.state != "succeeded":
        return None
    return RunHandle(book, row, known, None if known is not None else ticket)


def _drive(book: Book, row: NamedRun, engine: Engine, call: Call, code: Code) -> RunHandle[Any]:
    """Drive a run, at once or when it is its turn."""
    changed = _changed(book, row, call)
    begin = partial(_begin, book, row, engine, call, code, changed)
    ticket = None
    if engine.is_in_place:
        _await_turn(book, row, engine)
    else:
        ticket = _queued(book, row, engine, Ticket(row, begin, changed))
    return RunHandle(book, row, begin()) if ticket is None else RunHandle(book, row, None, ticket)


def _await_turn(book: Book, row: NamedRun, engine: Engine) -> None:
    """Return when it is the turn of a run, which is then to be driven by this thread.

    Raises:
        RunFailedError: It was cancelled meanwhile, or the session was closed.
        RunLimitError: As many wait as may.
    """
    ticket = _queued(book, row, engine, Ticket(row, None, ()))
    if ticket is not None:
        ticket.wait()
        if not ticket.is_called:
            raise RunFailedError(f"run {row.id!r} waited for its turn, and was cancelled, or its session was closed.")


def _queued(book: Book, row: NamedRun, engine: Engine, ticket: Ticket) -> Ticket | None:
    """The ticket, if the run has to wait for its turn. One that another run starts is part of that, and does not wait."""
    line = None if engine.plans or PLACE.get().run is not None else line_of(book, engine)
    if line is None:
        return None
    try:
        return None if line.enter(ticket) else ticket
    except RunLimitError:
        if row.drives == "[]" and row.state == "pending":  # it was only stored to be started now
            with book.careful():
                book.table.delete(row.token)
        raise


def _begin(book: Book, row: NamedRun, engine: Engine, call: Call, code: Code, changed: tuple[str, ...]) -> Driven:
    """Begin to drive a run; what this process has of it."""
    driver = Driver(book, row, engine)
    driver.begin(code, changed)
    call.run = driver.run
    driver.run.note(call)
    key = (id(engine), row.token)
    engine.owner.at_close(driver.leave)
    try:
        with _inside(driver.run):
            future = engine.spawn(call)
    except BaseException as error:
        driver.end(_state_of(driver, error), error)
        raise
    _driven[key] = driven = Driven(driver, future, changed)
    future.add_done_callback(partial(_end, driver, key, call.key))
    return driven


def _end(driver: Driver, key: tuple[int, bytes], result: bytes, future: Future[Any]) -> None:
    """Write how a run ended as its root did."""
    try:
        if future.cancelled():
            driver.end("cancelled" if driver.run.is_cancelled else "interrupted")
            return
        error = future.exception()
        if error is None:
            driver.end("succeeded", None, result)
        else:
            driver.end(_state_of(driver, error), error)
    finally:
        _driven.pop(key, None)


def _state_of(driver: Driver, error: BaseException) -> State:
    if driver.run.is_cancelled:
        return "cancelled"
    if _is_good_exit(error):
        return "succeeded"
    if isinstance(error, (CancelledError, JumarError)) and driver.is_left:
        return "interrupted"  # what it waited for was taken back, or no more calls are taken
    is_failure = isinstance(error, Exception) or type(error) is SystemExit  # not SIGTERM's
    return "failed" if is_failure else "interrupted"


def _is_good_exit(error: BaseException) -> bool:
    return type(error) is SystemExit and error.code in (None, 0)


def _changed(book: Book, row: NamedRun, call: Call) -> tuple[str, ...]:
    """The names of what the root reaches and whose code is not what was recorded, sorted."""
    if row.code == call.info.code:
        return ()
    before = _digests(book.store.lineage.code_parts(row.code))
    now = _digests(call.task.parts_of(call.info.code))
    return tuple(sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name)))


def _digests(parts: Sequence[CodePart]) -> dict[str, bytes]:
    """What was written in the project, by its name: versions of libraries are in no key."""
    return {part.name: part.digest for part in parts if part.kind != "library"}


def _engine() -> Engine:
    engine: Engine = PLACE.get().engine or current().engine
    return engine


def _book(engine: Engine) -> Book:
    """The book, to be written in.

    Raises:
        RunError: The session keeps nothing, or the store may not be written.
    """
    if not engine.plans and (not engine.keeps or engine.store.read_only):
        raise RunError(
            "this session keeps no results, so nothing of a run would be there to resume: see Session(reuse=)"
        )
    return Book(engine.store, f"{id(engine):x}")


@contextmanager
def _inside(run: OpenRun) -> Iterator[None]:
    """While in this block, calls that are made belong to the run."""
    token = PLACE.set(Place(None, None, 0, {}, run))
    try:
        yield
    finally:
        PLACE.reset(token)
