"""Reading tokens: what people are shown of a value whose token is all that was kept."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from jumar.keys.digest import DIGEST_SIZE

_WORDS = {b"N": "None", b"T": "True", b"F": "False", b"E": "..."}
_BRACKETS = {b"[": ("[", "]"), b"(": ("(", ")"), b"<": ("{", "}"), b"{": ("{", "}")}
_END = b"])>};"
_FIXED_SIZE_BYTES = {b"f": 8, b"c": 16, b"@": DIGEST_SIZE}


@dataclass(frozen=True, slots=True)
class _Node:
    """A token, read: its first byte, what it says, its parts, and where it ends."""

    kind: bytes
    says: str
    parts: tuple[_Node, ...]
    end: int


def describe(token: bytes) -> str:
    r"""A short text for a token.

    Args:
        token: What `jumar.keys.value.token` gave.

    Returns:
        Such as ``42``, ``'abc'``, ``[1, 2, 3]``, ``ndarray float64 (100, 3) #3fa9c1``, ``@3fa9c1…`` for a reference.

    Raises:
        ValueError: The bytes are not a token.

    Example:
        >>> describe(b"[i1;s\x03abcT]")
        "[1, 'abc', True]"
    """
    return _text(_whole(token))


def parts(token: bytes) -> Iterator[tuple[str, bytes]]:
    """The places in a token and the token at each, the value itself (``""``) first, outer before inner.

    Args:
        token: What `jumar.keys.value.token` gave; a digested value has no places in it.

    Returns:
        Pairs of a path such as ``["model"][3]`` and a token, so that two values can be compared place by place.

    Example:
        >>> [(path, describe(part)) for path, part in parts(b"[i1;(T)]")]
        [('', '[1, (True,)]'), ('[0]', '1'), ('[1]', '(True,)'), ('[1][0]', 'True')]
    """
    return ((path, token[start:end]) for path, _, start, end in _places(_whole(token), token, "", 0))


def digested_places(token: bytes) -> Iterator[tuple[int, int]]:
    r"""Where in a token something stands as a digest: start and end in bytes, in order; the digest is at the end.

    Example:
        >>> long = b"#\x06list 9" + bytes(32)
        >>> list(digested_places(b"[i1;" + long + b"]"))
        [(4, 44)]
    """
    return ((start, end) for _, kind, start, end in _places(_whole(token), token, "", 0) if kind == b"#")


def _whole(token: bytes) -> _Node:
    try:
        node = _read(token, 0)
    except (IndexError, ValueError, struct.error) as error:
        raise ValueError(f"not a token: {token[:80]!r}") from error
    if node.end != len(token):
        raise ValueError(f"not a token: {token[:80]!r} goes on after its end at byte {node.end}")
    return node


def _read(data: bytes, at: int) -> _Node:
    kind = data[at : at + 1]
    start = at + 1
    if kind in _WORDS:
        return _Node(kind, _WORDS[kind], (), start)
    if kind in _BRACKETS:
        return _read_parts(kind, "", data, start)
    if kind in {b"i", b"^"}:
        end = data.index(b";", start)
        return _Node(kind, data[start:end].decode(), (), end + 1)
    if kind in _FIXED_SIZE_BYTES:
        end = start + _FIXED_SIZE_BYTES[kind]
        return _Node(kind, _fixed_text(kind, data[start:end]), (), end)
    return _read_counted(kind, data, start)


def _fixed_text(kind: bytes, body: bytes) -> str:
    if kind == b"@":
        return body[:3].hex()
    numbers = struct.unpack(f">{len(body) // 8}d", body)
    return repr(numbers[0]) if kind == b"f" else repr(complex(*numbers))


def _read_counted(kind: bytes, data: bytes, at: int) -> _Node:
    end = at + 1 + data[at]
    body = data[at + 1 : end]
    if kind == b"s":
        return _Node(kind, repr(body.decode("utf-8", "surrogatepass")), (), end)
    if kind == b"b":
        return _Node(kind, repr(body), (), end)
    if kind == b"r":
        return _read_parts(kind, body.decode(), data, end)
    if kind == b"#":
        says = f"{body.decode('utf-8', 'replace')} #{data[end : end + 3].hex()}"
        return _Node(kind, says, (), end + DIGEST_SIZE)
    raise ValueError(f"not a token: {kind!r} at byte {at - 1} opens nothing")


def _read_parts(kind: bytes, says: str, data: bytes, at: int) -> _Node:
    found: list[_Node] = []
    while data[at] not in _END:
        found.append(_read(data, at))
        at = found[-1].end
    return _Node(kind, says, tuple(found), at + 1)


def _text(node: _Node) -> str:
    if node.kind == b"@":
        return f"@{node.says}…"
    if node.kind == b"^":
        return f"<itself, {node.says} out>"
    if node.kind == b"r":
        return _record_text(node)
    if node.kind in _BRACKETS:
        return _container_text(node)
    return node.says


def _container_text(node: _Node) -> str:
    shown = [_text(part) for part in node.parts]
    if node.kind == b"{":
        return "{" + ", ".join(f"{key}: {value}" for key, value in zip(shown[::2], shown[1::2], strict=True)) + "}"
    if node.kind == b"<" and not shown:
        return "set()"
    left, right = _BRACKETS[node.kind]
    only = "," if node.kind == b"(" and len(shown) == 1 else ""
    return f"{left}{', '.join(shown)}{only}{right}"


def _record_text(node: _Node) -> str:
    """Records of classes, instances and enum members read as in Python; any other as ``name(parts)``."""
    shown = [_text(part) for part in node.parts]
    if node.says == "class":
        return node.parts[1].says.strip("'\"")
    if node.says == "named":  # a library's class or function
        return node.parts[0].says.strip("'\"").rpartition(".")[2]
    if node.says in {"object", "identity"} and len(shown) > 1:
        if node.parts[-1].kind == b"{":
            names = [part.says.strip("'\"") for part in node.parts[-1].parts[::2]]
            values = [_text(part) for part in node.parts[-1].parts[1::2]]
            fields = [f"{name}={value}" for name, value in zip(names, values, strict=True)]
            return f"{shown[0]}({', '.join([*shown[1:-1], *fields])})"
        rest = shown[1:-1] if node.parts[-1].kind == b"N" and node.says == "object" else shown[1:]
        return f"{shown[0]}({', '.join(rest)})"
    if node.says == "enum":
        return f"{shown[0]}.{node.parts[1].says.strip(chr(39))}"
    return f"{node.says}({', '.join(shown)})"


def _places(node: _Node, data: bytes, path: str, at: int) -> Iterator[tuple[str, bytes, int, int]]:
    """Each part with its path, the first byte that tells its kind, and where it starts and ends."""
    yield path, node.kind, at, node.end
    start = at + (2 + data[at + 1] if node.kind == b"r" else 1)
    for index, part in enumerate(node.parts):
        if node.kind != b"{":
            yield from _places(part, data, f"{path}[{index}]", start)
        elif index % 2:
            yield from _places(part, data, f"{path}[{_text(node.parts[index - 1])}]", start)
        start = part.end
