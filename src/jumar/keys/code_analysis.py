"""What a function says by itself: its canonical text and the names it reads, worked out once per code object."""

from __future__ import annotations

import ast
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import CodeType, FunctionType
from typing import Any

from jumar.keys.code_bytes import code_label, code_reads
from jumar.keys.code_names import Chain, Import, outside
from jumar.keys.code_origin import is_own
from jumar.keys.code_source import Place, SourceFile, source_of
from jumar.keys.code_text import canonical

_MISSING = object()


@dataclass(frozen=True, slots=True)
class Analysis:
    """What a piece of code says by itself.

    Args:
        label: Canonical text, or the digest of the byte code where there is no text.
        reads: Names and attribute chains read from outside.
        writes: Containers outside that are written and not read.
        imports: Modules imported inside.
        place: Where the source stands; None if there is none.
    """

    label: str
    reads: tuple[Chain, ...]
    writes: tuple[Chain, ...]
    imports: tuple[Import, ...]
    place: Place | None

    def text(self) -> str:
        """The source as written, for people; the label where there is none."""
        return self.place.text() if self.place else self.label


_KNOWN: dict[int, tuple[weakref.ref[CodeType], Analysis]] = {}


def analyse_function(function: FunctionType) -> Analysis:
    """The analysis of a Python function; from its source if that is known to be the one it was made of."""
    code = function.__code__
    known = _KNOWN.get(id(code))
    if known is not None and known[0]() is code:
        return known[1]
    source = source_of(code.co_filename, function.__globals__)
    place = source.find(code) if source else None
    if place is None:
        reads, imports = code_reads(code)
        analysis = Analysis(code_label(code), tuple(sorted(reads)), (), _sorted(imports), None)
    else:
        analysis = analyse_tree(place, function.__globals__)
    _KNOWN[id(code)] = (weakref.ref(code, partial(_KNOWN.pop, id(code))), analysis)
    return analysis


def analyse_class(cls: type, namespace: dict[str, Any], source: SourceFile | None) -> Analysis | None:
    """The analysis of a class statement; None if its text is not known."""
    place = source.find_class(cls) if source else None
    return analyse_tree(place, namespace) if place else None


def analyse_tree(place: Place, namespace: dict[str, Any]) -> Analysis:
    """The analysis of a piece of source.

    Args:
        place: The piece.
        namespace: Globals of its module, to tell jumar's decorators from others.
    """
    is_neutral = _own_decorators(namespace)
    found = outside(place.node, is_neutral)
    label = canonical(place.node, found.free, is_neutral)
    reads, writes = sorted(found.reads), sorted(found.writes)
    return Analysis(label, tuple(reads), tuple(writes), _sorted(found.imports), place)


def _sorted(imports: set[Import]) -> tuple[Import, ...]:
    return tuple(sorted(imports, key=lambda each: (each.level, each.module, each.names)))


def _own_decorators(namespace: dict[str, Any]) -> Callable[[ast.expr], bool]:
    """Tells jumar's decorators: ``@task``, ``@jumar.task(retries=3)``, ``my_task = partial(task, retries=3)``."""

    def is_neutral(decorator: ast.expr) -> bool:
        if isinstance(decorator, ast.Call):
            decorator = decorator.func
        names: list[str] = []
        while isinstance(decorator, ast.Attribute):
            names.append(decorator.attr)
            decorator = decorator.value
        value: Any = namespace.get(decorator.id, _MISSING) if isinstance(decorator, ast.Name) else _MISSING
        while names and value is not _MISSING and not is_own(value):
            value = getattr(value, names.pop(), _MISSING)
        value = getattr(value, "func", value)
        return value is not _MISSING and is_own(value)

    return is_neutral
