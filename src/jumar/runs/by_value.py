"""Code by value: functions and classes of the project with their bytes, for a day when they cannot be imported."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from jumar.keys.code_origin import module_is_project
from jumar.task import Task, task_with

_registering = threading.Lock()
"""What cloudpickle writes by value is said for the whole process."""


def by_value(thing: Any) -> bytes | None:
    """The thing with the project's code that it reaches; None where cloudpickle is not installed or cannot write it.

    Args:
        thing: Anything, with tasks in it.
    """
    try:
        import cloudpickle  # noqa: PLC0415  (an optional package)
    except ImportError:
        return None

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        """Takes tasks apart too: by themselves they are pickled by their names."""

        def reducer_override(self, value: Any) -> Any:
            if type(value).__module__ == Task.__module__ and isinstance(value, Task):
                return task_with, (value.fn, value._options)  # noqa: SLF001
            return super().reducer_override(value)

    file = io.BytesIO()
    try:
        with _registering, _registered(cloudpickle):
            Pickler(file, protocol=5).dump(thing)
    except Exception:  # noqa: BLE001  (pickling runs user code; a global that cannot be pickled is no fault of the run)
        return None
    return file.getvalue()


@contextmanager
def _registered(cloudpickle: ModuleType) -> Iterator[None]:
    """While in this block, all modules of the project are written by value."""
    modules = [
        module
        for name, module in sys.modules.copy().items()
        if type(module) is ModuleType and name not in ("__main__", "__mp_main__") and _is_ours(name, module)
    ]
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in modules:
            cloudpickle.unregister_pickle_by_value(module)


def _is_ours(name: str, module: ModuleType) -> bool:
    return module.__name__ == name and module_is_project(module)
