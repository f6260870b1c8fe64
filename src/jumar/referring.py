"""Chunks of values and of lazy calls: what users refer to without having it."""

from __future__ import annotations

from typing import Any, TypeVar

from jumar.errors import JumarError
from jumar.future import Future
from jumar.given import chunk_of
from jumar.here import PLACE
from jumar.lazy import Lazy
from jumar.memory.chunk import Chunk
from jumar.session import current as current_session

T = TypeVar("T")


def put(value: T) -> Chunk[T]:
    """A chunk of a value, for many calls to be given without a copy of it in each.

    The value is copied once: into shared memory if it is large, or to disk where it is larger than the session's memory.
    Changing it afterwards changes nothing. A call with the chunk is the same call as with the value, and finds the same
    result; the value is identified once, however many calls it is passed to. It lasts as long as something refers to the
    chunk, and is not kept in the store.

    Args:
        value: Anything that has an identity and that pickle can write.

    Raises:
        FingerprintError: It has no identity.
        Exception: What pickling it raises.

    Example:
        >>> import jumar
        >>> @jumar.task
        ... def total(numbers: list[int], factor: int) -> int:
        ...     return factor * sum(numbers)
        >>> numbers = jumar.put([1, 2, 3])
        >>> [total.spawn(numbers, factor).result() for factor in (1, 10)], numbers.fetch()
        ([6, 60], [1, 2, 3])
        >>> total.key(numbers, 1) == total.key([1, 2, 3], 1)
        True
    """
    engine: Any = PLACE.get().engine or current_session().engine
    if engine.is_remote:
        remote: Chunk[T] = engine.put(value)
        return remote
    chunk: Chunk[T] = chunk_of(engine, value)
    return chunk


def compute(lazy: Lazy[T] | Future[T]) -> Chunk[T]:
    """A chunk of a lazy call's result, which is found or computed, and not loaded. `collect` gives the value.

    Args:
        lazy: The call; a future is waited for.

    Raises:
        BaseException: What a task raised.

    Example:
        >>> import jumar
        >>> @jumar.task
        ... def double(x: int) -> int:
        ...     return 2 * x
        >>> chunk = jumar.compute(double.lazy(double.lazy(1)))
        >>> chunk.type, jumar.collect(double.lazy(chunk))
        ('int', 8)
    """
    if isinstance(lazy, Future):
        return lazy.chunk()
    if not isinstance(lazy, Lazy):
        raise TypeError(f"compute takes a lazy call (f.lazy(x), jumar.delayed(f)(x)) or a future, not {lazy!r}")
    future: Future[T] = lazy._keeper.spawn(lazy._call)  # noqa: SLF001  (a lazy call and its engine are one thing)
    return future.chunk()


def _reopened(key: bytes) -> Chunk[Any]:
    engine: Any = PLACE.get().engine or current_session().engine
    if engine.is_remote:
        remote: Chunk[Any] = engine.reopened(key)
        return remote
    call = engine.known(key)
    if call is None:
        raise JumarError(
            f"a chunk refers to the result of call {key.hex()[:12]}, which the store {engine.store!r} does not have: it was "
            f"removed, or belongs to another store. Open the session on the store that the chunk was pickled with."
        )
    return Chunk(engine, call)


Chunk.reopened = staticmethod(_reopened)
