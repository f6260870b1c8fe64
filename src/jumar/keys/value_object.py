"""Tokens of instances: their class, and the state that their own pickling gives.

``__reduce_ex__`` takes an instance apart into what rebuilds it: a function and its arguments, a state, items. Those
parts are values with tokens of their own, so an instance costs no pickled copy and its sets and dicts do not matter in
their order. Where the class leaves this to Python (plain classes, dataclasses, attrs, pydantic, anything with
``__getstate__`` or ``__slots__``) the parts are its whole state. Where a class, or C code, does it itself the parts may
be anything, so they are believed only if a pickled and unpickled copy has the same token.
"""

from __future__ import annotations

import copyreg
import pickle
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any

from jumar.errors import FingerprintError
from jumar.keys.value_builtin import alternate, pair_step, pairs, sequence, set_step
from jumar.keys.value_form import record, text
from jumar.keys.value_refused import why_refused
from jumar.keys.value_registry import REGISTRY, Parts
from jumar.keys.value_walk import Walk

PROTOCOL = 4
"""The pickle protocol whose reductions are read; fixed, since classes may answer differently for each."""

_PICKLE_DEFAULT = object.__reduce_ex__
_sorted_items = sequence("set", b"<", b">")


class _Pairs:
    """The items of a mapping as one part, in any order."""

    def __init__(self, children: list[Any]) -> None:
        self.children = children


class _Elements:
    """The elements of a set as one part, in any order."""

    def __init__(self, children: list[Any]) -> None:
        self.children = children


class _Attributes:
    """The attributes of an instance as one part."""

    def __init__(self, children: list[Any]) -> None:
        self.children = children


def _attribute_step(children: Sequence[Any], index: int) -> str:
    return f".{children[index & ~1]}"


def _reduction_step(children: Sequence[Any], index: int) -> str:
    # The parts that are attributes or items name themselves; the class and the rest have no place in user's terms.
    return ".__class__" if isinstance(children[index], type) else ""


def encode_class(kind: type, _walk: Walk) -> bytes:
    """The token of a class by its name; replaced by keys.code, which knows a project's classes by their code."""
    return class_by_name(kind)


def class_by_name(kind: type) -> bytes:
    """The token of a class that is known by its name: one of a library, whose code is not part of a key.

    Raises:
        FingerprintError: The class was made inside a function, where one name can mean many classes.
    """
    if "<locals>" in kind.__qualname__:
        raise FingerprintError(f"class {kind.__qualname__!r} was made inside a function and its code is not known")
    # Standard classes that moved between Python's versions keep one name.
    module = "pathlib" if kind.__module__ == "pathlib._local" else kind.__module__
    return record("class", [text(module), text(kind.__qualname__)], kind.__qualname__)


def encode_instance(value: Any, walk: Walk) -> bytes | Parts:
    """The parts of an instance of any class without an encoder of its own.

    Raises:
        FingerprintError: The instance holds something outside of Python's memory, or its pickling is not stable.
    """
    kind = type(value)
    refused = why_refused(value)
    if refused:
        raise FingerprintError(refused)
    try:
        reduced = value.__reduce_ex__(PROTOCOL)
    except FingerprintError:
        raise
    except Exception as error:
        raise FingerprintError(
            f"a {kind.__module__}.{kind.__qualname__} has no identity: it cannot be pickled ({error})"
        ) from error
    if isinstance(reduced, str):
        return record("global", [text(kind.__module__), text(reduced)], reduced)
    default = kind.__reduce_ex__ is _PICKLE_DEFAULT and reduced[0] in {copyreg.__newobj__, copyreg.__newobj_ex__}
    if not default and not walk.checking:
        return _checked(value, walk)
    return reduction(value, reduced)


def reduction(value: Any, reduced: tuple[Any, ...]) -> Parts:
    """The parts of a value from what its ``__reduce_ex__`` gave."""
    kind = type(value)
    function, arguments, state, items, entries = (*reduced, None, None, None)[:5]
    children: list[Any] = []
    if function is copyreg.__newobj__:
        children.extend(arguments)
    else:
        children.extend((function, tuple(arguments)))
        if function is not kind:
            children.append(kind)
    if isinstance(value, set | frozenset) and not isinstance(items, Iterator):
        # Sets reduce to the list of their elements in the order of the hash seed.
        children = [kind, _Elements(list(value))]
    if items is not None:
        children.append(list(items))
    if entries is not None:
        found = list(entries)
        children.append(found if isinstance(value, OrderedDict) else _Pairs(alternate_pairs(found)))
    children.append(_state(state))
    name = kind.__qualname__
    return children, lambda tokens: record("object", tokens, name), _reduction_step


def alternate_pairs(found: list[tuple[Any, Any]]) -> list[Any]:
    """Keys and values alternating, from pairs."""
    return [part for pair in found for part in pair]


def _state(state: Any) -> Any:
    if type(state) is dict and all(type(name) is str for name in state):
        return _Attributes(alternate(state))
    if type(state) is tuple and len(state) == 2 and type(state[1]) is dict and type(state[0]) in {dict, type(None)}:
        # Slots; a class with slots and a __dict__ has both, and no name stands in the two of them.
        return _Attributes(alternate({**(state[0] or {}), **state[1]}))
    return state


def _checked(value: Any, walk: Walk) -> bytes:
    kind = type(value)
    name = f"{kind.__module__}.{kind.__qualname__}"
    walk.checking = True
    try:
        mine = walk.token(_Reduced(value))
    finally:
        walk.checking = False
    if walk.references is None or not walk.references:
        copy_walk = Walk(None)
        copy_walk.checking = True
        try:
            copy = pickle.loads(pickle.dumps(value, PROTOCOL))
            same = copy_walk.token(_Reduced(copy)) == mine
        except Exception as error:
            raise FingerprintError(
                f"a {name} has no identity: a pickled copy cannot be made to check it ({type(error).__name__}: {error})"
            ) from error
        if not same:
            raise FingerprintError(f"a {name} has no stable identity: a pickled copy of it looks different each time")
    return mine


class _Reduced:
    """A value to be taken apart without a check, being checked already."""

    def __init__(self, value: Any) -> None:
        self.value = value


def _encode_reduced(value: _Reduced, _walk: Walk) -> Parts:
    inner = value.value
    return reduction(inner, inner.__reduce_ex__(PROTOCOL))


REGISTRY.register(object, encode_instance, subclasses=True)
REGISTRY.register(type, encode_class, subclasses=True)
REGISTRY.register(_Reduced, _encode_reduced, subclasses=False)
REGISTRY.register(_Pairs, lambda value, _walk: (value.children, pairs, pair_step), subclasses=False)
REGISTRY.register(_Attributes, lambda value, _walk: (value.children, pairs, _attribute_step), subclasses=False)
REGISTRY.register(
    _Elements, lambda value, _walk: (value.children, lambda tokens: _sorted_items(sorted(tokens)), set_step), subclasses=False
)

