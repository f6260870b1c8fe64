"""Values on their way between driver and worker: pickles, in which some objects stand by their numbers.

What the other side can import travels by its name. Functions and classes of ``__main__``, of notebooks, of modules that
cannot be found, and those made inside functions travel by their code, which needs cloudpickle.
"""

from __future__ import annotations

import functools
import importlib.machinery
import io
import os
import pickle
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import FunctionType
from typing import Any

from jumar.codecs.codec import Frame
from jumar.codecs.framing import load
from jumar.codecs.pickle import PickleCodec
from jumar.graph.arguments import ATOMS

Reduce = Callable[[Any], Any]
"""Says how an object is written, as ``__reduce__`` does; `NotImplemented` leaves it to pickle."""

_CODEC = PickleCodec()
_PLAIN = ATOMS - {type}


class _Desk(threading.local):
    """What the numbers in the parcel that this thread unpacks stand for."""

    tasks: Any = None
    handles: Any = None


_desk = _Desk()


def task_at(number: int) -> Any:
    """The task with this number: what stands in parcels in its place."""
    return _desk.tasks[number]


def handle_at(number: int) -> Any:
    """The future or lazy call with this number, likewise."""
    return _desk.handles[number]


def unpacked(data: bytes | memoryview, tasks: Mapping[int, Any], handles: Mapping[int, Any]) -> Any:
    """The value in a parcel; large buffers in it are views of ``data``.

    Args:
        data: What `packed` gave.
        tasks: Tasks by their numbers.
        handles: Futures and lazy calls by their numbers.

    Raises:
        Exception: What unpickling raises.
    """
    before = _desk.tasks, _desk.handles  # loading may import a module that makes calls
    _desk.tasks, _desk.handles = tasks, handles
    try:
        return load(data) if isinstance(data, memoryview) else pickle.loads(data)
    finally:
        _desk.tasks, _desk.handles = before


def packed(value: Any, reduce: Reduce | None) -> Sequence[Frame]:
    """The value as frames to be sent; large buffers are views of the value's memory.

    Args:
        value: The value.
        reduce: Is asked first for everything that is no plain data; None where there is nothing else.

    Raises:
        Exception: What pickling raises; where cloudpickle is needed and missing, with a hint.
    """
    if reduce is None:
        return (pickle.dumps(value, 5),)
    return _CODEC.encode(value, functools.partial(_dumps, reduce))


def is_plain(values: Iterable[Any]) -> bool:
    """Whether these are numbers, texts and the like, which need no `Reduce`."""
    return _PLAIN.issuperset(map(type, values))


def _dumps(reduce: Reduce, value: Any, protocol: int, buffer_callback: Any = None) -> bytes:
    file = io.BytesIO()
    _pickler()(file, protocol, buffer_callback, reduce).dump(value)
    return file.getvalue()


@functools.cache
def _pickler() -> Callable[..., Any]:
    try:
        import cloudpickle  # noqa: PLC0415  (an optional package)
    except ImportError:
        return _ByName
    return _by_code(cloudpickle)


class _ByName(pickle.Pickler):
    """Writes functions and classes by name only."""

    def __init__(self, file: io.BytesIO, protocol: int, buffer_callback: Any, reduce: Reduce) -> None:
        super().__init__(file, protocol, buffer_callback=buffer_callback)
        self._reduce = reduce

    def reducer_override(self, obj: Any) -> Any:
        """Called by pickle for all that is no plain data."""
        has_no_name = isinstance(obj, (FunctionType, type)) and "<" in obj.__qualname__  # made in a function; lambdas
        if has_no_name or (isinstance(obj, (FunctionType, type)) and not is_importable(obj.__module__)):
            raise pickle.PicklingError(
                f"{obj!r} cannot be imported by a worker process and must be sent by its code, for which cloudpickle is "
                f"needed: pip install 'jumar[cloudpickle]', or move it into a module"
            )
        return self._reduce(obj)


def _by_code(cloudpickle: Any) -> Callable[..., Any]:
    """The pickler that writes functions and classes by their code where it must."""

    class ByCode(cloudpickle.Pickler):  # type: ignore[misc]  # the package is untyped
        def __init__(self, file: io.BytesIO, protocol: int, buffer_callback: Any, reduce: Reduce) -> None:
            super().__init__(file, protocol, buffer_callback=buffer_callback)
            self._reduce = reduce

        def reducer_override(self, obj: Any) -> Any:
            found = self._reduce(obj)
            if found is not NotImplemented:
                return found
            if not isinstance(obj, (FunctionType, type)) or is_importable(obj.__module__):
                return super().reducer_override(obj)
            with _by_value(cloudpickle, obj.__module__):
                return super().reducer_override(obj)

    return ByCode


_registering = threading.Lock()


class _by_value:  # noqa: N801  (used as a function)
    """While in it, cloudpickle writes what a module holds by its code. Its register belongs to the whole process."""

    def __init__(self, cloudpickle: Any, module: str) -> None:
        self._cloudpickle = cloudpickle
        self._module = sys.modules.get(module) if module != "__main__" else None

    def __enter__(self) -> None:
        _registering.acquire()
        known = self._cloudpickle.list_registry_pickle_by_value()
        if self._module is None or self._module.__name__ in known:
            self._module = None
        else:
            self._cloudpickle.register_pickle_by_value(self._module)

    def __exit__(self, *_: object) -> None:
        try:
            if self._module is not None:
                self._cloudpickle.unregister_pickle_by_value(self._module)
        finally:
            _registering.release()


def is_importable(module: str | None) -> bool:
    """Whether a process with this one's ``sys.path`` imports the same module under this name."""
    return module is None or _is_importable(module, tuple(sys.path))


@functools.lru_cache(maxsize=4096)
def _is_importable(name: str, path: tuple[str, ...]) -> bool:  # noqa: ARG001  (the answer belongs to it)
    if name in sys.builtin_module_names:
        return True
    module = sys.modules.get(name)
    if name == "__main__" or module is None or getattr(module, "__spec__", None) is None:
        return False
    parent, _, _ = name.rpartition(".")
    if parent and not is_importable(parent):
        return False
    spec = _spec(name, getattr(sys.modules.get(parent), "__path__", None))
    if spec is None:
        return False
    file = getattr(module, "__file__", None)
    return file is None or (spec.origin is not None and os.path.realpath(spec.origin) == os.path.realpath(file))


def _spec(name: str, path: Any) -> importlib.machinery.ModuleSpec | None:
    """Where the module would be imported from if it were not there yet."""
    found = (finder.find_spec(name, path) for finder in sys.meta_path)
    return next((spec for spec in found if spec is not None), None)
