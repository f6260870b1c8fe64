"""Durable actors: objects by id, whose state is committed with each call of a method. `jumar.actor` declares them."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from jumar.actors.directory import ActorInfo, Directory
from jumar.actors.kind import ActorKind
from jumar.engine import Engine
from jumar.errors import ActorError
from jumar.here import PLACE
from jumar.session import current

__all__ = ["ActorError", "ActorInfo", "delete", "find", "get", "get_or_create"]

P = ParamSpec("P")
T = TypeVar("T")


def get_or_create(kind: Callable[P, T], actor_id: str, /, *args: P.args, **kwargs: P.kwargs) -> T:
    """As ``kind.get_or_create(actor_id, ...)``, for type checkers that do not look at decorators of classes (mypy).

    Example:
        >>> import jumar, tempfile
        >>> @jumar.actor
        ... class Counter:
        ...     count = 0
        ...     def add(self, n: int) -> int:
        ...         self.count += n
        ...         return self.count
        >>> with tempfile.TemporaryDirectory() as folder, jumar.Session(folder + "/store"):
        ...     jumar.actors.get_or_create(Counter, "visits").add(2)
        2
    """
    return _kind(kind).get_or_create(actor_id, *args, **kwargs)


def get(kind: Callable[..., T], actor_id: str) -> T:
    """As ``kind.get(actor_id)``, likewise.

    Raises:
        ActorError: There is none of this id, or it is of another class.
    """
    return _kind(kind).get(actor_id)


def _kind(kind: Callable[P, T]) -> ActorKind[P, T]:
    if not isinstance(kind, ActorKind):
        raise ActorError(f"{kind!r} is no actor class: put @jumar.actor above it")
    return kind


def find() -> list[ActorInfo]:
    """The actors in the session's store, the one that was changed last first.

    Raises:
        ActorError: The store cannot be read.
    """
    return _directory().all()


def delete(actor_id: str) -> None:
    """Deletes an actor with its state, and frees its id.

    Raises:
        ActorError: There is none of this id, or somebody is changing it.
    """
    _directory().delete(actor_id)


def _directory() -> Directory:
    engine: Engine = PLACE.get().engine or current().engine
    return Directory(engine.store, f"{id(engine):x}-directory")
