"""Handles of actors: what a program holds of one, and calls its methods on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jumar.actors.turn import refuse_a_turn_inside_of_one
from jumar.building import is_building
from jumar.engine import Engine
from jumar.errors import DeadlockError
from jumar.future import Future
from jumar.here import PLACE
from jumar.keys.digest import digest
from jumar.keys.value import token
from jumar.keys.value_form import summarised
from jumar.keys.value_registry import REGISTRY
from jumar.keys.value_walk import Walk
from jumar.lazy import Lazy
from jumar.session import current as current_session

if TYPE_CHECKING:
    from jumar.actors.kind import ActorKind
    from jumar.actors.method import MethodTask


class Actor:
    """An actor, wherever its turns are taken. Its methods are those of its class.

    Args:
        kind: The class.
        actor_id: The actor's id.
        token: Tells it from another one that had the id before.
    """

    __slots__ = ("id", "kind", "token")
    kind: ActorKind[..., Any]
    id: str
    token: bytes

    def __init__(self, kind: ActorKind[..., Any], actor_id: str, token: bytes) -> None:
        for name, value in (("kind", kind), ("id", actor_id), ("token", token)):
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        """Refused: what an actor holds is changed in turns.

        Raises:
            AttributeError: Always.
        """
        raise AttributeError(
            f"attribute {name!r} of {self!r} cannot be set from outside: only its methods change what an actor holds"
        )

    def __getattr__(self, name: str) -> Any:
        """The method of this name, or the value of a property."""
        if name.startswith("__"):
            raise AttributeError(name)
        task = self.kind.method(name)
        return Method(task, self)() if self.kind.is_property(name) else Method(task, self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Actor) and self.token == other.token

    def __hash__(self) -> int:
        return hash(self.token)

    def __reduce__(self) -> Any:
        """By its class and id: it works in every process that has the store."""
        return Actor, (self.kind, self.id, self.token)

    def __repr__(self) -> str:
        return f"<jumar actor {self.kind.__qualname__} {self.id!r}>"


def _identity(actor: Actor, _: Walk) -> bytes:
    """What identifies an actor among arguments: itself and not its state, as people know it."""
    name = f"actor {actor.kind.__qualname__} {actor.id}"
    return summarised(name, digest(token((actor.kind.__qualname__, actor.id, actor.token))))


REGISTRY.register(Actor, _identity, subclasses=False)


class Method:
    """A method of one actor: called, it waits for its turn and gives the value."""

    def __init__(self, task: MethodTask, actor: Actor) -> None:
        self.task, self.actor = task, actor

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """The value, once the turn is committed.

        Raises:
            ActorError: The actor was deleted, or its state cannot be read or written.
            BaseException: What the method raises; the actor stays as it was.
        """
        if is_building():
            return self.lazy(*args, **kwargs)
        if self.task.is_read_only:
            return self.task(self.actor, *args, **kwargs)
        refuse_a_turn_inside_of_one(self.actor, self.task.name)
        future = self.spawn(*args, **kwargs)
        try:
            return future.result()
        except DeadlockError:
            future.cancel()  # nobody waits for it, so its turn is not to come later
            raise

    def spawn(self, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """A future for the value; turns come in the order in which they were spawned."""
        return self.task.spawn_in_order(self.actor, args, kwargs)

    def lazy(self, /, *args: Any, **kwargs: Any) -> Lazy[Any]:
        """The call, described but not started; its turn comes when what it needs is there."""
        engine: Engine = PLACE.get().engine or current_session().engine
        return Lazy(engine, self.task.make(engine, (self.actor, *args), kwargs))

    def __repr__(self) -> str:
        return f"<method {self.task.method_name} of {self.actor!r}>"
