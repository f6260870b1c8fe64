"""The codec for what pickle cannot write: functions and classes that no module holds under their name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import cloudpickle

from jumar.codecs.codec import Codec, Frame
from jumar.codecs.pickle import PICKLERS, PickleCodec

PICKLERS[cloudpickle.dumps] = cloudpickle.Pickler


class CloudpickleCodec(PickleCodec):
    """Writes lambdas, functions and classes made inside functions, and values that hold some, by their code.

    Example:
        >>> codec = CloudpickleCodec()
        >>> codec.decode(memoryview(bytearray(b"".join(codec.encode(lambda number: number + 1)))))(2)
        3

    *Guarantees*: the framing is that of pickle, buffers and all. What is restored is readable by the minor version of
    Python that wrote it, as code is; another one may refuse it, and the call runs again.
    """

    name = "cloudpickle"

    def encode(self, value: Any, dumps: Callable[..., bytes] = cloudpickle.dumps) -> Sequence[Frame]:
        """The plain or the framed form of the value, as `PickleCodec` writes it.

        Raises:
            Exception: What the value's own pickling raises, where cloudpickle cannot write it either.
        """
        return super().encode(value, dumps)


def codecs() -> dict[Codec, tuple[type, ...]]:
    """The codec, for no type: it is asked when pickle has failed."""
    return {CloudpickleCodec(): ()}
