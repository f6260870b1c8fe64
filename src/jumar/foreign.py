"""Futures of somebody else among the arguments: each is a call here that ends when they do."""

from __future__ import annotations

import concurrent.futures as cf
import os
from collections.abc import Callable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from jumar.crew import Crew
from jumar.events import How
from jumar.future import Future
from jumar.graph.call import RUNNING, Call
from jumar.graph.scheduler import Scheduler
from jumar.keys.digest import DIGEST_SIZE
from jumar.keys.value import register_reference
from jumar.live import Live
from jumar.result import Shared


class Foreign:
    """What stands for the task of a call that jumar does not run.

    Args:
        name: What people are shown.
    """

    names = ()
    hooks = None
    policy = None

    def __init__(self, name: str) -> None:
        self.name = name


class Adoptions:
    """The foreign futures that calls of one engine wait for.

    None of them is among the engine's live calls: it can neither run one nor take one back. A call of another session
    may even have the key of a call of this one.

    Args:
        live: The engine's.
        scheduler: The engine's.
        crew: The engine's.
        settle: Gives the futures of a call that ended well their value.
        doom: Ends a call, and all that can never run because of it.
    """

    def __init__(
        self,
        live: Live,
        scheduler: Scheduler,
        crew: Crew,
        settle: Callable[[Call, None], None],
        doom: Callable[[Call, BaseException, How], None],
    ) -> None:
        self._live = live
        self._scheduler = scheduler
        self._crew = crew
        self._settle = settle
        self._doom = doom
        self._calls: WeakKeyDictionary[cf.Future[Any], Call] = WeakKeyDictionary()

    def adopt(self, future: cf.Future[Any]) -> Call:
        """The call that stands for a future: it runs, and ends in whatever thread ends the future.

        Nothing waits for it here. A future of another session brings its key along; any other one has none, so what
        needs it can be found by its value only.
        """
        known = self._calls.get(future)
        if known is not None:
            return known
        # Without arguments, so that a graph which is kept has its key only: it cannot be made again.
        call = Call(_key_of(future), _OTHERS if isinstance(future, Future) else _ANY, None, None)
        call.state = RUNNING
        call.entered = True
        call.keep = call.look = call.counted = False
        call.unrepeatable = not isinstance(future, Future) or future._call.unrepeatable  # noqa: SLF001
        with self._live.latch:
            adopted = self._calls.setdefault(future, call)
        if adopted is call:
            future.add_done_callback(lambda done: self._finish(call, done))
        return adopted

    def _finish(self, call: Call, future: cf.Future[Any]) -> None:
        """Let a call end as its future did. Nothing may be raised here: the standard library would only log it."""
        try:
            value = future.result()
        except BaseException as error:  # noqa: BLE001  (whatever it is belongs to those who wait for the call)
            self._doom(call, error, "cancelled" if future.cancelled() else "failed")
            return
        call.outcome = Shared(value)
        with self._live.latch:
            self._scheduler.finish(call)
            workers: Sequence[Call] = self._crew.free()
        self._settle(call, None)
        self._crew.start(workers)


_ANY = Foreign("concurrent.futures.Future")
_OTHERS = Foreign("jumar.Future of another session")

_keys: WeakKeyDictionary[cf.Future[Any], bytes] = WeakKeyDictionary()


def _key_of(future: cf.Future[Any]) -> bytes:
    """The key of the call that a future stands for; of a foreign one, a number that never comes again."""
    if isinstance(future, Future):
        return future._call.key  # noqa: SLF001
    return _keys.setdefault(future, os.urandom(DIGEST_SIZE))


register_reference(cf.Future, _key_of)
