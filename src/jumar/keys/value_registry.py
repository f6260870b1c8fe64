"""Which encoder makes the token of a type.

Three dictionaries, looked up by the exact type of a value: `LEAVES` for built-in scalars (no parts, cannot fail, called
with the value only), `known` for everything that was registered or looked up before, and, on a miss, a search along the
type's MRO for an encoder that subclasses inherit. The encoder of ``object`` ends every search.

Encoders for libraries are in modules of this package that are imported when a type of that library is first seen: the
user has imported the library by then, and we never do. The standard library's value types are treated alike, which
keeps ``import jumar`` quick.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from jumar.keys.value_form import record

if TYPE_CHECKING:
    from jumar.keys.value_walk import Walk

Assemble = Callable[[list[bytes]], bytes]
Step = Callable[[Sequence[Any], int], str]
Parts = tuple[Sequence[Any], Assemble, Step]
"""A compound value taken apart: its children, how their tokens make its token, how to name child i in a path."""

Encoder = Callable[[Any, "Walk"], bytes | Parts]
Leaf = Callable[[Any], bytes]

LEAVES: dict[type, Leaf] = {}
"""Encoders of the built-in scalars; filled by value_builtin and closed after that."""

LIBRARIES = {
    **dict.fromkeys(
        ("array", "collections", "datetime", "decimal", "enum", "fractions", "functools", "pathlib"), "value_stdlib"
    ),
    **dict.fromkeys(("random", "re", "types", "uuid", "zoneinfo"), "value_stdlib"),
    "numpy": "value_numpy",
    "pandas": "value_pandas",
    "polars": "value_polars",
    "pyarrow": "value_arrow",
    "scipy": "value_scipy",
    "torch": "value_torch",
}
"""Module in this package that provides the encoders of a library's types, by the library's top-level name."""

MAX_KNOWN = 4096
"""Looked-up types kept; a program that makes classes without end must not make this table grow without end."""


class Registry:
    """The encoders by type."""

    def __init__(self) -> None:
        self._exact: dict[type, Encoder] = {}
        self._inherited: dict[type, Encoder] = {}
        self._loaded: set[str] = set()
        self.known: dict[type, Encoder] = {}

    def register(self, kind: type, encoder: Encoder, *, subclasses: bool) -> None:
        """Make ``encoder`` the one for ``kind``, and for its subclasses if ``subclasses``; the last one counts."""
        self._exact[kind] = encoder
        if subclasses:
            self._inherited[kind] = encoder
        else:
            self._inherited.pop(kind, None)
        # A new dictionary, not clear(): a search that runs in another thread then writes into the old one.
        self.known = dict(self._exact)

    def provide(self, kind: type, encoder: Encoder, *, subclasses: bool = False) -> None:
        """As `register`, but what is registered already stays: users speak before a library's module is loaded."""
        if kind not in self._exact:
            self.register(kind, encoder, subclasses=subclasses)

    def find(self, kind: type) -> Encoder:
        """The encoder for ``kind``; remembers the answer."""
        self._load_libraries(kind)
        known = self.known
        encoder = known.get(kind)
        if encoder is None:
            encoder = self._search(kind)
            if len(known) >= MAX_KNOWN:
                self.known = known = dict(self._exact)
            known[kind] = encoder
        return encoder

    def _search(self, kind: type) -> Encoder:
        for base in kind.__mro__:
            if base in self._inherited:
                return self._inherited[base]
            if "__jumar_key__" in vars(base):
                return self._keyed
        raise AssertionError("object has an encoder")

    def _load_libraries(self, kind: type) -> None:
        for base in kind.__mro__:
            library = base.__module__.partition(".")[0] if isinstance(base.__module__, str) else ""
            if library in LIBRARIES and library not in self._loaded:
                import_module(f"jumar.keys.{LIBRARIES[library]}")
                self._loaded.add(library)

    def identify(self, kind: type, identity: Callable[[Any], Any]) -> None:
        """Let ``identity(value)`` stand for values of ``kind`` and its subclasses, together with their class."""
        self.register(kind, lambda value, _walk: _identified(value, identity(value)), subclasses=True)

    @staticmethod
    def _keyed(value: Any, _walk: Walk) -> Parts:
        return _identified(value, value.__jumar_key__())


def _identified(value: Any, identity: Any) -> Parts:
    name = type(value).__qualname__
    return (type(value), identity), lambda tokens: record("identity", tokens, name), _identity_step


def _identity_step(_children: Sequence[Any], index: int) -> str:
    return ".__class__" if index == 0 else ".__jumar_key__()"


REGISTRY = Registry()
