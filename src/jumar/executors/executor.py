"""What an executor must do: carry work out somewhere else, at once or soon.

Order, retries, keys and records live in the engine. The engine never has more than ``workers`` pieces of work under
way, plus one for each that has said that it only waits, so an executor needs no queue of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar, runtime_checkable

from jumar.graph.call import Call
from jumar.store.store import Store
from jumar.worker import Ran

T = TypeVar("T")


class Executor(Protocol):
    """Runs pieces of work that share the caller's memory."""

    name: str
    workers: int
    """How many calls it wants at a time."""

    def submit(self, work: Callable[[T], None], item: T) -> None:
        """Carry out ``work(item)`` once, not necessarily before returning. ``work`` does not raise.

        It must start whatever else is under way: work may wait for other work.
        """
        ...

    def close(self, *, wait: bool) -> None:
        """Take no more work. With ``wait``, return when what was submitted is done. A second close does nothing."""
        ...


@runtime_checkable
class Sizable(Protocol):
    """What an executor has besides if the number of its workers can be changed while they work."""

    def resize(self, workers: int) -> None:
        """Want so many calls at a time from now on; what runs is not disturbed. Never waits.

        Raises:
            SettingsError: The number cannot be.
        """
        ...


class Several(Protocol):
    """Who has given several calls at a time, and is told what becomes of them."""

    def at(self, call: Call) -> AbstractContextManager[None]:
        """In this block, the thread is at the place of a call."""
        ...

    def ended(self, each: Any, ran: Ran) -> None:
        """It is known what came of a call."""
        ...

    def hand_back(self, rest: Sequence[Any]) -> None:
        """These have not begun: others may run them."""
        ...


@runtime_checkable
class Distant(Protocol):
    """What an executor has besides if functions run in other processes. The rest of a call is done by `Executor.submit`."""

    def furnish(self, store: Store) -> None:
        """Learn where large results are kept, so that they can be written where they are made. Called once, before all else."""
        ...

    def run_function(
        self, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any] | None, begins: Callable[[], None]
    ) -> Ran:
        """What came of running the call's function. Never raises; waits until it is over, or was stopped.

        The value may be an `Encoded` one, and arguments may be `Reference`s.

        ``begins`` is called just before the function begins to run, and again if that is tried again.
        """
        ...

    def together(self, call: Call) -> int:
        """How many calls like this one may be given to `run_functions` at a time; 1 where it goes alone."""
        ...

    def run_functions(self, calls: Sequence[Any], batch: Several) -> None:
        """Run the functions of several calls, each of which has ``call``, ``args`` and ``kwargs``; waits until that is over.

        What comes of each is told to the batch. What has not begun when one of them waits for others, takes long, or costs
        a process is handed back.
        """
        ...

    def prepare(self, call: Call) -> None:
        """Have a process at hand for a call that was given to a worker, before that begins with it; never raises.

        Starting one may take long. Until it is there, whoever waits for the call may take it back and run it.
        """
        ...

    def stop_function(self, call: Call) -> None:
        """Stop the function of a call, if it runs; `run_function` returns soon."""
        ...
