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
import types
from collections.abc import Sequence
from typing import Any

from jumar.errors import FingerprintError
from jumar.keys.value_builtin import alternate, pair_step, pairs, sequence, set_step
from jumar.keys.value_form import record, text
from jumar.keys.value_refused import why_refused
from jumar.keys.value_registry import REGISTRY, Assemble, Parts, Step
from jumar.keys.value_walk import Walk

PROTOCOL = 4
"""The pickle protocol whose reductions are read; fixed, since classes may answer differently for each."""

_SET_REDUCTIONS: tuple[object, ...] = (set.__reduce__, frozenset.__reduce__)
_NEW_OBJECT: object = vars(copyreg)["__newobj__"]  # typeshed does not know it
_RENAMED_MODULES = {"pathlib._local": "pathlib"}
"""Standard modules that moved between Python's versions, with the name that stays."""

_join_set = sequence("set", b"<", b">")


class Aspect:
    """Part of an instance that is no value of its own, such as its attributes: children and how to join them."""

    __slots__ = ("parts",)

    def __init__(self, children: Sequence[Any], assemble: Assemble, step: Step) -> None:
        self.parts: Parts = (children, assemble, step)


def attributes(state: dict[str, Any]) -> Aspect:
    """The attributes of an instance, in any order."""
    return Aspect(alternate(state), pairs, _attribute_step)


def elements(found: Sequence[Any]) -> Aspect:
    """The elements of a set, in any order."""
    return Aspect(found, lambda tokens: _join_set(sorted(tokens)), set_step)


def fields(name: str, *named: tuple[str, Any], summary: str | None = None) -> Parts:
    """The parts of a value of kind ``name`` that is given by a few attributes.

    Args:
        name: The name of the record.
        named: Pairs of an attribute's name, for errors, and its value.
        summary: What people see of a long one, after the name.
    """
    return (
        [value for _, value in named],
        lambda tokens: record(name, tokens, summary),
        lambda _children, index: f".{named[index][0]}",
    )


def _attribute_step(children: Sequence[Any], index: int) -> str:
    name = children[index & ~1]
    return "" if name == "__dict__" else f".{name}"


def _reduction_step(children: Sequence[Any], index: int) -> str:
    # Arguments and states that are no attributes have no place in the user's terms.
    return ".__class__" if isinstance(children[index], type) else ""


def class_by_name(kind: type) -> bytes:
    """The token of a class that is known by its name: one of a library, whose code is not part of a key.

    Raises:
        FingerprintError: The class was made inside a function, where one name can mean many classes.
    """
    if "<locals>" in kind.__qualname__:
        raise FingerprintError(f"class {kind.__qualname__!r} was made inside a function and its code is not known")
    module = _RENAMED_MODULES.get(kind.__module__, kind.__module__)
    return record("class", [text(module), text(kind.__qualname__)], kind.__qualname__)


def encode_instance(value: Any, walk: Walk) -> bytes | Parts:
    """The parts of an instance of any class without an encoder of its own.

    Raises:
        FingerprintError: The instance holds something outside of Python's memory, or its pickling is not stable.
    """
    kind = type(value)
    refused = why_refused(kind)  # type: ignore[arg-type]  # mypy doubts that classes are hashable
    if refused:
        raise FingerprintError(refused)
    reduced = _reduce(value)
    if isinstance(reduced, str):
        module = getattr(value, "__module__", None) or kind.__module__
        return record("global", [text(module), text(reduced)], reduced)
    left_to_python = reduced[0] is _NEW_OBJECT or kind.__reduce__ in _SET_REDUCTIONS
    if left_to_python or walk.checking:
        return reduction(value, reduced)
    _check(value, walk)
    walk.checking = True  # what is inside was checked with it
    try:
        return walk.token(Aspect(*reduction(value, reduced)))
    finally:
        walk.checking = False


def _reduce(value: Any) -> Any:
    try:
        return value.__reduce_ex__(PROTOCOL)
    except Exception as error:
        raise FingerprintError(f"a {_name(value)} has no identity: it cannot be pickled ({error})") from error


def reduction(value: Any, reduced: tuple[Any, ...]) -> Parts:
    """The parts of a value from what its ``__reduce_ex__`` gave."""
    kind = type(value)
    function, arguments, state, items, entries = (*reduced, None, None, None)[:5]
    children: list[Any]
    if kind.__reduce__ in _SET_REDUCTIONS:
        # Sets reduce to the list of their elements in the order of the hash seed.
        children = [kind, elements(list(value))]
    elif function is _NEW_OBJECT:
        children = [kind, *arguments[1:]]
    else:
        children = [kind, None if function is kind else function, tuple(arguments)]
    if items is not None:
        children.append(list(items))
    if entries is not None:
        found = list(entries)
        # Only a plain dict's own items come without an order that counts.
        ordered = function is not _NEW_OBJECT
        children.append(found if ordered else Aspect([part for pair in found for part in pair], pairs, pair_step))
    children.append(_state(state))
    name = kind.__qualname__
    return children, lambda tokens: record("object", tokens, name), _reduction_step


def _state(state: Any) -> Any:
    if type(state) is tuple and len(state) == 2 and type(state[1]) is dict and type(state[0]) in {dict, type(None)}:
        # A class with slots: its __dict__ and its slots, which have no name in common.
        state = {**(state[0] or {}), **state[1]}
    if type(state) is not dict or not all(type(name) is str for name in state):
        return state
    inner = state.get("__dict__")
    if type(inner) is dict and all(type(name) is str for name in inner):  # as pydantic gives it
        state = {**state, "__dict__": attributes(inner)}
    return attributes(state)


def _check(value: Any, walk: Walk) -> None:
    """Raise unless a pickled copy of ``value`` has the same token; both looked at outside of where ``value`` stands."""
    met: list[object] | None = None if walk.references is None else []
    mine = Walk(met, checking=True).token(value)
    if met:
        return  # a future cannot be pickled, and stands for itself
    try:
        copy = pickle.loads(pickle.dumps(value, PROTOCOL))
        same = Walk(None, checking=True).token(copy) == mine
    except Exception as error:
        raise FingerprintError(
            f"a {_name(value)} has no identity: a pickled copy to check it with cannot be made "
            f"({type(error).__name__}: {error})"
        ) from error
    if not same:
        raise FingerprintError(f"a {_name(value)} has no stable identity: each pickled copy of it looks different")


def _name(value: Any) -> str:
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _encode_exception(value: BaseException, _walk: Walk) -> Parts:
    # Not the traceback: it is about where, not what. Not checked by a copy: many exceptions cannot be unpickled.
    reduced = value.__reduce__()
    if isinstance(reduced, str):
        raise FingerprintError(f"a {_name(value)} has no identity: it is pickled as the name {reduced!r}")
    return reduction(value, reduced)


REGISTRY.register(object, encode_instance, subclasses=True)
REGISTRY.register(type, lambda value, _walk: class_by_name(value), subclasses=True)
REGISTRY.register(BaseException, _encode_exception, subclasses=True)
REGISTRY.register(Aspect, lambda value, _walk: value.parts, subclasses=False)
REGISTRY.register(
    types.MappingProxyType, lambda value, _walk: fields("mappingproxy", ("copy()", value.copy())), subclasses=False
)
