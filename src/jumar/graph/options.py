"""The options of a task: what may be said about how its calls are named, identified, kept and found again."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, NamedTuple

from jumar.errors import DeclarationError
from jumar.graph.keep import Keep
from jumar.graph.policy import Backoff, Policy

Reuse = Literal["always", "run", "never"]
Follow = Literal["deep", "own", "version"]


class Hooks(NamedTuple):
    """The user's own functions for finding a task's results; each is called with a ``CallInfo``."""

    restore: Callable[[Any], Any]
    """Gives the value, or None where there is none."""
    exists: Callable[[Any], bool] | None
    """Whether ``restore`` has something, where that is cheaper to say."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a task's calls are named, identified, kept and found again.

    Args:
        name: The name that people see; by default the function's qualified name.
        version: Joins the key: another version is another call. For changes that the code does not show, such as new
            weights behind the same path.
        checkpoint: Whether results are kept. None takes the setting of the call that makes this one, else True. A `Keep`
            decides by size and time. A function of a ``CallInfo`` and the value decides by its answer, True or False;
            together with ``restore=`` it keeps the value itself, in the place of the store.
        restore: A function of a ``CallInfo`` that gives the kept value, or None where there is none. It is asked before
            anything else, and before what the call needs is computed.
        exists: A function of a ``CallInfo`` that says, cheaply, whether ``restore`` has something; ``restore`` is then
            called when the value is needed.
        checkpoint_errors: Whether an error that ends a call is kept, and raised again instead of being tried again when
            the call is asked for in another session.
        retries: How often a call that failed is tried again in one session.
        retry_on: Which errors are worth that: a class, several, or a function of the error.
        backoff: How long to wait before: seconds, a `Backoff`, or a function of the number of failed attempts.
        timeout_s: How long one attempt may take, in seconds. On threads the function itself cannot be stopped: the call
            has failed then, and what the function may return later is dropped.
        catch: Make errors answers: a call gives ``(value, None)`` or ``(None, error)``. True for every ``Exception``; a
            class or several for these only.
        priority: Of calls that are ready, those with a higher one run first.
        resources: What a call needs while it runs, such as ``{"gpu": 1}``, of what the session has.
        executor: The name of the session's executor that runs it; None for the one that has no name.
        reuse: ``"always"``: found wherever the same call is made. ``"run"``: found within one run (session) only.
            ``"never"``: each call runs, and what depends on its value is found only where the value comes out equal.
        refresh: Run even if a result is kept, and replace it.
        ttl_s: Use a kept result only if it is not older than this, in seconds; None for any age.
        ignore: Names of parameters that do not belong to the key, such as ``verbose``.
        key: Gives what identifies the arguments instead of the arguments themselves; called with them.
        code: How the code joins the key: ``"deep"`` with all of the project that it reaches, ``"own"`` the function's
            text alone, ``"version"`` only the ``version`` and the name.
        uses: Further functions, classes and values that belong to the code, where it reaches them in a way that cannot
            be seen (``getattr``, ``eval``).
        env: Names of libraries whose version joins the key, such as ``["numpy"]``.
        said: Which of these were said, defaults included; a layer counts for the others only.
        persist: Whether a result stays at hand until the session ends, in memory or in a file of the session, when nobody
            refers to it any more. Equal calls find it there even if it is not kept in the store.
        cache: Likewise, but only while there is room in memory: after that an equal call runs again.
        meta: Whether the function is given a `Chunk` in the place of each result among its arguments.
        step: Whether a call is an effect, done once in its run and known by its place there. What is found and kept of it
            is then not for other options to say.
    """

    name: str | None = None
    version: str | None = None
    checkpoint: bool | Keep | Callable[[Any, Any], Any] | None = None
    restore: Callable[[Any], Any] | None = None
    exists: Callable[[Any], bool] | None = None
    checkpoint_errors: bool = False
    retries: int = 0
    retry_on: Any = Exception
    backoff: Any = 0.0
    timeout_s: float | None = None
    catch: Any = False
    priority: int = 0
    resources: Mapping[str, float] | None = None
    executor: str | None = None
    reuse: Reuse = "always"
    refresh: bool = False
    ttl_s: float | None = None
    ignore: tuple[str, ...] = ()
    key: Callable[..., Any] | None = None
    code: Follow = "deep"
    uses: tuple[Any, ...] = ()
    env: tuple[str, ...] = ()
    persist: bool = False
    cache: bool = False
    meta: bool = False
    step: bool = False
    said: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Refuse values that could only fail later."""
        for name, check, takes in _RULES:
            value = getattr(self, name)
            if not check(value):
                hint = f" Write {name}={str(value)!r}." if name == "version" else ""
                raise DeclarationError(f"option {name}= takes {takes}, not {value!r} ({type(value).__name__}).{hint}")
        if self.code == "version" and self.version is None:
            raise DeclarationError('option code="version" needs a version=: nothing else would tell two codes apart.')
        decided = [name for name in _DECIDED if self.step and getattr(self, name) != getattr(_NOTHING_SAID, name)]
        if decided:
            raise DeclarationError(
                f"option {decided[0]}= is not for a step: it is done once in its run, kept, and found there only."
            )
        if self.exists is not None and self.restore is None:
            raise DeclarationError("option exists= needs a restore=: it says whether that has something.")
        if self.retains is not None and self.reuse == "never":
            raise DeclarationError(
                f"option {self.retains}= is for results that are found again; reuse='never' finds none."
            )
        if self.persist and self.cache:
            raise DeclarationError(
                "options persist= and cache= exclude each other: persist= keeps a result at hand, cache= only while there is "
                "room."
            )
        if self.key is not None and self.ignore:
            raise DeclarationError(
                "options key= and ignore= exclude each other: key= says what identifies the arguments."
            )

    @property
    def policy(self) -> Policy | None:
        """What is done when calls go wrong; None where nothing special is."""
        catch = Exception if self.catch is True else self.catch or None
        said = Policy(self.retries, self.retry_on, self.backoff, self.timeout_s, catch, self.checkpoint_errors)
        return None if said == Policy() else said

    @property
    def is_ordinary(self) -> bool:
        """Whether a call can be made without a look at these options, but for ``checkpoint``: most tasks say nothing else."""
        placed = self.priority or self.resources or self.executor is not None
        is_special = self.catch or self.meta or self.persist or self.cache or self.step
        return not (placed or is_special or self.refresh or self.reuse != "always")

    @property
    def hooks(self) -> Hooks | None:
        """The functions that are asked for kept values, if there are any."""
        return None if self.restore is None else Hooks(self.restore, self.exists)

    @property
    def retains(self) -> Literal["persist", "cache"] | None:
        """Whether results stay at hand when nobody refers to them, and how firmly."""
        return "persist" if self.persist else "cache" if self.cache else None

    @property
    def saves(self) -> Callable[[Any, Any], Any] | None:
        """The function that keeps results in the place of the store, if there is one."""
        return self._function if self.restore is not None else None

    @property
    def decides(self) -> Callable[[Any, Any], bool] | None:
        """The function that decides whether the store keeps a result, if there is one."""
        return self._function if self.restore is None else None

    @property
    def _function(self) -> Callable[[Any, Any], Any] | None:
        chosen = self.checkpoint
        return None if chosen is None or isinstance(chosen, (bool, Keep)) else chosen

    def with_changes(self, changes: dict[str, Any]) -> Options:
        """These options with some replaced; an unknown name is an error that suggests the nearest known one."""
        for name, value in changes.items():
            if name not in NAMES:
                near = difflib.get_close_matches(name, NAMES, n=1)
                hint = f" Did you mean {near[0]}=?" if near else f" There are: {', '.join(NAMES)}."
                raise DeclarationError(f"a task has no option {name}=.{hint}")
            if name in _SEQUENCES and isinstance(value, list):
                changes = changes | {name: tuple(value)}
        return replace(self, **changes, said=self.said | changes.keys())

    def filled(self, values: Mapping[str, Any]) -> Options:
        """These options with others where nothing was said; what is filled in counts as said.

        A ``checkpoint`` of None says nothing; nor is ``persist`` or ``cache`` filled in beside the other one, or where no result
        is found again. Where there is a ``restore``, a function that decides what the store keeps
        is not filled in: beside it, it would be the one that saves. What is found and kept of a step is not for others to say.
        """
        if self.step:
            values = {name: value for name, value in values.items() if name not in _DECIDED}
        news = {name: value for name, value in values.items() if not self._says(name)}
        if self.checkpoint is None and "checkpoint" in values:
            news["checkpoint"] = values["checkpoint"]
        if self.retains is not None or self.reuse == "never":
            news = {name: value for name, value in news.items() if name not in ("persist", "cache")}
        chosen = news.get("checkpoint")
        if self.restore is not None and callable(chosen) and not isinstance(chosen, Keep):
            del news["checkpoint"]
        return self.with_changes(news) if news else self

    def _says(self, name: str) -> bool:
        return name in self.said or bool(getattr(self, name) != getattr(_NOTHING_SAID, name))

    def __reduce__(self) -> Any:
        """By the names of what was said: calls in kept graphs have options, and must be readable when there are more."""
        said = {name: getattr(self, name) for name in NAMES if name in self.said}
        others = {name: getattr(self, name) for name in NAMES if name not in self.said and self._says(name)}
        return _made_of, (said, others)


