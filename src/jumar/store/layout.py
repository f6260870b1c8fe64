"""The directory of a store: made, recognised, checked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from jumar.errors import StoreError, StoreFormatError
from jumar.store.file_blobs import sync_path
from jumar.store.file_system import network_type
from jumar.store.sqlite_connection import COMPANIONS, Durability
from jumar.store.trouble import Report, Trouble

FORMAT_VERSION = 1

_FORMAT = "format"
_FORMAT_TEXT = f"jumar store, format {FORMAT_VERSION}\n"
_INDEX = "index.sqlite"
_BLOBS = "blobs"
_LABELS = "labels"
_SMALL_FILES = {
    ".gitignore": "# Results are no source code.\n*\n",
    "CACHEDIR.TAG": (
        "Signature: 8a477f597d28d172789f06886806bc55\n"
        "# This directory is a store of jumar: results of computations, kept so that they need not run again.\n"
    ),
}
_TEXTS = {**_SMALL_FILES, _FORMAT: _FORMAT_TEXT}
_MODE = 0o700


class Layout(NamedTuple):
    """Where the parts of a store are."""

    root: Path
    database: Path
    blobs: Path
    labels: Path
    read_only: bool
    """Whether the directory takes no files, or was asked to take none."""


def open_directory(
    path: Path,
    *,
    report: Report,
    durability: Durability = "process",
    read_only: bool = False,
    allow_network: bool = False,
    mounts: str | None = None,
) -> Layout:
    """Make the directory of a store, or recognise one.

    A store that lost one of its small files (``format``, ``.gitignore``, ``CACHEDIR.TAG``) gets it back, with a report.

    Args:
        path: The directory; parents are made too.
        report: Told of what was put back, and that the store is read-only where nobody asked for that.
        durability: ``"power"`` waits until the new names are on the disk.
        read_only: Change nothing.
        allow_network: Go on although the file system is one where SQLite's locks cannot be trusted: safe only as long
            as all processes that use the store run on one machine.
        mounts: What is mounted where, see `network_type`.

    Raises:
        StoreFormatError: The directory holds something else, or a store of a newer format.
        StoreError: The path is a file, cannot be made or read, or lies on a network file system.
    """
    root = path.absolute()
    if not allow_network:
        _refuse_network(root, mounts)
    new = _make(root, read_only)
    writable = os.access(root, os.W_OK | os.X_OK)
    layout = layout_of(root, read_only=read_only or not writable)
    if not new:
        _recognise(layout)
    if not layout.read_only:
        _complete(layout, new, report, synced=durability == "power")
        if durability == "power":
            _sync_names(root)
    elif not read_only:
        text = (
            f"the store {root} may not be written: results are found in it, and none are kept. Check its permissions."
        )
        report(Trouble("read-only", text))
    return layout


def layout_of(root: Path, *, read_only: bool = False) -> Layout:
    """Where the parts of the store in a directory are; nothing is looked at.

    Args:
        root: The directory.
        read_only: What is said of it.
    """
    return Layout(root, root / _INDEX, root / _BLOBS, root / _LABELS, read_only)


def _refuse_network(root: Path, mounts: str | None) -> None:
    kind = network_type(root, mounts)
    if kind is not None:
        raise StoreError(
            f"the store {root} lies on a network file system ({kind}), where the locks and shared memory that SQLite "
            f"needs cannot be trusted between machines: results could be lost. Use a path on a local disk, or open it "
            f"with allow_network=True if all processes that use it run on one machine."
        )


def _make(root: Path, read_only: bool) -> bool:
    """Whether the directory is new: empty, or just being made by another process as well. It is there afterwards."""
    try:
        if not read_only:
            root.mkdir(mode=_MODE, parents=True, exist_ok=True)
        return all(_is_beginning(path) for path in root.iterdir())
    except (FileExistsError, NotADirectoryError) as error:
        raise StoreError(
            f"the store {root} cannot be opened: it, or a parent of it, is a file. Give a directory."
        ) from error
    except OSError as error:
        raise StoreError(
            f"the store {root} cannot be opened or made: {error.strerror or error}. Check the path and its permissions, "
            f"or give another."
        ) from error


def _is_beginning(path: Path) -> bool:
    """Whether the file is one of those that a store begins with, or one that is being written to become it.

    A power loss leaves some of them with only a part of their text, or none.
    """
    if path.name in _SMALL_FILES and path.read_bytes() == _SMALL_FILES[path.name].encode():
        return True
    if path.name in _TEXTS:
        return _is_torn(path, _TEXTS[path.name])
    beside_the_index = (f"{_INDEX}.lock", *(f"{_INDEX}{companion}" for companion in COMPANIONS))
    return path.name in beside_the_index or any(path.name.startswith(f".{name}.") for name in (*_TEXTS, _INDEX))


def _is_torn(path: Path, text: str) -> bool:
    """Whether the file has the beginning of this text and no more, perhaps with zeros in the place of the rest."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return False
    return content != text.encode() and text.encode().startswith(content.rstrip(b"\0"))


