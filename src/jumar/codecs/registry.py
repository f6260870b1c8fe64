"""Which codec writes a value, and which one reads a stored result."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jumar.codecs.codec import Codec
from jumar.codecs.pickle import PickleCodec


class Codecs:
    """The codecs of a store: the first is the one that writes, all of them can read.

    Args:
        codecs: The codecs, each under a name of its own.

    Example:
        >>> codecs = Codecs()
        >>> codecs.choose([1, 2]).name
        'pickle'
        >>> codecs.named("pickle") is codecs.choose("anything")
        True
    """

    def __init__(self, codecs: Iterable[Codec] = (PickleCodec(),)) -> None:
        self._by_name = {codec.name: codec for codec in codecs}
        if not self._by_name:
            raise ValueError("a store needs at least one codec")
        self._general = next(iter(self._by_name.values()))

    def choose(self, value: Any) -> Codec:  # noqa: ARG002 # codecs by type find their place here; callers give the value
        """The codec that writes this value."""
        return self._general

    def named(self, name: str) -> Codec:
        """The codec that reads what was written under this name.

        Raises:
            LookupError: There is none: the result was written by a newer jumar, or with a codec that is not registered.
        """
        codec = self._by_name.get(name)
        if codec is None:
            known = ", ".join(sorted(self._by_name))
            raise LookupError(
                f"no codec {name!r} here (there are: {known}); it came with a newer jumar or an extension"
            )
        return codec
