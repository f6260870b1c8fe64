"""What is done with the file of a damaged index, and what is said of it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from jumar.store.sqlite_connection import COMPANIONS


def inode(path: Path) -> int | None:
    """Which file has this name now; None where there is none."""
    try:
        return path.stat().st_ino
    except OSError:
        return None


def set_aside(path: Path) -> Path:
    """Give a database and its companions another name; that name. The caller holds the index's lock.

    Raises:
        OSError: The directory takes no changes.
    """
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    # The companions first: a new database beside an old -wal would take its pages for its own.
    for companion in COMPANIONS:
        with suppress(FileNotFoundError):
            Path(f"{path}{companion}").rename(f"{aside}{companion}")
    path.rename(aside)
    return aside


def replaced_text(path: Path, aside: Path | None, error: Exception) -> str:
    """What is said when a new index takes the place of one that was damaged or removed."""
    if aside is None:
        return (
            f"the index {path} was removed or replaced while it was in use; a new one was begun. Results that were only "
            f"in the old one will be computed again."
        )
    return (
        f"the index {path} is damaged ({error}). It was set aside as {aside.name} and a new one was begun: every call "
        f"that was recorded in it will run again; blobs that come out equal are found on disk and not written again. If "
        f"this repeats, check the disk."
    )


DAMAGED_ROW = "the row of call {key} in {path} is not as it was written, so it is not used: the call will run again."
UNREADABLE = "{path} could not be read ({error}): calls that may be recorded in it count as not found."
