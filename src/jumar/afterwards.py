"""Running a call that was skipped, for somebody who asks for it when its session has ended."""

from __future__ import annotations

from contextvars import Context
from typing import Any

from jumar.graph.call import Call
from jumar.session import Session
from jumar.store.store import Store


def computed(call: Call, args: tuple[Any, ...], kwargs: dict[str, Any] | None) -> Any:
    """What a call's function gives, run in this thread as the task says: with its retries, and errors that are answers.

    It runs in a session of its own, in memory, and nothing is kept. So calls that it makes find a session, as they would
    have before.

    Args:
        call: The call, which belongs to a session that has ended.
        args: Its positional arguments, with values in the place of calls.
        kwargs: Its keyword arguments, if there are any.

    Raises:
        BaseException: What the function raises.
    """
    # Wherever it is asked for: nothing of that place, such as a run or another session, is this call's business.
    return Context().run(_computed, call, args, kwargs)


def _computed(call: Call, args: tuple[Any, ...], kwargs: dict[str, Any] | None) -> Any:
    again = Call(call.key, call.task, call.info, args, kwargs, (), call.arguments)
    again.keep = again.look = False
    again.catches, again.bequest = call.catches, call.bequest
    with Store.in_memory() as store, Session(store, executor="inline", progress=False) as session:
        return session.engine.spawn(again).result()