def _recognise(layout: Layout) -> None:
    """Refuse what is no store, or one that this version cannot read."""
    version = _version(layout.root / _FORMAT)
    if version is None:
        # The file is lost or damaged. Everything else still tells whether this is a store.
        if not layout.database.exists() and not layout.blobs.exists() and not _is_tagged(layout.root):
            raise StoreFormatError(
                f"{layout.root} is a directory with other things in it, not a store of jumar. Give an empty or a new "
                f"directory."
            )
    elif version > FORMAT_VERSION:
        raise StoreFormatError(
            f"the store {layout.root} has format {version}; this jumar reads formats up to {FORMAT_VERSION}. It was "
            f"written by a newer jumar: upgrade, or use another store."
        )


def _version(path: Path) -> int | None:
    """The number at the end of the ``format`` file, or None if it does not say."""
    try:
        words = path.read_bytes().split()
    except OSError:
        return None
    known = words[:-1] == _FORMAT_TEXT.encode().split()[:-1]
    return int(words[-1]) if known and words[-1].isdigit() else None


def _is_tagged(root: Path) -> bool:
    try:
        return (root / "CACHEDIR.TAG").read_bytes() == _SMALL_FILES["CACHEDIR.TAG"].encode()
    except OSError:
        return False


def missing_files(root: Path) -> list[str]:
    """The small files that a store should have and has lost, or whole; the next program that opens it writes them anew.

    Args:
        root: The store.
    """
    torn = _torn_files(root)
    missing = [name for name in _SMALL_FILES if name in torn or not (root / name).exists()]
    # The format last: a directory with this file has the others.
    return missing if _FORMAT not in torn and _version(root / _FORMAT) is not None else [*missing, _FORMAT]


def _torn_files(root: Path) -> list[str]:
    return [name for name, text in _TEXTS.items() if _is_torn(root / name, text)]


def _complete(layout: Layout, new: bool, report: Report, *, synced: bool) -> None:
    torn = _torn_files(layout.root)  # looked at first: another process may be writing what is missing
    missing = missing_files(layout.root)
    try:
        if new:
            layout.root.chmod(_MODE)
        for name in missing:
            # Written aside, as another process may be opening the same new store.
            temporary = layout.root / f".{name}.{os.urandom(4).hex()}"
            with temporary.open("w") as file:
                file.write(_TEXTS[name])
                file.flush()
                if synced:
                    os.fsync(file.fileno())
            temporary.replace(layout.root / name)
    except OSError as error:
        raise StoreError(
            f"the store {layout.root} cannot be written: {error.strerror or error}. Check its permissions and that the "
            f"disk has room, or open it with read_only=True."
        ) from error
    if torn or (missing and not new):
        names = ", ".join(missing)
        report(
            Trouble("repaired", f"the store {layout.root} had lost or damaged files, which were written anew: {names}.")
        )


def _sync_names(root: Path) -> None:
    """Wait until the directory is on the disk under its name, with the names of all that it lies in.

    Also of those that were there before: another process may have made them a moment ago. One that may not be read was
    made by somebody else long since, and what is above a mount point belongs to another disk.
    """
    device = root.stat().st_dev
    for directory in (root, *root.parents):
        if directory.stat().st_dev != device:
            return
        try:
            sync_path(directory)
        except PermissionError:
            return
