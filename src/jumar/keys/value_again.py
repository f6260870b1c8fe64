"""Values from tokens, where a token says all of its value: plain values and containers of them."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from jumar.keys.digest import DIGEST_SIZE

_WORDS = {b"N": None, b"T": True, b"F": False}
_CONTAINERS: dict[bytes, Callable[[list[Any]], Any]] = {
    b"[": list,
    b"(": tuple,
    b"<": set,
    b"{": lambda items: dict(zip(items[::2], items[1::2], strict=True)),
}
_END = b"])>}"


class UnsaidError(ValueError):
    """A token names its value and does not say it: it is long, or of a kind that tokens only describe."""


def value_of(token: bytes, refer: Callable[[bytes], Any]) -> Any:
    r"""The value that a token says.

    Args:
        token: What `jumar.keys.value.token` gave.
        refer: Gives the value that a reference stands for, by the key of the call.

    Raises:
        UnsaidError: It is not all there; the text says what is missing.

    Example:
        >>> value_of(b"(i1;[s\x03abcN])", refer=dict().get)
        (1, ['abc', None])
    """
    return _Reader(token, refer).value()


class _Reader:
    def __init__(self, token: bytes, refer: Callable[[bytes], Any]) -> None:
        self._data, self._at, self._refer = token, 0, refer

    def value(self) -> Any:
        kind = self._take(1)
        if kind in _WORDS:
            return _WORDS[kind]
        if kind in _CONTAINERS:
            return _CONTAINERS[kind](self._items())
        if kind == b"@":
            return self._refer(self._take(DIGEST_SIZE))
        return self._number(kind) if kind in {b"i", b"f", b"c"} else self._counted(kind)

    def _number(self, kind: bytes) -> Any:
        if kind == b"i":
            end = self._data.index(b";", self._at)
            return int(self._take(end + 1 - self._at)[:-1])
        if kind == b"f":
            return struct.unpack(">d", self._take(8))[0]
        return complex(*struct.unpack(">dd", self._take(16)))

    def _items(self) -> list[Any]:
        found = []
        while self._data[self._at] not in _END:
            found.append(self.value())
        self._at += 1
        return found

    def _counted(self, kind: bytes) -> Any:
        if kind == b"E":
            raise UnsaidError("it is not part of the key, and so was not recorded")
        if kind not in {b"s", b"b", b"r", b"#"}:
            raise UnsaidError("it holds itself")
        body = self._take(self._take(1)[0])
        if kind == b"s":
            return body.decode("utf-8", "surrogatepass")
        if kind == b"b":
            return body
        raise UnsaidError(f"of it only this was recorded: {body.decode('utf-8', 'replace')}")

    def _take(self, size_bytes: int) -> bytes:
        start, self._at = self._at, self._at + size_bytes
        return self._data[start : self._at]
