"""What a piece of source reads from outside itself: names of globals and closures, attribute chains, local imports.

The text is analysed, not the byte code, because byte code differs between versions of Python and leaves out what it
folds away. Scopes follow the language: a name bound anywhere in a function is local to it unless declared otherwise,
class bodies are not seen from functions inside them, a walrus in a comprehension binds outside of it.

A container that is only *written* (``SEEN.append(x)`` as a statement, ``SEEN[k] = v``, ``COUNT += 1``) is an effect
of the function and not an input: it is told apart, so that counting calls in a global list does not change the key
each time.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

Chain = tuple[str, ...]
"""A name with the attributes that are read from it: ``("np", "linalg", "norm")``."""

IsNeutral = Callable[[ast.expr], bool]
"""Tells decorators that count for nothing (jumar's own)."""

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)

MUTATORS = frozenset({"append", "appendleft", "extend", "extendleft", "insert", "add", "update", "clear", "discard"})
"""Methods of the built-in containers that only write: what was in the container has no bearing on the function.

``pop``, ``remove`` and ``sort`` are not here: they fail, or cost, according to what is in the container.
"""


@dataclass(frozen=True, slots=True)
class Import:
    """A module imported inside a function: ``from ..pkg import a, b`` is ``Import("pkg", 2, ("a", "b"))``."""

    module: str
    level: int
    names: tuple[str, ...]


@dataclass(slots=True)
class Outside:
    """What a piece of source reads and writes outside itself."""

    is_neutral: IsNeutral
    reads: set[Chain] = field(default_factory=set)
    writes: set[Chain] = field(default_factory=set)
    imports: set[Import] = field(default_factory=set)
    free: set[int] = field(default_factory=set)  # id() of each ast.Name that means something outside

    def decorators(self, node: ast.AST) -> Iterator[ast.expr]:
        """The decorators of a function or class that are to be looked into."""
        yield from (each for each in getattr(node, "decorator_list", ()) if not self.is_neutral(each))


class _Scope:
    """The names that one function, class body or comprehension binds."""

    __slots__ = ("bound", "elsewhere", "is_class", "parent")

    def __init__(self, parent: _Scope | None, *, is_class: bool = False) -> None:
        self.parent = parent
        self.is_class = is_class
        self.bound: set[str] = set()
        self.elsewhere: set[str] = set()  # declared global: not found in any enclosing scope

    def holds(self, name: str) -> bool:
        """Whether ``name``, read here, is bound inside the piece of source."""
        scope: _Scope | None = self
        while scope is not None:
            if name in scope.elsewhere:
                return False
            # A class body may read a global before it binds the same name, so its own names never hide one.
            if name in scope.bound and not scope.is_class:
                return True
            scope = scope.parent
        return False


def outside(root: ast.AST, is_neutral: IsNeutral = lambda _: False) -> Outside:
    """What ``root`` reads from outside itself.

    Args:
        root: A function, lambda, class or module. A function's defaults are left to its caller (their values are
            known), its own decorators are looked into.
        is_neutral: Which decorators are not looked into.

    Example:
        >>> found = outside(ast.parse("lambda x: np.linalg.norm(x) + ALPHA").body[0].value)
        >>> sorted(found.reads)
        [('ALPHA',), ('np', 'linalg', 'norm')]
    """
    found = Outside(is_neutral)
    top = _Scope(None)
    stack: list[tuple[ast.AST, _Scope]] = []
    if isinstance(root, _FUNCTIONS):
        stack.extend((node, top) for node in found.decorators(root))
        stack.extend(_function_body(root, top))
    elif isinstance(root, ast.Module):
        # A module's own names are its own business: only its imports lead outside.
        _bind(top, root.body)
        stack.extend((node, top) for node in root.body)
    else:
        stack.append((root, top))
    while stack:
        node, scope = stack.pop()
        stack.extend(_step(node, scope, found))
    found.writes -= found.reads
    return found


def bound_names(module: ast.Module) -> set[str]:
    """The names that a module binds; ``*`` among them if it imports names that cannot be told.

    Example:
        >>> sorted(bound_names(ast.parse("import a.b, c as d; x = 1")))
        ['a', 'd', 'x']
    """
    scope = _Scope(None)
    _bind(scope, module.body)
    return scope.bound


