"""The state of an actor: what its object holds, apart from the code of its class, as pickle would take it."""

from __future__ import annotations

import types
from typing import Any, TypeVar, cast

T = TypeVar("T")


def state_of(thing: object) -> Any:
    """What an object holds: what its ``__getstate__`` gives, else its attributes."""
    return thing.__getstate__()


def with_state(cls: type[T], state: Any) -> T:
    """A new object of the class that holds this, made without its ``__init__``.

    Args:
        cls: The class as it is now; it may have changed since the state was taken.
        state: What `state_of` gave.
    """
    thing = cls.__new__(cls)
    setter = getattr(thing, "__setstate__", None)
    if setter is not None:
        setter(state)
        return thing
    attributes, slots = state if isinstance(state, tuple) else (state, None)
    if attributes:
        vars(thing).update(attributes)
    for name, value in (slots or {}).items():
        object.__setattr__(thing, name, value)
    return thing


def frozen(cls: type[T]) -> type[T]:
    """The class, whose objects take no attributes: for methods that may not change anything."""

    def refuse(self: object, name: str, value: object = None) -> None:  # noqa: ARG001
        raise AttributeError(
            f"a read-only method of actor class {cls.__qualname__} sets or deletes attribute {name!r}: what it changes is "
            f"not kept. Take @jumar.actor.readonly away."
        )

    body = {"__slots__": (), "__setattr__": refuse, "__delattr__": refuse, "__module__": cls.__module__}
    return cast("type[T]", types.new_class(cls.__name__, (cls,), {}, lambda namespace: namespace.update(body)))
