"""What has no identity although it may look as if it had, and what to pass instead."""

from __future__ import annotations

import collections.abc
import io
import types
import weakref
from functools import lru_cache

_ADVICE_BY_TYPE: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (types.GeneratorType, "a generator is used up by being read; pass a list, or the function that makes it"),
    (types.CoroutineType, "a coroutine runs once; await it and pass its result"),
    (types.AsyncGeneratorType, "an async generator is used up by being read; collect it in a list"),
    (io.IOBase, "an open file is a place in a file, not its content; pass its path, or jumar.File(path)"),
    (types.ModuleType, "a module is code, not a value; import it inside the task, or pass its name"),
    ((types.FrameType, types.TracebackType), "it belongs to a running program"),
    (types.CodeType, "compiled code differs between versions of Python; pass the function"),
    ((weakref.ref, *weakref.ProxyTypes), "a weak reference may lose its value at any time; pass the value"),
)

_ADVICE_BY_NAME = {
    "_thread": "a lock belongs to this process; make it inside the task, or keep it in a module's global",
    "_io": "an open file is a place in a file, not its content; pass its path, or jumar.File(path)",
    "socket": "a socket is an open connection of this process; pass the address",
    "_socket": "a socket is an open connection of this process; pass the address",
    "ssl": "it is bound to this process; make it inside the task",
    "sqlite3": "a database handle is an open connection of this process; pass the path",
    "threading": "it belongs to the threads of this process; make it inside the task",
    "multiprocessing": "it belongs to the processes of this program; make it inside the task",
    "subprocess": "it is a running process; pass its command, or its output",
    "concurrent": "it is work under way in this process; pass its result",
    "asyncio": "it is bound to an event loop of this process; pass its result",
    "_asyncio": "it is bound to an event loop; await it and pass its result, or pass the concurrent.futures.Future "
    "that asyncio.run_coroutine_threadsafe(coroutine, loop) gives",
    "contextvars": "it belongs to a running program",
    "queue": "a queue is a place of this process; pass what is in it",
}


@lru_cache(maxsize=4096)
def why_refused(kind: type) -> str:
    """What is wrong with values of a type and what to pass instead; empty if nothing is known against it.

    Example:
        >>> why_refused(types.GeneratorType)
        'a generator has no identity: a generator is used up by being read; pass a list, or the function that makes it'
    """
    name = f"{kind.__module__}.{kind.__qualname__}" if kind.__module__ != "builtins" else kind.__qualname__
    if kind is object:
        return "an object() has no identity: all of them look the same; pass None, a string or an enum member"
    if issubclass(kind, io.BytesIO | io.StringIO):
        return ""  # in memory: content and position are its state
    for kinds, advice in _ADVICE_BY_TYPE:
        if issubclass(kind, kinds):
            return f"a {name} has no identity: {advice}"
    for base in kind.__mro__:
        advice_by_name = _ADVICE_BY_NAME.get(base.__module__.partition(".")[0])
        if advice_by_name is not None:
            return f"a {name} has no identity: {advice_by_name}"
    # An iterator written in Python is an object with a state; one written in C hides where it stands.
    if issubclass(kind, collections.abc.Iterator) and not isinstance(kind.__next__, types.FunctionType):
        return f"a {name} has no identity: an iterator is used up by being read; pass a list"
    return ""
