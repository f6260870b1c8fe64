"""Running one recorded call again, alone: what failed is looked at where it failed, with the arguments that it had."""

from __future__ import annotations

import asyncio
import inspect
import pickle
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from jumar.continuation import made_again
from jumar.engine import Engine
from jumar.errors import RunError
from jumar.graph.arguments import rebuild
from jumar.graph.call import DONE, NOTHING, Call
from jumar.graph.options import Options
from jumar.here import PLACE, Place
from jumar.keys.call import is_key_prefix, split_arguments
from jumar.keys.value_again import UnsaidError, value_of
from jumar.keys.value_outline import expanded
from jumar.open_run import OpenRun
from jumar.script import module_of
from jumar.session import Session
from jumar.session import current as current_session
from jumar.store.named_runs import NamedRuns
from jumar.store.recalls import recall_of
from jumar.store.records import CallRecord
from jumar.store.sqlite_index import SqliteIndex
from jumar.store.store import Store
from jumar.task import Task, task_with

RunFunction = Callable[..., Any]
"""Calls a function with its arguments: `operator.call`, or a debugger that does."""


def rerun(key: str, *, through: RunFunction | None = None) -> Any:
    """What the function of a recorded call gives now, with the arguments that are recorded of it.

    The call itself is not recorded again. Calls that it makes are found and kept as in any call; in a run, steps that are
    done are found as well, and those that are not are done. `jumar.resume` goes on with a run; this looks at one call.

    Args:
        key: Of the call, in hexadecimal: all of it, or as much of the beginning as no other call has.
        through: Calls the function, such as ``pdb.runcall``.

    Raises:
        RunError: There is no such call, its task cannot be imported, or its arguments are not recorded: those of calls that
            failed are, up to 64 KiB; of others what their keys say.
        BaseException: What the function raises.

    Example:
        >>> import jumar, tempfile
        >>> with tempfile.TemporaryDirectory() as folder, jumar.Session(folder + "/store"):
        ...     future = jumar.spawn(divmod, 7, 2)
        ...     future.result() == jumar.runs.rerun(future.key)
        True
    """
    session = current_session()
    record = _record(session.store, key)
    with _placed(session.engine, record.key) as place:
        call = _made(session, record, place)
        args, kwargs = _inputs(session.engine, call)
        call.demand = None  # it holds nothing of the session's
        token = PLACE.set(PLACE.get()._replace(call=call, depth=1))
        try:
            value = (through or _called)(call.task.fn, *args, **kwargs)
            return asyncio.run(value) if inspect.iscoroutine(value) else value
        finally:
            PLACE.reset(token)


def _called(fn: RunFunction, /, *args: Any, **kwargs: Any) -> Any:
    return fn(*args, **kwargs)


def _record(store: Store, key: str) -> CallRecord:
    prefix = key.strip().lower()
    if not is_key_prefix(prefix):
        raise RunError(f"{key!r} is not the beginning of a key: keys are hexadecimal, see `jumar calls`.")
    store.flush()
    found = {record.key: record for record, _ in zip(store.calls(prefix=prefix), range(3), strict=False)}
    if len(found) != 1:
        problem = "several calls have keys that start" if found else "no call has a key that starts"
        raise RunError(f"{problem} with {prefix} in {store!r}. See `jumar calls`.")
    return next(iter(found.values()))


@contextmanager
def _placed(engine: Engine, key: bytes) -> Iterator[bytes | None]:
    """While in this block, calls are made where the call was made: in the latest run that asked for it. Its place there."""
    database = engine.store.index
    found = NamedRuns(database).place_of(key) if isinstance(database, SqliteIndex) else None
    run = OpenRun(found[0].id, found[0].token, engine, None) if found else None
    token = PLACE.set(Place(engine, None, 0, {}, run))
    try:
        yield found[1] if found else None
    finally:
        PLACE.reset(token)


def _made(session: Session, record: CallRecord, place: bytes | None) -> Call:
    """The call, made again with the code as it is now, under the key that it had."""
    engine, database = session.engine, session.store.index
    written = recall_of(database, record.key) if isinstance(database, SqliteIndex) else None
    if written is not None:
        try:
            call = made_again(pickle.loads(written), engine.remake, engine.known)
        except Exception as error:
            raise RunError(
                f"call {_short(record)} cannot be made again here ({type(error).__name__}: {error})"
            ) from error
        if call is NOTHING:
            raise RunError(f"a result among the arguments of call {_short(record)} is not in the store any more")
    else:
        task = _task_of(session.store, record)
        args, kwargs = _recorded(engine, record, task)
        call = task.make(engine, args, kwargs, place)
    call.key = record.key  # its code may be another one now; it is known by the key that it was recorded under
    assert type(call) is Call
    return call


def _inputs(engine: Engine, call: Call) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments, with values in the place of calls; of those that are not kept the values are computed again."""

    def value_at(leaf: Any) -> Any:
        if type(leaf) is not Call:
            return leaf
        return engine.read(leaf) if leaf.state is DONE else engine.spawn(leaf).result()

    args = tuple([rebuild(arg, value_at) for arg in call.args or ()])
    return args, {name: rebuild(arg, value_at) for name, arg in (call.kwargs or {}).items()}


def _recorded(engine: Engine, record: CallRecord, task: Task[..., Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments as far as the record says them."""

    def refer(key: bytes) -> Any:
        known = engine.known(key)
        if known is None:
            raise UnsaidError(f"it is the result of call {key.hex()[:12]}, which is not in the store any more")
        return engine.read(known)

    signature = inspect.signature(task.fn)
    bound = inspect.BoundArguments(signature, OrderedDict())
    for name, token in zip(record.task.parameters.split(), split_arguments(record.arguments), strict=True):
        parameter = signature.parameters.get(name)
        if parameter is None:
            raise RunError(f"task {task.name!r} has no parameter {name!r} any more, which call {_short(record)} had")
        if token == b"E" and parameter.default is not parameter.empty:
            continue  # it is not in the key, and its default will do
        try:
            bound.arguments[name] = value_of(expanded(token, engine.store.lineage.outline), refer)
        except UnsaidError as error:
            raise RunError(
                f"argument {name!r} of call {_short(record)} cannot be had again: {error}. Arguments are recorded of calls "
                f"that failed, and of others where their keys say them. Pass large values as results of tasks."
            ) from error
    bound.apply_defaults()
    return bound.args, bound.kwargs


def _task_of(store: Store, record: CallRecord) -> Task[..., Any]:
    """The task of a call, imported by its name."""
    name, module = record.task.name, record.task.module
    script = next((run.script for run in store.lineage.runs() if run.number == record.run), "")
    problem = "it is not there"
    try:
        if module == "__main__":
            found = module_of(script.rpartition("/")[2].removesuffix(".py"), script)
        else:
            found = module_of(module, None)
        task: Any = found
        for part in name.split("."):
            task = getattr(task, part, None)
        if not isinstance(task, Task):  # it may have been given another name
            tasks = [each for each in vars(found).values() if isinstance(each, Task) and each.name == name]
            task = tasks[0] if tasks else task
        if isinstance(task, Task):
            return task
        if callable(task) and not isinstance(task, type):  # it was given to `jumar.spawn`, or is a task no more
            return task_with(task, Options())
    except Exception as error:  # noqa: BLE001  (importing runs user code)
        problem = f"{type(error).__name__}: {error}"
    where = script if module == "__main__" else module
    raise RunError(f"task {name!r} of call {_short(record)} cannot be imported from {where}: {problem}")


def _short(record: CallRecord) -> str:
    return f"{record.key.hex()[:12]} of task {record.task.name!r}"
