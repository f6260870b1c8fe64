"""Whether what a fingerprint was made from is still what it was: the check made at every call.

Names are compared by identity, about 40 ns each. Containers of plain data are compared item by item, also by identity:
exact, because their items cannot change. Values of any other mutable type get their token anew, which is
slow for large ones; an array that is made read-only is not read again.
"""

from __future__ import annotations

import enum
import sys
from collections import deque
from collections.abc import Callable, Iterable
from datetime import date, time, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import chain
from operator import is_
from pathlib import PurePath
from re import Pattern
from types import BuiltinFunctionType, FunctionType, MappingProxyType, ModuleType
from typing import Any
from uuid import UUID

from jumar.errors import FingerprintError
from jumar.keys.code_source import Stamp, file_stamp

_GET = dict.get
_ATOMS = frozenset({type(None), bool, int, float, complex, str, bytes, type(Ellipsis), range})
_FIXED = (
    FunctionType,  # its code is watched by itself
    BuiltinFunctionType,
    type,
    ModuleType,
    enum.Enum,
    PurePath,
    Pattern,
    date,
    time,
    timedelta,
    Decimal,
    Fraction,
    UUID,
)
_SETTLE_AT_MOST = 100_000
_HEAP_TYPE = 1 << 9  # a class made by a class statement, and not built into the interpreter
_OTHER_STATE = frozenset(
    {"__slots__", "__reduce__", "__reduce_ex__", "__getstate__", "__getnewargs__", "__getnewargs_ex__", "__jumar_key__"}
)

Tokeniser = Callable[[Any], bytes]


class Watch:
    """What a fingerprint was made from. Filled while it is made, then only asked."""

    def __init__(self) -> None:
        self._namespaces: list[dict[str, Any]] = []
        self._names: list[str] = []
        self._objects: list[Any] = []
        self._seen: set[tuple[int, str]] = set()
        self._holders: list[Any] = []
        self._attributes: list[str] = []
        self._held: list[Any] = []
        self._spaces: list[tuple[MappingProxyType[str, Any], tuple[Any, ...]]] = []
        self._containers: list[tuple[Any, tuple[Any, ...]]] = []
        self._values: list[tuple[Any, Tokeniser, bytes]] = []
        self._files: list[tuple[str, Stamp]] = []
        self._has_slow = False

    def name(self, namespace: dict[str, Any], name: str) -> None:
        """Watch what ``name`` is bound to, or that it is not bound."""
        if (id(namespace), name) not in self._seen:
            self._seen.add((id(namespace), name))
            self._namespaces.append(namespace)
            self._names.append(name)
            self._objects.append(namespace.get(name))

    def attribute(self, holder: Any, name: str) -> None:
        """Watch an attribute that is an object of its own: a function's code, a cell's content."""
        self._held.append(getattr(holder, name))
        self._holders.append(holder)
        self._attributes.append(name)

    def members(self, cls: type) -> None:
        """Watch everything in a class's own namespace."""
        members = vars(cls)
        self._spaces.append((members, tuple(members.values())))
        self._has_slow = True

    def value(self, value: Any, tokenise: Tokeniser, known: bytes) -> None:
        """Watch the state of a value.

        Args:
            value: The value.
            tokenise: Makes its token.
            known: The token that it has now.
        """
        containers: list[tuple[Any, tuple[Any, ...]]] = []
        if _settle(value, containers):
            self._containers.extend(containers)
        else:
            self._values.append((value, tokenise, known))
        self._has_slow = self._has_slow or bool(self._containers or self._values)

    def file(self, path: str) -> None:
        """Watch a file that stands for a module which is not loaded yet."""
        self._files.append((path, file_stamp(path)))
        self._has_slow = True

    def incomplete(self) -> None:
        """Something was not there yet: the fingerprint is good for this moment only."""
        self._files.append(("", (0,)))  # a stamp that no file has
        self._has_slow = True

    def is_current(self) -> bool:
        """Whether nothing watched has changed."""
        try:
            return (
                all(map(is_, map(_GET, self._namespaces, self._names), self._objects))
                and all(map(is_, map(getattr, self._holders, self._attributes), self._held))
                and (not self._has_slow or self._slow_is_current())
            )
        except (AttributeError, ValueError, ReferenceError):
            return False  # a watched attribute, a cell's content or the function itself is gone
        except (RuntimeError, FingerprintError):
            return False  # another thread changes a container just now; or a value has no identity any more

    def _slow_is_current(self) -> bool:
        return (
            all(len(space) == len(now) and all(map(is_, space.values(), now)) for space, now in self._spaces)
            and all(_is_same(container, items) for container, items in self._containers)
            and all(tokenise(value) == known for value, tokenise, known in self._values)
            and all(file_stamp(path) == stamp for path, stamp in self._files)
        )


def _is_same(container: Any, items: tuple[Any, ...]) -> bool:
    if isinstance(container, (dict, MappingProxyType)):  # a union type is slower
        return 2 * len(container) == len(items) and all(map(is_, chain(container, container.values()), items))
    return len(container) == len(items) and all(map(is_, container, items))


def _settle(value: Any, containers: list[tuple[Any, tuple[Any, ...]]]) -> bool:
    """Whether ``value`` can be watched by identity; what has to be compared for that is added to ``containers``."""
    seen: set[int] = set()
    stack = [value]
    while stack:
        each = stack.pop()
        kind = type(each)
        if kind in _ATOMS or isinstance(each, _FIXED) or _is_read_only_array(each):
            continue
        if id(each) in seen:
            continue
        seen.add(id(each))
        if len(seen) + len(stack) > _SETTLE_AT_MOST:
            return False
        inside = _inside(each, kind)
        if inside is None:
            return False
        items = tuple(inside)
        if _is_plain(kind):
            containers.append((vars(each), (*vars(each), *items)))
        elif kind not in (tuple, frozenset) and not _is_frozen(kind):
            containers.append((each, items))
        stack.extend(items)
    return True


def _inside(value: Any, kind: type) -> Iterable[Any] | None:
    if kind in (list, tuple, set, frozenset, deque):
        items: Iterable[Any] = value
        return items
    if kind in (dict, MappingProxyType):
        return (*value, *value.values())
    return vars(value).values() if _is_plain(kind) or (_is_frozen(kind) and hasattr(value, "__dict__")) else None


def _is_plain(kind: type) -> bool:
    """Whether an instance's ``__dict__`` is its whole state and Python's own rules are what identifies it."""
    return all(
        base is object or (base.__flags__ & _HEAP_TYPE and _OTHER_STATE.isdisjoint(vars(base))) for base in kind.__mro__
    )


def _is_frozen(kind: type) -> bool:
    parameters = getattr(kind, "__dataclass_params__", None)
    return parameters is not None and bool(parameters.frozen)


def _is_read_only_array(value: Any) -> bool:
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(value, numpy.ndarray):
        return False
    # A read-only view of a writable array can change; an array of objects holds anything.
    return not value.flags.writeable and value.base is None and not value.dtype.hasobject
