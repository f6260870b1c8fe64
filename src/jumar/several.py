"""Several futures at once: waiting for them, taking them as they end, gathering their values."""

from __future__ import annotations

import concurrent.futures as cf
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from queue import Empty, SimpleQueue
from typing import Any, Literal, NamedTuple, TypeVar, cast

from jumar.errors import DeadlockError
from jumar.future import Future

T = TypeVar("T")

ReturnWhen = Literal["ALL_COMPLETED", "FIRST_COMPLETED", "FIRST_EXCEPTION"]


class DoneAndNotDone(NamedTuple):
    """What ``wait`` returns: two sets of futures."""

    done: set[Future[Any]]
    not_done: set[Future[Any]]


def wait(
    futures: Iterable[Future[Any]],
    timeout: float | None = None,
    return_when: ReturnWhen = "ALL_COMPLETED",
    *,
    num_returns: int | None = None,
) -> DoneAndNotDone:
    """Those that are done and those that are not, as in ``concurrent.futures.wait``. Failed calls count as done.

    Inside a task, what is waited for is run in its thread, in the order given, where nobody has begun with it.

    Args:
        futures: Any number of futures.
        timeout: Seconds to wait at most.
        return_when: As in the standard library.
        num_returns: Return as soon as this many are done, and these only.

    Raises:
        ValueError: There is no such ``return_when``, or there are fewer futures than ``num_returns``.
        DeadlockError: None of the futures can be done before the task that waits for them.

    Example:
        >>> import jumar
        >>> @jumar.task
        ... def triple(x: int) -> int:
        ...     return 3 * x
        >>> done, not_done = jumar.wait([triple.spawn(i) for i in range(3)])
        >>> sorted(future.result() for future in done), not_done
        ([0, 3, 6], set())
    """
    given = dict.fromkeys(futures)
    if num_returns is not None and not 1 <= num_returns <= len(given):
        raise ValueError(f"num_returns={num_returns} of {len(given)} futures: must be between 1 and their number")
    if return_when not in ("ALL_COMPLETED", "FIRST_COMPLETED", "FIRST_EXCEPTION"):
        raise ValueError(
            f"return_when takes 'ALL_COMPLETED', 'FIRST_COMPLETED' or 'FIRST_EXCEPTION', not {return_when!r}"
        )
    _refuse_others(given, "wait")
    waits = _kind_of(given).waits
    if waits is not None and num_returns is None:
        found = waits(given, timeout, return_when)
        return DoneAndNotDone(found.done, found.not_done)
    wanted = num_returns or (1 if return_when == "FIRST_COMPLETED" else len(given))
    ended: set[Future[Any]] = set()
    try:
        for future in as_completed(given, timeout) if given else ():
            ended.add(future)
            if len(ended) >= wanted or (return_when == "FIRST_EXCEPTION" and _has_failed(future)):
                break
    except TimeoutError:
        num_returns = None
    done = ended if num_returns is not None else {future for future in given if future.done()}
    return DoneAndNotDone(done, given.keys() - done)


def as_completed(futures: Iterable[Future[T]], timeout: float | None = None) -> Iterator[Future[T]]:
    """The futures in the order in which they end, failed ones too, as in ``concurrent.futures.as_completed``.

    Those that have ended already come first. Inside a task, what is waited for is run in its thread, in the order given,
    where nobody has begun with it and no other has ended.

    Raises:
        TimeoutError: Not all ended within ``timeout`` seconds.
        DeadlockError: None of those left can end before the task that waits for them.
    """
    given = dict.fromkeys(futures)
    _refuse_others(given, "as_completed")
    ends = _kind_of(given).ends
    if ends is not None:
        yield from ends(given, timeout)
        return
    deadline_s = None if timeout is None else time.monotonic() + timeout
    watch = _Watch(list(given))
    number = len(given)
    given.clear()
    del futures  # what has been handed out is not kept alive by this
    try:
        for left in range(number, 0, -1):
            yield watch.next(deadline_s, f"{left} (of {number}) futures did not end within {timeout} s; they go on")
    finally:
        watch.leave()


