"""What the engine and its parts must know of a call's task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol

from jumar.graph.call import Call
from jumar.graph.call_info import CallInfo
from jumar.graph.keep import Keep
from jumar.graph.options import Hooks
from jumar.graph.policy import Policy


class Runnable(Protocol):
    """A task as it is seen from below."""

    name: str
    fn: Callable[..., Any]
    ttl_s: float | None
    """How old a kept result may be."""
    runs_here: bool
    """Whether its function is run in this process by every executor: it waits, or is jumar's own, and computes nothing."""
    policy: Policy | None
    """What is done when calls go wrong, where that is anything special."""
    keeps: Keep | None
    """By what rule results are kept, if there is one."""
    hooks: Hooks | None
    """The user's functions that are asked for kept values."""
    looks_at_values: bool
    """Whether the user's own function identifies its arguments, which must be there for that."""
    saves: Callable[[CallInfo, Any], Any] | None
    """The one that keeps them in the place of the store."""
    retains: Literal["persist", "cache"] | None
    """Whether results stay in memory when nobody refers to them, and how firmly."""
    meta: bool
    """Whether it is given chunks in the place of results."""
    decides: Callable[[CallInfo, Any], bool] | None
    """The one that says whether the store keeps them."""

    @property
    def is_pure(self) -> bool:
        """Whether a call leaves nothing behind but its result, so that it need not run where nobody needs that."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """Of what is recorded as arguments."""
        ...

    def filled(self, values: Mapping[str, Any]) -> Runnable:
        """The task with the options of a block, where it says nothing itself."""
        ...

    def make(self, engine: Any, args: tuple[Any, ...], kwargs: dict[str, Any], place: bytes | None = None) -> Call:
        """The call in an engine, at a place of a run that is known, or at the one where this is asked."""
        ...

    def by_name(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[tuple[str, Any]]:
        """Each parameter with what it is given."""
        ...

    def tokens(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[bytes]:
        """The arguments' tokens as they are now."""
        ...

    def value_tokens(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes | None:
        """The tokens of finished values, side by side; None where one of them has no identity."""
        ...
