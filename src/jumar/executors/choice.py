"""Executors as a session is told of them: by a short form, or as objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, NotRequired, TypedDict, cast

from jumar.errors import SettingsError
from jumar.executors.executor import Executor
from jumar.executors.inline import InlineExecutor
from jumar.executors.threads import ThreadsExecutor


class Kind(TypedDict):
    """An executor by its kind, as a file can say it."""

    kind: Literal["threads", "inline", "processes"]
    workers: NotRequired[int]


Choice = Literal["threads", "inline", "processes"] | Executor
NamedChoice = Choice | Kind

MAKERS: dict[str, Callable[[int | None, int], Executor]] = {}
"""Makers of executors by their short forms; `jumar.processes` puts its own here, because this module knows no tasks."""


def executor_of(given: object, workers: int | None, argument: str = "executor", *, lost_retries: int = 2) -> Executor:
    """The executor that was asked for.

    Args:
        given: ``"threads"``, ``"inline"``, ``"processes"``, or an executor.
        workers: For ``"threads"`` and ``"processes"``.
        argument: What it was given as, for errors.
        lost_retries: For ``"processes"``.

    Raises:
        SettingsError: It is neither.
    """
    if given == "threads":
        return ThreadsExecutor(workers)
    if given == "inline":
        return InlineExecutor()
    if isinstance(given, str) and given in MAKERS:
        return MAKERS[given](workers, lost_retries)
    if callable(getattr(given, "submit", None)) and isinstance(getattr(given, "workers", None), int):
        return cast("Executor", given)
    raise SettingsError(
        f"Session: {argument} takes 'threads', 'inline', 'processes' or an object with workers, submit and close, "
        f"not {given!r}"
    )


def named_executors(
    given: Mapping[str, Any], own: Executor, workers: int | None, lost_retries: int = 2
) -> dict[str, Executor]:
    """The executors that calls may ask for by name.

    Args:
        given: Their names, each with a short form, a `Kind` or an executor.
        own: The session's own.
        workers: For ``"threads"`` and ``"processes"`` that do not say it themselves.
        lost_retries: For ``"processes"``.

    Raises:
        SettingsError: An executor cannot be used.
    """
    named: dict[str, Executor] = {}
    for name, each in given.items():
        of_its_own = each if isinstance(each, Mapping) else {"kind": each}
        named[name] = executor_of(
            of_its_own["kind"], of_its_own.get("workers", workers), f"executors[{name!r}]", lost_retries=lost_retries
        )
    _refuse_shared(named, own)
    _refuse_mixed(named, own)
    return named


def _refuse_shared(named: Mapping[str, Executor], own: Executor) -> None:
    """One object under two names would be given twice as many calls as it has workers, and be closed twice."""
    seen = {id(own): "the session's own"}
    for name, executor in named.items():
        if id(executor) in seen:
            raise SettingsError(
                f"Session: executors[{name!r}] is the same object as {seen[id(executor)]}. Each has workers of its own: "
                f"give each an executor of its own, or let its calls name the other."
            )
        seen[id(executor)] = f"executors[{name!r}]"


def _refuse_mixed(named: Mapping[str, Executor], own: Executor) -> None:
    """Beside threads, what runs in place would run in whichever thread of jumar's happens to make it ready."""
    odd = next((name for name, each in named.items() if isinstance(each, InlineExecutor)), None)
    if odd is not None and not isinstance(own, InlineExecutor):
        raise SettingsError(
            f"Session: executors[{odd!r}] is inline and executor= is not. Calls run in the threads that make them all or "
            f"none: to debug, say executor='inline', and whatever they name runs there."
        )
