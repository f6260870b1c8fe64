"""The codecs there are: by the type of the values that they write, and by the name under which they wrote.

Codecs for libraries are in modules of this package that are imported when a value of that library is first written, or
when a result is read that one of them wrote: no library is imported to find out that it is not needed.
"""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

from jumar.codecs.codec import Codec, Frame
from jumar.codecs.pickle import SOONER, PickleCodec

_LONGEST_NAME = 250
_MAX_KNOWN = 4096
"""Looked-up types kept; a program that makes classes without end must not make this table grow without end."""


class _Home(NamedTuple):
    """Where a built-in codec is, and what it needs."""

    module: str
    needs: tuple[str, ...]
    extra: str

    def is_furnished(self) -> bool:
        return all(find_spec(name) is not None for name in self.needs)


_NUMPY = _Home("jumar.codecs.numpy", ("numpy",), "numpy")
_ARROW = _Home("jumar.codecs.arrow", ("pyarrow",), "arrow")
_POLARS = _Home("jumar.codecs.polars", ("polars", "pyarrow"), "polars")
_TORCH = _Home("jumar.codecs.torch", ("torch", "numpy"), "torch")
_CLOUDPICKLE = _Home("jumar.codecs.cloudpickle", ("cloudpickle",), "cloudpickle")

_BY_LIBRARY = {"numpy": _NUMPY, "pyarrow": _ARROW, "polars": _POLARS, "torch": _TORCH}
"""By the top-level name of the module that a type comes from."""
_BY_NAME = {
    "numpy": _NUMPY,
    "numpy-readonly": _NUMPY,
    "pickle-readonly": _NUMPY,
    "arrow": _ARROW,
    "polars": _POLARS,
    "safetensors": _TORCH,
    "safetensors-dict": _TORCH,
    "cloudpickle": _CLOUDPICKLE,
}
_GENERAL = PickleCodec()


class Chain(NamedTuple):
    """The codecs to be asked for values of a type, one after the other."""

    name: str
    encode: Callable[[Any], Sequence[Frame] | None]
    """Name and method of the first, which is all that most values need."""
    codecs: tuple[Codec, ...]


class _UntilTorch:
    """Writes dicts as `PickleCodec` does, until PyTorch is imported: from then on one may hold nothing but tensors.

    Their types come from no library that could be looked up, and a program may make dicts before it imports PyTorch.
    """

    name = _GENERAL.name

    def __init__(self, take_up: Callable[[], None]) -> None:
        self._take_up = take_up

    def encode(self, value: Any) -> Sequence[Frame] | None:
        """The value's pickle; None once there is PyTorch, after its codecs were taken up."""
        if not hasattr(sys.modules.get("torch"), "UntypedStorage"):
            return _GENERAL.encode(value)
        self._take_up()
        return None

    def decode(self, data: memoryview) -> Any:
        """The value, as `PickleCodec` reads it."""
        return _GENERAL.decode(data)


