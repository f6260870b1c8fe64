"""Fingerprints of values: canonical bytes that are equal exactly when the values are.

`token` is the entrance. A token depends on nothing but the value: not on the process, the hash seed, the order in which
a dict was filled, or the version of Python. Its written form is described in `jumar.keys.value_form`.

How a type gets its token, first rule that fits:

1. an encoder registered here for exactly the type;
2. along the type's MRO: an encoder that subclasses inherit (enums, exceptions, arrays, …), an identity given with
   `fingerprint`, or a ``__jumar_key__`` method, whichever is nearest;
3. its class together with the state that its own pickling gives (plain classes, dataclasses, attrs, pydantic, …); where
   the class does its pickling itself, only if a pickled copy has the same token.

Anything else has no identity and is an error; memory addresses never enter a token. The whole state counts, also what
``==`` leaves out (fields with ``compare=False``, a filled ``cached_property``, pydantic's set of the fields that were
given): a function can see it, and a needless miss is better than a wrong hit.

**Registering an encoder** (inside jumar; users have `fingerprint`)::

    def encode_partial(value, walk):                      # takes the value apart: works at any depth of nesting
        parts = (value.func, value.args, value.keywords)
        return parts, assemble, step                      # assemble(tokens) -> bytes; step(parts, i) -> ".func"

    def encode_function(value, walk):                     # or makes the token itself
        defaults = walk.token(value.__defaults__, ".__defaults__")
        return record("function", [defaults, ...])        # value_form.record / .digested / .summarised

    register(FunctionType, encode_function)
    register(type, encode_class, subclasses=True)         # True: also for subclasses (here: metaclasses)

``walk.token(child, step)`` is the token of a part, ``step`` the way to it for errors. Names of records are unique over
all encoders. The class of an instance is a part like any other (``walk.token(type(value), ".__class__")``), so the
encoder of ``type`` decides what a class is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from jumar.errors import DeclarationError, FingerprintError
from jumar.keys import value_builtin, value_object
from jumar.keys.digest import DIGEST_SIZE
from jumar.keys.value_form import MAX_TOKEN
from jumar.keys.value_registry import LEAVES, REGISTRY, Encoder
from jumar.keys.value_text import describe, parts
from jumar.keys.value_walk import Walk

__all__ = [
    "MAX_TOKEN",
    "Walk",
    "describe",
    "fingerprint",
    "parts",
    "register",
    "register_reference",
    "token",
]

T = TypeVar("T")

BUILT_IN = (value_builtin, value_object)
"""The modules whose import registers the types that need no library."""


def token(value: Any, references: list[object] | None = None) -> bytes:
    """The canonical bytes of ``value``: self-delimiting, and equal for equal values only.

    Args:
        value: Anything with an identity.
        references: Values of a reference type (see `register_reference`) are appended here in the order met, at any
            depth; None if there must be none.

    Returns:
        The token. Short values stand as themselves; longer ones as a short text and a 32-byte digest.

    Raises:
        FingerprintError: The value, or something in it, has no stable identity; the error has the path to it.

    Guarantees:
        Equal in every process, for every hash seed, on Python 3.11 and later.

    Example:
        >>> token({"b": 1, "a": 2}) == token({"a": 2, "b": 1})
        True
        >>> token(1) == token(True)
        False
    """
    leaf = LEAVES.get(type(value))
    if leaf is not None:
        return leaf(value)
    return Walk(references).token(value)


def register(kind: type, encoder: Encoder, *, subclasses: bool = False) -> None:
    """Let ``encoder`` make the tokens of a type; see the module's text.

    Args:
        kind: The type.
        encoder: ``encoder(value, walk)``, giving the token or the parts.
        subclasses: Whether subclasses without an own encoder inherit it.

    Raises:
        DeclarationError: The type is a built-in scalar, whose tokens are fixed.
    """
    _refuse_scalar(kind)
    REGISTRY.register(kind, encoder, subclasses=subclasses)


def _refuse_scalar(kind: type) -> None:
    if kind in LEAVES:
        raise DeclarationError(f"{kind.__name__} is a built-in scalar: its identity is its value, which cannot change.")


def register_reference(kind: type, key_of: Callable[[Any], bytes]) -> None:
    """Let values of a type stand for another call's result: their token is that call's key.

    Args:
        kind: The type, such as a future; subclasses are included.
        key_of: Gives the 32-byte key of a value.
    """

    def encode(value: Any, walk: Walk) -> bytes:
        if walk.references is None:
            raise FingerprintError(f"a {type(value).__name__} stands here, where only a finished value can")
        key = key_of(value)
        if len(key) != DIGEST_SIZE:
            raise FingerprintError(f"the key of a {type(value).__name__} has {len(key)} bytes instead of {DIGEST_SIZE}")
        walk.references.append(value)
        return b"@" + key

    register(kind, encode, subclasses=True)


def fingerprint(kind: type) -> Callable[[Callable[[Any], T]], Callable[[Any], T]]:
    """Give a type an identity: the decorated function maps a value to a simpler one that identifies it.

    The class of the value belongs to its identity as well; subclasses inherit the registration.

    Args:
        kind: The type.

    Returns:
        A decorator that returns the function as it is.

    Raises:
        DeclarationError: ``kind`` is not a class, or is a built-in scalar.

    Example:
        >>> class Connection:
        ...     def __init__(self, url): self.url, self.socket = url, object()
        >>> @fingerprint(Connection)
        ... def identity(connection): return connection.url
        >>> token(Connection("db://x")) == token(Connection("db://x"))
        True
    """
    if not isinstance(kind, type):
        raise DeclarationError(f"fingerprint takes a class, got {kind!r}. Write @jumar.fingerprint(Type).")
    _refuse_scalar(kind)

    def decorate(identity: Callable[[Any], T]) -> Callable[[Any], T]:
        REGISTRY.identify(kind, identity)
        return identity

    return decorate
