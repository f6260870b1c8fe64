"""Tasks: plain functions whose calls are found again."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import (
    TYPE_CHECKING,
    Any,
    Concatenate,
    Generic,
    Literal,
    ParamSpec,
    Self,
    TypeVar,
    Unpack,
    cast,
    overload,
)

from jumar.block import opened, said_here
from jumar.building import is_building
from jumar.capture import capture
from jumar.declaration import name_of, refuse_what_cannot_be_a_task, version_of
from jumar.engine import Engine
from jumar.errors import DeclarationError, FingerprintError
from jumar.feed import mapped
from jumar.future import Future
from jumar.graph.arguments import ATOMS
from jumar.graph.call import Call
from jumar.graph.keep import Keep
from jumar.graph.options import Options
from jumar.here import PLACE
from jumar.keys import CodeFingerprint, CodePart, Signature, call_key, fingerprint_code
from jumar.keys.code import stand_for_function
from jumar.keys.code_origin import people_name
from jumar.lazy import Lazy
from jumar.position import ROOT, run_here, stand
from jumar.script import imported, thing_of
from jumar.session import current as current_session
from jumar.store.records import TaskInfo

if TYPE_CHECKING:
    from jumar.graph.policy import Errors
    from jumar.graph.task_options import Answer, TaskOptions
    from jumar.open_run import OpenRun
    from jumar.runs.handle import RunHandle

P = ParamSpec("P")
Q = ParamSpec("Q")
T = TypeVar("T")
S = TypeVar("S")
V = TypeVar("V")


class Task(Generic[P, T]):
    """A function whose calls are durable: made with ``@jumar.task``.

    ``f(x)`` gives the value, found or computed here and now; ``f.spawn(x)`` a `Future`.

    Args:
        fn: The function.
        options: How its calls are named, identified and kept.

    Raises:
        DeclarationError: ``fn`` cannot be a task.
    """

    runs_here: bool = False

    def __init__(self, fn: Callable[P, T], options: Options | None = None) -> None:
        self._options = options or Options()
        refuse_what_cannot_be_a_task(fn)
        self.fn = fn
        self.name = self._options.name or name_of(fn)
        functools.update_wrapper(self, fn)
        self._version = version_of(self._options, self.name)
        self.__jumar_version__ = self._version  # joins the keys of the tasks that call this one
        self._hold(self._options)
        self._is_filled = False  # with what the session says
        self._signature: Signature | None = None
        self._code: CodeFingerprint | None = None
        if self._options.ignore:
            self._bound_by()  # refuses names that are no parameters

    def _hold(self, options: Options) -> None:
        """Let these options count."""
        self._held = options
        self.ttl_s, self.policy = options.ttl_s, options.policy
        self.hooks, self.saves, self.decides = options.hooks, options.saves, options.decides
        self.retains, self.meta = options.retains, options.meta
        if options.meta:
            self.runs_here = True  # chunks are read in the driver
        self.keeps = options.checkpoint if isinstance(options.checkpoint, Keep) else None
        self.looks_at_values = options.key is not None
        self._is_ordinary = options.is_ordinary

    @property
    def is_pure(self) -> bool:
        """Whether a call leaves nothing behind but its result, as far as the task says."""
        return self._options.reuse == "always" and not self._options.step and self.hooks is None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of what is recorded as arguments: the parameters, or ``key`` where the key= option stands for them."""
        return self._bound_by().names if self._options.key is None else ("key",)

    @overload
    def spawn(self, /, *args: P.args, **kwargs: P.kwargs) -> Future[T]: ...
    @overload
    def spawn(self, /, *args: Any, **kwargs: Any) -> Future[T]: ...
    def spawn(self, /, *args: Any, **kwargs: Any) -> Future[T]:
        """A future for this call, which is found or starts as soon as a worker is free.

        Futures among the arguments, at any depth of lists, tuples, dicts, sets and dataclasses, are awaited and
        replaced by their values.

        Raises:
            ArgumentError: The arguments do not fit the signature.
            FingerprintError: An argument has no identity.
        """
        engine: Engine = PLACE.get().engine or current_session().engine
        task = self if opened.get() is None else said_here(self)
        return engine.spawn(task.make(engine, args, kwargs))

    def map(self, *iterables: Iterable[Any], window: int | None = None, strict: bool = False) -> Iterator[Future[T]]:
        """Futures for the calls with each of the inputs, in their order, as `map` gives values.

        The inputs may be endless: they are taken as there is room in the window. The first ones are taken, and their
        calls begin, at once; further ones when the next future is asked for, in the thread that asks. Futures and
        lazy calls may stand among them, as in `spawn`.

        Args:
            iterables: One for each positional argument.
            window: So many calls are at most under way, or finished and not yet handed out. By default four for each
                worker of the session, and at least 16. Where all of them are handed out and under way, the iterator
                waits for one to end; inside a task, it lends its worker's place meanwhile.
            strict: Whether iterables of unequal lengths are an error, as in `zip`; else the shortest counts.

        Raises:
            ArgumentError: There is no iterable.
            ValueError: ``window`` is not a positive whole number.

        Guarantees:
            An error of the inputs, or of arguments that do not fit, is raised from the iterator after the futures of
            the inputs before it. An iterator that is left early takes no more inputs; the calls that have begun go on.

        Example:
            >>> import itertools, jumar
            >>> @jumar.task
            ... def square(x: int) -> int:
            ...     return x * x
            >>> squares = square.map(itertools.count())
            >>> [next(squares).result() for _ in range(5)]
            [0, 1, 4, 9, 16]
        """
        return mapped(PLACE.get().engine or current_session().engine, said_here(self), iterables, window, strict)

    @overload
    def lazy(self, /, *args: P.args, **kwargs: P.kwargs) -> Lazy[T]: ...
    @overload
    def lazy(self, /, *args: Any, **kwargs: Any) -> Lazy[T]: ...
    def lazy(self, /, *args: Any, **kwargs: Any) -> Lazy[T]:
        """This call, described but not started; `collect` gives its value.

        Raises:
            ArgumentError: The arguments do not fit the signature.
            FingerprintError: An argument has no identity.
        """
        engine: Engine = PLACE.get().engine or current_session().engine
        return Lazy(engine, said_here(self).make(engine, args, kwargs))

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> T:
        """The value of this call: found, or computed now in this thread; inside of `lazily` and `graph`, a `Lazy`.

        Raises:
            ArgumentError: The arguments do not fit the signature.
            FingerprintError: An argument has no identity.
            BaseException: What the function raises.
        """
        if is_building():
            return cast("T", self.lazy(*args, **kwargs))
        engine: Engine = PLACE.get().engine or current_session().engine
        task = self if opened.get() is None else said_here(self)
        return cast("T", engine.run(task.make(engine, args, kwargs)))

    def start(
        self,
        *args: Any,
        id: str | None = None,  # noqa: A002  (it is what everybody calls it)
        metadata: Mapping[str, Any] | None = None,
        keep: Literal["all", "steps", "result"] | None = None,
        **kwargs: Any,
    ) -> RunHandle[T]:
        """A durable run of this call: stored before anything of it runs, resumed by its id alone.

        Args:
            args: The call's positional arguments.
            id: The run's name in the store; one is made up if none is given. A run of this id with the same task and
                arguments is taken up again; one that succeeded is not run again.
            metadata: What is kept with the run: anything that JSON can say.
            keep: What is kept of its results when it has succeeded: ``"all"``; ``"steps"``: those of plain tasks that
                nobody else has asked for go; ``"result"``: those of its steps too. By default what the session's
                ``keep_runs`` says.
            kwargs: The call's keyword arguments. Parameters named ``id``, ``metadata`` and ``keep`` go by position.

        Raises:
            RunError: There is a run of this id with another task or other arguments, or it cannot be stored.
            RunHeldError: Another process drives it.

        *Guarantees*: when this returns, `jumar.resume` finds the run, whatever happens to this process.

        Example:
            >>> import jumar, tempfile
            >>> @jumar.task
            ... def double(x: int) -> int:
            ...     return 2 * x
            >>> with tempfile.TemporaryDirectory() as folder, jumar.Session(folder + "/store"):
            ...     double.start(21, id="answer").result()
            42
        """
        opening = import_module("jumar.runs.opening")  # what knows tasks, and what most programs do not need
        return cast("RunHandle[T]", opening.start(self, args, kwargs, id, metadata, keep))

    @overload
    def options(
        self: Task[P, Answer[V]], *, catch: Literal[True] | Errors, **changes: Unpack[TaskOptions]
    ) -> Task[P, Answer[V]]: ...
    @overload
    def options(self: Task[P, Answer[V]], *, catch: Literal[False], **changes: Unpack[TaskOptions]) -> Task[P, V]: ...
    @overload
    def options(self, *, catch: Literal[True] | Errors, **changes: Unpack[TaskOptions]) -> Task[P, Answer[T]]: ...
    @overload
    def options(self, *, catch: Literal[False] = False, **changes: Unpack[TaskOptions]) -> Task[P, T]: ...
    def options(self, **changes: Any) -> Task[P, Any]:
        """The same task with other options; see `Options`.

        Raises:
            DeclarationError: There is no such option, or it cannot have this value.

        Example:
            >>> import jumar
            >>> @jumar.task
            ... def square(x: int) -> int:
            ...     return x * x
            >>> square.options(checkpoint=False).spawn(3).result()
            9
        """
        return self.with_options(self._options.with_changes(changes))

    def with_options(self, options: Options) -> Task[P, T]:
        """The same task with these options in the place of all that it has; `options` is for users."""
        return task_with(self.fn, options)

    def filled(self, values: Mapping[str, Any]) -> Task[P, T]:
        """The same task with the options of a block, where it says nothing itself. `options` is for users."""
        options = self._options.filled(values)
        return self._copied(options, options)

    def filled_by_session(self, values: Mapping[str, Any]) -> Task[P, T]:
        """The same task with what a session says held as well, but not said: it is neither inherited nor pickled."""
        return self._copied(self._options, self._options.filled(values), _is_filled=True)

    def _copied(self, options: Options, held: Options, **others: Any) -> Self:
        """The same task with other options; what identifies its calls is shared."""
        copy = object.__new__(type(self))
        copy.__dict__.update(self.__dict__, _options=options, **others)
        copy._hold(held)
        return copy

    def key(self, *args: Any, **kwargs: Any) -> str:
        """The key of this call in hexadecimal, without running anything.

        Raises:
            DeclarationError: It is a step, whose key depends on who asks for it and how often.
        """
        if self._options.step:
            raise DeclarationError(
                f"step {self.name!r} has a key only where it is asked for: see jumar.current_call().key inside of it"
            )
        return self.make(PLACE.get().engine or current_session().engine, args, kwargs).key.hex()

    @property
    def info(self) -> TaskInfo:
        """What the store records of this task; its code is looked at again if something it reaches was changed."""
        code = self._code
        if code is None or not code.is_current():
            options = self._options
            code = fingerprint_code(self.fn, follow=options.code, version=self._version, uses=options.uses)
            module = getattr(self.fn, "__module__", None) or ""
            self._info = TaskInfo(code.digest, self.name, module, " ".join(self.names))
            self._code = code  # last: what is refused once is refused in the same words again
        return self._info

    def parts_of(self, code: bytes) -> Sequence[CodePart]:
        """The parts of this code, if it is still the task's."""
        return self._code.parts if self._code is not None and self._code.digest == code else ()

    def tokens(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[bytes]:
        """The tokens of arguments in normal form; calls may stand among them."""
        return self._bound_by().tokens(args, kwargs, [])

    def value_tokens(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes | None:
        """The tokens of finished values, side by side; None where one of them has no identity."""
        try:
            return b"".join(self._bound_by().tokens(args, kwargs))
        except FingerprintError:
            return None

    def by_name(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[tuple[str, Any]]:
        """Each parameter with what it is given in a call in normal form."""
        return self._bound_by().by_name(args, kwargs)

    def _bound_by(self) -> Signature:
        if self._signature is None:
            self._signature = Signature(self.fn, self.name, self._options.ignore, self._options.key)
        return self._signature

    def make(self, engine: Engine, args: tuple[Any, ...], kwargs: dict[str, Any], place: bytes | None = None) -> Call:
        """The call in an engine: bound, identified, its arguments captured. `spawn` and the others are for users.

        Its place in its run is the given one, or follows from where this is called.
        """
        if engine.is_remote:
            return engine.describe(self, args, kwargs)
        here = PLACE.get()
        if engine.defaults is not None and not self._is_filled:
            parent = here.call
            is_told = parent is not None and parent.bequest is not None
            layer = engine.defaults.inside if is_told else engine.defaults
            return layer.fill(self).make(engine, args, kwargs, place)
        code = self._code
        info = self._info if code is not None and code.is_current() else self.info
        signature = self._signature or self._bound_by()
        args, kwargs = signature.bind(args, kwargs)
        references: list[Any] = []
        arguments = b"".join(signature.tokens(args, kwargs, references))
        options = self._options
        run = run_here(engine) if here.run is not None else None
        salt = b"" if self._is_ordinary and place is None else self._salt(engine, run, place)
        call = Call(call_key(info.code, arguments, salt), self, info, args, kwargs or None, (), arguments)
        if salt and options.reuse != "never":
            call.salt = salt
        if kwargs or not ATOMS.issuperset(map(type, args)):
            capture(call, self.name, engine, references)
        if run is not None or options.step:
            stand(call, engine, place, is_step=options.step, is_each=options.reuse == "never")
        self._inherit(call, engine, here.call)
        if not self._is_ordinary:
            self._decide(call, engine)
        return call

    def _salt(self, engine: Engine, run: OpenRun | None, place: bytes | None) -> bytes:
        """What sets the call apart from an equal one: its run, nothing but itself, or that it gives or is given other values."""
        options = self._options
        salt = b""
        if options.reuse == "never":
            salt = os.urandom(16)
        elif options.reuse != "always" or place == ROOT:
            salt = engine.run_id if run is None else run.token
        return salt + b"catch" * bool(options.catch) + b"meta" * options.meta

    def _inherit(self, call: Call, engine: Engine, parent: Call | None) -> None:
        """Whether the result is kept, where the task, the call that makes this one, and the session have their say."""
        chosen = self._options.checkpoint
        bequest = chosen is not False if chosen is not None else None if parent is None else parent.bequest
        if bequest is not None:
            call.bequest = bequest
        if bequest is False or not engine.keeps or (bequest is None and self._held.checkpoint is False):
            call.keep = False
        if not engine.looks:
            call.look = False

    def _decide(self, call: Call, engine: Engine) -> None:
        """What a task that is not ordinary says of where, when and whether its call runs."""
        options = self._held
        if options.priority:
            call.priority = options.priority
        if options.resources:
            call.demand = engine.met(options.resources, self.name)
        if options.executor is not None:
            call.executor = engine.placed(options.executor, self.name)
        if options.retains is not None:
            engine.pooled()
        if options.catch:
            call.catches = self.policy.catch if self.policy else None
        if options.refresh:
            call.look = False
        if options.reuse == "never":
            call.unrepeatable, call.keep, call.look = True, False, False
        if options.step:
            call.unrepeatable, call.keep, call.look = False, engine.keeps, True

    @overload
    def __get__(self, instance: None, owner: type) -> Task[P, T]: ...
    @overload
    def __get__(self: Task[Concatenate[S, Q], T], instance: S, owner: type) -> BoundTask[Q, T]: ...
    def __get__(self, instance: Any, owner: type) -> Any:
        """A task in a class is a method: its instance is the first argument, and part of the key."""
        return self if instance is None else BoundTask(self, instance)

    def __repr__(self) -> str:
        return f"<jumar.Task {self.name}>"

    def __reduce__(self) -> Any:
        """A task that can be imported is pickled by its name, like a function; a script's so that other programs find it."""
        known = imported(self.fn)
        if isinstance(known, Task) and known.fn is self.fn:
            if known is not self:
                return _with_options, (known, self._options)
            namespace = getattr(self.fn, "__globals__", {})
            if self.fn.__module__ == "__main__" and namespace.get("__file__"):
                name = people_name("__main__", namespace)
                return thing_of, (name, os.path.abspath(namespace["__file__"]), self.fn.__qualname__)  # noqa: PTH100
            return self.fn.__qualname__
        return task_with, (self.fn, self._options)


class AsyncTask(Task[P, T]):
    """A task made of an ``async def`` function: a call of it is a future, to be awaited.

    Example:
        >>> import asyncio, jumar
        >>> @jumar.task
        ... async def double(x: int) -> int:
        ...     await asyncio.sleep(0)
        ...     return 2 * x
        >>> double(4).result()
        8
    """

    runs_here = True

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:  # type: ignore[override]
        """As `spawn`, so that ``await f(x)`` works as it does without the decorator."""
        if is_building():
            return cast("Future[T]", self.lazy(*args, **kwargs))
        return self.spawn(*args, **kwargs)


def task_with(fn: Callable[P, T], options: Options) -> Task[P, T]:
    """The task of a function, of the kind that fits it."""
    if inspect.iscoroutinefunction(fn):
        return cast("Task[P, T]", AsyncTask(fn, options))
    return Task(fn, options)


class BoundTask(Generic[P, T]):
    """A task that is a method, with its instance."""

    def __init__(self, task: Task[Any, T], instance: Any) -> None:
        self.task = task
        self.instance = instance

    @overload
    def spawn(self, /, *args: P.args, **kwargs: P.kwargs) -> Future[T]: ...
    @overload
    def spawn(self, /, *args: Any, **kwargs: Any) -> Future[T]: ...
    def spawn(self, /, *args: Any, **kwargs: Any) -> Future[T]:
        """As `Task.spawn`."""
        return self.task.spawn(self.instance, *args, **kwargs)

    def map(self, *iterables: Iterable[Any], window: int | None = None, strict: bool = False) -> Iterator[Future[T]]:
        """As `Task.map`."""
        engine: Engine = PLACE.get().engine or current_session().engine
        return mapped(engine, said_here(self.task), iterables, window, strict, self.instance)

    @overload
    def lazy(self, /, *args: P.args, **kwargs: P.kwargs) -> Lazy[T]: ...
    @overload
    def lazy(self, /, *args: Any, **kwargs: Any) -> Lazy[T]: ...
    def lazy(self, /, *args: Any, **kwargs: Any) -> Lazy[T]:
        """As `Task.lazy`."""
        return self.task.lazy(self.instance, *args, **kwargs)

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> T:
        """As calling the task."""
        return self.task(self.instance, *args, **kwargs)

    def start(self, *args: Any, **kwargs: Any) -> RunHandle[T]:
        """As `Task.start`."""
        return self.task.start(self.instance, *args, **kwargs)

    @overload
    def options(
        self: BoundTask[P, Answer[V]], *, catch: Literal[True] | Errors, **changes: Unpack[TaskOptions]
    ) -> BoundTask[P, Answer[V]]: ...
    @overload
    def options(
        self: BoundTask[P, Answer[V]], *, catch: Literal[False], **changes: Unpack[TaskOptions]
    ) -> BoundTask[P, V]: ...
    @overload
    def options(self, *, catch: Literal[True] | Errors, **changes: Unpack[TaskOptions]) -> BoundTask[P, Answer[T]]: ...
    @overload
    def options(self, *, catch: Literal[False] = False, **changes: Unpack[TaskOptions]) -> BoundTask[P, T]: ...
    def options(self, **changes: Any) -> BoundTask[P, Any]:
        """As `Task.options`."""
        return BoundTask(self.task.options(**changes), self.instance)

    def key(self, *args: Any, **kwargs: Any) -> str:
        """As `Task.key`."""
        return self.task.key(self.instance, *args, **kwargs)


stand_for_function(Task)


def _with_options(known: Task[P, T], options: Options) -> Task[P, T]:
    """A task that can be imported, with these options: how such a one is unpickled."""
    return known if known._options == options else known.with_options(options)  # noqa: SLF001
