"""Patterns of file names: texts such as ``{sample}-{i:03d}.bam`` that a call's arguments fill in."""

from __future__ import annotations

import os
import string
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

from jumar.errors import DeclarationError


class _Formatter(string.Formatter):
    """Writes a path, and a ``jumar.File``, as the path that it is."""

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, os.PathLike):
            value = os.fspath(value)
        return str(super().format_field(value, format_spec))


_FORMATTER = _Formatter()


def check_pattern(pattern: str, parameters: Iterable[str], where: str, *, inside: bool = True) -> None:
    """Refuse a pattern that no call could fill in.

    Args:
        pattern: The pattern.
        parameters: The names that it may use.
        where: Who declared it and as what, for the error.
        inside: Whether it gives the name of a file inside a folder.

    Raises:
        DeclarationError: It is not well formed, names something else, or leads out of the folder.
    """
    known = tuple(parameters)
    try:
        fields = _fields(pattern)
    except ValueError as error:
        raise DeclarationError(
            f"{where}: {pattern!r} is no pattern: {error}. Braces are written {{{{ and }}}}."
        ) from None
    for field in fields:
        name = field.partition(".")[0].partition("[")[0]
        if name not in known:
            there = ", ".join(known) or "none"
            raise DeclarationError(f"{where}: {pattern!r} names {name!r}; the parameters are {there}.")
    if inside and not fields:
        relative_path(pattern.format(), where)


def _fields(pattern: str) -> list[str]:
    found = []
    for _, name, specification, _ in _FORMATTER.parse(pattern):
        if name is not None:
            found += [name, *_fields(specification or "")]  # {number:{width}d} has two
    return found


def fill_in(pattern: str, arguments: Mapping[str, Any], where: str) -> str:
    """The text of a pattern for these arguments.

    Args:
        pattern: The pattern.
        arguments: The arguments by name.
        where: Who declared it and as what, for the error.

    Raises:
        DeclarationError: An argument does not fit into its place.

    Example:
        >>> fill_in("{sample}-{i:03d}.bam", {"sample": PurePath("a"), "i": 7}, "")
        'a-007.bam'
    """
    try:
        return _FORMATTER.vformat(pattern, (), arguments)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise DeclarationError(f"{where}: {pattern!r} cannot be filled in: {type(error).__name__}: {error}.") from error


def relative_path(text: str, where: str) -> str:
    """The name of a file inside a folder.

    Raises:
        DeclarationError: It is empty, absolute, or leads out of the folder.
    """
    path = PurePath(text)
    if not path.parts or path.is_absolute() or ".." in path.parts or "\0" in text:
        raise DeclarationError(
            f"{where}: {text!r} is not the name of a file inside a folder. Give names without '..' that do not begin "
            f"with '/'; folder= says where the files go."
        )
    return str(path)
