"""A call: one task with its arguments, as the scheduler sees it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any


class Handle:
    """What users hold in the place of a call: a future or a lazy call."""

    __slots__ = ()


class CallState(IntEnum):
    """Where a call stands. It only ever moves downwards in this list, but for one that was skipped and is wanted again."""

    NEW = 0
    """Made, not yet given to the scheduler."""
    WAITING = 1
    """Some of the calls it needs have not finished."""
    READY = 2
    """May run as soon as a worker is free."""
    RUNNING = 3
    DONE = 4
    FAILED = 5
    CANCELLED = 6
    SKIPPED = 7
    """Not begun, and not to be: all that needs it was found. It waits or is ready again as soon as somebody wants it."""


NEW, WAITING, READY, RUNNING, DONE, FAILED, CANCELLED, SKIPPED = CallState


NOTHING: Any = object()
"""Stands for what is not there, where None may be."""


class Call:
    """A node of the graph.

    The scheduler owns ``state``, ``missing``, ``dependants``, ``passed`` and ``wanted``; the rest belongs to the engine and
    is carried along unread. One class serves both because a graph may hold a million of them; for the same reason what most
    calls never set has its default in the class, and the first future has a place of its own.

    Args:
        key: What the call is: 32 bytes.
        task: The task, opaque here.
        info: The task as it was when the call was made, for the record.
        args: Captured positional arguments; calls may stand at any depth.
        kwargs: Captured keyword arguments; None where there are none.
        needs: The calls whose results are among the arguments.
        arguments: The bound arguments as tokens, for the record.
    """

    state: CallState = NEW
    missing = 0
    dependants: list[Call] | None = None
    passed = 0
    """Of its dependants, the first so many need it no more."""
    wanted = False
    """Whether somebody asked for it after it had been skipped: it is not skipped again."""
    error: BaseException | None = None
    outcome: Any = None
    blocked_on: Call | None = None
    future: Any = None
    followers: list[Any] | None = None
    keep = True
    """Whether the result is to be kept."""
    look = True
    """Whether a kept result may be used instead of running."""
    fragile = False
    """Whether some argument is shared with the caller and can be changed while the call waits or runs."""
    unrepeatable = False
    """Whether the key can never come again, so that only the content key, made from the values, can be found."""
    entered = False
    """Whether the engine has taken it in; a lazy call may be asked for more than once."""
    twin: Call | None = None
    """The equal call that was under way when this one was made or needed: it runs in the place of this one."""
    counted = True
    """Whether it is among the calls that people are told of; not so the small ones that jumar makes for itself."""
    sketch: Any = None
    """What is remembered of a lazy call for pictures."""
    stands_in = False
    """Whether it runs in the place of an equal one: whoever needs that may be about to wait for this."""
    suspect: Any = None
    """The kept result that this call is run again to be compared with, where it was chosen for an audit."""
    content: bytes | None = None
    """The content key: the code and the values of the arguments. Known once they are, for calls that need others."""

    priority = 0
    """Of calls that are ready, those with a higher one run first."""
    demand: Mapping[str, float] | None = None
    """What it needs of the session's resources while it runs."""
    executor: str | None = None
    """The named executor that runs it; None for the session's own."""
    bequest: bool | None = None
    """Whether calls that it makes are kept where they do not say; None where nobody has said so of this one either."""
    tail: Any = NOTHING
    """What its function returned, where other calls stand in that: the call ends when they have. `NOTHING` before."""
    caught: BaseException | None = None
    """The error that ended what its function returned, where the call is to answer with it."""
    catches: type[BaseException] | tuple[type[BaseException], ...] | None = None
    """Which errors are its answer, and not its end."""
    lent = False
    """Whether others may have what it holds of the session's resources, because it only waits."""
    awaits = False
    """Whether ``tail`` is what an event loop makes of its coroutine, and no value of its own yet."""
    seconds = 0.0
    """How long its function ran, where it is over and the call has not ended."""
    attempts = 0
    """How often it was run in this session."""
    serial = 0
    """Which attempt counts: one that ends under another number was given up while it ran."""
    in_time = 0
    """Which attempt, if any, has ended within its time limit: it is not given up any more."""
    salt = b""
    """What sets its key apart from that of an equal call elsewhere; its content key too."""
    journaled = False
    """Whether it is a step: run once in its run, and in the store before anybody sees its result."""
    place: bytes | None = None
    """Where in its run it stands, whatever the code is: 32 bytes. None where nobody asks."""
    run: Any = None
    """The run with an id that it belongs to."""
    given: bytes | None = None
    """The token of a value that stands in the place of a call's result: it was given, and not computed."""

    def __init__(
        self,
        key: bytes,
        task: Any = None,
        info: Any = None,
        args: tuple[Any, ...] | None = (),
        kwargs: dict[str, Any] | None = None,
        needs: tuple[Call, ...] = (),
        arguments: bytes = b"",
    ) -> None:
        self.key = key
        self.task = task
        self.info = info
        self.args = args
        self.kwargs = kwargs
        self.needs = needs
        self.arguments = arguments

    @property
    def is_findable(self) -> bool:
        """Whether a result kept under its key may be used instead of running."""
        return self.look and not self.unrepeatable

    @property
    def recorded_key(self) -> bytes | None:
        """The key under which its result is recorded; None where it can have none, as its values have no identity."""
        return self.content if self.unrepeatable else self.key

    def follow(self, future: Any) -> None:
        """Add a future that is to be settled when the call ends."""
        if self.future is None:
            self.future = future
        elif self.followers is None:
            self.followers = [future]
        else:
            self.followers.append(future)

    def release(self) -> list[Any] | tuple[Any, ...]:
        """The futures to be settled, which the call then knows no more."""
        first, others = self.future, self.followers
        self.future = self.followers = None
        if others is not None:
            return [first, *others]
        return () if first is None else (first,)

    def unfollow(self, future: Any) -> bool:
        """Take a future away if it is not the only one; False where it is, or is none of them."""
        if not self.followers:
            return False
        futures = [self.future, *self.followers]
        if future not in futures:
            return False
        futures.remove(future)
        self.future, self.followers = futures[0], futures[1:]
        return True

    def drop_inputs(self) -> None:
        """Keep alive nothing that only a run of the call would need."""
        self.args = self.kwargs = None
        self.needs = ()

    def __repr__(self) -> str:
        return f"<Call {self.key.hex()[:8]} {self.state.name.lower()}>"