def _is_name(value: object) -> bool:
    return value is None or (isinstance(value, str) and bool(value.strip()))


def _are_names(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(name, str) and name for name in value)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < float("inf")


def _are_errors(value: object) -> bool:
    kinds = value if isinstance(value, tuple) else (value,)
    return bool(kinds) and all(isinstance(kind, type) and issubclass(kind, BaseException) for kind in kinds)


def _is_function(value: object) -> bool:
    return callable(value) and not isinstance(value, type)


def _are_amounts(value: object) -> bool:
    return value is None or (
        isinstance(value, Mapping)
        and all(isinstance(name, str) and _is_number(amount) for name, amount in value.items())
    )


def _is_age(value: object) -> bool:
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0)


_SEQUENCES: Sequence[str] = ("ignore", "uses", "env")
_RULES: tuple[tuple[str, Callable[[Any], bool], str], ...] = (
    ("name", _is_name, "a non-empty string"),
    ("version", lambda value: value is None or isinstance(value, str), "a string"),
    (
        "checkpoint",
        lambda value: value is None or isinstance(value, (bool, Keep)) or callable(value),
        "True, False, None, a jumar.Keep or a function of the call and its value",
    ),
    ("restore", lambda value: value is None or callable(value), "a function of the call"),
    ("exists", lambda value: value is None or callable(value), "a function of the call"),
    ("checkpoint_errors", lambda value: isinstance(value, bool), "True or False"),
    ("retries", _is_count, "a whole number that is not negative"),
    ("retry_on", lambda value: _are_errors(value) or _is_function(value), "a class of errors, several, or a function"),
    (
        "backoff",
        lambda value: _is_number(value) or isinstance(value, Backoff) or _is_function(value),
        "a number of seconds, a jumar.Backoff, or a function",
    ),
    (
        "timeout_s",
        lambda value: value is None or (_is_number(value) and value > 0),
        "a number of seconds above 0, or None",
    ),
    ("catch", lambda value: isinstance(value, bool) or _are_errors(value), "True, False, or classes of errors"),
    ("priority", lambda value: isinstance(value, int) and not isinstance(value, bool), "a whole number"),
    ("resources", _are_amounts, "a dict of amounts by name, such as {'gpu': 1}"),
    ("executor", _is_name, "the name of an executor of the session, or None"),
    ("reuse", lambda value: value in ("always", "run", "never"), "'always', 'run' or 'never'"),
    ("refresh", lambda value: isinstance(value, bool), "True or False"),
    ("ttl_s", _is_age, "a number of seconds that is not negative, or None"),
    ("ignore", _are_names, "a list of parameter names"),
    ("key", lambda value: value is None or callable(value), "a function of the arguments"),
    ("code", lambda value: value in ("deep", "own", "version"), "'deep', 'own' or 'version'"),
    ("uses", lambda value: isinstance(value, tuple), "a list of functions, classes and values"),
    ("env", _are_names, "a list of names of libraries"),
    ("persist", lambda value: isinstance(value, bool), "True or False"),
    ("cache", lambda value: isinstance(value, bool), "True or False"),
    ("meta", lambda value: isinstance(value, bool), "True or False"),
    ("step", lambda value: isinstance(value, bool), "True or False"),
)
_DECIDED = ("checkpoint", "restore", "exists", "reuse", "refresh", "ttl_s")
NAMES = tuple(field.name for field in fields(Options) if field.name != "said")
"""What may be said."""
_NOTHING_SAID = Options()


def _made_of(said: dict[str, Any], others: dict[str, Any]) -> Options:
    """How options are unpickled."""
    return Options(**others).with_changes(said)
