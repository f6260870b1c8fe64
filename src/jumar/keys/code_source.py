"""From a loaded function to the piece of source that it was made of.

A file is read, parsed and compiled once; functions are found in it by name and line. The text on disk may be newer than
what is loaded: a piece counts as a function's source only if it compiles to exactly that function's code. Otherwise
the function has no source, and its byte code speaks for it.
"""

from __future__ import annotations
import __future__

import ast
import linecache
import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType
from typing import Any

from jumar.keys.code_bytes import same_code

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
Stamp = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A piece of source: its tree and where it stands."""

    node: ast.AST
    source: SourceFile
    line: int

    def text(self) -> str:
        """The lines as they stand in the file, for people."""
        last = getattr(self.node, "end_lineno", None) or self.line
        return "".join(self.source.lines[self.line - 1 : last])


@dataclass(slots=True)
class SourceFile:
    """A file (or a notebook's cell) parsed and compiled."""

    path: str
    lines: list[str]
    tree: ast.Module
    stamp: Stamp
    codes: dict[str, list[CodeType]] = field(default_factory=lambda: defaultdict(list))
    functions: dict[tuple[str, int], list[ast.AST]] = field(default_factory=lambda: defaultdict(list))
    classes: dict[str, list[ast.ClassDef]] = field(default_factory=lambda: defaultdict(list))

    def find(self, code: CodeType) -> Place | None:
        """The piece that compiles to ``code``; None if there is none."""
        same_name = self.codes.get(code.co_name, ())
        exact = [each for each in same_name if each.co_firstlineno == code.co_firstlineno and same_code(each, code)]
        if len(exact) > 1:
            here = list(code.co_positions())
            exact = [each for each in exact if list(each.co_positions()) == here] or exact
        if not exact:  # lines above it were added or taken away after it was loaded
            exact = [each for each in same_name if each.co_qualname == code.co_qualname and same_code(each, code)]
        return self._place(exact[0]) if exact else None

    def find_class(self, cls: type) -> Place | None:
        """The class statement that made ``cls``, as far as its name and the lines of its methods tell."""
        candidates = self.classes.get(cls.__qualname__, [])
        lines = [code.co_firstlineno for code in _method_codes(cls)]
        for node in reversed(candidates):
            first = _first_line(node)
            if all(first <= line <= (node.end_lineno or first) for line in lines):
                return Place(node, self, first)
        return Place(candidates[-1], self, _first_line(candidates[-1])) if candidates else None

    def _place(self, code: CodeType) -> Place | None:
        nodes = self.functions.get((code.co_name, code.co_firstlineno), [])
        if len(nodes) > 1:
            nodes = sorted((node for node in nodes if _covers(node, code)), key=_extent)
        return Place(nodes[0], self, code.co_firstlineno) if nodes else None


_FILES: dict[str, SourceFile | None] = {}
_STAMPS: dict[str, Stamp] = {}


def source_of(path: str, namespace: dict[str, Any] | None = None) -> SourceFile | None:
    """The parsed file, read again only if it changed.

    Args:
        path: As in ``code.co_filename``; may be a name such as ``<ipython-input-3>`` that ``linecache`` knows.
        namespace: Globals of the module, for modules inside archives and scripts started by a relative path.

    Returns:
        None if there is no text, or the text is not Python.
    """
    stamp, path = _stamp(path, namespace)
    if path not in _FILES or _STAMPS[path] != stamp:
        _FILES[path] = _read(path, namespace, stamp)
        _STAMPS[path] = stamp
    return _FILES[path]


def file_stamp(path: str) -> Stamp:
    """What tells that a file changed: its time (ns), size (bytes) and inode; empty if there is no file."""
    try:
        status = os.stat(path)  # noqa: PTH116 - this may run at every call, and Path costs as much as the stat itself
    except OSError:
        return ()
    return (status.st_mtime_ns, status.st_size, status.st_ino)


def _stamp(path: str, namespace: dict[str, Any] | None) -> tuple[Stamp, str]:
    stamp = file_stamp(path)
    if not stamp and namespace is not None and not path.startswith("<"):
        # A script started as ``python job.py`` that changed its directory: its module still knows the whole path.
        whole = namespace.get("__file__")
        if isinstance(whole, str) and Path(whole).name == Path(path).name:
            path, stamp = whole, file_stamp(whole)
    if not stamp:
        lines = _unwritten_lines(path, namespace)
        stamp = (len(lines), hash(tuple(lines)))
    return stamp, path


def _unwritten_lines(path: str, namespace: dict[str, Any] | None) -> list[str]:
    """The text of what is no file: cells of notebooks, and modules in archives."""
    return linecache.getlines(path, namespace)


def _read(path: str, namespace: dict[str, Any] | None, stamp: Stamp) -> SourceFile | None:
    try:
        data: bytes | str = Path(path).read_bytes()
    except (OSError, ValueError):
        data = "".join(_unwritten_lines(path, namespace))
    try:
        tree = ast.parse(data)
        code = compile(data, path, "exec", dont_inherit=True, flags=_flags(namespace))
    except (SyntaxError, ValueError, RecursionError):
        return None  # half-saved, or no Python at all: whatever was loaded has no source now
    text = data if isinstance(data, str) else _decoded(path, data)
    source = SourceFile(path, text.splitlines(keepends=True), tree, stamp)
    _index_code(source, code)
    _index_tree(source)
    return source


def _flags(namespace: dict[str, Any] | None) -> int:
    """What a cell of a notebook was compiled with although its own text does not say so."""
    if namespace is None:
        return 0
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT if "get_ipython" in namespace else 0
    if namespace.get("annotations") is __future__.annotations:  # imported in an earlier cell, it holds for later ones
        flags |= __future__.annotations.compiler_flag
    return flags


def _decoded(path: str, data: bytes) -> str:
    lines = linecache.updatecache(path)
    return "".join(lines) if lines else data.decode("utf-8", "replace")


def _index_code(source: SourceFile, code: CodeType) -> None:
    stack = [code]
    while stack:
        for constant in stack.pop().co_consts:
            if isinstance(constant, CodeType):
                source.codes[constant.co_name].append(constant)
                stack.append(constant)


def _index_tree(source: SourceFile) -> None:
    stack: list[tuple[ast.AST, str]] = [(source.tree, "")]
    while stack:
        node, prefix = stack.pop()
        if isinstance(node, _FUNCTIONS):
            name = "<lambda>" if isinstance(node, ast.Lambda) else node.name
            source.functions[name, _first_line(node)].append(node)
            prefix = f"{prefix}{name}.<locals>."
        elif isinstance(node, ast.ClassDef):
            source.classes[prefix + node.name].append(node)
            prefix = f"{prefix}{node.name}."
        stack.extend((child, prefix) for child in reversed(list(ast.iter_child_nodes(node))))


def _first_line(node: ast.AST) -> int:
    """Where the compiler says that a function begins: at its first decorator."""
    decorators = getattr(node, "decorator_list", None)
    first: ast.expr | ast.AST = decorators[0] if decorators else node
    return int(getattr(first, "lineno", 1))


def _body(node: ast.AST) -> tuple[ast.AST, ast.AST]:
    body = getattr(node, "body", node)
    return (body[0], body[-1]) if isinstance(body, list) else (body, body)


def _covers(node: ast.AST, code: CodeType) -> bool:
    """Whether everything that ``code`` does stands inside the body of ``node``."""
    first, last = _body(node)
    begin, end = (first.lineno, first.col_offset), (last.end_lineno, last.end_col_offset)  # type: ignore[attr-defined]
    for line, end_line, column, end_column in code.co_positions():
        # The set-up of a function (RESUME, COPY_FREE_VARS) has no width, or no position at all.
        if None in (line, end_line, column, end_column) or (line, column) == (end_line, end_column):
            continue
        if (line, column) < begin or (end_line, end_column) > end:
            return False
    return True


def _extent(node: ast.AST) -> tuple[int, int]:
    first, last = _body(node)
    lines = (last.end_lineno or 0) - first.lineno  # type: ignore[attr-defined]
    return lines, (last.end_col_offset or 0) - (first.col_offset if not lines else 0)  # type: ignore[attr-defined]


def _method_codes(cls: type) -> Iterator[CodeType]:
    for member in vars(cls).values():
        function = getattr(member, "__func__", None) or getattr(member, "fget", None) or member
        code = getattr(function, "__code__", None)
        if isinstance(code, CodeType) and code.co_qualname == f"{cls.__qualname__}.{code.co_name}":
            yield code
