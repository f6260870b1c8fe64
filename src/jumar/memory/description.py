"""What is said of a finished call's result without giving it to anybody."""

from __future__ import annotations

import sys
from typing import Any

from jumar.codecs.registry import Codecs
from jumar.errors import DamagedError
from jumar.graph.call import NOTHING
from jumar.keys.digest import digest_all
from jumar.memory.outline import Outline, outline_of
from jumar.memory.resident import Resident, Where
from jumar.result import Kept, Result
from jumar.store.records import role

_CODECS = Codecs()


def place_of(result: Result) -> Where:
    """Where a reader's value would come from now."""
    if isinstance(result, Resident):
        return result.place
    return "store" if isinstance(result, Kept) and result.fresh is NOTHING else "memory"


def size_of(result: Result) -> int:
    """The length of the value's bytes, as a codec writes them; of what no codec can write, that of the object alone."""
    if isinstance(result, Resident):
        return result.size_bytes
    if isinstance(result, Kept):
        return result.entry.size_bytes
    value = result.take()
    try:
        return sum(map(len, _CODECS.encode(value)[1]))
    except Exception:  # noqa: BLE001  (pickling runs user code)
        return sys.getsizeof(value)


def outline_of_result(result: Result) -> Outline:
    """Its outline. What lies in a file is opened for it, and large buffers in it are not read.

    Raises:
        DamagedError: It is not there any more.
    """
    if isinstance(result, Resident):
        return result.outline
    if not isinstance(result, Kept):
        return outline_of(result.take())
    return outline_of(_unverified(result) if result.fresh is NOTHING else result.fresh)


def digest_of(result: Result) -> bytes:
    """BLAKE3 of the value's bytes: the name of its blob, where it has one.

    Raises:
        DamagedError: It is not there any more.
        Exception: What pickling it raises, where it is in memory only.
    """
    entry = getattr(result, "entry", None)
    if entry is not None:
        return entry.blob or digest_all([entry.inline])
    if isinstance(result, Resident) and result.segment is not None:
        return digest_all([result.segment.segment.memory()])
    return digest_all(_CODECS.encode(result.value if isinstance(result, Resident) else result.take())[1])


def _unverified(result: Kept) -> Any:
    """The value, without a look at all of its bytes; where that does not work, with everything that is due then."""
    store, entry = result.store, result.entry
    if entry.blob is not None:
        try:
            return store.codecs.named(role(entry.codec)[1]).decode(store.blobs.open(entry.blob, verify=False))
        except DamagedError:
            raise
        except Exception:  # noqa: BLE001  (altered bytes: the store says so)
            return store.load(entry)
    return store.load(entry)
