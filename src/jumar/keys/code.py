"""Fingerprints of code: one digest for a function and everything of the project that it reaches.

`fingerprint_code` is the entrance. The digest says *what is computed*: it is the same in every process, on Python
3.11 and later, wherever the function is moved or what it is called, whether its file is imported or run as a script.
What is in it:

* the function's text, without what cannot matter (`jumar.keys.code_text`); its defaults; what its closure holds;
* every project function, class and value that its names reach, transitively: through ``module.helper``, partials, bound
  methods, wrappers, nested functions, mutual recursion; a class or method brings the whole class with its project
  bases;
* modules imported inside functions, as a whole (`jumar.keys.code_module`).

What is not: libraries (`jumar.keys.code_origin`), which stand there by name; locks, loggers and open files among the
globals; containers that are only written. What cannot be seen: names made up at run time (``getattr(x, name)``,
``globals()``, ``eval``), callbacks inside C code, a module's attributes that its ``__getattr__`` makes, methods added
to library classes, files that code reads. ``uses=[...]`` and ``version=`` declare what cannot be seen.

Where the source of a function cannot be had, or is not the one it was made of, its byte code counts, with the version
of Python (`jumar.keys.code_bytes`).
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from types import FunctionType
from typing import Any, Literal

from jumar.errors import DeclarationError
from jumar.keys.code_callable import is_code, library_name, unwrapped
from jumar.keys.code_graph import Entry, Live, Node, joined
from jumar.keys.code_origin import CHOICE, library_version, set_project
from jumar.keys.code_token import code_token, named_token, register_code, stand_for_function
from jumar.keys.code_walk import Walk, followed_as
from jumar.keys.code_watch import Watch
from jumar.keys.digest import digest
from jumar.keys.value import describe

__all__ = ["CodeFingerprint", "CodePart", "Follow", "fingerprint_code", "set_project", "stand_for_function"]

Follow = Literal["deep", "own", "version"]

_DOMAIN = b"jumar:code:1"
_KEPT_AT_MOST = 4096


@dataclass(frozen=True, slots=True)
class CodePart:
    """One thing that a fingerprint covers, for ``jumar why``.

    Args:
        name: Such as ``model.norm``, or ``model.norm: ALPHA`` for what a function reaches that is no code.
        kind: ``function``, ``class``, ``module``; ``global``, ``default``, ``closure``, ``attribute``, ``class
            attribute``; ``library`` (its version, which is not in the digest); ``opaque``, ``written``,
            ``unresolved`` (not in the digest either); ``version``.
        file: Where it is written; empty if nowhere.
        line: First line, from 1; 0 if nowhere.
        digest: 32 bytes; differs if the part itself was edited, and not if something that it reaches was.
        source: Source as written for code, a short text for a value.
    """

    name: str
    kind: str
    file: str
    line: int
    digest: bytes
    source: str


class CodeFingerprint:
    """What a function computes, as a digest, with its parts and a fast check that it still holds.

    Args:
        code_digest: 32 bytes.
        watch: What it was made from.
        nodes: What was found, for `parts`.
    """

    __slots__ = ("_nodes", "_parts", "digest", "is_current")

    def __init__(self, code_digest: bytes, watch: Watch, nodes: Sequence[Node]) -> None:
        self.digest = code_digest
        self._nodes = tuple(nodes)
        self._parts: tuple[CodePart, ...] | None = None
        self.is_current: Callable[[], bool] = watch.is_current
        """Whether nothing that it was made from has changed in this process. Cheap: it is asked at every call."""

    @property
    def parts(self) -> tuple[CodePart, ...]:
        """Everything the digest covers and the libraries used, sorted by name and kind; made when first asked for."""
        if self._parts is None:
            found = {(part.name, part.kind, part.digest): part for node in self._nodes for part in _parts_of(node)}
            self._parts = tuple(found[key] for key in sorted(found))
        return self._parts

    def __repr__(self) -> str:
        return f"<CodeFingerprint {self.digest.hex()[:12]} of {len(self._nodes)} functions, classes and modules>"


_Known = tuple[weakref.ref[Any], dict[Any, CodeFingerprint]]
_KNOWN: dict[int, _Known] = {}
_LOCK = threading.Lock()


def fingerprint_code(
    fn: Callable[..., Any],
    *,
    follow: Follow = "deep",
    version: str | None = None,
    uses: Sequence[object] = (),
) -> CodeFingerprint:
    """The fingerprint of a callable's code.

    Args:
        fn: A function, method, class, partial, task, or any callable object with an identity.
        follow: ``"deep"`` covers all project code and values that it reaches; ``"own"`` its own text, defaults and
            closure; ``"version"`` nothing but its name and ``version``.
        version: Joins the digest; change it to say that the results changed.
        uses: Functions, classes, modules and values that it depends on and that cannot be seen in its text.

    Returns:
        The fingerprint; remembered as long as the function lives, and made anew when it is not current any more.

    Raises:
        FingerprintError: A global, default or closed-over value that it uses has no identity; the error names it.
        DeclarationError: ``follow`` is none of the three, or is ``"version"`` without a version.

    Guarantees:
        May be called from any thread. Equal code gives equal digests in all processes; the digest of a function whose
        file was edited after it was loaded is never that of the new text.

    Example:
        >>> def double(x): return 2 * x
        >>> def twice(x):
        ...     "Another name, the same code."
        ...     return 2*x
        >>> fingerprint_code(double, follow="own").digest == fingerprint_code(twice, follow="own").digest
        True
    """
    if follow not in ("deep", "own", "version"):
        raise DeclarationError(f'code={follow!r} is not a way to follow code; use "deep", "own" or "version".')
    if follow == "version" and version is None:
        raise DeclarationError(f'{fn!r}: code="version" needs a version, such as version="1".')
    if version is not None and not isinstance(version, str):
        raise DeclarationError(f"{fn!r}: version={version!r} must be a str, such as version={str(version)!r}.")
    fn = unwrapped(fn)
    options = (follow, version, tuple(map(id, uses)))
    known = _KNOWN.get(id(fn))
    if known is not None and known[0]() is fn:
        found = known[1].get(options)
        if found is not None and found.is_current():
            return found
    made = _make(fn, follow, version, uses)
    _keep(fn, options, made)
    return made


def _make(fn: Any, follow: Follow, version: str | None, uses: Sequence[object]) -> CodeFingerprint:
    walk = Walk(follows=follow != "own", top=fn if isinstance(fn, FunctionType) else None)
    walk.watch.name(CHOICE, "names")
    root = Node("", "root")
    if follow == "version":
        root.add("name", "name", library_name(fn, placed=False) if is_code(fn) else library_name(type(fn)))
    else:
        walk.reach(fn, root, "code", "function")
    if version is not None:
        root.add("version", "version", version.encode("utf-8", "surrogatepass"))
    for index, value in enumerate(uses):
        walk.reach(value, root, f"uses {index}", "uses")
    nodes = walk.run(root)
    entries = [entry.identity(_digest_of) for _, entry in sorted(root.entries.items())]
    names = [name.encode() for name in sorted(root.entries)]
    return CodeFingerprint(digest(_DOMAIN + joined([*names, *entries])), walk.watch, [root, *nodes])


def _digest_of(node: Node) -> bytes:
    return node.digest


def _keep(fn: Any, options: Any, made: CodeFingerprint) -> None:
    try:
        # Called as pop(id, reference): the reference is the default. A bound method works until the very end of a
        # process, when a function of this module would find its globals gone.
        reference = weakref.ref(fn, partial(_KNOWN.pop, id(fn)))
    except TypeError:
        return  # a builtin, or an object with slots: made anew each time, which is short for the former
    with _LOCK:
        # A function in its own closure is kept alive by its fingerprint, so the number of these is bounded.
        while len(_KNOWN) >= _KEPT_AT_MOST:
            _KNOWN.pop(next(iter(_KNOWN)), None)
        known = _KNOWN.get(id(fn))
        if known is None or known[0]() is not fn:
            known = _KNOWN[id(fn)] = (reference, {})
        known[1][options] = made


def _token_of_code(value: Any) -> bytes:
    """The token of a function or class that is an argument."""
    if followed_as(value):
        return code_token(fingerprint_code(value).digest)
    return named_token(library_name(value))


register_code(_token_of_code)


def _parts_of(node: Node) -> list[CodePart]:
    parts = []
    if node.kind in ("function", "class", "module"):
        parts.append(CodePart(node.name, node.kind, node.file, node.line, digest(node.label), node.text()))
    for name, entry in sorted(node.entries.items()):
        if entry.kind == "library":
            parts.append(_library(entry))
        elif not isinstance(entry.payload, Node):
            parts.append(_value_part(f"{node.name}: {name}" if node.name else name, entry, node))
    return parts


def _library(entry: Entry) -> CodePart:
    payload = entry.payload
    assert isinstance(payload, bytes)
    root = payload.removeprefix(b"module ").decode().partition(".")[0]
    version = library_version(root)
    return CodePart(root, "library", "", 0, digest(version.encode()), version)


def _value_part(name: str, entry: Entry, node: Node) -> CodePart:
    payload = entry.payload
    if isinstance(payload, Live):
        identity = payload.tokenise(payload.value, lambda inner: digest(inner.label))
    else:
        assert isinstance(payload, bytes)
        identity = payload
    is_token = entry.kind not in ("opaque", "written", "unresolved", "version", "name")
    return CodePart(
        name, entry.kind, node.file, node.line, digest(identity), describe(identity) if is_token else identity.decode()
    )
