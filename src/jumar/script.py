"""Scripts as modules: what a program had as ``__main__`` is found again by another one."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any


def module_of(name: str, file: str | None) -> ModuleType:
    """The module, as it is written now. A script is loaded under its own name, and so not run as a program.

    Args:
        name: Its name; a script's is that of its file.
        file: Where it was written; its folder joins the places where modules are looked for.

    Raises:
        FileNotFoundError: It is a script that is not there any more.
        ImportError: It cannot be imported.
        Exception: What its own lines raise.
    """
    main = sys.modules.get("__main__")
    if main is not None and file and _is_same(getattr(main, "__file__", None), file):
        return main
    if file:
        base = Path(file).resolve().parents[name.count(".") + (Path(file).name == "__init__.py")]
        if str(base) not in sys.path:
            sys.path.append(str(base))
    known = sys.modules.get(name)
    if file and "." not in name and (known is None or not _is_same(getattr(known, "__file__", None), file)):
        return _loaded(name, file)
    return known if known is not None else importlib.import_module(name)


def thing_of(name: str, file: str, qualified: str) -> Any:
    """What stands under a name in a script: how its tasks are unpickled.

    Raises:
        Exception: As `module_of`; AttributeError where nothing stands there.
    """
    found: Any = module_of(name, file)
    for part in qualified.split("."):
        found = getattr(found, part)
    return found


def imported(fn: object) -> Any:
    """What stands under a function's name in its module; None if nothing does."""
    found: Any = sys.modules.get(getattr(fn, "__module__", ""))
    for part in getattr(fn, "__qualname__", "").split("."):
        found = getattr(found, part, None)
    return found


def _loaded(name: str, file: str) -> ModuleType:
    """A script as a module; listed under its name, unless another module has that."""
    known = _LOADED.get(file)
    if known is not None:
        return known
    if not Path(file).exists():
        raise FileNotFoundError(f"{file} is not there any more")
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no Python file")
    module = _LOADED[file] = importlib.util.module_from_spec(spec)
    is_listed = sys.modules.setdefault(name, module) is module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del _LOADED[file]
        if is_listed:
            del sys.modules[name]
        raise
    return module


_LOADED: dict[str, ModuleType] = {}
"""By their files: two loads of one script would give two tasks of each name."""


def _is_same(one: str | None, other: str) -> bool:
    if one is None:
        return False
    # Mostly they are written alike, and a graph of many tasks asks this for each.
    return one == other or os.path.abspath(one) == other or Path(one).resolve() == Path(other).resolve()  # noqa: PTH100
