"""The key of a call: its code, and its arguments bound to the signature, under one digest.

``key = digest("jumar:call:1" + code digest + token of each parameter, in the order of the signature)``

Tokens are self-delimiting, so no two different lists of arguments give the same bytes. Parameter names are in the code
digest. A reordering of keyword arguments, a default left out or written down, ``f(1)`` or ``f(x=1)``: one call.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import Any

from blake3 import blake3

from jumar.errors import ArgumentError, DeclarationError, FingerprintError
from jumar.keys.value import describe, parts, token

_DOMAIN = b"jumar:call:1"
_IGNORED = ...
"""Stands for an argument that does not belong to the key; people read it as it is meant."""
_DIRECT_PART = re.compile(r"\[\d+\]")
_MISSING: Any = object()
"""Stands in the place of an argument that was not given and has no default."""
_PLAIN_KINDS = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class Signature:
    """A function's parameters, with fast binding for the common shapes.

    Args:
        fn: The function.
        task: The task's name, for errors.
        ignore: Names of parameters that do not belong to the key.
        key: Called with the arguments, gives what identifies them instead.

    Raises:
        ArgumentError: The function does not tell its parameters (some builtins); it can be wrapped in one that does.
        DeclarationError: There is no parameter that ``ignore`` names.
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        task: str,
        ignore: Sequence[str] = (),
        key: Callable[..., Any] | None = None,
    ) -> None:
        self.task = task
        self._key = key
        try:
            self._signature = inspect.signature(fn)
        except (TypeError, ValueError) as error:
            raise ArgumentError(
                f"task {task!r}: {fn!r} does not tell its parameters ({error}). "
                f"Wrap it in a function that does: `def {_identifier(task)}(x): return ...`."
            ) from error
        parameters = list(self._signature.parameters.values())
        self.names = tuple(parameter.name for parameter in parameters)
        self._plain = all(parameter.kind in _PLAIN_KINDS for parameter in parameters)
        self._count = len(parameters)
        defaults = [p.default for p in parameters if p.default is not inspect.Parameter.empty]
        self._defaults = tuple(defaults) if self._plain else ()
        self._slots = tuple([(p.name, _MISSING if p.default is p.empty else p.default) for p in parameters])
        by_keyword = [frozenset() if p.kind is p.POSITIONAL_ONLY else frozenset([p.name]) for p in parameters]
        self._open = tuple([frozenset().union(*by_keyword[at:]) for at in range(self._count + 1)])
        """Names that may be given by keyword after so many positional arguments."""
        self._required = self._count - len(self._defaults)
        unknown = [name for name in ignore if name not in self.names]
        if unknown:
            raise DeclarationError(
                f"task {task!r}: ignore= names {unknown[0]!r}, but the parameters are {', '.join(self.names) or 'none'}"
            )
        self._ignored = tuple(self.names.index(name) for name in ignore)

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The call in its one normal form: positional where that is possible, defaults filled in.

        Raises:
            ArgumentError: They do not fit; the text shows the signature.
        """
        given = len(args)
        if self._plain and not kwargs:
            if given == self._count:
                return args, kwargs
            if self._required <= given < self._count:
                return args + self._defaults[given - self._required :], kwargs
        elif self._plain and given <= self._count and kwargs.keys() <= self._open[given]:
            rest = [kwargs.get(name, default) for name, default in self._slots[given:]]
            if not any(value is _MISSING for value in rest):
                return (*args, *rest), {}
        try:
            bound = self._signature.bind(*args, **kwargs)
        except TypeError as error:
            raise ArgumentError(
                f"task {self.task!r}: {error}. It is declared as {_identifier(self.task)}{self._signature}."
            ) from None
        bound.apply_defaults()
        return bound.args, bound.kwargs

    def tokens(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], references: list[object] | None = None
    ) -> list[bytes]:
        """One token per parameter of a call in normal form; references met are appended to ``references``.

        Raises:
            FingerprintError: An argument has no identity; the error names it.
        """
        if self._key is not None:
            return [self._token_of_key(args, kwargs, references)]
        values = args if self._plain else [value for _, value in self.by_name(args, kwargs)]
        if self._ignored:
            values = [_IGNORED if index in self._ignored else value for index, value in enumerate(values)]
        tokens: list[bytes] = []
        try:
            for value in values:
                tokens.append(token(value, references))  # noqa: PERF401  (its length says which argument failed)
        except FingerprintError as error:
            # An error about the code of a function among the arguments names its own place.
            raise error if error.task else error.of(self.task, self.names[len(tokens)]) from error.__cause__
        return tokens

    def _token_of_key(self, args: tuple[Any, ...], kwargs: dict[str, Any], references: list[object] | None) -> bytes:
        assert self._key is not None
        identity = self._key(*args, **kwargs)
        try:
            return token(identity, references)
        except FingerprintError as error:
            raise error.of(self.task, "key(...)") from error.__cause__

    def by_name(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[tuple[str, Any]]:
        """Each parameter with what it is given in a call in normal form: ``*args`` a tuple, ``**kwargs`` a dict."""
        if self._plain:
            return list(zip(self.names, args, strict=True))
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return list(bound.arguments.items())


def call_key(code: bytes, arguments: bytes, salt: bytes = b"") -> bytes:
    """The key of a call, 32 bytes.

    Args:
        code: Digest of the code fingerprint, 32 bytes.
        arguments: The tokens of the parameters, one after the other.
        salt: What sets a call apart that may not be found everywhere: its run, or itself alone.
    """
    return blake3(_DOMAIN + code + arguments + salt).digest()


def is_key_prefix(text: str) -> bool:
    """Whether a text can be the beginning of a key in hexadecimal.

    Example:
        >>> is_key_prefix("3FA8"), is_key_prefix("order-17"), is_key_prefix("")
        (True, False, False)
    """
    return bool(text) and set(text.lower()) <= set("0123456789abcdef")


def split_arguments(arguments: bytes) -> list[bytes]:
    """The tokens of the parameters, apart: the opposite of joining what ``Signature.tokens`` gave."""
    # Side by side they are the inside of a tuple's token, whose direct parts have paths of one index.
    return [part for path, part in parts(b"(" + arguments + b")") if _DIRECT_PART.fullmatch(path)]


def describe_arguments(names: Sequence[str], arguments: bytes) -> str:
    """The arguments of a recorded call as people write them: ``seed=3, alpha=0.1``.

    Args:
        names: The parameters' names; where one is missing, the value stands alone.
        arguments: The tokens of the parameters, one after the other.
    """
    texts = [describe(part) for part in split_arguments(arguments)]
    return ", ".join(f"{name}={text}" if name else text for name, text in zip_longest(names, texts, fillvalue=""))


def _identifier(task: str) -> str:
    return task.rpartition(".")[2] or "task"
