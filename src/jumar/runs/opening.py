"""Opening runs: a new one, one that is taken up again, and one for the code of a script."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from functools import partial
from typing import Any

from jumar.engine import Engine
from jumar.errors import RunError, RunHeldError
from jumar.future import Future
from jumar.graph.call import Call
from jumar.here import PLACE, Place
from jumar.keys.code import CodePart
from jumar.open_run import OpenRun
from jumar.position import ROOT
from jumar.runs.book import Book, RunInfo
from jumar.runs.driver import Driver
from jumar.runs.handle import Driven, RunHandle
from jumar.runs.root import Code, Root, difference, remade, root_of
from jumar.session import current
from jumar.store.named_runs import STATES, NamedRun, State
from jumar.task import Task

_TOKEN_BYTES = 16
_RESUMABLE: tuple[State, ...] = ("pending", "failed", "interrupted")

_driven: dict[tuple[int, bytes], Driven] = {}
"""The runs that this process drives, by engine and token."""


def start(
    task: Task[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    run_id: str | None,
    metadata: Mapping[str, Any] | None,
) -> RunHandle[Any]:
    """See ``Task.start``."""
    engine = _engine()
    run_id = f"{task.name}-{os.urandom(4).hex()}" if run_id is None else _checked(run_id)
    book = _book(engine)
    with book.careful():
        row = book.table.find(run_id)
    token = row.token if row is not None else os.urandom(_TOKEN_BYTES)
    with _inside(OpenRun(run_id, token, engine, None)):
        call = task.make(engine, args, kwargs, ROOT)
    root = root_of(call)
    if row is None:
        row = _row(run_id, token, book, metadata, root)
        if not engine.plans:
            engine.store.task(call.info, call.task.parts_of)  # its code is kept, to say later what was changed
            row = _added(book, row)
    _compare(row, root, "")
    if not engine.plans:
        _change_metadata(book, row, metadata)
    known = _driven.get((id(engine), row.token))
    if known is not None or row.state == "succeeded":
        return RunHandle(book, row, known)
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
    known = _driven.get((id(engine), row.token))
    if known is not None or row.state == "succeeded":
        return RunHandle(book, row, known)
    if not row.task:
        raise RunError(
            f"run {run_id!r} is that of script {row.place}, which has to be run again: `jumar run {row.place} --id {run_id}`, "
            f"or as it was run before."
        )
    with _inside(OpenRun(run_id, row.token, engine, None)):
        call, used = remade(row, engine, code)
    return _drive(book, row, engine, call, used)


def resume_all(*, status: Sequence[State] = _RESUMABLE, code: Code = "current") -> list[RunHandle[Any]]:
    """Takes all runs up again that are in one of these states; scripts' runs and those of other processes stay as they are.

    Args:
        status: Which ones.
        code: As for `resume`.

    Raises:
        ExceptionGroup: Some could not be taken up; all the others were.
    """
    handles, errors = [], []
    for info in find(*status):
        try:
            if not info.is_script:
                handles.append(resume(info.id, code=code))
        except RunHeldError:
            continue  # another process was faster
        except RunError as error:
            errors.append(error)
    if errors:
        raise ExceptionGroup(f"{len(errors)} of {len(errors) + len(handles)} runs could not be resumed", errors)
    return handles


@contextmanager
def script_run(run_id: str, metadata: Mapping[str, Any] | None, script: str) -> Iterator[RunHandle[None]]:
    """While in this block, calls belong to the run of a script; see `jumar.run`."""
    here = PLACE.get()
    if here.call is not None or here.run is not None:
        raise RunError(f"run {run_id!r} cannot be opened inside of a task or of another run; `task.start` can")
    engine = _engine()
    book = _book(engine)
    row = _script_row(book, _checked(run_id), metadata, script, adds=not engine.plans)
    if (id(engine), row.token) in _driven:
        raise RunError(f"run {run_id!r} is open in this session already")
    driver = Driver(book, row, engine)
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
    return RunHandle(book, row, _driven.get((id(engine), row.token)))


def delete(run_id: str) -> int:
    """Deletes a run with its journal and the results of its steps, and frees its id; how many results that were.

    Results of plain tasks stay, as any program may need them.

    Raises:
        RunError: There is none of this id, or somebody drives it.
    """
    book = Book(_engine().store)
    return book.delete(book.find(run_id))


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


def _drive(book: Book, row: NamedRun, engine: Engine, call: Call, code: Code) -> RunHandle[Any]:
    changed = _changed(book, row, call)
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
    return RunHandle(book, row, driven)


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
    if isinstance(error, CancelledError) and driver.is_left:
        return "interrupted"  # what it waited for was taken back
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


def _row(run_id: str, token: bytes, book: Book, metadata: Mapping[str, Any] | None, root: Root) -> NamedRun:
    text = _json(metadata or {})
    now_s = book.store.now_s()
    return NamedRun(run_id, token, now_s, None, "pending", *root, None, "", "", text, "[]")


def _script_row(book: Book, run_id: str, metadata: Mapping[str, Any] | None, script: str, *, adds: bool) -> NamedRun:
    with book.careful():
        row = book.table.find(run_id)
    if row is None:
        root = Root("", "", b"", b"", script, None, None)
        row = _row(run_id, os.urandom(_TOKEN_BYTES), book, metadata, root)
        if not adds:
            return row
        row = _added(book, row)
    _compare(row, None, script)
    if adds:
        _change_metadata(book, row, metadata)
    return row


def _added(book: Book, row: NamedRun) -> NamedRun:
    """The run that is recorded under the id: this one, or one that another process has added meanwhile."""
    with book.careful():
        book.table.add(row)
    return book.find(row.id)


def _compare(row: NamedRun, root: Root | None, script: str) -> None:
    found = difference(row, root, script)
    if found is not None:
        raise RunError(
            f"run {row.id!r} was started with something else. {found} Choose another id, or free this one with "
            f"`jumar delete {row.id}`."
        )


def _change_metadata(book: Book, row: NamedRun, metadata: Mapping[str, Any] | None) -> None:
    if metadata is not None and _json(metadata) != row.metadata:
        with book.careful():
            book.table.change(row.token, metadata=_json(metadata))


def _json(metadata: Mapping[str, Any]) -> str:
    try:
        return json.dumps(dict(metadata), ensure_ascii=False, sort_keys=True)
    except (TypeError, ValueError) as error:
        raise RunError(f"metadata= takes what JSON can say: {error}") from error


def _checked(run_id: str) -> str:
    if not isinstance(run_id, str) or not run_id.strip() or not run_id.isprintable():
        raise RunError(f"id={run_id!r} cannot be the id of a run: it takes a text of one line")
    return run_id


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
