"""The records of an index: what is known about tasks and calls. Plain values, the same for every kind of index."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, NamedTuple

State = Literal["done", "failed", "continued"]

GRAPH = "graph"
"""Before a codec's name: what is kept is no result, but the graph that a call returned and that is to be computed."""
ERROR = "error"
"""Likewise: what is kept is the error that a call ended with."""


@lru_cache(256)
def role(codec: str) -> tuple[str, str]:
    """What a codec's name in a row says: what is kept (empty for a result), and what wrote it.

    Example:
        >>> role("graph:pickle"), role("pickle")
        (('graph', 'pickle'), ('', 'pickle'))
    """
    kept, _, writer = codec.rpartition(":")
    return kept, writer


class TaskInfo(NamedTuple):
    """A task as the store knows it: code under a name. The same code under two names is two rows with one ``code``."""

    code: bytes
    """Digest of the code fingerprint (32 bytes): what every key of this task starts from."""
    name: str
    """For people: the qualified name, or the ``name=`` option."""
    module: str
    """The module's name."""
    parameters: str = ""
    """The names of the parameters, with spaces between them."""


class Entry(NamedTuple):
    """A kept result: a row of the index. Either ``inline`` holds its bytes or ``blob`` names them."""

    key: bytes
    """The call's key, 32 bytes."""
    task: int
    """The task's number in this index (see ``Index.add_task``); 0 where the index could not take it."""
    created_s: float
    """When the result was recorded, seconds since the epoch."""
    seconds: float
    """How long the function ran."""
    size_bytes: int
    """Length of the encoded result."""
    codec: str
    """The codec that wrote it and can read it; see `role`."""
    inline: bytes | None
    """The encoded result, where it is small."""
    blob: bytes | None
    """The digest of the blob that holds it, where it is large."""
    arguments: bytes
    """The bound arguments as tokens (see ``jumar.keys``), readable by ``jumar show`` and ``jumar why``."""
    content: bytes | None = None
    """The key that the call has with the values of its arguments in the place of the calls they come from; None where
    there are no such arguments, or where a value has no identity."""
    needs: bytes | None = None
    """The beginnings of the keys of the calls among the arguments, `NEED_BYTES` each; None where there are none."""
    run: int = 0
    """The run that computed it (see ``Lineage``); 0 if that is not known."""


NEED_BYTES = 8
"""How much of a key identifies a call among those of one store well enough to explain something by it."""


class Failure(NamedTuple):
    """The last failed attempt of a call; gone once the call succeeds."""

    key: bytes
    task: int
    created_s: float
    seconds: float
    attempt: int
    """Counts from 1 over all sessions; the index counts, what is given here is ignored by ``add``."""
    error: str
    """One line: type and message."""
    traceback: str
    arguments: bytes
    recall: bytes | None = None
    """The call with its arguments, ready to be made again, where it could be written."""
    run: int = 0
    """The run in which it failed (see ``Lineage``); 0 if that is not known."""
    needs: bytes | None = None
    """The beginnings of the keys of the calls among the arguments, `NEED_BYTES` each; None where there are none."""


class CallRecord(NamedTuple):
    """A call as the command line shows it: a result or a failure, with its task."""

    key: bytes
    task: TaskInfo
    state: State
    created_s: float
    seconds: float
    size_bytes: int
    codec: str
    blob: bytes | None
    arguments: bytes
    attempt: int
    error: str
    traceback: str
    needs: bytes | None = None
    run: int = 0


class Payload(NamedTuple):
    """An encoded value: what ``Store.encode`` gives and an ``Entry`` carries."""

    codec: str
    size_bytes: int
    inline: bytes | None
    blob: bytes | None


class Counts(NamedTuple):
    """What an index holds."""

    calls: int
    failures: int
    tasks: int
    inline_bytes: int
    index_bytes: int
    """Size of the index itself on disk, 0 where it is in memory."""


class Totals(NamedTuple):
    """What a store holds."""

    calls: int
    failures: int
    tasks: int
    inline_bytes: int
    blobs: int
    blob_bytes: int
    index_bytes: int
    """Size of the index itself on disk, 0 where it is in memory."""
