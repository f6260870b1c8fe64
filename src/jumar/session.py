"""Sessions: a store, an executor and defaults, as a context manager; and the default one, made on first use."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
import warnings
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from contextvars import ContextVar, Token
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from jumar import settings, termination
from jumar.clock import SystemClock
from jumar.defaults import defaults_of
from jumar.engine import Engine
from jumar.equipment import adopt_into, clear_leftovers, executors_for, holds_open, store_for
from jumar.errors import StoreError, StoreWarning
from jumar.events import Counts, Event
from jumar.executors import Choice, Executor, NamedChoice
from jumar.graph.layer import Layer, SharedOptions
from jumar.here import PLACE
from jumar.period import Period
from jumar.store.store import Store
from jumar.store.trouble import Trouble

if TYPE_CHECKING:
    from jumar.executor_face import ExecutorFace
    from jumar.memory.room import MemoryCounts
    from jumar.store.sources import Place

_LOG = logging.getLogger("jumar")
_WARNED_AT_MOST = 10
"""Warnings of one kind; a full disk under a million calls is said ten times, and counted."""


class Session:
    """A store, an executor and settings: what calls made inside it use.

    Everything has a default, see ``jumar config``. Without an explicit session the first call makes a default one,
    which is closed when the program ends.

    Args:
        store: Folder of the store (made if it is not there), or an open ``Store``, which stays open. Of several the first
            is written to, and what is not found in it is looked for in the others, in order: folders, files that
            ``jumar export`` wrote, or open stores.
        executor: ``"threads"``, ``"inline"``, ``"processes"``, or an object with the `Executor` protocol, which this
            session closes.
        workers: Calls that run at a time, for ``"threads"`` and ``"processes"``.
        lost_retries: How often a call is tried again whose worker process was killed or crashed, for ``"processes"``.
        executors: Further executors by name, beside the one of calls that name none, for tasks that say
            ``executor="io"``: ``{"io": "threads"}``, ``{"io": {"kind": "threads", "workers": 32}}`` or
            ``{"io": ThreadsExecutor(32)}``. Each has workers of its own; this session closes them. With
            ``executor="inline"`` all calls run in place, whatever they name. Those of the settings are there as well.
        options: Options of all calls whose tasks, and the blocks around them, do not say otherwise, such as
            ``{"retries": 2}``; see `jumar.options`. They win over those of the settings.
        durability: ``"process"``: a recorded result survives kill -9. ``"power"``: also a power loss.
        checkpoint_mode: When results are written: ``"task_exit"`` as each call ends, ``"periodic"`` once in a period,
            ``"exit"`` when the session closes, ``"manual"`` when `checkpoint` is called. Until then they are in memory
            only, at most 256 MiB of them; every way of closing the session writes them, kill -9 loses them.
        checkpoint_period_s: The period, in seconds.
        verify: When a blob's bytes are checked on reading: ``"always"``, ``"first"`` (once per process), ``"never"``.
        compression: ``"zstd"`` compresses large results where a sample says that it pays; ``"none"``.
        on_store_error: ``"warn"`` or ``"raise"`` (from ``result()``, ``checkpoint()`` and ``close()``).
        reuse: ``"on"``: results are found and kept. ``"refresh"``: not looked for, but kept, in the place of older ones.
            ``"read-only"``: found, but none are kept. ``"off"``: neither.
        audit: The share of kept results that are computed again and compared, from 0 to 1: finds tasks that depend on
            something that their keys do not see.
        max_store_size: How much the results in the store may take, such as ``"10GiB"`` or a number of bytes. Beyond it
            those that are cheapest to recompute for their bytes go, beside the computation; what this or another running
            program has found or written is not among them.
        max_running_runs: How many runs with ids this session drives at a time; further ones are ``pending`` until it is
            their turn. Those that a run starts do not wait. By default there is no limit.
        max_queued_runs: How many may wait for their turn; beyond it `RunLimitError` is raised.
        max_store_running_runs: The same for all programs that use the store, as far as they say so too.
        max_store_queued_runs: Likewise.
        keep_runs: What is kept of the results of a run with an id when it has succeeded: ``"all"``; ``"steps"``: those of
            plain tasks that nobody else has asked for go; ``"result"``: those of its steps too. A script's run keeps its
            steps in any case. `start` and `jumar.run` may say otherwise.
        memory: How much results may take in memory, such as ``"4GiB"`` or a number of bytes. Beyond it the least recently
            used leave it: those that the store has are dropped, others go to files that last as long as the session. No
            further calls begin while memory is short.
        prefer: Of several stores: ``"order"``: the first that has a result counts. ``"recent"``: the result that was
            recorded last.
        adopt: Of several stores: whether a result that is read from another store is copied into the first, so that it
            is found when the other is gone.
        single_flight: Who does not run a call that is running already: ``"process"``: this session. ``"store"``: all
            processes that use the store and say so too.
        resources: How much there is of what calls may need while they run, such as ``{"gpu": 2}``; a call that needs more
            than is free waits, one that needs more than there is is refused.
        progress: Whether to show a progress line on the terminal.

    Raises:
        SettingsError: A setting has a value that cannot be used.
        StoreError: The store cannot be opened; the text says why and what to do.

    Guarantees:
        A clean exit from the block waits for every call, but for those that were skipped because all that needs them was
        found. An exception takes back what has not started, waits for what
        runs, and keeps it; SIGTERM and KeyboardInterrupt wait for nothing that runs. What has finished is in the store
        in every case.

    Example:
        >>> import jumar
        >>> @jumar.task
        ... def add(a: int, b: int) -> int:
        ...     return a + b
        >>> with jumar.Session(store=jumar.Store.in_memory(), workers=2) as session:
        ...     total = add.spawn(add.spawn(1, 2), 3).result()
        >>> total, session.counts().computed
        (6, 2)
    """

    _closed = False
    engine_of: ClassVar[Callable[..., Engine]] = Engine
    """Makes a session's engine; ``jumar plan`` puts one here that runs nothing."""

    def __init__(
        self,
        store: Place | Sequence[Place] | None = None,
        executor: Choice | None = None,
        workers: int | None = None,
        *,
        lost_retries: int | None = None,
        executors: Mapping[str, NamedChoice] | None = None,
        options: SharedOptions | None = None,
        durability: Literal["process", "power"] | None = None,
        checkpoint_mode: Literal["task_exit", "periodic", "exit", "manual"] | None = None,
        checkpoint_period_s: float | None = None,
        verify: Literal["always", "first", "never"] | None = None,
        compression: Literal["none", "zstd"] | None = None,
        on_store_error: Literal["warn", "raise"] | None = None,
        reuse: Literal["on", "off", "refresh", "read-only"] | None = None,
        audit: float | None = None,
        max_store_size: str | int | None = None,
        max_running_runs: int | None = None,
        max_queued_runs: int | None = None,
        max_store_running_runs: int | None = None,
        max_store_queued_runs: int | None = None,
        keep_runs: Literal["all", "steps", "result"] | None = None,
        memory: str | int | None = None,
        prefer: Literal["order", "recent"] | None = None,
        adopt: bool | None = None,
        single_flight: Literal["process", "store"] | None = None,
        resources: Mapping[str, float] | None = None,
        progress: bool | None = None,
    ) -> None:
        given: dict[str, Any] = {
            "store": None if holds_open(store) else store,
            "executor": executor if isinstance(executor, str) else None,
            "executors": executors,
            "options": options,
            "workers": workers,
            "lost_retries": lost_retries,
            "durability": durability,
            "checkpoint_mode": checkpoint_mode,
            "checkpoint_period_s": checkpoint_period_s,
            "verify": verify,
            "compression": compression,
            "on_store_error": on_store_error,
            "reuse": reuse,
            "audit": audit,
            "max_store_size": max_store_size,
            "max_running_runs": max_running_runs,
            "max_queued_runs": max_queued_runs,
            "max_store_running_runs": max_store_running_runs,
            "max_store_queued_runs": max_store_queued_runs,
            "keep_runs": keep_runs,
            "memory": memory,
            "prefer": prefer,
            "adopt": adopt,
            "single_flight": single_flight,
            "resources": resources,
            "progress": progress,
        }
        self.settings = settings.resolve(given)
        self._equip(store, executor)

    def _equip(
        self,
        store: Place | Sequence[Place] | None,
        executor: Choice | None,
    ) -> None:
        """Open the store and the executors, and enter the list of sessions."""
        self.troubles: deque[Trouble] = deque(maxlen=1000)
        """The latest trouble with storage, newest last."""
        self._strict = self._setting("on_store_error") == "raise"
        self._unraised: list[BaseException] = []
        self._said: dict[str, int] = {}
        self._lock = threading.Lock()
        self._tokens: list[Token[Session | None]] = []
        self._resources = ExitStack()
        defaults = defaults_of(self.settings, _filled)
        with ExitStack() as undo:
            running, named = executors_for(executor, self.settings, undo)
            self.store, lent = store_for(store, self.settings, self._report)
            undo.pop_all()
        self.has_own_store = lent is None
        """Whether nobody else has the store open through the same object."""
        if lent is not None:
            self._resources.callback(self._let_go, lent)
        if self.store is not lent:
            self._resources.callback(self.store.close)
        self.engine = self._engine(running, named, defaults)
        adopt_into(self.store, adopts=self._setting("adopt") and self.engine.keeps)
        with _roster:
            _open.append(self)
        self._attend()

    def _attend(self) -> None:
        """Start what goes on beside the calls."""
        termination.listen()
        clear_leftovers(self.store)
        if self._setting("checkpoint_mode") == "periodic":
            self._resources.enter_context(Period(self.store.flush, self._setting("checkpoint_period_s")))
        if self._setting("progress") and not self.engine.plans:
            from jumar.progress import ProgressLine  # noqa: PLC0415  (rich is only imported when it is to draw)

            self._resources.enter_context(ProgressLine(self.counts))

    def _engine(self, executor: Executor, named: Mapping[str, Executor], defaults: Layer | None) -> Engine:
        chosen = self._setting("reuse")
        leases = None
        if self._setting("single_flight") == "store" and chosen == "on":
            from jumar.store.lease import leases_on  # noqa: PLC0415  (most sessions share no calls with other processes)

            leases = leases_on(self.store, SystemClock(), f"{id(self):x}")
        return self.engine_of(
            self.store,
            executor,
            self._hear,
            owner=self,
            strict=self._strict,
            looks=chosen in ("on", "read-only"),
            keeps=chosen in ("on", "refresh"),
            audit=self._setting("audit"),
            resources=self._setting("resources"),
            executors=named,
            defaults=defaults,
            leases=leases,
            memory_bytes=self._setting("memory"),
            clock=self.store.clock,
        )

    def _setting(self, name: str) -> Any:
        return self.settings[name].value

    @staticmethod
    def _let_go(store: Store) -> None:
        """What calls found or wrote may be swept from now on, unless another session uses the store."""
        with _roster:
            if all(session.store is not store for session in _open):
                store.let_go()

    # -- what users call -------------------------------------------------------------------------------------------

    def counts(self) -> Counts:
        """How many calls were computed, restored, failed, cancelled, are unfinished, and were skipped."""
        return self.engine.counts()

    def memory(self) -> MemoryCounts:
        """What the session holds of results in memory, and how often they were found there, dropped and spilled.

        Without a budget it looks after those only that are to stay at hand: of `put`, ``persist`` and ``cache``.
        """
        return self.engine.pooled().counts()

    def executor(self) -> ExecutorFace:
        """A ``concurrent.futures.Executor`` whose work is kept and found again; shutting it down leaves this open.

        Example:
            >>> import jumar
            >>> with jumar.Session(jumar.Store.in_memory()) as session:
            ...     session.executor().submit(divmod, 7, 2).result()
            (3, 1)
        """
        from jumar.executor_face import ExecutorFace  # noqa: PLC0415  (few programs use jumar by this face)

        return ExecutorFace(self.engine)

    def resize(self, workers: int, executor: str | None = None) -> None:
        """Let so many calls run at a time from now on: workers join, or leave when the calls that they run have ended.

        Args:
            workers: How many.
            executor: The named executor that they belong to; None for the session's own.

        Raises:
            SettingsError: The executor is inline, is none of the session's, or cannot be resized; or the number cannot be.

        Example:
            >>> with Session(Store.in_memory(), "threads", workers=1) as session:
            ...     session.resize(4)
            ...     session.engine.workers
            4

        *Guarantees*: it does not wait, and no call is stopped or run again. A new worker takes the next call that is ready.
        """
        self.engine.resize(workers, executor)

    def checkpoint(self) -> None:
        """Return when everything that has finished is in the store.

        Raises:
            StoreError: With ``on_store_error="raise"``: something could not be written.
        """
        self.store.flush()
        self._raise_trouble()

    def at_close(self, work: Callable[[], object]) -> None:
        """Do this when the session has ended its calls, and before the store is closed."""
        self._resources.callback(work)

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Call ``listener(event)`` for each call that ends and each trouble, in the thread where it happens.

        An exception in it is logged and stops nothing.
        """

        def guarded(event: Event) -> None:
            try:
                listener(event)
            except Exception:  # noqa: BLE001  (a listener is not part of the computation)
                _LOG.exception("a listener of %r failed for %r", self, event)

        self.engine.listeners.append(guarded)

    def close(self, how: Literal["drain", "finish", "now"] = "drain") -> None:
        """Take no more calls, keep what has finished, let go of store and executor. A second close does nothing.

        Args:
            how: ``"drain"`` waits for every call; ``"finish"`` takes back what has not started and waits for what
                runs; ``"now"`` also abandons what runs.

        Raises:
            StoreError: With ``on_store_error="raise"``: something could not be written.
        """
        with self._lock:
            if self._closed:
                return
            self._closed = True
        if self in _open:
            _open.remove(self)
        try:
            self.engine.close(how)
        finally:
            self.store.flush()
            self._resources.close()
        self._raise_trouble()

    def __enter__(self) -> Self:
        """Make this the session that calls use."""
        self._tokens.append(_active.set(self))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close: see the class's guarantees."""
        _active.reset(self._tokens.pop())
        self.close(_ending(error))

    def __repr__(self) -> str:
        return f"<jumar.Session {self.store!r}{' closed' if self._closed else ''}>"

    # -- trouble ---------------------------------------------------------------------------------------------------

    def _report(self, trouble: Trouble) -> None:
        """What the store calls: before the engine is there, nobody else can listen."""
        if hasattr(self, "engine"):
            self.engine.tell(trouble)
        else:
            self._hear(trouble)

    def _hear(self, trouble: Trouble) -> None:
        self.troubles.append(trouble)
        if self._strict:
            error = StoreError(trouble.text)
            error.__cause__ = trouble.error
            self._unraised.append(error)
            return
        with self._lock:
            said = self._said[trouble.kind] = self._said.get(trouble.kind, 0) + 1
        if said > _WARNED_AT_MOST:
            return
        last = " (Further ones of this kind are not shown; see Session.troubles.)" if said == _WARNED_AT_MOST else ""
        try:
            warnings.warn(trouble.text + last, StoreWarning, stacklevel=2)
        except StoreWarning as error:  # warnings are errors here: kept for a thread of the user's
            self._unraised.append(error)

    def _raise_trouble(self) -> None:
        if self._unraised:
            first, self._unraised = self._unraised[0], []
            raise first


