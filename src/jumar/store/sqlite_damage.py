"""What is done with the file of a damaged index, and what is said of it."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from jumar.store.saved import Saved
from jumar.store.sqlite_connection import COMPANIONS

_UNFINISHED = ".unfinished"


def inode(path: Path) -> int | None:
    """Which file has this name now; None where there is none."""
    try:
        return path.stat().st_ino
    except OSError:
        return None


def set_aside(path: Path) -> Path:
    """Give a database and its companions another name, marked as not read yet; that name. The caller holds the lock.

    Raises:
        OSError: The directory takes no changes.
    """
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    # The mark first: a process that dies in the middle leaves the rest to the next one.
    _mark(aside).touch()
    # Then the companions: a new database beside an old -wal would take its pages for its own.
    for companion in COMPANIONS:
        with suppress(FileNotFoundError):
            Path(f"{path}{companion}").rename(f"{aside}{companion}")
    path.rename(aside)
    return aside


def asides(path: Path) -> list[Path]:
    """The databases that were set aside, oldest first."""
    found = path.parent.glob(f"{path.name}.damaged-*")
    numbered = [aside for aside in found if aside.name.rpartition("-")[2].isdigit()]
    return sorted(numbered, key=lambda aside: int(aside.name.rpartition("-")[2]))


def unfinished(path: Path) -> list[Path]:
    """Those of which not every row was looked at yet, newest first."""
    return [aside for aside in reversed(asides(path)) if _mark(aside).exists()]


def finish(damaged: Iterable[Path]) -> None:
    """Note that every row of these was looked at."""
    for aside in damaged:
        _mark(aside).unlink(missing_ok=True)


def _mark(aside: Path) -> Path:
    return Path(f"{aside}{_UNFINISHED}")


def replaced_text(path: Path, aside: Path | None, error: Exception, saved: Saved) -> str:
    """What is said when a new index takes the place of one that was damaged or removed."""
    if aside is None:
        return (
            f"the index {path} was removed or replaced while it was in use; a new one was begun. "
            f"{_found_in_labels(saved)}Results that were only in the old one will be computed again."
        )
    return (
        f"the index {path} is damaged ({error}). It was set aside as {aside.name} and a new one was begun: "
        f"{_carried_over(saved)} {_found_in_labels(saved)}The other calls that were recorded in it will run again; blobs "
        f"that come out equal are found on disk and not written again. If this repeats, check the disk."
    )


def found_text(path: Path, saved: Saved) -> str:
    """What is said when an index was not there, although results of it were."""
    carried = f"{_carried_over(saved)} " if saved.results or not saved.finished else ""
    return (
        f"the index {path} was missing; a new one was begun. {carried}{_found_in_labels(saved)}Small results were only in "
        f"the index: their calls will run again."
    )


def _carried_over(saved: Saved) -> str:
    about = "" if saved.recorded is None else f" of about {saved.recorded:,}"
    were = "result was" if saved.results == 1 and not about else "results were"
    text = f"{saved.results:,}{about} {were} carried over."
    if saved.declarations_left:
        text += (
            f" {saved.declarations_left:,} accepted edits name a value that nothing proves to be unaltered, and were not: "
            f"declare them again with `jumar accept`."
        )
    if not saved.finished:
        text += (
            " Not all could be looked at (no time, no room, or not readable): `jumar check --repair` looks at the rest."
        )
    return text


def _found_in_labels(saved: Saved) -> str:
    if not saved.labelled:
        return ""
    return f"{saved.labelled:,} large result{'s were' if saved.labelled > 1 else ' was'} found again by the labels of blobs. "


DAMAGED_ROW = "the row of call {key} in {path} is not as it was written, so it is not used: the call will run again."
UNREADABLE = "{path} could not be read ({error}): calls that may be recorded in it count as not found."
