"""What a session works with: the executors and the store that its arguments and settings ask for."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING

from jumar.errors import SettingsError
from jumar.executors import Executor, executor_of, named_executors
from jumar.settings import Value
from jumar.store.store import Store
from jumar.store.trouble import Report

if TYPE_CHECKING:
    from jumar.store.sources import Place


def executors_for(
    own: object, settings: Mapping[str, Value], undo: ExitStack
) -> tuple[Executor, Mapping[str, Executor]]:
    """The executor of calls that name none, given or of the kind that the settings name, and those with names.

    Args:
        own: What was given to the session as its executor.
        settings: The settings.
        undo: Closes them, should the session not come to be.

    Raises:
        SettingsError: What was given is no executor, or does not go together.
    """
    workers, lost_retries = settings["workers"].value, settings["lost_retries"].value
    unnamed = executor_of(settings["executor"].value if own is None else own, workers, lost_retries=lost_retries)
    undo.callback(unnamed.close, wait=False)
    others = named_executors(settings["executors"].value, unnamed, workers, lost_retries)
    for each in others.values():
        undo.callback(each.close, wait=False)
    _refuse_lost_retries((unnamed, *others.values()), settings)
    return unnamed, others


def _refuse_lost_retries(executors: Iterable[Executor], settings: Mapping[str, Value]) -> None:
    if settings["lost_retries"].origin == "Session" and all(each.name != "processes" for each in executors):
        raise SettingsError("Session: lost_retries is for executor='processes'; no other one has processes to lose.")


def clear_leftovers(store: Store) -> None:
    """Remove the large values that killed sessions have left beside this store and in shared memory; most left nothing.

    Args:
        store: The store of the session that begins.
    """
    disk = None if store.path is None or store.read_only else store.path / "scratch"
    shared = f"/dev/shm/jumar-{os.getuid()}"
    if (disk is not None and _holds_directories(disk)) or _holds_directories(shared):
        from jumar.chunks.scratch import clear_abandoned  # noqa: PLC0415  (where there is nothing, nothing is imported)

        clear_abandoned(disk)


def _holds_directories(path: str | os.PathLike[str]) -> bool:
    try:
        with os.scandir(path) as entries:
            return any(entry.is_dir() for entry in entries)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return False


def store_for(
    given: Place | list[Place] | tuple[Place, ...] | object, settings: Mapping[str, Value], report: Report
) -> tuple[Store, Store | None]:
    """The store to use, and the open one of the user's that it is or that it writes to, if there is one.

    Args:
        given: What was given to the session: None, a place, or several.
        settings: The settings.
        report: Told of trouble with stores that are opened.

    Raises:
        SettingsError: The settings do not fit an open store, or each other.
        StoreError: The store cannot be opened.
    """
    first = given[0] if isinstance(given, (list, tuple)) and given else given
    lent = first if isinstance(first, Store) else None
    _check(lent, settings)
    if isinstance(given, Store):
        if settings["max_store_size"].origin == "Session":
            raise SettingsError(
                f"Session: max_store_size is for a store that the session opens, and {given!r} is open. Open it with "
                f"max_size_bytes=, or give its path."
            )
        return given, given
    from jumar.store.sources import open_stores  # noqa: PLC0415  (a program may import jumar and open no store)

    store = open_stores(
        given if holds_open(given) else settings["store"].value,  # type: ignore[arg-type]
        prefer=settings["prefer"].value,
        durability=settings["durability"].value,
        verify=settings["verify"].value,
        deferred=_is_deferred(settings),
        compression=settings["compression"].value,
        max_size_bytes=settings["max_store_size"].value,
        report=report,
    )
    return store, lent


def holds_open(store: object) -> bool:
    """Whether an open store was given, by itself or among others: no setting says that."""
    return isinstance(store, Store) or (
        isinstance(store, (list, tuple)) and any(isinstance(each, Store) for each in store)
    )


def adopt_into(store: Store, *, adopts: bool) -> None:
    """Let a store that is made of several copy what it finds in the others into the first, or not."""
    if type(store) is Store:  # one is all that most sessions have
        return
    from jumar.store.joined_store import JoinedStore  # noqa: PLC0415

    if isinstance(store, JoinedStore):
        store.adopts = adopts and not store.read_only


def _is_deferred(settings: Mapping[str, Value]) -> bool:
    return bool(settings["checkpoint_mode"].value != "task_exit")


def _check(lent: Store | None, settings: Mapping[str, Value]) -> None:
    """Refuse what does not go together.

    Raises:
        SettingsError: Something does not.
    """
    deferred = _is_deferred(settings)
    if settings["single_flight"].value == "store" and (deferred or (lent is not None and _holds_back(lent))):
        raise SettingsError(
            "Session: single_flight='store' needs results in the store as soon as they are there, for others to see; "
            "checkpoint_mode other than 'task_exit' keeps them in memory."
        )
    if lent is not None and deferred and not lent.deferred:
        raise SettingsError(
            f"Session: checkpoint_mode={settings['checkpoint_mode'].value!r} needs a store that keeps results in "
            f"memory for a while, and {lent!r} writes them at once. Open it with deferred=True, or give its path."
        )


def _holds_back(store: Store) -> bool:
    from jumar.store.held_records import HeldScribe  # noqa: PLC0415  (only asked where processes share their calls)

    return isinstance(store.scribe, HeldScribe)
