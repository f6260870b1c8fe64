"""The codec for what pickle cannot write: functions and classes that no module holds under their name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cloudpickle

from jumar.codecs import framing
from jumar.codecs.codec import Codec, Frame


class CloudpickleCodec:
    """Writes lambdas, functions and classes made inside functions, and values that hold some, by their code.

    Example:
        >>> codec = CloudpickleCodec()
        >>> codec.decode(memoryview(bytearray(b"".join(codec.encode(lambda number: number + 1)))))(2)
        3

    *Guarantees*: the framing is that of pickle, buffers and all. What is restored is readable by the minor version of
    Python that wrote it, as code is; another one may refuse it, and the call runs again.
    """

    name = "cloudpickle"

    def encode(self, value: Any) -> Sequence[Frame]:
        """The plain or the framed form of the value; buffers in it are views of the value's memory.

        Raises:
            Exception: What the value's own pickling raises, for what cloudpickle cannot write either.
        """
        return framing.dump(cloudpickle.dumps, value)

    def decode(self, data: memoryview) -> Any:
        """The value from its plain or framed form; large buffers in it are views of ``data``.

        Raises:
            Exception: The framing is damaged, or the value's own unpickling fails.
        """
        return framing.load(data)


def codecs() -> dict[Codec, tuple[type, ...]]:
    """The codec, for no type: it is asked when pickle has failed."""
    return {CloudpickleCodec(): ()}