_active: ContextVar[Session | None] = ContextVar("jumar_session", default=None)
_open: list[Session] = []
_default: Session | None = None
_elsewhere: Any = None
_making = threading.Lock()
_roster = threading.Lock()
"""Held while a session enters the list: one that enters must not lose what it claims to one that leaves."""


def current() -> Session:
    """The session that a call made here would use.

    It is the task's own inside a task, else that of the innermost ``with`` block, else the last one opened in this
    process, else the default one, made now.
    """
    engine: Engine | None = PLACE.get().engine
    if engine is not None:
        owner: Session = engine.owner
        return owner
    session = _active.get()
    if session is not None:
        return session
    return _open[-1] if _open else _elsewhere or _make_default()


def current_elsewhere(session: Any) -> None:
    """In a worker process: let ``session`` stand for the driver's, for calls outside of every session made here."""
    global _elsewhere  # noqa: PLW0603  (it belongs to the process)
    _elsewhere = session


def configure(**values: Any) -> None:
    """Set settings for this process; None takes one back.

    They are those of ``jumar config``: ``store``, ``executor``, ``executors``, ``options``, ``workers``,
    ``lost_retries``, ``durability``, ``checkpoint_mode``, ``checkpoint_period_s``, ``verify``, ``compression``,
    ``on_store_error``, ``reuse``, ``audit``, ``max_store_size``, ``memory``, ``max_running_runs`` and the three others like it,
    ``prefer``, ``adopt``, ``single_flight``, ``resources`` and ``progress``. An open default session is closed first,
    after its calls have finished; the next call makes a new one.

    Raises:
        SettingsError: A name or a value that does not exist; nothing was changed.

    Example:
        >>> import jumar
        >>> jumar.configure(workers=2)
        >>> jumar.configure(workers=None)
    """
    settings.configure(**values)
    if _default is not None:
        _default.close()


def _make_default() -> Session:
    global _default  # noqa: PLW0603  (there is one default session in a process)
    with _making:
        if _default is None or _default not in _open:
            _default = Session()
        return _default


def _filled(task: Any, values: Mapping[str, Any]) -> Any:
    return task.filled_by_session(values)


def _ending(error: BaseException | None) -> Literal["drain", "finish", "now"]:
    if error is None:
        return "drain"
    return "finish" if isinstance(error, Exception) else "now"


def _close_all() -> None:
    """At the end of the program: keep what has finished, and wait for as much as the way of ending allows."""
    # In an interactive session the last error says nothing about how it ends.
    error = None if hasattr(sys, "ps1") else getattr(sys, "last_value", None)
    how = "now" if termination.received() else _ending(error)
    for session in reversed(_open.copy()):
        try:
            session.close(how)
        except KeyboardInterrupt:
            session.engine.close("now")
            session.store.flush()


def _forget_all() -> None:
    """In a forked child: the sessions belong to the parent, whose threads are not here."""
    global _default, _making, _roster
    _default, _making, _roster = None, threading.Lock(), threading.Lock()
    _open.clear()
    _active.set(None)


atexit.register(_close_all)
os.register_at_fork(after_in_child=_forget_all)
