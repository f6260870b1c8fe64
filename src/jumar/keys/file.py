"""Files and directories as arguments that are known by their content.

A path is a text: a task that reads the file it names would find an old result after the file was edited. `File` and
`Dir` say that the content is the argument. The file's own name and place do not count, since a copied file is the same
input; inside a directory the names count, because they are how its content is found.

Digests of files are kept for the life of the process under size, time of change, and inode. Such an entry is
believed only if the file was last changed more than two seconds before it was read: within the grain of a file system's
clock a file can change and keep its time (what git calls racily clean).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jumar.clock import Clock, SystemClock
from jumar.errors import FingerprintError, UnreadableFileError
from jumar.keys.digest import digest, digest_all
from jumar.keys.value_form import record
from jumar.keys.value_registry import REGISTRY
from jumar.keys.value_walk import Walk

RACY_NS = 2_000_000_000
"""How long before reading a file must have been left alone for its digest to be remembered; FAT's clock has 2 s."""

MAX_REMEMBERED = 1 << 16
"""Files whose digests are kept."""

READ_BYTES = 1 << 23
"""How much is read at a time. Not a memory map: a file that is truncated while it is mapped kills the process."""

ATTEMPTS = 3
"""How often a file that changes while it is read is read again."""

Stamp = tuple[int, int, int, int]


class ContentDigests:
    """Digests of files by content, remembered as long as a file's stamp proves that it did not change.

    Args:
        clock: Says when a file was read.

    Guarantees:
        Never gives the digest of a half-changed file: a file whose stamp changes while it is read is read again. Any
        number of threads may ask at once; at worst a file is read twice.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._remembered: dict[str, tuple[Stamp, bytes]] = {}

    def digest_of(self, path: str) -> bytes:
        """The digest of a file's content.

        Args:
            path: The file; relative to the working directory if not absolute.

        Raises:
            FingerprintError: There is no such file, it cannot be read, or it is being written to.
        """
        place = os.path.abspath(path)  # noqa: PTH100 - Path.absolute keeps "..", and resolving links costs a read each
        try:
            for _ in range(ATTEMPTS):
                before = _stamp(os.stat(place))  # noqa: PTH116 - hot for directories of many files
                kept = self._remembered.get(place)
                if kept is not None and kept[0] == before:
                    return kept[1]
                started_ns = int(self._clock.now_s() * 1e9)
                found = digest_all(_pieces(place))
                if _stamp(os.stat(place)) == before:  # noqa: PTH116
                    self._remember(place, before, found, started_ns)
                    return found
        except OSError as error:
            raise _unreadable("file", path, error) from error
        raise FingerprintError(f"the file {path!r} changed {ATTEMPTS} times while it was read: something writes to it")

    def _remember(self, place: str, stamp: Stamp, found: bytes, started_ns: int) -> None:
        if started_ns - stamp[1] <= RACY_NS:
            return
        if len(self._remembered) >= MAX_REMEMBERED:
            self._remembered.clear()
        self._remembered[place] = (stamp, found)


def _stamp(status: os.stat_result) -> Stamp:
    if not stat.S_ISREG(status.st_mode):
        raise IsADirectoryError("it is not a regular file")
    return status.st_size, status.st_mtime_ns, status.st_ino, status.st_dev


def _pieces(place: str) -> Iterator[memoryview]:
    buffer = bytearray(READ_BYTES)
    view = memoryview(buffer)
    with Path(place).open("rb", buffering=0) as file:
        while size_bytes := file.readinto(buffer):
            yield view[:size_bytes]


def _unreadable(what: str, path: str, error: OSError) -> UnreadableFileError:
    if isinstance(error, FileNotFoundError):
        return UnreadableFileError(
            f"the {what} {path!r}, whose content was to be the argument, does not exist "
            f"(the working directory is {str(Path.cwd())!r})"
        )
    return UnreadableFileError(f"the {what} {path!r} cannot be read: {error.strerror or error}")


DIGESTS = ContentDigests(SystemClock())


@dataclass(frozen=True, slots=True)
class File:
    """A file whose content is the argument: edited, it makes a new call; touched, moved or copied, it does not.

    Args:
        path: Where it is. The object can be given to `open` and to everything that takes a path.

    Example:
        >>> import tempfile, pathlib
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> _ = (folder / "a.csv").write_text("1,2"), (folder / "b.csv").write_text("1,2")
        >>> File(folder / "a.csv").digest() == File(folder / "b.csv").digest()
        True
    """

    path: str

    def __init__(self, path: str | os.PathLike[str]) -> None:
        object.__setattr__(self, "path", os.fspath(path))

    def __fspath__(self) -> str:
        return self.path

    def digest(self) -> bytes:
        """The digest of the content as it is now, 32 bytes.

        Raises:
            FingerprintError: There is no such file, it cannot be read, or it is being written to.
        """
        return DIGESTS.digest_of(self.path)


@dataclass(frozen=True, slots=True)
class Dir:
    """A directory whose content is the argument: the names in it, at any depth, and the contents of its files.

    Links are followed. Permissions and times do not count; an empty directory does.

    Args:
        path: Where it is. The object can be given to everything that takes a path.
    """

    path: str

    def __init__(self, path: str | os.PathLike[str]) -> None:
        object.__setattr__(self, "path", os.fspath(path))

    def __fspath__(self) -> str:
        return self.path

    def digest(self) -> bytes:
        """The digest of the names and contents as they are now, 32 bytes.

        Raises:
            FingerprintError: There is no such directory, something in it cannot be read or is no file, or a link
                leads back to a directory that holds it.
        """
        return _digest_tree(self.path, ())


def _digest_tree(path: str, holders: tuple[str, ...]) -> bytes:
    here = os.path.realpath(path)
    if here in holders:
        raise FingerprintError(f"the directory {path!r} is a link to a directory that holds it")
    try:
        with os.scandir(path) as found:
            entries = sorted(found, key=lambda entry: os.fsencode(entry.name))
            listing = [_entry_line(entry, (*holders, here)) for entry in entries]
    except OSError as error:
        raise _unreadable("directory", path, error) from error
    return digest(b"".join(listing))


def _entry_line(entry: os.DirEntry[str], holders: tuple[str, ...]) -> bytes:
    # A name holds no NUL and a digest has a fixed length, so two listings are equal only if all lines are.
    name = os.fsencode(entry.name) + b"\0"
    if entry.is_dir():
        return b"d" + name + _digest_tree(entry.path, holders)
    return b"f" + name + DIGESTS.digest_of(entry.path)


def _encode(value: File | Dir, walk: Walk) -> bytes:
    return record(type(value).__name__, [walk.token(value.digest())])


REGISTRY.register(File, _encode, subclasses=False)
REGISTRY.register(Dir, _encode, subclasses=False)
