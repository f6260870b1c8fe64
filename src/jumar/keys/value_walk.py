"""The walk through a value that makes its token.

One loop with an explicit stack instead of recursive calls, so that nesting of any depth works and costs no more than
flat data. The walk also knows what is open (a container that holds itself becomes a back reference by depth), where it
is (the path in an error), and the references it met.

Values that are shared (``[x, x]``) have the same token as copies. So that a structure of n shared levels does not cost
2**n steps, tokens of recent compounds are remembered once a walk has become long.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from jumar.errors import FingerprintError
from jumar.keys.value_registry import LEAVES, REGISTRY, Assemble, Parts, Step

REMEMBER_AFTER = 1000
"""Compounds a walk meets before it begins to remember tokens: most walks are over by then and pay nothing."""

REMEMBER_AT_MOST = 1 << 16
"""Tokens remembered at a time; bounds the memory of a walk through hundreds of millions of small lists."""

_NOWHERE = 1 << 62  # deeper than any depth: no back reference was met


class _Frame:
    """A compound value on the stack: what is done of it and what is still to come."""

    __slots__ = ("assemble", "children", "met", "outermost", "rest", "step", "tokens", "value")

    def __init__(self, value: Any, parts: Parts, tokens: list[bytes], rest: Iterator[Any], met: int) -> None:
        self.value = value
        self.children: Sequence[Any]
        self.assemble: Assemble
        self.step: Step
        self.children, self.assemble, self.step = parts
        self.tokens = tokens
        self.rest = rest
        self.met = met  # references met before this value
        self.outermost = _NOWHERE  # least depth that a back reference in this value points to


class Walk:
    """One walk through one value.

    Args:
        references: Takes the references met, in order; None if there must be none.
        checking: Whether the walk belongs to the check of a value by a pickled copy, which covers all that is in it.
    """

    __slots__ = ("_entered", "_known", "_open", "_outermost", "checking", "references")

    def __init__(self, references: list[object] | None, *, checking: bool = False) -> None:
        self.references = references
        self.checking = checking
        self._open: dict[int, int] = {}
        self._known: dict[int, tuple[Any, bytes, list[object]]] = {}
        self._entered = 0
        self._outermost = _NOWHERE

    def token(self, child: Any, step: str = "") -> bytes:
        """The token of a part of the value that is being encoded.

        Args:
            child: The part.
            step: How the part is reached from the value, such as ``[3]`` or ``.name``; stands in errors.

        Raises:
            FingerprintError: The part, or something in it, has no stable identity.
        """
        leaf = LEAVES.get(type(child))
        if leaf is not None:
            return leaf(child)
        stack: list[_Frame] = []
        try:
            return self._run(child, stack)
        except FingerprintError as error:
            path = step + "".join(frame.step(frame.children, len(frame.tokens)) for frame in stack)
            for frame in stack:
                self._open.pop(id(frame.value), None)
            if not path:
                raise
            raise error.inside(path) from error.__cause__

    def tokens(self, children: Sequence[Any]) -> list[bytes]:
        """The tokens of several parts, named ``[0]``, ``[1]``, … in errors."""
        return [self.token(child, f"[{index}]") for index, child in enumerate(children)]

    def _run(self, value: Any, stack: list[_Frame]) -> bytes:
        token = self._enter(value, stack)
        leaf_of = LEAVES.get
        while stack:
            frame = stack[-1]
            tokens = frame.tokens
            if token is not None:
                tokens.append(token)
                token = None
            for child in frame.rest:
                leaf = leaf_of(type(child))
                if leaf is not None:
                    tokens.append(leaf(child))
                    continue
                token = self._enter(child, stack)
                if token is None:
                    break
                tokens.append(token)
                token = None
            else:
                token = self._leave(stack)
        assert token is not None  # the last frame left its token
        return token

    def _enter(self, value: Any, stack: list[_Frame]) -> bytes | None:
        """The token of ``value`` if it can be had at once; else None, and its frame is on the stack."""
        kind = type(value)
        leaf = LEAVES.get(kind)
        if leaf is not None:
            return leaf(value)
        place = id(value)
        opened = self._open
        if place in opened:
            depth = opened[place]
            if stack:
                stack[-1].outermost = min(stack[-1].outermost, depth)
            else:
                self._outermost = min(self._outermost, depth)
            return b"^%d;" % (len(opened) - depth)
        if place in self._known:
            _, token, met = self._known[place]
            if self.references is not None:
                self.references.extend(met)
            return token
        self._entered += 1
        encoder = REGISTRY.known.get(kind) or REGISTRY.find(kind)
        met_before = len(self.references) if self.references is not None else 0
        opened[place] = len(opened)
        try:
            parts = encoder(value, self)
        except BaseException:
            del opened[place]
            raise
        if isinstance(parts, bytes):
            del opened[place]
            if stack:
                stack[-1].outermost = min(stack[-1].outermost, self._outermost)
                self._outermost = _NOWHERE
            return parts
        # Most compounds hold scalars only: those are done here and now, without a frame.
        tokens: list[bytes] = []
        leaf_of = LEAVES.get
        rest = iter(parts[0])
        for child in rest:
            leaf = leaf_of(type(child))
            if leaf is None:
                stack.append(_Frame(value, parts, tokens, chain((child,), rest), met_before))
                return None
            tokens.append(leaf(child))
        del opened[place]
        return parts[1](tokens)

    def _leave(self, stack: list[_Frame]) -> bytes:
        frame = stack.pop()
        del self._open[id(frame.value)]
        token = frame.assemble(frame.tokens)
        outside = frame.outermost < len(self._open)
        if outside:
            if stack:
                stack[-1].outermost = min(stack[-1].outermost, frame.outermost)
            else:
                self._outermost = min(self._outermost, frame.outermost)
        elif self._entered > REMEMBER_AFTER:
            self._remember(frame, token)
        return token

    def _remember(self, frame: _Frame, token: bytes) -> None:
        # Only tokens that do not depend on where the value stands, and never without the value: ids are used again.
        if len(self._known) >= REMEMBER_AT_MOST:
            self._known.clear()
        met = self.references[frame.met :] if self.references is not None else []
        self._known[id(frame.value)] = (frame.value, token, met)
