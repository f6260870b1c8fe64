"""Which codec writes a value of a store, and which one reads a stored result."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from types import ModuleType
from typing import Any, Literal

from jumar.codecs.catalogue import CATALOGUE, Catalogue
from jumar.codecs.codec import Codec, Frame
from jumar.errors import SettingsError

Compression = Literal["none", "zstd"]
"""Whether results are compressed where a sample says that it pays."""

_UNPICKLABLE = (pickle.PicklingError, AttributeError, TypeError)
"""What pickle raises for a value that it cannot write."""
_ZSTD = "zstd+"


class Codecs:
    """The codecs of a store.

    Args:
        compression: ``"zstd"`` compresses large results where it pays. They are restored by decompression then, not as
            memory maps. What was compressed is read whatever is said here.
        catalogue: The codecs to choose from; those of the process if not given.

    Raises:
        SettingsError: Zstandard is not installed.

    Example:
        >>> codecs = Codecs()
        >>> name, frames = codecs.encode([1, 2])
        >>> name
        'pickle'
        >>> codecs.named(name).decode(memoryview(bytearray(b"".join(frames))))
        [1, 2]
    """

    def __init__(self, *, compression: Compression = "none", catalogue: Catalogue = CATALOGUE) -> None:
        self.compression: Compression = compression
        self._catalogue = catalogue
        self._known, self._by_name = catalogue.known, catalogue.by_name
        self._squeezed = _zstd().squeezed if compression == "zstd" else None

    def choose(self, value: Any) -> Codec:
        """The codec that is asked first to write this value."""
        return self._catalogue.chain(type(value)).codecs[0]

    def encode(self, value: Any, *, by_name: bool = False) -> tuple[str, Sequence[Frame]]:
        """The name of the codec that wrote the value, and what it wrote.

        Args:
            value: The value.
            by_name: Refuse what could only be written by its code: another process would make other classes of it.

        Raises:
            Exception: What pickling the value raises. Where cloudpickle might help and is not installed, it says so.
        """
        kind = type(value)
        name, write, codecs = self._known.get(kind) or self._catalogue.chain(kind)
        try:
            frames = write(value)
            if frames is None:
                name, frames = self._asked(codecs[0], value)
        except _UNPICKLABLE as error:
            if by_name:
                raise
            name, frames = self._by_code(value, error)
        if self._squeezed is not None:
            return self._smaller(name, frames)
        return name, frames

    def named(self, name: str) -> Codec:
        """The codec that reads what was written under this name.

        Raises:
            LookupError: There is none: the result was written by a newer jumar, with a codec that is not registered, or
                with one that needs a package that is not installed.
        """
        codec = self._by_name.get(name)
        if codec is not None:
            return codec
        if name.startswith(_ZSTD):
            try:
                wrapped: Codec = _zstd().ZstdCodec(self.named(name[len(_ZSTD) :]))
            except SettingsError as error:
                raise LookupError(str(error)) from error
            return wrapped
        return self._catalogue.named(name)

    def _asked(self, declined: Codec, value: Any) -> tuple[str, Sequence[Frame]]:
        kind = type(value)  # looked up anew: the first codec may have taken up others
        for codec in (self._known.get(kind) or self._catalogue.chain(kind)).codecs:
            frames = None if codec is declined else codec.encode(value)
            if frames is not None:
                return codec.name, frames
        raise AssertionError("the general codec, the last of a chain, writes or raises")

    def _by_code(self, value: Any, error: Exception) -> tuple[str, Sequence[Frame]]:
        """What cloudpickle makes of a value that pickle cannot write; pickle's error if that is nothing."""
        if not self._catalogue.has_cloudpickle():
            raise pickle.PicklingError(
                f"{error}. (cloudpickle writes functions and classes that were made inside a function, where it is "
                f"installed: pip install 'jumar[cloudpickle]')"
            ) from error
        codec = self._catalogue.named("cloudpickle")
        try:
            frames = codec.encode(value)
        except Exception:  # noqa: BLE001 # the same as pickle's or a stranger one; pickle's is the one to be told
            raise error from None
        assert frames is not None
        return codec.name, frames

    def _smaller(self, name: str, frames: Sequence[Frame]) -> tuple[str, Sequence[Frame]]:
        assert self._squeezed is not None
        smaller = self._squeezed(frames)
        return (name, frames) if smaller is None else (_ZSTD + name, smaller)


def _zstd() -> ModuleType:
    try:
        from jumar.codecs import zstd  # noqa: PLC0415 # an optional package
    except ImportError as error:
        raise SettingsError(
            f"compression with Zstandard needs a package that is not installed ({error}): pip install 'jumar[zstd]'"
        ) from error
    return zstd
