"""What a class reaches: its statement in the source, its bases, its methods, and the data it holds now.

A class is taken as a whole. Its text says most; its methods are entered as functions (for their closures, and because
one may have been replaced); plain data among its attributes is entered by value, since it may have been assigned later.
An attribute without identity is left to the text that made it.
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import sys
import typing
from types import FunctionType
from typing import TYPE_CHECKING, Any

from jumar.errors import FingerprintError
from jumar.keys.code_analysis import Analysis, analyse_class, analyse_function
from jumar.keys.code_callable import NATIVE, library_name, unwrapped
from jumar.keys.code_chain import follow, look_up
from jumar.keys.code_graph import Node
from jumar.keys.code_module import reach_import
from jumar.keys.code_origin import is_project
from jumar.keys.code_source import SourceFile, source_of

if TYPE_CHECKING:
    from jumar.keys.code_walk import Walk


def look_into(walk: Walk, cls: type, node: Node) -> None:
    """Fill the node of a class.

    Args:
        walk: The walk under way.
        cls: A project class, or one that a library's function made.
        node: Its node, still empty.
    """
    walk.watch.members(cls)
    namespace, source = _home(cls)
    analysis = None if node.kind == "library" else analyse_class(cls, namespace, source)
    if analysis is None:
        node.label = library_name(cls) if node.kind == "library" else f"class {cls.__qualname__}".encode()
        _enter_fields(walk, cls, node)
    else:
        node.label = analysis.label.encode("utf-8", "surrogatepass")
        node.text = analysis.text
        assert analysis.place is not None
        node.file, node.line = analysis.place.source.path, analysis.place.line
    for index, base in enumerate(cls.__bases__):
        walk.reach(base, node, f"base {index}", "base")
    walk.reach(type(cls), node, "metaclass", "metaclass")
    _enter_members(walk, cls, node, has_text=analysis is not None)
    if analysis is not None and walk.follows:
        _enter_names(walk, cls, node, analysis, namespace)


def _home(cls: type) -> tuple[dict[str, Any], SourceFile | None]:
    """The globals and the source of the module that a class is from."""
    for member in vars(cls).values():  # the methods know both for certain, also in notebooks and for exec'd text
        function = unwrapped(getattr(member, "fget", member))
        if isinstance(function, FunctionType) and function.__module__ == cls.__module__:
            source = source_of(function.__code__.co_filename, function.__globals__)
            if source is not None and cls.__qualname__ in source.classes:
                return function.__globals__, source
    module = sys.modules.get(cls.__module__)
    namespace = vars(module) if module else {}
    file = namespace.get("__file__")
    return namespace, source_of(file, namespace) if isinstance(file, str) else None


def _enter_names(walk: Walk, cls: type, node: Node, analysis: Analysis, namespace: dict[str, Any]) -> None:
    for chain in analysis.reads:
        if chain[0] not in vars(cls):
            follow(walk, look_up(walk, namespace, chain[0]), chain, node, "global", cls)
    for each in analysis.imports:
        reach_import(walk, node, each, namespace)


def _enter_members(walk: Walk, cls: type, node: Node, *, has_text: bool) -> None:
    for name, member in vars(cls).items():
        functions = list(_functions_of(member))
        if functions:
            for index, function in enumerate(functions):
                # Methods that a decorator made (dataclass, attrs, NamedTuple) differ between versions of Python and of
                # the library; the class's text says all that they are made from.
                if not (has_text and _is_special(name) and _is_made(function)):
                    walk.reach(function, node, f"{name} {index}", "method")
        elif not _is_special(name) and not isinstance(member, NATIVE):
            _enter_data(walk, node, name, member.value if isinstance(member, enum.Enum) else member)


def _enter_data(walk: Walk, node: Node, name: str, value: Any) -> None:
    try:
        walk.reach(value, node, name, "class attribute")
    except FingerprintError:
        node.add(name, "opaque", b"opaque")  # its text and all that the text names are in


def _enter_fields(walk: Walk, cls: type, node: Node) -> None:
    """What makes a class without text what it is: the fields of a known kind (namedtuple, make_dataclass), annotations."""
    if dataclasses.is_dataclass(cls):
        for field in dataclasses.fields(cls):
            kind = field.type if isinstance(field.type, str) else getattr(field.type, "__qualname__", repr(field.type))
            settings = (field.name, kind, field.init, field.repr, field.compare, field.kw_only)
            walk.reach(settings, node, f"field {field.name}", "field")
            for which in ("default", "default_factory"):
                if getattr(field, which) is not dataclasses.MISSING:
                    walk.reach(getattr(field, which), node, f"field {field.name} {which}", "field")
    elif hasattr(cls, "_fields"):
        walk.reach(cls._fields, node, "fields", "field")
        walk.reach(getattr(cls, "_field_defaults", {}), node, "field defaults", "field")
    if not dataclasses.is_dataclass(cls):
        for name, annotation in _annotations(cls).items():
            _enter_data(walk, node, f"annotation of {name}", annotation)
    if typing.is_typeddict(cls):
        keys = [sorted(vars(cls)[which]) for which in ("__required_keys__", "__optional_keys__")]
        walk.reach(keys, node, "keys", "field")


def _annotations(cls: type) -> dict[str, Any]:
    try:
        return inspect.get_annotations(cls)
    except NameError:  # from Python 3.14 on they are made when they are asked for, and a name in them is not there yet
        return {}


def _functions_of(member: Any) -> list[FunctionType]:
    """The Python functions in a class's member: itself, or those in a property, a class method, a cached property."""
    parts = [getattr(member, part, None) for part in ("fget", "fset", "fdel", "func")]
    candidates = [unwrapped(part) for part in (member, *parts) if part is not None]
    return [each for each in candidates if isinstance(each, FunctionType)]


def _is_made(function: FunctionType) -> bool:
    file = function.__code__.co_filename
    if file.startswith("<attrs generated"):
        return True
    if file.startswith("<"):  # a notebook's cell has a text, what was put together by a library has none
        return analyse_function(function).place is None
    return not is_project(function.__globals__.get("__name__"), file)


def _is_special(name: str) -> bool:
    return (
        (name.startswith("__") and name.endswith("__"))
        or (name.startswith("_") and name.endswith("_"))
        or name in _MADE
    )


_MADE = frozenset({"_abc_impl", "_fields", "_field_defaults", "_make", "_replace", "_asdict"})
