"""What commands have in common: which store they are about, and how they fail."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from jumar import project, settings
from jumar.keys.call import is_key_prefix
from jumar.store.records import CallRecord
from jumar.store.sources import open_stores
from jumar.store.store import Store


class Failure(click.ClickException):
    """An error of jumar's as the command shows it: the text, no traceback, status 1."""


store_option = click.option(
    "--store",
    "path",
    type=click.Path(path_type=Path),
    help="Folder of the store; by default the one that a program here would use.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def open_store(path: Path | None, *, also_others: bool = False, must_exist: bool = True) -> Store:
    """The store, which must be there: a reader makes none.

    Args:
        path: Where it was said to be; by default what a program here would use.
        also_others: Whether other stores, which a program here would look into as well, are opened with it.
        must_exist: Whether it may not be made.
    """
    first, *others = _places(path)
    if must_exist and not first.is_file():
        chosen_path(path)
    return open_stores([first, *others] if also_others and others else first)


def chosen_path(path: Path | None, *signs: str) -> Path:
    """The folder of the store; one of these names in it also shows that it is one."""
    chosen = _places(path)[0]
    if not any((chosen / name).exists() for name in ("format", *signs)):
        raise Failure(
            f"there is no store at {chosen} (looked from {project.root(Path.cwd())}). "
            "It is made by the first call of a program; name another one with --store."
        )
    return chosen


def _places(path: Path | None) -> list[Path]:
    """The store, and others that a program here would look into as well."""
    chosen = path or settings.resolve(folder=Path.cwd())["store"].value
    return list(chosen) if isinstance(chosen, tuple) else [chosen]


def checked_key(key: str) -> str:
    """The beginning of a key, in small letters."""
    if not is_key_prefix(key):
        raise Failure(f"{key!r} is not the beginning of a key: keys are hexadecimal, see `jumar calls`.")
    return key.lower()


def call_of(store: Store, key: str) -> CallRecord:
    """The one call whose key begins so."""
    key = checked_key(key)
    found = [record for record, _ in zip(store.calls(prefix=key), range(2), strict=False)]
    if not found:
        raise Failure(f"no call in {store.path} has a key that starts with {key}. See `jumar calls`.")
    if len(found) > 1:
        raise Failure(f"several calls in {store.path} have keys that start with {key}: write more of it.")
    return found[0]


def calls_of(store: Store, keys: Iterable[str]) -> list[CallRecord]:
    """The calls whose keys begin so, each once."""
    return list({record.key: record for record in (call_of(store, key) for key in keys)}.values())
