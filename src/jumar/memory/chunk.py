"""Chunks: values by reference, wherever they lie."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, ClassVar, Generic, Protocol, TypeVar, cast

from jumar.errors import FingerprintError
from jumar.future import Future
from jumar.graph.call import DONE, Call, Handle
from jumar.keys.value import register
from jumar.keys.value_walk import Walk
from jumar.memory.description import digest_of, outline_of_result, place_of, size_of
from jumar.memory.outline import Outline
from jumar.memory.resident import Resident, Where

T = TypeVar("T")


class Reader(Protocol):
    """What a chunk asks of the engine it belongs to."""

    def read(self, call: Call) -> Any:
        """The value of a finished call, for one reader."""


class Chunk(Handle, Generic[T]):
    """A reference to a value: a call's result, or what was given to `jumar.put`.

    It says what the value is and where it lies, without loading it. As an argument of a call, at any depth of lists,
    tuples, dicts, sets and dataclasses, it is replaced by the value, as a future is; a task with ``meta=True`` is given
    the chunk itself. A task that returns a chunk returns its value.

    *Guarantees*: the value is there as long as the chunk is, in memory, in a file of the session, or in the store; what
    is not kept in the store is let go of with the last reference, and with the session at the latest. Each `fetch` gives
    a value of one's own, unless nobody can change it. Pickled, a chunk is a reference to what the store keeps; one that
    the store does not have cannot be pickled.

    Example:
        >>> import jumar
        >>> @jumar.task
        ... def numbers(n: int) -> list[int]:
        ...     return list(range(n))
        >>> chunk = numbers.spawn(3).chunk()
        >>> chunk.type, chunk.length, chunk.place, chunk.fetch()
        ('list', 3, 'memory', [0, 1, 2])
    """

    reopened: ClassVar[Callable[[bytes], Chunk[Any]]]
    """Gives the chunk of a key in the session that is open; `jumar.referring` puts it here, as this knows no sessions."""

    def __init__(self, keeper: Reader, call: Call) -> None:
        self._keeper = keeper
        self._call = call

    @property
    def key(self) -> str:
        """The key of the call whose result it is, in hexadecimal; of what was put, the digest of the value."""
        return self._call.key.hex()

    @property
    def type(self) -> str:
        """The qualified name of the value's class, such as ``numpy.ndarray``."""
        return self.outline.type

    @property
    def shape(self) -> tuple[int, ...] | None:
        """The shape of an array or a table."""
        return self.outline.shape

    @property
    def dtype(self) -> str | None:
        """The element type of an array, in words."""
        return self.outline.dtype

    @property
    def length(self) -> int | None:
        """The length of what has one."""
        return self.outline.length

    @cached_property
    def size_bytes(self) -> int:
        """The length of the value's bytes, as they are written."""
        return size_of(self._call.outcome)

    @property
    def place(self) -> Where:
        """Where it would be read from now: ``"memory"``, ``"shared"`` memory, a file on ``"disk"``, or the ``"store"``."""
        return place_of(self._call.outcome)

    @cached_property
    def digest(self) -> str:
        """BLAKE3 of the value's bytes in hexadecimal: the name of its blob, if it has one. Those in memory are hashed now."""
        return digest_of(self._call.outcome).hex()

    @cached_property
    def outline(self) -> Outline:
        """Type, shape, dtype and length at once."""
        return outline_of_result(self._call.outcome)

    def fetch(self) -> T:
        """The value.

        Raises:
            DamagedError: It is not there any more: its session has ended and did not keep it, or what was kept is damaged.
        """
        return cast("T", self._keeper.read(self._call))

    @contextmanager
    def pinned(self) -> Iterator[None]:
        """While in this block, the value does not leave the memory in which it is."""
        self.pin(1)
        try:
            yield
        finally:
            self.pin(-1)

    def pin(self, times: int) -> None:
        """Keep the value where it is so many times more; a negative number takes that back. `pinned` is for users."""
        resident = self._call.outcome
        if isinstance(resident, Resident):
            resident.pool.room.pin(resident, times)

    def call_for(self, engine: object) -> Call:
        """The call that stands for this in an engine; in another one than its own, an equal one that has ended."""
        mine = self._call
        if self._keeper is engine:
            return mine
        call = Call(mine.key, mine.task, mine.info, None, None)
        call.outcome, call.given, call.state, call.entered = mine.outcome, mine.given, DONE, True
        return call

    def __repr__(self) -> str:
        shown = "" if self.shape is None else f" {self.shape} {self.dtype or ''}".rstrip()
        return f"<jumar.Chunk {self.type}{shown} of {self.size_bytes:,} bytes in {self.place}>"

    def __reduce__(self) -> Any:
        """By its key, where the store has the value under it."""
        entry = getattr(self._call.outcome, "entry", None)
        if entry is None or entry.key != self._call.key:
            raise TypeError(
                f"{self!r} cannot be pickled: the store does not keep its value. Pass the chunk to a task as an argument, take "
                f"its value with .fetch(), or let the task that gives it keep its results (checkpoint=True)."
            )
        return _reopened, (self._call.key,)


def _reopened(key: bytes) -> Chunk[Any]:
    """How a chunk is unpickled."""
    return Chunk.reopened(key)


def _chunk_of(future: Future[Any]) -> Chunk[Any]:
    error = future.exception()
    if error is not None:
        raise error
    call: Call = future._call  # noqa: SLF001  (a chunk and a future are two handles of one call)
    return Chunk(cast("Reader", future._keeper), call)  # noqa: SLF001


def _token_of(call: Call, met: object, walk: Walk) -> bytes:
    """What stands for a result in a key: the token of a value that was given, else the key of the call that gives it.

    So a call with a chunk of a value has the key of the same call with the value itself.
    """
    if walk.references is not None:
        walk.references.append(met)
    elif call.given is None:
        raise FingerprintError(f"a {type(met).__name__} stands here, where only a finished value can")
    return b"@" + call.key if call.given is None else call.given


register(Chunk, lambda chunk, walk: _token_of(chunk._call, chunk, walk), subclasses=True)  # noqa: SLF001
register(Call, lambda call, walk: _token_of(call, call, walk), subclasses=True)  # in a future's or a chunk's place
Future.chunk_of = staticmethod(_chunk_of)
