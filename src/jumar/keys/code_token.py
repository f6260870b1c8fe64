"""Tokens of code inside values: a function in a dict, the class of an instance, a bound method, a partial.

What stands for a function depends on who asks. As an argument of a call it is the digest of its code. While a graph of
code is being made, whose digests are not known yet, it is whatever the walk says; and for the question whether a
value still holds the same functions as before, it is the function's address.
"""

from __future__ import annotations

import functools
import threading
import types
import typing
from collections.abc import Callable, Iterator
from typing import Any

from jumar.keys.code_callable import NATIVE, declared_version, is_bound, is_code, library_name, unwrapped
from jumar.keys.code_origin import class_is_project
from jumar.keys.value import Walk as ValueWalk
from jumar.keys.value import register, token
from jumar.keys.value_form import record, summarised, text

_ANNOTATIONS: tuple[type, ...] = (
    types.GenericAlias,
    types.UnionType,
    typing.TypeVar,
    typing.ParamSpec,
    type(typing.ClassVar[int]).__mro__[1],  # what typing's own forms with parameters have in common
    type(typing.Literal),  # and without
)
StandsFor = Callable[[Any], bytes]


class _Asking(threading.local):
    """Who is asking in this thread; None if a call's arguments are being fingerprinted."""

    stands_for: StandsFor | None = None


_ASKING = _Asking()
_BY_DIGEST: list[StandsFor] = []


def register_code(by_digest: Callable[[Any], bytes]) -> None:
    """Teach `jumar.keys.value.token` functions, methods and classes.

    Args:
        by_digest: Gives the token of a function or class that is (part of) an argument.
    """
    _BY_DIGEST[:] = [by_digest]
    for code in (types.FunctionType, types.MethodWrapperType, *NATIVE):
        register(code, _encode)
    register(types.BuiltinFunctionType, _encode_method)
    register(types.MethodType, _encode_method)
    register(type, _encode, subclasses=True)
    stand_for_function(type(functools.lru_cache(len)))
    stand_for_function(staticmethod)
    stand_for_function(classmethod)
    for annotation in _ANNOTATIONS:
        register(annotation, _encode_annotation, subclasses=True)
    register(typing.NewType, _encode_new_type)


def stand_for_function(kind: type) -> None:
    """Let instances of ``kind`` count as the function in their ``__wrapped__``, wherever they stand in a value.

    Args:
        kind: The type of a wrapper that does not change what its function computes.
    """
    register(kind, _encode, subclasses=True)


def token_with(value: Any, stands_for: StandsFor) -> bytes:
    """The token of ``value`` where ``stands_for`` gives the tokens of the functions and classes in it."""
    before = _ASKING.stands_for
    _ASKING.stands_for = stands_for
    try:
        return token(value)
    finally:
        _ASKING.stands_for = before


def shape_of(value: Any, met: dict[int, Any] | None = None) -> bytes:
    """A token in which functions and classes count by their addresses: good for this process only.

    Args:
        value: Any value.
        met: Takes the functions and classes met, by ``id``.
    """

    def stands_for(code: Any) -> bytes:
        if met is not None:
            met[id(code)] = code
        return code_token(id(code).to_bytes(32, "little"))

    return token_with(value, stands_for)


def code_token(code_digest: bytes) -> bytes:
    """The token of followed code with this digest."""
    return summarised("code", code_digest)


def named_token(name: bytes) -> bytes:
    """The token of code that is known by its name."""
    return record("named", [text(name.decode())], name.decode())


def _encode(value: Any, _walk: ValueWalk) -> bytes:
    function, version = unwrapped(value), declared_version(value)
    token_of_code = (_ASKING.stands_for or _BY_DIGEST[0])(function)
    return token_of_code if version is None else record("versioned", [token_of_code, text(version)])


def _encode_method(value: Any, walk: ValueWalk) -> bytes:
    if is_code(value):
        return _encode(value, walk)
    if not is_bound(value):
        return named_token(library_name(value))
    holder = walk.token(value.__self__, ".__self__")
    function = getattr(value, "__func__", None)
    if function is not None:
        return record("method", [walk.token(function, ".__func__"), holder])
    return record("builtin method", [text(value.__name__), holder])


def _encode_annotation(value: Any, walk: ValueWalk) -> bytes:
    limits = [limit for limit in (getattr(value, "__bound__", None), *getattr(value, "__constraints__", ())) if limit]
    shown = "".join([repr(value), *(f" {limit!r}" for limit in limits)])
    return record("annotation", [text(shown), *map(walk.token, _more_than_named(value))])


def _encode_new_type(value: typing.NewType, walk: ValueWalk) -> bytes:
    return record("NewType", [text(value.__name__), walk.token(value.__supertype__, ".__supertype__")], value.__name__)


def _more_than_named(annotation: Any) -> Iterator[Any]:
    """What stands in an annotation and is more than the name that the annotation's text gives it."""
    parts = [getattr(annotation, name, None) for name in ("__origin__", "__bound__")]
    for part in (*parts, *getattr(annotation, "__args__", ()), *getattr(annotation, "__constraints__", ())):
        if isinstance(part, typing.NewType) or (isinstance(part, type) and class_is_project(part)):
            yield part
        elif isinstance(part, _ANNOTATIONS):
            yield from _more_than_named(part)
