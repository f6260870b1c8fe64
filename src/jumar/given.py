"""Values that users give: each is a call that has ended, and that nobody has run."""

from __future__ import annotations

from typing import Any

from jumar.foreign import Foreign
from jumar.graph.call import DONE, Call
from jumar.keys.digest import digest
from jumar.keys.value import token
from jumar.memory.chunk import Chunk

_GIVEN = Foreign("jumar.put")


def chunk_of(engine: Any, value: Any) -> Chunk[Any]:
    """The chunk of a value in an engine, which holds a copy of it; see `jumar.put`.

    Args:
        engine: The engine.
        value: The value.

    Raises:
        FingerprintError: It has no identity.
        Exception: What pickling it raises.
    """
    identity = token(value)
    call = Call(digest(identity), _GIVEN, None, None, None)
    call.given, call.state, call.entered = identity, DONE, True
    call.keep = call.look = call.counted = False
    call.outcome = engine.pooled().deposit(value, (call.key, _GIVEN.name))
    return Chunk(engine, call)
