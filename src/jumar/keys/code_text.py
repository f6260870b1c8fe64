r"""The canonical text of a piece of source: what is left when everything that cannot matter is taken away.

Out: comments, formatting and line numbers (not in the tree to begin with), docstrings and other statements that are
only a constant, ``pass``, the name of the function itself, annotations of parameters, results and local variables. In:
annotations in class bodies (dataclasses and pydantic live by them) and those of functions with a decorator that may
read them; everything else.

It is our own form and not ``ast.dump``, whose text changes between versions of Python: fields that are empty are left
out (so a new optional field changes nothing), f-strings are brought to one form, numbers are written exactly.

A name that means something outside the function is written ``\x01name\x02``: whoever knows what it means can replace
it (a function's own name, in a recursive call, becomes `ITSELF`). Control characters stand nowhere else in the text.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from jumar.keys.code_names import IsNeutral

ITSELF = "\x01\x02"
"""What stands for the function's own name inside it: a recursive function can be renamed."""

_IGNORED = frozenset({"ctx", "kind", "type_comment", "type_params", "type_ignores", "simple", "returns", "annotation"})

# Decorators of the standard library that do not look at annotations. Others (pydantic's validate_call, singledispatch's
# register, a project's own) may, so the annotations of what they decorate stay in the text.
_BLIND = frozenset(
    {"staticmethod", "classmethod", "property", "setter", "getter", "deleter", "wraps", "lru_cache", "cache"}
    | {"cached_property", "contextmanager", "asynccontextmanager", "abstractmethod", "override", "final", "overload"}
)

_Item = ast.AST | list[object] | str | object


def outside_name(name: str) -> str:
    r"""The mark of a name that means something outside.

    Example:
        >>> outside_name("norm")
        '\x01norm\x02'
    """
    return f"\x01{name}\x02"


def canonical(root: ast.AST, free: set[int], is_neutral: IsNeutral) -> str:
    """The canonical text of ``root``.

    Args:
        root: A function, lambda, class or module.
        free: The ``id`` of each name in it that means something outside, from `jumar.keys.code_names.outside`.
        is_neutral: Which decorators are left out.

    Returns:
        Text that is equal exactly when the trees are, apart from what cannot matter. Defaults of ``root`` itself are
        left out: their values are known, and count instead.

    Example:
        >>> texts = "def f(x): return  x", "def g(x: int): return (x)  # the same"
        >>> one, two = (ast.parse(text).body[0] for text in texts)
        >>> canonical(one, set(), lambda _: False) == canonical(two, set(), lambda _: False)
        True
    """
    return "".join(_Writer(root, free, is_neutral).pieces())


class _Literal(str):
    """A piece of text that is ready, where a plain str is a value to be written."""

    __slots__ = ()


class _Writer:
    """Writes one tree with an explicit stack: a sum of a thousand terms is a thousand levels deep."""

    def __init__(self, root: ast.AST, free: set[int], is_neutral: IsNeutral) -> None:
        self._root = root
        self._free = free
        self._is_neutral = is_neutral
        self._annotated: set[int] = set()  # nodes whose annotation stays

    def pieces(self) -> Iterator[str]:
        stack: list[_Item] = [self._root]
        while stack:
            item = stack.pop()
            if isinstance(item, _Literal):
                yield item
            elif isinstance(item, ast.AST):
                stack.extend(reversed(list(self._node(item))))
            elif isinstance(item, list):
                stack.append(_Literal("]"))
                for part in reversed(item):
                    stack.extend((_Literal(","), part))
                stack.append(_Literal("["))
            else:
                yield _constant(item)

    def _node(self, node: ast.AST) -> Iterator[_Item]:
        if isinstance(node, ast.Constant):
            yield _Literal(_constant(node.value))
            return
        if isinstance(node, ast.Name):
            yield _Literal(outside_name(node.id) if id(node) in self._free else f"'{node.id}")
            return
        yield _Literal(f"{type(node).__name__}(")
        for name, value in self._fields(node):
            if value is None or value == [] or (name == "level" and value == 0):
                continue
            yield _Literal(f"{name}=")
            yield value
            yield _Literal(";")
        yield _Literal(")")

    def _fields(self, node: ast.AST) -> Iterator[tuple[str, object]]:
        if isinstance(node, ast.ClassDef):
            self._annotated.update(id(inner) for inner in _class_annotations(node))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            self._note_function(node)
        keeps = id(node) in self._annotated
        for name in node._fields:
            value = getattr(node, name, None)
            if name in _IGNORED:
                if keeps and name in {"annotation", "returns"}:
                    yield name, value
            elif isinstance(value, list):
                yield name, self._list(node, name, value)
            elif not (node is self._root and name == "name" and not isinstance(node, ast.ClassDef)):
                yield name, value

    def _list(self, node: ast.AST, name: str, value: list[object]) -> list[object]:
        if name == "decorator_list":
            return [decorator for decorator in value if not self._is_neutral(decorator)]  # type: ignore[arg-type]
        if name in {"defaults", "kw_defaults"} and node is getattr(self._root, "args", None):
            return []
        if isinstance(node, ast.JoinedStr):
            return list(_joined(node))
        if value and isinstance(value[0], ast.stmt):
            return [kept for statement in value for kept in self._statement(statement)]  # type: ignore[arg-type]
        return value

    def _statement(self, node: ast.stmt) -> Iterator[ast.stmt]:
        if isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            return
        if isinstance(node, ast.AnnAssign) and id(node) not in self._annotated:
            if node.value is not None:
                yield ast.Assign(targets=[node.target], value=node.value)
        else:
            yield node

    def _note_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        if any(not self._is_neutral(each) and _last_name(each) not in _BLIND for each in node.decorator_list):
            arguments = node.args
            self._annotated.add(id(node))
            self._annotated.update(map(id, (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)))
            self._annotated.update(map(id, (arguments.vararg, arguments.kwarg)))


def _class_annotations(node: ast.ClassDef) -> Iterator[ast.AnnAssign]:
    """The annotations that belong to the class itself, also below an ``if`` in its body."""
    stack: list[ast.AST] = list(node.body)
    while stack:
        inner = stack.pop()
        if isinstance(inner, ast.AnnAssign):
            yield inner
        elif not isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.expr):
            stack.extend(ast.iter_child_nodes(inner))


def _last_name(decorator: ast.expr) -> str:
    """``lru_cache`` for ``@functools.lru_cache(maxsize=3)``."""
    if isinstance(decorator, ast.Call):
        decorator = decorator.func
    if isinstance(decorator, ast.Attribute):
        return decorator.attr
    return decorator.id if isinstance(decorator, ast.Name) else ""


def _joined(node: ast.JoinedStr) -> Iterator[ast.expr]:
    """The parts of an f-string with adjacent constants joined and empty ones dropped: parsers differ in this."""
    text = ""
    for part in node.values:
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            text += part.value
            continue
        if text:
            yield ast.Constant(text)
            text = ""
        yield part
    if text:
        yield ast.Constant(text)


def _constant(value: object) -> str:
    """An exact, version-independent text of a constant of the language."""
    if isinstance(value, bool) or value is None or value is Ellipsis:
        return repr(value)
    if isinstance(value, int):
        return f"{value:#x}"  # decimal text of a huge number is refused by the interpreter
    if isinstance(value, float):
        return value.hex()
    if isinstance(value, complex):
        return f"{value.real.hex()}+{value.imag.hex()}j"
    return ascii(value)  # str and bytes: ascii() writes control characters as escapes, so marks cannot be forged
