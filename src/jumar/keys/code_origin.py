"""Project or library: whose code is followed, and whose is taken by its name.

A library is what lives where libraries are installed: the standard library's directory, and every ``site-packages`` or
``dist-packages``. Everything else is the project: scripts, packages beside them, editable installs, notebooks, the
REPL. jumar itself is a library always, also in a checkout, because how it runs a task does not change what the task
computes.
"""

from __future__ import annotations

import os
import sys
import sysconfig
import types
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from jumar.errors import DeclarationError

_INSTALLED = ("site-packages", "dist-packages")
_STDLIB = tuple(
    os.path.normpath(sysconfig.get_path(which)) + os.sep
    for which in ("stdlib", "platstdlib")
    if sysconfig.get_path(which)
)
_TYPED = ("<doctest ", "<ipython-input-", "<python-input-", "<stdin>")  # a person's text, whatever the namespace
_OWN = str(Path(__file__).resolve().parent.parent) + os.sep

CHOICE: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {"names": ((), ())}
"""What `set_project` was last told, as a namespace that a fingerprint can watch like any other."""


def set_project(*, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> None:
    """Say which packages belong to the project although they live elsewhere, and which do not although they live here.

    Args:
        include: Names of packages or modules (``"ourlib"``, ``"ourlib.models"``) whose code is followed, with what is
            below them.
        exclude: Names of packages or modules that are taken by name only. Where both fit, the longer name counts.

    Raises:
        DeclarationError: A bare string was given, or a name is in both.

    Guarantees:
        Replaces what an earlier call said. Fingerprints made before are not current any more.

    Example:
        >>> set_project(include=["ourlib"])
        >>> set_project()
    """
    for option, names in (("include", include), ("exclude", exclude)):
        if isinstance(names, str):
            raise DeclarationError(f"set_project({option}={names!r}): give a list of names, such as [{names!r}].")
    both = sorted(set(include) & set(exclude))
    if both:
        raise DeclarationError(f"set_project: {both[0]!r} is both included and excluded; leave it in one of the two.")
    CHOICE["names"] = (tuple(include), tuple(exclude))


def is_project(module: str | None, file: str | None) -> bool:
    """Whether code of this module and file is followed.

    Args:
        module: Dotted name, or None if unknown.
        file: Path of the source, or a name such as ``<stdin>``; None for modules built into the interpreter.

    Example:
        >>> is_project("json.decoder", __import__("json").decoder.__file__)
        False
    """
    chosen = _chosen(module or "", *CHOICE["names"])
    if chosen is not None:
        return chosen
    if not file:
        return module == "__main__"  # a notebook or the REPL; else a module built into the interpreter
    return not _is_installed(file)


@lru_cache(maxsize=4096)
def _chosen(module: str, include: tuple[str, ...], exclude: tuple[str, ...]) -> bool | None:
    best, answer = -1, None
    for names, says in ((include, True), (exclude, False)):
        for name in names:
            if (module == name or module.startswith(f"{name}.")) and len(name) > best:
                best, answer = len(name), says
    return answer


@lru_cache(maxsize=4096)
def _is_installed(file: str) -> bool:
    if file.startswith("<frozen "):
        return True
    if file.startswith("<"):
        return False
    path = os.path.abspath(file)  # noqa: PTH100 - normalises without following links: a linked project is a project
    if path.startswith((*_STDLIB, _OWN)):
        return True
    return any(part in _INSTALLED for part in Path(path).parts)


def file_of(namespace: dict[str, Any], code_file: str) -> str:
    """The file that decides about a function: its own, or its module's where its text was generated (``<string>``)."""
    if not code_file.startswith("<") or code_file.startswith(_TYPED):
        return code_file
    module_file = namespace.get("__file__")
    return module_file if isinstance(module_file, str) else code_file


def module_is_project(module: ModuleType) -> bool:
    """Whether a module's code is followed. A package without ``__init__`` is judged by its first directory."""
    file = getattr(module, "__file__", None)
    if file is None:
        file = next(iter(getattr(module, "__path__", ())), None)
    return is_project(module.__name__, file)


def class_is_project(cls: type) -> bool:
    """Whether a class's body is followed; a class is judged by the module that it says it is from."""
    if not isinstance(cls.__module__, str):
        return False
    if cls.__module__ == "types" and vars(types).get(cls.__name__) is not cls:
        return True  # make_dataclass (before Python 3.12) and new_class name their own module, not their caller's
    module = sys.modules.get(cls.__module__)
    if module is not None:
        return module_is_project(module)
    return cls.__module__ != "builtins"  # made by exec in a namespace that is no module: only a user does that


def has_its_name(cls: type) -> bool:
    """Whether a library's class is the one that its name means.

    One that a function of the library made from what it was given shares its name with all that were made so.

    Example:
        >>> import collections
        >>> has_its_name(collections.OrderedDict), has_its_name(type("OrderedDict", (), {"__module__": "collections"}))
        (True, False)
    """
    if not cls.__flags__ & _MADE_AT_RUN_TIME:
        return True  # one of C's own, which nobody can make again; some stand in no module (list_iterator)
    found: Any = sys.modules.get(cls.__module__)
    for name in cls.__qualname__.split("."):
        found = getattr(found, "__dict__", {}).get(name)  # and not getattr: modules may import what is asked for
    return found is cls


_MADE_AT_RUN_TIME = 1 << 9
"""Flag of classes made by a ``class`` statement, a call, or a C module while it is loaded."""


def is_own(value: Any) -> bool:
    """Whether ``value`` is something of jumar's: its module, one of its functions or classes, or an instance of one."""
    if isinstance(value, ModuleType):
        name = value.__name__
    else:
        named = value if isinstance(value, type) or hasattr(value, "__code__") else type(value)
        name = getattr(named, "__module__", None) or ""
    return name == "jumar" or name.startswith("jumar.")


def people_name(module: str, namespace: dict[str, Any] | None = None) -> str:
    """A module's name for people: the name a script would have if it were imported stands for ``__main__``."""
    if module != "__main__":
        return module
    spec = (namespace or {}).get("__spec__")
    if spec is not None:
        return str(spec.name).removesuffix(".__main__")
    file = (namespace or {}).get("__file__")
    if not isinstance(file, str):
        return module
    return os.path.splitext(os.path.basename(file))[0]  # noqa: PTH119, PTH122 - asked at each call of a run: no Path object


@lru_cache(maxsize=1024)
def library_version(name: str) -> str:
    """The version of the distribution that a top-level module comes from; Python's own for the standard library.

    Args:
        name: Top-level module name, such as ``"numpy"`` or ``"sklearn"``.

    Returns:
        The version, or ``"unknown"`` where no distribution says that it holds the module.

    Example:
        >>> library_version("json").startswith("3.")
        True
    """
    if name in sys.stdlib_module_names:
        return ".".join(map(str, sys.version_info[:3]))
    import importlib.metadata  # noqa: PLC0415  (12 ms, and most programs never ask for a version)

    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        holders = importlib.metadata.packages_distributions().get(name)
        return importlib.metadata.version(holders[0]) if holders else "unknown"