class Catalogue:
    """Finds codecs.

    Example:
        >>> catalogue = Catalogue()
        >>> [codec.name for codec in catalogue.chain(list).codecs]
        ['pickle']

    *Guarantees*: every method may be called from any thread.
    """

    def __init__(self) -> None:
        self.known: dict[type, Chain] = {}
        """The chains that were looked up before. It may be read without a lock, and stays the same dictionary."""
        self.by_name: dict[str, Codec] = {_GENERAL.name: _GENERAL}
        """The codecs that are loaded; likewise."""
        self.registered: frozenset[str] = frozenset()
        """The names of those that users have registered. Likewise; a new set each time."""
        until_torch = _UntilTorch(lambda: self._load_if_furnished(_TORCH))
        self._by_type: dict[type, tuple[Codec, ...]] = {}
        self._sooner: dict[type, tuple[Codec, ...]] = {
            **dict.fromkeys((dict, OrderedDict), (until_torch, _GENERAL)),
            **{kind: (codec,) for kind, codec in SOONER.items()},
        }
        self._loaded: set[_Home] = set()
        self._lock = threading.Lock()  # never held while a module is imported: that would wait for other threads

    def register(self, codec: Codec, *types: type) -> None:
        """Let a codec write values of these types and their subclasses; ``jumar.codecs.register`` is this.

        Args:
            codec: The codec; the last one registered for a type is asked first. Its name stands in the store: a program
                that reads the results must register it too. One of the same name takes its place.
            types: The types.

        Raises:
            ValueError: The name is taken by jumar, or does not fit into a row.
        """
        name = codec.name
        if name in _BY_NAME or name == _GENERAL.name or not 0 < len(name) <= _LONGEST_NAME or "+" in name:
            raise ValueError(
                f"a codec cannot be named {name!r}: the name must be of 1 to {_LONGEST_NAME} characters, without '+', and "
                f"none of jumar's own ({', '.join(sorted((*_BY_NAME, _GENERAL.name)))})"
            )
        if not name.isascii():
            raise ValueError(f"a codec cannot be named {name!r}: the name must be ASCII")
        with self._lock:
            older = self.by_name.get(name)
            for kind in types:
                others = (other for other in self._by_type.get(kind, ()) if other is not older)
                self._by_type[kind] = (codec, *others)
            self.by_name[name] = codec
            self.registered |= {name}
            self.known.clear()

    def chain(self, kind: type) -> Chain:
        """The codecs to be asked for a value of this type, one after the other; remembers the answer."""
        for base in kind.__mro__:
            library = base.__module__.partition(".")[0] if isinstance(base.__module__, str) else ""
            home = _BY_LIBRARY.get(library)
            if home is not None:
                self._load_if_furnished(home)
        with self._lock:
            found = [codec for base in kind.__mro__ for codec in self._by_type.get(base, ())]
            codecs = (*dict.fromkeys(found), *self._sooner.get(kind, (_GENERAL,)))
            chain = Chain(codecs[0].name, codecs[0].encode, codecs)
            if len(self.known) >= _MAX_KNOWN:
                self.known.clear()
            self.known[kind] = chain
        return chain

    def named(self, name: str) -> Codec:
        """The codec that reads what was written under this name.

        Raises:
            LookupError: There is none, or it needs a package that is not installed.
        """
        codec = self.by_name.get(name)
        home = _BY_NAME.get(name)
        if codec is None and home is not None:
            if not home.is_furnished():
                raise LookupError(f"codec {name!r} needs {' and '.join(home.needs)}: pip install 'jumar[{home.extra}]'")
            self._load(home)
            codec = self.by_name.get(name)
        if codec is None:
            raise LookupError(
                f"no codec {name!r} here (there are: {', '.join(self.names())}); it came with a newer jumar, or the program "
                f"that wrote it registered it (jumar.codecs.register)"
            )
        return codec

    def names(self) -> list[str]:
        """The names of all codecs, loaded or not."""
        return sorted({*self.by_name, *_BY_NAME})

    def has_cloudpickle(self) -> bool:
        """Whether `named` gives the codec for what pickle cannot write."""
        return _CLOUDPICKLE.is_furnished()

    def _load_if_furnished(self, home: _Home) -> None:
        if home not in self._loaded and home.is_furnished():
            self._load(home)

    def _load(self, home: _Home) -> None:
        """Take up a module's codecs, behind what users registered for the same types."""
        found: dict[Codec, tuple[type, ...]] = import_module(home.module).codecs()
        with self._lock:
            if home in self._loaded:
                return
            for codec, types in found.items():
                for kind in types:
                    self._by_type[kind] = (*self._by_type.get(kind, ()), codec)
                self.by_name[codec.name] = codec
            self.known.clear()
            self._loaded.add(home)


CATALOGUE = Catalogue()
"""The codecs of this process."""