class _Watch:
    """Is told by futures that they have ended, as the standard library's waiters are.

    Args:
        futures: The futures, each once.
    """

    def __init__(self, futures: Sequence[Future[Any]]) -> None:
        self._ended: SimpleQueue[Future[Any]] = SimpleQueue()
        self._open = set(futures)
        self._untried = OrderedDict.fromkeys(futures)
        self._stuck: list[Future[Any]] = []
        for future in futures:
            with future._condition:  # noqa: SLF001  (as in the standard library, whose futures may be among them)
                if future._state in ("CANCELLED_AND_NOTIFIED", "FINISHED"):  # noqa: SLF001
                    self._ended.put(future)
                else:
                    future._waiters.append(self)  # noqa: SLF001

    def next(self, deadline_s: float | None, late: str) -> Future[Any]:
        """The next one that has ended; inside a task, it is worked for.

        Args:
            deadline_s: On the clock of `time.monotonic`.
            late: What is said then.

        Raises:
            TimeoutError: The time is over.
        """
        if self._ended.empty():
            self._work(deadline_s)
        with nullcontext() if not self._ended.empty() else self._only_waiting():
            try:
                left_s = None if deadline_s is None else max(0.0, deadline_s - time.monotonic())
                future = self._ended.get(timeout=left_s)
            except Empty:
                raise TimeoutError(late) from None
        self._open.discard(future)
        self._untried.pop(future, None)
        return future

    def leave(self) -> None:
        """Be told no more."""
        for future in self._open:
            with future._condition:  # noqa: SLF001
                if self in future._waiters:  # noqa: SLF001
                    future._waiters.remove(self)  # noqa: SLF001

    def add_result(self, future: Future[Any]) -> None:
        """Called by a future, however it ended."""
        self._ended.put(future)

    add_exception = add_cancelled = add_result

    def _work(self, deadline_s: float | None) -> None:
        """Run what is waited for in this thread, as far as that can be, until one has ended."""
        while self._untried and self._ended.empty():
            future = self._untried.popitem(last=False)[0]
            if not isinstance(future, Future) or future.done():
                continue
            try:
                future._keeper.work_for(future, deadline_s, self._has_ended)  # noqa: SLF001
            except DeadlockError:  # another one may end in its place
                self._stuck.append(future)
                if self._ended.empty() and len(self._stuck) == len(self._open):
                    raise
            if not future.done() and not self._ended.empty():
                self._untried[future] = None
                self._untried.move_to_end(future, last=False)

    def _has_ended(self) -> bool:
        return not self._ended.empty()

    def _only_waiting(self) -> AbstractContextManager[None]:
        """Inside a task: another call may use this worker's place meanwhile."""
        future = next(iter(self._open))
        return future._keeper.blocked() if isinstance(future, Future) else nullcontext()  # noqa: SLF001


def gather(*futures: Future[T] | Iterable[Future[T]], return_exceptions: bool = False) -> list[T]:
    """The values of all futures, in the order given.

    Args:
        futures: Futures, or iterables of futures.
        return_exceptions: Put an error in its place in the list instead of raising the first one.

    Raises:
        BaseException: The error of the first failed future in the order given; the others go on.
        TypeError: Something else than a future is among them.

    Example:
        >>> import jumar
        >>> @jumar.task
        ... def square(x: int) -> int:
        ...     return x * x
        >>> jumar.gather(square.spawn(i) for i in range(4))
        [0, 1, 4, 9]
    """
    flat: list[Future[T]] = []
    for group in futures:
        if isinstance(group, cf.Future) or not isinstance(group, Iterable):
            flat.append(group)
        else:
            flat.extend(group)
    _refuse_others(flat, "gather")
    if not return_exceptions:
        return [future.result() for future in flat]
    return [cast("T", error) if (error := _error_of(future)) is not None else future.result() for future in flat]


def _refuse_others(given: Iterable[object], what: str) -> None:
    """Raise for what is no future, before anything is waited for.

    Raises:
        TypeError: There is such a thing.
    """
    for thing in given:
        if not isinstance(thing, cf.Future):
            raise TypeError(
                f"{what} takes futures, not {thing!r}. A task gives one by f.spawn(x); the value of a lazy call is taken "
                f"with jumar.collect(z)."
            )


def _error_of(future: Future[Any]) -> BaseException | None:
    try:
        return future.exception()
    except cf.CancelledError as error:
        return error


def _has_failed(future: Future[Any]) -> bool:
    return not future.cancelled() and future.exception() is not None


def _kind_of(futures: Iterable[Future[T]]) -> type[Future[T]]:
    """The class that says how they are waited for. The standard library's futures are waited for here."""
    kind = next(map(type, futures), Future)
    return kind if issubclass(kind, Future) else Future
