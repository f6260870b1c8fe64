"""What is looked at when a function is declared a task: whether it can be one, its name, its version."""

from __future__ import annotations

import functools
import inspect
from typing import NoReturn

from jumar.errors import DeclarationError
from jumar.graph.options import Options
from jumar.keys.code_origin import library_version


def refuse_what_cannot_be_a_task(fn: object) -> None:
    """Raise for what could only fail later.

    Raises:
        DeclarationError: It is no function whose result can be kept.
    """
    if hasattr(fn, "spawn") and hasattr(fn, "options"):
        refuse(fn, "is a task already; use its .options(...) to change it")
    if isinstance(fn, (staticmethod, classmethod)):
        refuse(fn, "is not a function yet: put @jumar.task below @staticmethod; a class method cannot be a task")
    if not callable(fn):
        refuse(fn, "cannot be called; @jumar.task goes above a function")
    if inspect.isgeneratorfunction(fn) or inspect.isasyncgenfunction(fn):
        refuse(fn, "is a generator, whose values cannot be kept; return a list, or make each item a call of its own")


def refuse(fn: object, problem: str) -> NoReturn:
    """Raise with the function's name.

    Raises:
        DeclarationError: Always.
    """
    raise DeclarationError(f"{name_of(fn)} {problem}")


def name_of(fn: object) -> str:
    """The name that people see of a function."""
    if isinstance(fn, functools.partial):
        return name_of(fn.func)
    name = getattr(fn, "__qualname__", None)
    return name.replace("<locals>.", "") if isinstance(name, str) else repr(fn)[:80]


def version_of(options: Options, task: str) -> str | None:
    """The version option with the versions of the libraries that ``env`` names; None where there is neither.

    Raises:
        DeclarationError: One of them is not installed.
    """
    found = [f"{name} {library_version(name)}" for name in options.env]
    for name, text in zip(options.env, found, strict=True):
        if text == f"{name} unknown":
            raise DeclarationError(f"task {task!r}: env= names {name!r}, of which no version is installed here")
    return "; ".join([options.version or "", *found]) if found else options.version
