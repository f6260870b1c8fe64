"""Tokens of the built-in scalars and containers.

What differs although ``==`` says otherwise, because functions can tell them apart (``str(x)``, ``1 / x``, the type of a
result): ``1``, ``True`` and ``1.0``; ``0.0`` and ``-0.0``; a list and a tuple; bytes and bytearray; a set and a
frozenset. What is equal although ``==`` says otherwise: NaN and NaN. What does not matter: the order of a dict and of a
set, who else holds a part, how a string was made.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from struct import Struct
from typing import Any

from jumar.keys.value_form import MAX_TOKEN, bounded, digested, outlined, record, text
from jumar.keys.value_registry import LEAVES, REGISTRY, Assemble, Parts
from jumar.keys.value_walk import Walk

_INT_END = 1 << 63
_NAN = float("nan")
_FLOAT = Struct(">cd").pack
_COMPLEX = Struct(">cdd").pack
_FLOAT_NAN = _FLOAT(b"f", _NAN)


def integer(value: int) -> bytes:
    """The token of an int of any size."""
    if -_INT_END < value < _INT_END:
        return b"i%d;" % value
    size_bytes = value.bit_length() // 8 + 1
    return digested(f"int {value.bit_length()} bits", value.to_bytes(size_bytes, "little", signed=True))


def real(value: float) -> bytes:
    """The token of a float; every NaN has the same."""
    return _FLOAT(b"f", value) if value == value else _FLOAT_NAN  # noqa: PLR0124 - the fastest test for NaN


def _complex(value: complex) -> bytes:
    real_part = value.real if value.real == value.real else _NAN
    imaginary = value.imag if value.imag == value.imag else _NAN
    return _COMPLEX(b"c", real_part, imaginary)


def _bytes(value: bytes) -> bytes:
    if len(value) <= MAX_TOKEN:
        return b"b%c%b" % (len(value), value)
    return digested(f"bytes {len(value)}", value)


def _bytearray(value: bytearray) -> bytes:
    return record("bytearray", [_bytes(bytes(value))], str(len(value)))


def sequence(kind: str, opening: bytes, closing: bytes) -> Assemble:
    """What joins the tokens of a container's items, in the order given.

    Args:
        kind: First word of the summary of a long one.
        opening: First byte of the token.
        closing: Last byte of the token.
    """

    def assemble(tokens: list[bytes]) -> bytes:
        body = b"".join(tokens)
        literal = opening + body + closing
        return literal if len(body) < MAX_TOKEN else outlined(f"{kind} {len(tokens)}", literal)

    return assemble


def item_step(_children: Sequence[Any], index: int) -> str:
    """Names an item of a sequence in a path."""
    return f"[{index}]"


def set_step(children: Sequence[Any], index: int) -> str:
    """Names an element of a set in a path."""
    return f"{{{short_repr(children[index])}}}"


def pair_step(children: Sequence[Any], index: int) -> str:
    """Names a key or a value of a mapping in a path; keys and values alternate in ``children``."""
    key = short_repr(children[index & ~1])
    return f"[{key}]" if index & 1 else f"{{key {key}}}"


def short_repr(key: object) -> str:
    """A text for ``key`` in a path: its repr if it is a short scalar, else its type's name."""
    if type(key) in LEAVES:
        shown = repr(key)
        if len(shown) <= 40:
            return shown
    return f"<{type(key).__name__}>"


_list = sequence("list", b"[", b"]")
_tuple = sequence("tuple", b"(", b")")
_sorted_set = sequence("set", b"<", b">")


def _set(tokens: list[bytes]) -> bytes:
    return _sorted_set(sorted(tokens))


def _frozenset(tokens: list[bytes]) -> bytes:
    return record("frozenset", sorted(tokens), str(len(tokens)))


def pairs(tokens: list[bytes]) -> bytes:
    """The token of a dict from the tokens of its keys and values, alternating, in any order of the pairs."""
    body = b"".join(chain.from_iterable(sorted(zip(tokens[::2], tokens[1::2], strict=True))))
    return bounded(f"dict {len(tokens) // 2}", b"{%b}" % body)


def alternate(mapping: dict[Any, Any]) -> list[Any]:
    """The keys and values of a dict, alternating."""
    return list(chain.from_iterable(mapping.items()))


def _encode_list(value: list[Any], _walk: Walk) -> Parts:
    return value, _list, item_step


def _encode_tuple(value: tuple[Any, ...], _walk: Walk) -> Parts:
    return value, _tuple, item_step


def _encode_dict(value: dict[Any, Any], _walk: Walk) -> Parts:
    return alternate(value), pairs, pair_step


def _encode_set(value: set[Any], _walk: Walk) -> Parts:
    return list(value), _set, set_step


def _encode_frozenset(value: frozenset[Any], _walk: Walk) -> Parts:
    return list(value), _frozenset, set_step


def _encode_range(value: range, _walk: Walk) -> bytes:
    return record("range", [integer(value.start), integer(value.stop), integer(value.step)])


def _slice(tokens: list[bytes]) -> bytes:
    return record("slice", tokens)


def _slice_step(_children: Sequence[Any], index: int) -> str:
    return (".start", ".stop", ".step")[index]


def _encode_slice(value: slice, _walk: Walk) -> Parts:
    return (value.start, value.stop, value.step), _slice, _slice_step


def _encode_memoryview(value: memoryview, _walk: Walk) -> bytes:
    shape = ",".join(map(str, value.shape or ()))
    data = value.tobytes()  # in logical order, whatever the strides
    return record("memoryview", [text(value.format), text(shape), _bytes(data)], f"{value.format} ({shape})")


LEAVES.update(
    {
        type(None): lambda _: b"N",
        bool: lambda value: b"T" if value else b"F",
        type(Ellipsis): lambda _: b"E",
        int: integer,
        float: real,
        complex: _complex,
        str: text,
        bytes: _bytes,
        bytearray: _bytearray,
    }
)

for _kind, _encoder in (
    (list, _encode_list),
    (tuple, _encode_tuple),
    (dict, _encode_dict),
    (set, _encode_set),
    (frozenset, _encode_frozenset),
    (range, _encode_range),
    (slice, _encode_slice),
    (memoryview, _encode_memoryview),
):
    REGISTRY.register(_kind, _encoder, subclasses=False)
