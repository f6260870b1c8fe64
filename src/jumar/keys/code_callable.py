"""Callables: what stands behind a wrapper, and the name of what has no source of its own to read."""

from __future__ import annotations

import builtins
import functools
import sys
from types import (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    WrapperDescriptorType,
)
from typing import Any

from jumar.keys.code_bytes import code_label
from jumar.keys.code_origin import class_is_project, is_own

_CACHED = type(functools.lru_cache(lambda: None))
NATIVE = (
    MethodDescriptorType,
    WrapperDescriptorType,
    ClassMethodDescriptorType,
    GetSetDescriptorType,
    MemberDescriptorType,
)
"""Types of methods written in C, as found in classes."""


def unwrapped(value: Any) -> Any:
    """The function behind a wrapper that does not change what is computed: a task, ``lru_cache``, ``staticmethod``.

    Any other wrapper is code of its own and is not looked through.

    Example:
        >>> unwrapped(functools.lru_cache(len)) is len
        True
    """
    while True:
        if isinstance(value, _CACHED):
            value = value.__wrapped__
        elif isinstance(value, staticmethod | classmethod):
            value = value.__func__
        elif not isinstance(value, type | FunctionType) and is_own(value):
            function = getattr(value, "__wrapped__", None)
            if not isinstance(function, FunctionType | _CACHED):
                return value
            value = function
        else:
            return value


def declared_version(value: Any) -> str | None:
    """The version that a task (anything of jumar's with a ``__jumar_version__``) was declared with."""
    if isinstance(value, type | FunctionType) or not is_own(value):
        return None
    version = getattr(value, "__jumar_version__", None)
    return version if isinstance(version, str) else None


def is_code(value: Any) -> bool:
    """Whether ``value`` is a function or a class, written in Python or C, and not bound to a value."""
    return isinstance(value, (FunctionType, type, *NATIVE)) or (
        isinstance(value, BuiltinFunctionType | MethodWrapperType) and not is_bound(value)
    )


def is_bound(value: Any) -> bool:
    """Whether a method carries an object whose state it may use.

    ``random.choice`` does, strictly: but a method that a library's module offers as a function is that function.

    Example:
        >>> is_bound("abc".upper), is_bound(len), is_bound(dict.fromkeys)
        (True, False, True)
    """
    holder = getattr(value, "__self__", None)
    if holder is None or isinstance(holder, type(sys)):
        return False
    if class_is_project(type(holder)):
        return True
    home = sys.modules.get(type(holder).__module__)
    return getattr(home, value.__name__, None) != value if isinstance(value, MethodType | BuiltinFunctionType) else True


def _place(code: CodeType) -> str:
    """Where a function without a name of its own is written: two lambdas of one table are two functions.

    A new version of the library moves it and costs a miss; a wrong hit would cost more.
    """
    if "<" not in code.co_qualname:
        return ""
    if code.co_filename.startswith("<"):  # made at run time, and so written nowhere
        return f" {code_label(code)}"
    columns = [column for _, _, column, _ in code.co_positions() if column is not None]
    return f" at {code.co_firstlineno}:{min(columns, default=0)}-{max(columns, default=0)}"


def library_name(value: Any, *, placed: bool = True) -> bytes:
    """The name that stands for a function or class that is not followed.

    Args:
        value: The function or class.
        placed: Whether a function without a name of its own also counts by where it is written.

    Example:
        >>> library_name(len), library_name(dict)
        (b'builtins.len', b'builtins.dict')
    """
    if isinstance(value, FunctionType):
        place = _place(value.__code__) if placed else ""
        return f"{value.__globals__.get('__name__')}.{value.__code__.co_qualname}{place}".encode()
    plain = getattr(value, "__name__", "")
    if vars(builtins).get(plain) is value:
        return f"builtins.{plain}".encode()  # open says that it is from io, or from _io, as versions go
    holder = getattr(value, "__self__", None)
    is_method = holder is not None and not isinstance(holder, type(sys))
    owner = getattr(value, "__objclass__", None) or (type(holder) if is_method else None)
    module = getattr(value, "__module__", None) or getattr(owner, "__module__", None) or "builtins"
    return f"{module}.{getattr(value, '__qualname__', None) or plain}".encode()
