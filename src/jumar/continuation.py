"""Continuations: what a call returned that is still to be computed, as it is kept and found again.

A call that returns other calls ends as they do. The graph that it returned is kept before any of it runs, so the call
itself never runs again: whoever asks for it later goes on with what it returned. When the last of it has ended, the
value takes the place of the graph in the store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from jumar.graph.arguments import holds, rebuild
from jumar.graph.call import NOTHING, Call, Handle


class At:
    """Stands for a call of the graph, by its place among the nodes. No named tuple, as those are taken apart."""

    __slots__ = ("index",)

    def __init__(self, index: int) -> None:
        self.index = index

    def __reduce__(self) -> Any:
        """By its index."""
        return At, (self.index,)


class Node(NamedTuple):
    """A call that can be made again from what it was made from."""

    task: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any] | None
    keep: bool
    bequest: bool | None = None
    place: bytes | None = None
    """Where in its run it stands, where that is to be the same when it is made again."""


class Known(NamedTuple):
    """A call that had ended, of which only the key is left: its result is in the store."""

    key: bytes


class Continuation(NamedTuple):
    """A graph as it is kept."""

    nodes: tuple[Node | Known, ...]
    """Each after those that it needs."""
    tail: Any
    """What was returned, with `At` in the place of calls."""


def described(tail: Any, needs: Iterable[Call]) -> Continuation:
    """The graph that a call returned, ready to be kept.

    Args:
        tail: What it returned, with calls in the place of futures and lazies.
        needs: The calls in it.
    """
    found = _all_of(needs)
    places = {id(call): At(index) for index, call in enumerate(found)}

    def place_of(leaf: Any) -> Any:
        return places[id(leaf)] if type(leaf) is Call else leaf

    nodes = tuple([_node(call, place_of) for call in found])
    return Continuation(nodes, rebuild(tail, place_of))


def _node(call: Call, place_of: Callable[[Any], Any]) -> Node | Known:
    if call.args is None:
        return Known(call.key)
    args = tuple([rebuild(arg, place_of) for arg in call.args])
    kwargs = {name: rebuild(arg, place_of) for name, arg in call.kwargs.items()} if call.kwargs else None
    return Node(call.task, args, kwargs, call.keep, call.bequest, call.place)


def _all_of(calls: Iterable[Call]) -> list[Call]:
    """These calls and all that stand among their arguments, each after those.

    Without recursion, and not by what they need: a call that was continued needs what it returned.
    """
    ordered: list[Call] = []
    placed: set[int] = set()
    stack = [(call, False) for call in calls]
    while stack:
        call, is_ready = stack.pop()
        if id(call) in placed:
            continue
        if is_ready or call.args is None:
            placed.add(id(call))
            ordered.append(call)
        else:
            stack.append((call, True))
            stack.extend((inner, False) for inner in calls_in((call.args, call.kwargs)) if id(inner) not in placed)
    return ordered


def made_again(
    continuation: Continuation,
    make: Callable[[Any, tuple[Any, ...], dict[str, Any], bool, bool | None, bytes | None], Call],
    known: Callable[[bytes], Call | None],
) -> Any:
    """What was returned, with calls in the place of `At`; `NOTHING` where a call of it cannot be had any more.

    Args:
        continuation: The graph as it was kept.
        make: Makes the call of a task with arguments in which calls may stand, at a place of a run; whether it, and those
            that it makes, are kept was settled when it was made first.
        known: Gives an ended call by its key, or None.
    """
    calls: list[Call] = []

    def call_at(leaf: Any) -> Any:
        return calls[leaf.index] if type(leaf) is At else leaf

    for node in continuation.nodes:
        if isinstance(node, Known):
            call = known(node.key)
            if call is None:
                return NOTHING
        else:
            kwargs = {name: rebuild(arg, call_at) for name, arg in (node.kwargs or {}).items()}
            values = tuple([rebuild(arg, call_at) for arg in node.args])
            call = make(node.task, values, kwargs, node.keep, node.bequest, node.place)
        calls.append(call)
    return rebuild(continuation.tail, call_at)


def calls_in(value: Any) -> tuple[Call, ...]:
    """The calls that stand in a value, each once."""
    found: dict[int, Call] = {}

    def note(leaf: Any) -> Any:
        if type(leaf) is Call:
            found[id(leaf)] = leaf
        return leaf

    rebuild(value, note)
    return tuple(found.values())


def tail_of(value: Any, call_of: Callable[[Handle], Any]) -> Any:
    """What a function returned, with calls in the place of futures and lazies; `NOTHING` where there are none in it.

    Args:
        value: What it returned.
        call_of: Gives the call behind a future or a lazy, or the value where it has one already.
    """
    if not holds(value, Handle):
        return NOTHING
    return rebuild(value, lambda leaf: call_of(leaf) if isinstance(leaf, Handle) else leaf)
