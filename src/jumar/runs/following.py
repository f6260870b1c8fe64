"""The values of calls that ended as what they returned did: the graph that is kept of them is followed to its end."""

from __future__ import annotations

from typing import Any

from jumar.continuation import Continuation, made_again
from jumar.engine import Engine
from jumar.graph.arguments import rebuild
from jumar.graph.call import NOTHING, Call
from jumar.here import PLACE, Place
from jumar.open_run import OpenRun
from jumar.session import current
from jumar.store.named_runs import NamedRun
from jumar.store.store import Store


def followed(graph: Continuation, run: NamedRun, store: Store) -> Any:
    """The value at the end of a graph of a run that has succeeded; `NOTHING` where this session is on another store.

    What is kept is read; plain calls that are not kept are computed again.

    Args:
        graph: What was kept of a call of the run.
        run: The run.
        store: Where it is.
    """
    engine: Engine = PLACE.get().engine or current().engine
    if engine.store is not store:
        return NOTHING
    token = PLACE.set(Place(None, None, 0, {}, OpenRun(run.id, run.token, engine, None)))
    try:
        tail = made_again(graph, engine.remake, engine.known)
        return rebuild(tail, lambda leaf: engine.spawn(leaf).result() if type(leaf) is Call else leaf)
    finally:
        PLACE.reset(token)
