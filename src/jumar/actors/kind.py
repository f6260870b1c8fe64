"""Actor classes: ``@jumar.actor`` makes one of a plain class."""

from __future__ import annotations

import inspect
import json
import os
import sys
from collections.abc import Callable
from typing import Any, Generic, NoReturn, ParamSpec, TypeVar, cast

from jumar.actors.directory import Directory
from jumar.actors.handle import Actor
from jumar.actors.method import MethodTask
from jumar.actors.state import state_of
from jumar.actors.turn import turns_of
from jumar.engine import Engine
from jumar.errors import ActorError, DeclarationError
from jumar.graph.options import Options
from jumar.here import PLACE
from jumar.keys.code_origin import people_name
from jumar.naming import is_name
from jumar.script import imported, thing_of
from jumar.session import current as current_session
from jumar.task import Task

P = ParamSpec("P")
T = TypeVar("T")
M = TypeVar("M", bound=Callable[..., Any])


class ActorKind(Generic[P, T]):
    """A class whose objects live in the store, by their ids. Made with ``@jumar.actor``.

    Args:
        cls: The class.

    Raises:
        DeclarationError: It is no class, or a method is asynchronous.
    """

    def __init__(self, cls: type[T]) -> None:
        if not isinstance(cls, type):
            raise DeclarationError(f"@jumar.actor goes above a class, not {cls!r}")
        self.cls = cls
        self.__name__, self.__qualname__, self.__module__ = cls.__name__, cls.__qualname__, cls.__module__
        self.__doc__ = cls.__doc__
        self._tasks: dict[str, MethodTask] = {}
        for name, thing in inspect.getmembers_static(cls):
            if inspect.iscoroutinefunction(thing) or inspect.isasyncgenfunction(thing):
                raise DeclarationError(
                    f"method {cls.__qualname__}.{name} is asynchronous: a turn of an actor is taken in one go. Make it an "
                    f"ordinary function; callers await its spawn(...)."
                )

    def get_or_create(self, actor_id: str, /, *args: P.args, **kwargs: P.kwargs) -> T:
        """The actor of this id; if there is none, it is made now with these arguments, and committed.

        Args:
            actor_id: The actor's name in the store.
            args: For the class, if the actor is made now; else they do not count.
            kwargs: Likewise.

        Raises:
            ActorError: There is an actor of this id of another class, or it cannot be stored.

        Example:
            >>> import jumar, tempfile
            >>> @jumar.actor
            ... class Counter:
            ...     def __init__(self, start: int = 0) -> None:
            ...         self.count = start
            ...     def add(self, n: int) -> int:
            ...         self.count += n
            ...         return self.count
            >>> with tempfile.TemporaryDirectory() as folder, jumar.Session(folder + "/store"):
            ...     Counter.get_or_create("visits", 10).add(5)
            ...     Counter.get_or_create("visits").add(1)
            15
            16
        """
        return self._opened(actor_id, args, kwargs, makes=True)

    def get(self, actor_id: str) -> T:
        """The actor of this id.

        Raises:
            ActorError: There is none, or it is of another class.
        """
        return self._opened(actor_id, (), {}, makes=False)

    def _opened(self, actor_id: str, args: tuple[Any, ...], kwargs: dict[str, Any], *, makes: bool) -> T:
        if not is_name(actor_id):
            raise ActorError(f"{actor_id!r} cannot be the id of an actor: it takes a text of one line")
        engine: Engine = PLACE.get().engine or current_session().engine
        opens = _opens_elsewhere if engine.is_remote else _open
        token = opens(self, actor_id, args, kwargs, makes)
        return cast("T", Actor(self, actor_id, token))

    def __call__(self, *_args: object, **_kwargs: object) -> NoReturn:
        """Refused: what lives in the store has an id.

        Raises:
            ActorError: Always.
        """
        name = self.__qualname__
        raise ActorError(
            f"{name} is an actor class, whose objects have ids: write {name}.get_or_create('some id', ...), or "
            f"{name}.get('some id') for one that is there"
        )

    def method(self, name: str) -> MethodTask:
        """The method of this name, as a step.

        Raises:
            AttributeError: The class has none.
        """
        known = self._tasks.get(name)
        if known is None:
            found = inspect.getattr_static(self.cls, name, None)
            function = found.fget if isinstance(found, property) else found
            if isinstance(function, staticmethod) or not inspect.isfunction(function):
                raise AttributeError(
                    f"actor class {self.__qualname__} has no method {name!r}. What an actor holds is read through its "
                    f"methods and properties."
                )
            if isinstance(found, property):
                function = readonly(function)
            known = self._tasks.setdefault(name, MethodTask(self, name, function))
        return known

    def is_property(self, name: str) -> bool:
        """Whether the class has a property of this name."""
        return isinstance(inspect.getattr_static(self.cls, name, None), property)

    @property
    def place(self) -> str:
        """Where the class is written, as JSON."""
        namespace = vars(sys.modules.get(self.__module__, sys))
        file = namespace.get("__file__")
        module = people_name(self.__module__, namespace)
        return json.dumps({"module": module, "file": os.path.abspath(file) if file else None})  # noqa: PTH100

    def __jumar_key__(self) -> Any:
        """What identifies it: the class with its code."""
        return self.cls

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type[T]]:
        """A class can be derived from it; that is a plain one, until it is declared an actor class too."""
        return (self.cls,)

    def __reduce__(self) -> Any:
        """By its name, where it is found under that; a script's so that other programs find it."""
        if imported(self.cls) is not self:
            return ActorKind, (self.cls,)
        file = getattr(sys.modules.get("__main__"), "__file__", None)
        if self.__module__ == "__main__" and file:
            name = people_name("__main__", vars(sys.modules["__main__"]))
            return thing_of, (name, os.path.abspath(file), self.__qualname__)  # noqa: PTH100
        return self.__qualname__

    def __repr__(self) -> str:
        return f"<jumar.actor class {self.__qualname__}>"


