"""Where in a run a call stands, whatever its code is: what a step is found by when the code around it was edited.

A step is known by the call that asks for it, its name, its arguments, and which of several equal ones it is. A call that
is no step is known by its name and arguments alone, as equal calls are one. Where calls stand among the arguments, their
places count and not their keys, which change with the code.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import count
from typing import TYPE_CHECKING, Any

from jumar.errors import RunError
from jumar.graph.arguments import rebuild
from jumar.graph.call import Call
from jumar.here import PLACE
from jumar.keys.code_origin import people_name
from jumar.keys.digest import digest
from jumar.keys.value import register_reference, token

if TYPE_CHECKING:
    from jumar.open_run import OpenRun

ROOT = digest(b"jumar:place:1 root")
"""The place of the call that a run was started with."""
SCRIPT = digest(b"jumar:place:1 script")
"""Stands for the caller where a step is asked for outside of every task."""

_CALL, _EACH, _STEP = b"jumar:place:1 call", b"jumar:place:1 each", b"jumar:step:1"


class Placed:
    """Stands for a call among the arguments of another one, by its place."""

    __slots__ = ("place",)

    def __init__(self, place: bytes) -> None:
        self.place = place


register_reference(Placed, lambda placed: bytes(placed.place))


def run_here(engine: Any) -> OpenRun | None:
    """The run to which a call made here in this engine belongs."""
    run: OpenRun | None = PLACE.get().run
    return run if run is not None and run.covers(engine) else None


def stand(call: Call, engine: Any, place: bytes | None, *, is_step: bool, is_each: bool) -> None:
    """Give a call its place; a step its key too.

    Args:
        call: Made just now, in the thread that asks for it.
        engine: The one that will run it.
        place: The place, where it was given before: in a graph that is made again.
        is_step: Whether it is run once in its run.
        is_each: Whether equal calls are several all the same.

    Raises:
        RunError: The run takes no more calls, or a step of one session is asked for in a run of another.
    """
    run = run_here(engine)
    if run is None and PLACE.get().run is not None and is_step:
        raise RunError(
            f"step {call.task.name!r} is asked for in a session on {engine.store!r}, and run {PLACE.get().run.id!r} is in "
            f"{PLACE.get().run.engine.store!r}: its journal could not name the step. Use one store for both."
        )
    if run is not None:
        run.check(call.task.name)
    call.run = run
    parent, position = b"", -1
    if place is None and (is_step or is_each):
        parent, position, place = _place_of_each(call, run, engine)
    elif place is None:
        place = digest(_CALL + _name(call) + placed_arguments(call))
    call.place = place
    if is_step:
        call.journaled = True
        call.key = digest(_STEP + (run.token if run is not None else engine.run_id) + place + call.salt)
        if run is not None and position >= 0:
            run.expect(call, parent, position)
        _tell_of_sharing(run, engine)
    if run is not None:
        run.note(call)


def _tell_of_sharing(run: OpenRun | None, engine: Any) -> None:
    """Tell that a task which is found in other runs too asks for a step, which those would not do then."""
    parent = PLACE.get().call
    if run is None or parent is None or parent.journaled or parent.place == ROOT or not parent.keep:
        return
    if not parent.salt.startswith(run.token) and run.is_first_of(parent.task.name):
        engine.complain("shared", parent, _SHARED)


def placed_arguments(call: Call) -> bytes:
    """The tokens of a call's arguments, with the places of calls in the place of their keys."""
    if not call.needs or call.task.names == ("key",):
        return call.arguments

    def placed(leaf: Any) -> Any:
        return Placed(leaf.place or leaf.key) if type(leaf) is Call else leaf

    args = tuple([rebuild(arg, placed) for arg in call.args or ()])
    kwargs = {name: rebuild(arg, placed) for name, arg in (call.kwargs or {}).items()}
    return b"".join(call.task.tokens(args, kwargs))


def _place_of_each(call: Call, run: OpenRun | None, engine: Any) -> tuple[bytes, int, bytes]:
    """Who asks for the call, how many such calls it had asked for before, and the place."""
    here = PLACE.get()
    if here.call is not None and here.run is run:
        parent, tally = here.call.place or here.call.key, here.tally
    else:
        parent, tally = SCRIPT, run.tally if run is not None else engine.tally
    what = digest(parent + _name(call) + placed_arguments(call))
    occurrence = next(tally.setdefault(what, count()))
    position = next(tally.setdefault(b"", count()))
    return parent, position, digest(_EACH + what + occurrence.to_bytes(8, "big"))


def _name(call: Call) -> bytes:
    return _token_of(people_name(call.info.module, getattr(call.task.fn, "__globals__", None)), call.task.name)


@lru_cache(maxsize=4096)
def _token_of(module: str, name: str) -> bytes:
    return token((module, name))


_SHARED = (
    "task {task!r} (key {key}) asks for steps, and its result is found in every run: once it is kept, another run does not "
    "do them. Declare it with reuse='run', so that its result belongs to its run."
)
