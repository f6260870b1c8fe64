"""Methods of actors as steps: journaled where they are called in a run, and run where the actor's store is."""

from __future__ import annotations

import concurrent.futures as cf
import functools
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from jumar.actors.turn import turns_of
from jumar.engine import Engine
from jumar.future import Future
from jumar.graph.call import Call
from jumar.graph.options import Options
from jumar.here import PLACE
from jumar.keys import Signature, fingerprint_code
from jumar.session import current as current_session
from jumar.store.records import TaskInfo
from jumar.task import Task

if TYPE_CHECKING:
    from jumar.actors.handle import Actor
    from jumar.actors.kind import ActorKind


class MethodTask(Task[..., Any]):
    """A method of an actor class, whose calls are steps: in a run each is done once, outside of runs each time.

    Args:
        kind: The actor class.
        name: The method's.
        method: The function, as it stands in the class.
    """

    runs_here = True
    """In the driver: worker processes have no store."""

    def __init__(self, kind: ActorKind[..., Any], name: str, method: Callable[..., Any]) -> None:
        self.kind, self.method_name, self.method = kind, name, method
        self.is_read_only = is_read_only(method)
        super().__init__(_runner(self), Options(name=f"{kind.__qualname__.replace('<locals>.', '')}.{name}", step=True))

    def _bound_by(self) -> Signature:
        if self._signature is None:
            self._signature = Signature(self.method, self.name)
        return self._signature

    @property
    def info(self) -> TaskInfo:
        """As for any task: the code is the method's."""
        code = self._code
        if code is None or not code.is_current():
            code = fingerprint_code(self.method)
            self._info = TaskInfo(code.digest, self.name, self.kind.__module__, " ".join(self.names))
            self._code = code
        return self._info

    def _decide(self, call: Call, engine: Engine) -> None:
        super()._decide(call, engine)
        if call.run is None:  # no later session could find it, and the actor has what came of it
            call.keep = call.look = False

    def spawn_in_order(self, actor: Actor, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Future[Any]:
        """A future for the call, whose turn comes after those of all calls of the actor that were spawned before here."""
        engine: Engine = PLACE.get().engine or current_session().engine
        call = self.make(engine, (actor, *args), kwargs)
        if self.is_read_only or engine.is_remote:
            return engine.spawn(call)
        seat, mine = (id(engine), actor.token), _Turn(call, cf.Future())
        with _ordering:
            before, _last[seat] = _last.get(seat), mine
        try:
            if before is not None and not before.is_over.done():
                needed = engine.adopt(before.is_over)
                needed.blocked_on = before.call  # so that a wait that could never end is noticed
                call.needs = (*call.needs, needed)
            future = engine.spawn(call)
        except BaseException:
            _end(seat, mine, None)
            raise
        future.add_done_callback(functools.partial(_end, seat, mine))
        return future

    def __reduce__(self) -> Any:
        """By its class, which is found under its name."""
        return _method_of, (self.kind, self.method_name)


def is_read_only(method: Callable[..., Any]) -> bool:
    """Whether a method was declared not to change its actor."""
    return getattr(method, "__jumar_readonly__", False)


def _method_of(kind: ActorKind[..., Any], name: str) -> MethodTask:
    """How a method is unpickled."""
    return kind.method(name)


def _runner(task: MethodTask) -> Callable[..., Any]:
    """What a call of a method runs: a turn of the actor."""

    def run(actor: Actor, /, *args: Any, **kwargs: Any) -> Any:
        place = PLACE.get()
        assert place.call is not None
        turns, cls = turns_of(place.engine), task.kind.cls
        if task.is_read_only:
            return turns.look(cls, actor, task.method, args, kwargs)
        return turns.take(cls, actor, place.call, task.method, args, kwargs)

    run.__module__ = task.kind.__module__
    run.__qualname__ = f"{task.kind.__qualname__}.{task.method_name}"
    return run


_ordering = threading.Lock()


class _Turn(NamedTuple):
    """A call that was spawned, and what is done when it has ended, whatever became of it."""

    call: Call
    is_over: cf.Future[None]


_last: dict[tuple[int, bytes], _Turn] = {}
"""By engine and actor, the call that was spawned last."""


def _end(seat: tuple[int, bytes], turn: _Turn, _: object) -> None:
    """Let the next call have its turn."""
    with _ordering:
        if _last.get(seat) is turn:
            del _last[seat]
    turn.is_over.set_result(None)