class _Declares:
    """``@jumar.actor``."""

    def __call__(self, cls: Callable[P, T]) -> ActorKind[P, T]:
        """Makes a class an actor class: its objects live in the store under an id, and survive every process.

        Each call of a method is a turn: it finds the object as the last one left it, and what it leaves is committed
        before anybody sees its value. Turns come one after another, in whichever processes they are asked for. Methods
        with ``@jumar.actor.readonly``, and properties, see what was committed last, run beside everything else, and leave
        nothing. In a run a call is a step: resumed, the run finds it and does not take the turn again.

        Args:
            cls: The class. What its objects hold must be what results can be: see ``__getstate__`` in `pickle`.

        Raises:
            DeclarationError: It is no class, or a method is asynchronous.

        *Guarantees*: a method that raises, or whose process dies, leaves the actor as it was. Two processes never change
        one actor at once; the turn of a process that died is another one's at once on its machine, elsewhere after 30 s.

        *Source*: Ray's virtual actors, which it had until 2.0.

        Example:
            >>> import jumar, tempfile
            >>> @jumar.actor
            ... class Basket:
            ...     def __init__(self) -> None:
            ...         self.things: list[str] = []
            ...     def put(self, thing: str) -> int:
            ...         self.things.append(thing)
            ...         return len(self.things)
            ...     @jumar.actor.readonly
            ...     def list(self) -> list[str]:
            ...         return self.things
            >>> with tempfile.TemporaryDirectory() as folder, jumar.Session(folder + "/store"):
            ...     basket = Basket.get_or_create("Ann")
            ...     basket.put("rope"), basket.put("axe"), basket.list()
            (1, 2, ['rope', 'axe'])
        """
        return ActorKind(cast("type[T]", cls))

    @staticmethod
    def readonly(method: M) -> M:
        """Declares that a method changes nothing of its actor, so that it waits for nobody."""
        method.__jumar_readonly__ = True  # type: ignore[attr-defined]
        return method


actor = _Declares()
readonly = actor.readonly


def _open(kind: ActorKind[..., Any], actor_id: str, args: Any, kwargs: Any, makes: bool) -> bytes:
    """The token of an actor, which is made if need be."""
    place = PLACE.get()
    engine: Engine = place.engine or current_session().engine
    directory: Directory = turns_of(engine).directory
    with directory.careful():
        row = directory.rows.find(actor_id)
    if row is None and makes:
        if engine.plans:
            return bytes(16)
        if not engine.keeps or engine.store.read_only:
            raise ActorError(
                f"this session keeps no results, so actor {actor_id!r} cannot be made: see Session(reuse=)"
            )
        row = directory.add(actor_id, kind.__qualname__, kind.place, state_of(kind.cls(*args, **kwargs)))
    found = directory.sound(row, actor_id)
    if found.kind != kind.__qualname__:
        raise ActorError(
            f"actor {actor_id!r} is a {found.kind}, and not a {kind.__qualname__}: ids belong to one class"
        )
    return found.token


class _OpeningTask(Task[..., bytes]):
    """Opens actors for worker processes, which have no store."""

    runs_here = True

    def __reduce__(self) -> Any:
        return "_opens_elsewhere"


_opens_elsewhere = _OpeningTask(_open, Options(name="jumar.actor", reuse="never", code="own"))
