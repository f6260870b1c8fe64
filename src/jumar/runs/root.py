"""The root of a run: the call that it was started with, stored so that any program can make it again."""

from __future__ import annotations

import io
import json
import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, Literal, NamedTuple

from jumar.continuation import Continuation, Node, described, made_again
from jumar.engine import Engine
from jumar.errors import RunError
from jumar.graph.call import NOTHING, Call
from jumar.keys.call import describe_arguments
from jumar.keys.code_origin import people_name
from jumar.position import placed_arguments
from jumar.runs.by_value import by_value
from jumar.script import imported, module_of
from jumar.store.named_runs import NamedRun
from jumar.task import Task

Code = Literal["current", "recorded"]


class Root(NamedTuple):
    """A root as it is recorded."""

    task: str
    parameters: str
    arguments: bytes
    code: bytes
    place: str
    by_reference: bytes | None
    by_value: bytes | None


def root_of(call: Call) -> Root:
    """The root, ready to be recorded.

    Raises:
        RunError: It can be made again neither by its name nor by its code.
    """
    graph = described(call, (call,))
    fn = call.task.fn
    namespace = getattr(fn, "__globals__", {})
    module = people_name(call.info.module, namespace)
    place = {"module": module, "file": _file_of(namespace), "name": getattr(fn, "__qualname__", call.task.name)}
    reference, reason = _by_reference(graph, call.task)
    value = by_value(graph)
    if reference is None and value is None:
        raise RunError(
            f"the run of task {call.task.name!r} cannot be stored, so nothing could resume it: {reason}. Use a task at the "
            f"top of a module, and arguments that pickle can handle; or install cloudpickle, which writes code."
        )
    return Root(
        f"{module}.{call.task.name}",
        " ".join(call.task.names),
        placed_arguments(call),
        call.info.code,
        json.dumps(place),
        reference,
        value,
    )


def _file_of(namespace: Mapping[str, Any]) -> str | None:
    file = namespace.get("__file__")
    return os.path.abspath(file) if isinstance(file, str) else None  # noqa: PTH100  (links stay what they are)


def difference(recorded: NamedRun, asked: Root | None, script: str) -> str | None:
    """How what is asked for under an id differs from what the run was started with; None where it does not.

    Args:
        recorded: The run.
        asked: The root that is asked for; None for a script's run.
        script: The script's path.
    """
    now = (asked.task, asked.parameters, asked.arguments) if asked is not None else ("", "", b"")
    if not recorded.task and asked is None and Path(recorded.place).name == Path(script).name:
        return None
    if recorded.task and (recorded.task, recorded.arguments) == (now[0], now[2]):
        return None
    first = _shown(recorded.task, recorded.parameters, recorded.arguments, recorded.place)
    return f"first: {first} now: {_shown(*now, script)}"


def shown(recorded: NamedRun) -> str:
    """A run's root as people write it."""
    return _shown(recorded.task, recorded.parameters, recorded.arguments, recorded.place)


def _shown(task: str, parameters: str, arguments: bytes, place: str) -> str:
    if not task:
        return f"script {place}"
    return f"{task}({describe_arguments(tuple(parameters.split()), arguments)})"


def remade(run: NamedRun, engine: Engine, code: Code) -> tuple[Call, Code]:
    """The root call of a run, in an engine, and by which code it was made.

    Args:
        run: As it is recorded.
        engine: The one that will run it.
        code: ``"current"``: as it is written now, where it can be imported; else as it was recorded. ``"recorded"``: as
            it was recorded only.

    Raises:
        RunError: It cannot be made again; the text says why.
    """
    problems = []
    if code == "current" and run.by_reference is not None:
        try:
            return _call(_Reader(run.by_reference, _imported_root(run)).load(), engine, run), "current"
        except Exception as error:  # noqa: BLE001  (importing runs user code)
            problems.append(f"its module could not be used ({type(error).__name__}: {error})")
    if run.by_value is None:
        problems.append("its code was not stored, as cloudpickle was not installed or could not write it")
    else:
        try:
            graph = pickle.loads(run.by_value)  # what a store holds is trusted, as its results are
            _give_main_its_name(graph, run)
            return _call(graph, engine, run), "recorded"
        except Exception as error:  # noqa: BLE001
            problems.append(f"its stored code could not be read ({type(error).__name__}: {error})")
    raise RunError(
        f"run {run.id!r} cannot be resumed here: {'; '.join(problems)}. Start it again with the same id from the program "
        f"that has {run.task!r}."
    )


def _call(graph: Continuation, engine: Engine, run: NamedRun) -> Call:
    call = made_again(graph, engine.remake, engine.known)
    if call is NOTHING:
        raise RunError(f"a result among the arguments of run {run.id!r} is not in the store any more")
    assert type(call) is Call
    return call


def _by_reference(graph: Continuation, task: Any) -> tuple[bytes | None, str]:
    """The graph with the names of functions and classes; or why it cannot be written so."""
    known = imported(task.fn)
    if not (isinstance(known, Task) and known.fn is task.fn):
        return None, f"{task.name} is not found under its name in its module"
    try:
        return pickle.dumps(graph, protocol=5), ""
    except Exception as error:  # noqa: BLE001  (pickling runs user code)
        return None, f"{type(error).__name__}: {error}"


def _imported_root(run: NamedRun) -> ModuleType:
    place = json.loads(run.place)
    return module_of(place["module"], place["file"])


def _give_main_its_name(graph: Continuation, run: NamedRun) -> None:
    """Let functions of a program that was run as ``python -m`` know its name: places in the run are made from it."""
    for node in graph.nodes:
        if isinstance(node, Node) and node.task.fn.__module__ == "__main__" and hasattr(node.task.fn, "__globals__"):
            name = SimpleNamespace(name=json.loads(run.place)["module"])
            node.task.fn.__globals__.setdefault("__spec__", name)


class _Reader(pickle.Unpickler):
    """Reads a graph; what was in the main program is looked for in the module that this is now."""

    def __init__(self, data: bytes, main: ModuleType) -> None:
        super().__init__(io.BytesIO(data))
        self._main = main

    def find_class(self, module: str, name: str) -> Any:
        """The thing of this name."""
        if module != "__main__":
            return super().find_class(module, name)
        found: Any = self._main
        for part in name.split("."):
            found = getattr(found, part)
        return found