def _step(node: ast.AST, scope: _Scope, found: Outside) -> Iterator[tuple[ast.AST, _Scope]]:
    """Take note of ``node``; gives what is to be visited inside it and in which scope."""
    if isinstance(node, _FUNCTIONS):
        yield from ((child, scope) for child in found.decorators(node))
        yield from ((child, scope) for child in _default_values(node))
        yield from _function_body(node, scope)
    elif isinstance(node, ast.ClassDef):
        inner = _Scope(scope, is_class=True)
        _bind(inner, node.body)
        yield from ((child, inner) for child in node.body)
        yield from ((child, scope) for child in (*found.decorators(node), *node.bases, *node.keywords))
    elif isinstance(node, _COMPREHENSIONS):
        yield from _comprehension(node, scope)
    elif isinstance(node, ast.Import):
        found.imports.update(Import(alias.name, 0, ()) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        found.imports.add(Import(node.module or "", node.level, tuple(alias.name for alias in node.names)))
    elif isinstance(node, ast.AnnAssign) and not scope.is_class:
        yield from ((child, scope) for child in (node.target, node.value) if child is not None)
    else:
        written = _written(node)
        target = written and _chain(written)
        if written is not None and target and not scope.holds(target[0]):
            found.writes.add(target)
            found.free.add(id(_root(written)))
            yield from ((child, scope) for child in _beside(node, written))
        else:
            yield from _read(node, scope, found)


def _read(node: ast.AST, scope: _Scope, found: Outside) -> Iterator[tuple[ast.AST, _Scope]]:
    if isinstance(node, ast.Attribute):
        chain = _chain(node)
        if chain:
            if not scope.holds(chain[0]):
                # An attribute that is bound or deleted (module.x = 1) is written through what stands before it.
                (found.reads if isinstance(node.ctx, ast.Load) else found.writes).add(
                    chain if isinstance(node.ctx, ast.Load) else chain[:-1]
                )
                found.free.add(id(_root(node)))
            return
    elif isinstance(node, ast.Name):
        if not scope.holds(node.id):
            found.free.add(id(node))
            if isinstance(node.ctx, ast.Load):
                found.reads.add((node.id,))
        return
    yield from ((child, scope) for child in ast.iter_child_nodes(node))


def _chain(node: ast.AST) -> Chain:
    """The names of ``a.b.c``; empty if it does not start at a plain name."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ()
    names.append(node.id)
    return tuple(reversed(names))


def _root(node: ast.AST) -> ast.AST:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node


def _written(node: ast.AST) -> ast.AST | None:
    """The expression whose value is written and not read by this node, if it is of such a form."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        called = node.value.func
        return called.value if isinstance(called, ast.Attribute) and called.attr in MUTATORS else None
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
        return node.value
    if isinstance(node, ast.AugAssign):
        return node.target.value if isinstance(node.target, ast.Subscript) else node.target
    return None


def _beside(node: ast.AST, written: ast.AST) -> Iterator[ast.AST]:
    """The parts of ``node`` that are read although ``written`` is not."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield from node.value.args
        yield from node.value.keywords
    elif isinstance(node, ast.Subscript):
        yield node.slice
    elif isinstance(node, ast.AugAssign):
        yield node.value
        if isinstance(node.target, ast.Subscript) and node.target.value is written:
            yield node.target.slice


def _default_values(node: FunctionNode) -> Iterator[ast.expr]:
    """What a nested function evaluates where it stands, apart from its decorators."""
    yield from node.args.defaults
    yield from (default for default in node.args.kw_defaults if default is not None)


def _function_body(node: FunctionNode, scope: _Scope) -> Iterator[tuple[ast.AST, _Scope]]:
    inner = _Scope(scope)
    arguments = node.args
    every = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg)
    inner.bound.update(argument.arg for argument in every if argument is not None)
    body: list[ast.AST] = [node.body] if isinstance(node, ast.Lambda) else list(node.body)
    _bind(inner, body)
    yield from ((child, inner) for child in body)


def _comprehension(
    node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp, scope: _Scope
) -> Iterator[tuple[ast.AST, _Scope]]:
    inner = _Scope(scope)
    for index, generator in enumerate(node.generators):
        _bind(inner, [generator.target])
        yield generator.target, inner
        yield generator.iter, inner if index else scope  # the first iterable is evaluated outside
        yield from ((condition, inner) for condition in generator.ifs)
    results = (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,)
    yield from ((result, inner) for result in results)


def _bind(scope: _Scope, body: Sequence[ast.AST]) -> None:
    """Enter every name that ``body`` binds into ``scope``, without entering the scopes inside it."""
    stack: list[ast.AST] = list(body)
    outer: set[str] = set()
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Load):
                scope.bound.add(node.id)
        elif isinstance(node, _FUNCTIONS):
            scope.bound.update([node.name] if not isinstance(node, ast.Lambda) else ())
            stack.extend((*getattr(node, "decorator_list", ()), *_default_values(node)))
        elif isinstance(node, ast.ClassDef):
            scope.bound.add(node.name)
            stack.extend((*node.decorator_list, *node.bases, *node.keywords))
        elif isinstance(node, _COMPREHENSIONS):
            walrus = (inner for inner in ast.walk(node) if isinstance(inner, ast.NamedExpr))
            scope.bound.update(inner.target.id for inner in walrus)
        elif isinstance(node, ast.Global):
            scope.elsewhere.update(node.names)
        elif isinstance(node, ast.Nonlocal):
            outer.update(node.names)
        else:
            scope.bound.update(_bound_by_form(node))
            stack.extend(ast.iter_child_nodes(node))
    scope.bound -= scope.elsewhere | outer


def _bound_by_form(node: ast.AST) -> Iterator[str]:
    """Names that a node binds as plain text."""
    if isinstance(node, ast.alias):
        yield node.asname or node.name.partition(".")[0]
    elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
        if node.name is not None:
            yield node.name
    elif isinstance(node, ast.MatchMapping) and node.rest is not None:
        yield node.rest
