"""Arguments of a call: captured when the call is made, completed with results when it runs.

Captured means: the lists, tuples, dicts, sets and dataclasses that were passed are rebuilt, so that changing them
later changes nothing. The leaves are shared.
"""

from __future__ import annotations

import copy
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import pathlib
import re
import types
import uuid
from collections.abc import Callable, Collection
from typing import Any, cast

from jumar.graph.call import Call

ATOMS: frozenset[type] = frozenset(
    {int, float, str, bytes, bool, type(None), complex, type(Ellipsis), type(NotImplemented), range, type, slice}
)
"""Exact types that nobody can change and that hold nothing: captured by doing nothing."""

_STEADY = (
    *ATOMS,
    dt.date,
    dt.time,
    dt.timedelta,
    dt.tzinfo,
    decimal.Decimal,
    enum.Enum,
    fractions.Fraction,
    pathlib.PurePath,
    re.Pattern,
    uuid.UUID,
    types.FunctionType,
    types.BuiltinFunctionType,
    types.ModuleType,
    Call,
)


def is_steady(leaf: Any) -> bool:
    """Whether a leaf stays what it is while a call that has it waits and runs, whoever else has it."""
    return isinstance(leaf, _STEADY)


Leaf = Callable[[Any], Any]


def rebuild(value: Any, leaf: Leaf) -> Any:
    """The value with its containers made anew and every leaf replaced by ``leaf(value)``.

    Containers are exact lists, tuples, dicts, sets and frozensets, subclasses of list, dict, set and tuple that are
    not changed in kind (named tuples, ordered dicts, ...), and dataclass instances. A container that holds itself is
    kept as it is, once per path.

    Args:
        value: Anything.
        leaf: Called with everything that is not a container; its answer takes the place.
    """
    return _rebuild(value, leaf, {})


def _rebuild(value: Any, leaf: Leaf, done: dict[int, Any]) -> Any:
    kind = type(value)
    if kind in ATOMS:
        return value
    maker = _MAKERS.get(kind)
    if maker is None:
        maker = _maker_of(kind)
        if maker is None:
            return leaf(value)
    if id(value) in done:
        return done[id(value)]
    return maker(value, leaf, done)


def _list(value: list[Any], leaf: Leaf, done: dict[int, Any]) -> list[Any]:
    if ATOMS.issuperset(map(type, value)):  # same answer, at the speed of C: lists of a million numbers are common
        return value.copy()
    new: list[Any] = []
    done[id(value)] = new
    new.extend([_rebuild(item, leaf, done) for item in value])
    return new


def _dict(value: dict[Any, Any], leaf: Leaf, done: dict[int, Any]) -> dict[Any, Any]:
    if ATOMS.issuperset(map(type, value.values())):
        return value.copy()
    new: dict[Any, Any] = {}
    done[id(value)] = new
    for key, item in value.items():
        new[key] = _rebuild(item, leaf, done)
    return new


def _tuple(value: tuple[Any, ...], leaf: Leaf, done: dict[int, Any]) -> tuple[Any, ...]:
    if ATOMS.issuperset(map(type, value)):
        return value
    return tuple([_rebuild(item, leaf, done) for item in value])


def _set(value: set[Any], leaf: Leaf, done: dict[int, Any]) -> set[Any]:
    return {_rebuild(item, leaf, done) for item in value}


def _frozenset(value: frozenset[Any], leaf: Leaf, done: dict[int, Any]) -> frozenset[Any]:
    return frozenset([_rebuild(item, leaf, done) for item in value])


def _named_tuple(value: Any, leaf: Leaf, done: dict[int, Any]) -> Any:
    return type(value)._make([_rebuild(item, leaf, done) for item in value])


def _mapping_subclass(value: dict[Any, Any], leaf: Leaf, done: dict[int, Any]) -> dict[Any, Any]:
    new = copy.copy(value)
    done[id(value)] = new
    for key, item in value.items():
        new[key] = _rebuild(item, leaf, done)
    return new


def _list_subclass(value: list[Any], leaf: Leaf, done: dict[int, Any]) -> list[Any]:
    new = copy.copy(value)
    done[id(value)] = new
    new[:] = [_rebuild(item, leaf, done) for item in value]
    return new


def _dataclass(value: Any, leaf: Leaf, done: dict[int, Any]) -> Any:
    new = copy.copy(value)
    done[id(value)] = new
    for field in dataclasses.fields(value):
        if hasattr(value, field.name):
            # Not setattr: a frozen dataclass is captured like any other.
            object.__setattr__(new, field.name, _rebuild(getattr(value, field.name), leaf, done))
    return new


def holds(value: Any, kind: type) -> bool:
    """Whether something of this kind stands in a value, at any depth of the containers that `rebuild` takes apart.

    Example:
        >>> holds({"a": [1, (2, None)]}, int), holds([1.5, "x"] * 1000, bytes)
        (False, False)
        >>> holds([[print]], type(print))
        True
    """
    stack = [value]
    seen: set[int] = set()
    while stack:
        item = stack.pop()
        if isinstance(item, kind):
            return type(item) not in ATOMS
        parts = _parts(item)
        if parts is None or ATOMS.issuperset(map(type, parts)) or id(item) in seen:
            continue
        seen.add(id(item))
        stack.extend(parts)
    return False


def _parts(value: Any) -> Collection[Any] | None:
    """What stands in a container; None where the value is none."""
    kind = type(value)
    if kind in ATOMS:
        return None
    if isinstance(value, dict):
        return value.values()
    if kind in _MAKERS or isinstance(value, list) or (isinstance(value, tuple) and hasattr(kind, "_make")):
        return cast("Collection[Any]", value)
    if dataclasses.is_dataclass(kind):
        return [getattr(value, field.name) for field in dataclasses.fields(value) if hasattr(value, field.name)]
    return None


_Maker = Callable[[Any, Leaf, dict[int, Any]], Any]
_MAKERS: dict[type, _Maker] = {
    list: _list,
    dict: _dict,
    tuple: _tuple,
    set: _set,
    frozenset: _frozenset,
}


def _maker_of(kind: type) -> _Maker | None:
    if dataclasses.is_dataclass(kind):
        return _dataclass
    if issubclass(kind, tuple) and hasattr(kind, "_make"):
        return _named_tuple
    if issubclass(kind, dict):
        return _mapping_subclass
    if issubclass(kind, list):
        return _list_subclass
    return None
