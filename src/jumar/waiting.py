"""Waiting that survives: until a time has come, or until somebody outside says something.

A wait is a step. It is known by its place in its run, it is begun once and ends once, and a resumed run sees the same end.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar, cast

from jumar.building import is_building
from jumar.engine import Engine
from jumar.errors import ArgumentError, RunError
from jumar.graph.call import Call, Handle
from jumar.graph.options import Options
from jumar.here import PLACE
from jumar.position import run_here
from jumar.runs.sending import check_name
from jumar.runs.vigil import VIGIL
from jumar.runs.vigil import Wait as Waited
from jumar.store.sqlite_connection import FAULTS
from jumar.task import AsyncTask

P = ParamSpec("P")
T = TypeVar("T")


class Wait(AsyncTask[P, T]):
    """A step that waits and holds no worker meanwhile: `sleep` and `wait_event`.

    A call of it waits; where an event loop runs in this thread, it gives a future to be awaited. ``spawn`` gives a future
    everywhere, and ``lazy`` a node of a graph.
    """

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> Any:
        """The value, waited for here; in an event loop a future to be awaited."""
        found = super().__call__(*args, **kwargs)
        return found if is_building() or _is_in_loop() else found.result()

    def make(self, engine: Engine, args: tuple[Any, ...], kwargs: dict[str, Any], place: bytes | None = None) -> Call:
        """As `Task.make`.

        Raises:
            RunError: An event is waited for outside of every run: nobody could send it.
            ArgumentError: An argument cannot be used.
        """
        if not engine.is_remote:
            given = {name: value for name, value in self._given(args, kwargs) if not isinstance(value, (Handle, Call))}
            _check(**given)
            if self.name == "wait_event" and run_here(engine) is None:
                raise RunError(
                    f"wait_event({given.get('name', '...')!r}) is asked for outside of a run, where nobody could send the event: "
                    f"it goes to a run's id. Use `task.start(..., id=...)` or `with jumar.run(...)`."
                )
        return super().make(engine, args, kwargs, place)

    def with_options(self, options: Options) -> Wait[P, T]:
        """As `Task.with_options`."""
        return Wait(self.fn, options)

    def _given(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[tuple[str, Any]]:
        return self.by_name(*self._bound_by().bind(args, kwargs))


def _check(seconds: Any = 0.0, name: Any = "-", timeout_s: Any = None) -> None:
    """Refuse what nobody can wait for.

    Raises:
        ArgumentError: It cannot be used.
    """
    for said, value in (("seconds", seconds), ("timeout_s", 0.0 if timeout_s is None else timeout_s)):
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
            raise ArgumentError(
                f"{said}={value!r} is no time to wait: it takes a number of seconds that is not negative"
            )
    check_name(name)


def _is_in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


_OPTIONS = Options(step=True, checkpoint_errors=True, code="version", version="1")
"""That the time was over first is an answer too: a resumed run sees it again, even if the event has come since."""


def _waits(fn: Callable[P, Coroutine[Any, Any, T] | T]) -> Wait[P, T]:
    return Wait(cast("Callable[P, T]", fn), _OPTIONS)  # what it has to wait for is awaited by whoever runs it


@_waits
def sleep(seconds: float) -> Coroutine[Any, Any, None] | None:
    """Waits for so many seconds, counted from when this was first asked for: a resumed run waits for what is left.

    It is a step of its run, and `Wait` says in which forms it can be asked for. Outside of every run it waits as well, and
    nothing of that is remembered.

    Args:
        seconds: How long; a number that is not negative.

    Raises:
        ArgumentError: ``seconds`` is no such number.
        concurrent.futures.CancelledError: The run was stopped.

    *Guarantees*: the wake-up time is in the store before the wait begins. It is a time of day, so that it means the same in
    another process on another day: where a clock is set forward, or the machine was suspended, it comes at that time; where
    it is set back, the wait takes no longer than ``seconds`` from when this process took it up. No worker is held; in a
    plain function the thread stays, and its place is lent to another call.

    *Source*: durable timers are those of Temporal and of DBOS.

    Example:
        >>> import jumar, tempfile
        >>> @jumar.task
        ... def remind(text: str) -> str:
        ...     jumar.sleep(0.01)
        ...     return text
        >>> with tempfile.TemporaryDirectory() as folder, jumar.Session(folder + "/store"):
        ...     remind.start("tea", id="tea").result()
        'tea'
    """
    _check(seconds=seconds)  # it may have been another call's result
    call, run = PLACE.get().call, PLACE.get().run
    if run is None or call is None:
        return asyncio.sleep(seconds)
    return _ended(Waited(run, call.key, "", seconds), lambda _: None)


@_waits
def wait_event(name: str, timeout_s: float | None = None) -> Coroutine[Any, Any, Any] | Any:
    """The payload of an event that is sent to this run by its name: see `send_event`.

    One that was sent before is found. Of several with the name the first one sent that no other wait has taken counts. It
    is a step of its run, and `Wait` says in which forms it can be asked for.

    Args:
        name: What the event is called; a text of one line.
        timeout_s: How long to wait at most, counted as for `sleep`; None waits for as long as it takes.

    Raises:
        TimeoutError: Nobody has sent it in time. That is this step's end, also in a resumed run: an event that comes later
            is the next wait's.
        ArgumentError: An argument cannot be used.
        RunError: This is not inside of a run.
        concurrent.futures.CancelledError: The run was stopped.

    *Guarantees*: an event ends one wait. Which one it ended is in the store before anybody sees the payload, so that a run
    which is killed and resumed sees the same event for the same wait. No worker is held, as for `sleep`.

    *Source*: events of Ray Workflows, signals of Temporal, ``recv`` of DBOS.

    Example:
        >>> import jumar, tempfile
        >>> @jumar.task
        ... def order(number: int) -> str:
        ...     return f"{number}: paid by {jumar.wait_event('paid')['by']}"
        >>> with tempfile.TemporaryDirectory() as folder, jumar.Session(folder + "/store"):
        ...     run = order.start(17, id="order-17")
        ...     number = jumar.send_event("order-17", "paid", {"by": "Ann"})
        ...     run.result()
        '17: paid by Ann'
    """
    _check(name=name, timeout_s=timeout_s)
    call, run = PLACE.get().call, PLACE.get().run
    assert call is not None

    def end(payload: str | None) -> Any:
        if payload is None:
            raise TimeoutError(f"run {run.id!r} waited {timeout_s:g} s for event {name!r}, and nobody has sent it")
        return json.loads(payload)

    return _ended(Waited(run, call.key, name, timeout_s), end)


def _ended(wait: Waited, end: Callable[[str | None], T]) -> Coroutine[Any, Any, T] | T:
    """What a wait ends with: at once, where it is over already, which needs no event loop; else what is to be awaited."""
    try:
        is_over, payload = wait.glance()
    except (*FAULTS, OSError):  # the vigil looks again, and tells if that goes wrong too
        is_over, payload = False, None
    return end(payload) if is_over else _ends(wait, end)


async def _ends(wait: Waited, end: Callable[[str | None], T]) -> T:
    return end(await VIGIL.keep(wait))
