"""A file that a command wrote, with its content, so that it can be put back."""

from __future__ import annotations

import errno
import mmap
import os
import pickle
import shutil
import stat
from pathlib import Path
from typing import Any

from jumar.errors import DamagedError, FingerprintError, StoreError
from jumar.keys.digest import digest
from jumar.keys.file import File
from jumar.shell.workplace import workplace

_Stamp = tuple[int, int, int, int]
_PERMISSIONS = 0o777


class KeptFile:
    """A file as it was when its command had ended.

    Its content is in the pickled form: as a buffer beside the stream, so that a large one is written to the store from
    the page cache, and restored as a memory map. Until it has been pickled and restored it has no content of its own,
    only the file.

    Args:
        name: The name it was declared under.
        path: Its place; a relative one is one in the working directory of whoever asks.
        content_digest: Identifies the content, 32 bytes.
        mode: Its permission bits.
        content: The content, where it is at hand.
    """

    __slots__ = ("_content", "_stamp", "digest", "mode", "name", "path")

    def __init__(
        self, name: str, path: str, content_digest: bytes, mode: int, content: bytes | memoryview | None = None
    ) -> None:
        self.name = name
        self.path = path
        self.digest = content_digest
        self.mode = mode
        self._content = content
        self._stamp: _Stamp | None = None

    @classmethod
    def published(cls, name: str, source: Path, path: str) -> KeptFile:
        """Give a finished file its place, in one step, and tell what it is.

        Args:
            name: The name it was declared under.
            source: The file, on the same file system or not; it may have its place already.
            path: Its place.

        Raises:
            OSError: It cannot be read, or not get there.
            FingerprintError: Something still writes to it.
        """
        made = cls(name, path, File(source).digest(), stat.S_IMODE(source.stat().st_mode) & _PERMISSIONS)
        place = Path(path)
        if source != place:
            move_into_place(source, place)
        made._stamp = _stamp(place.stat())
        return made

    def is_there(self) -> bool:
        """Whether the file has its place and its content; reads it unless it is known to be untouched."""
        try:
            found = _stamp(Path(self.path).stat())
            if found == self._stamp:
                return True
            if File(self.path).digest() != self.digest:
                return False
        except (OSError, FingerprintError):  # not there, no file, or not readable: in each case not what it was
            return False
        self._stamp = found
        return True

    def can_be_put_back(self) -> bool:
        """Whether the content is at hand: it is in values that come from the store."""
        return self._content is not None

    def put_back(self) -> bool:
        """Write the file if it is missing or has another content; whether that was necessary.

        Raises:
            DamagedError: The content at hand is not what the command wrote.
            StoreError: There is no content at hand, or it cannot be written.

        Guarantees:
            The place holds the old file or the whole new one at any moment.
        """
        if self.is_there():
            return False
        if self._content is None:
            raise StoreError(
                f"output {self.name!r} at {self.path!r} was changed or removed, and this result, fresh from its run, "
                f"does not hold its content. Make the call again: it is found, and the file put back."
            )
        if digest(self._content) != self.digest:
            raise DamagedError(
                f"the kept content of output {self.name!r} ({self.path!r}) is not what its command wrote"
            )
        try:
            self._write(self._content)
        except OSError as error:
            raise StoreError(
                f"output {self.name!r} could not be put back at {self.path!r} ({error}): it is kept, and its place "
                f"cannot be written to. Make room, or allow writing there, and make the call again."
            ) from error
        return True

    def _write(self, content: bytes | memoryview) -> None:
        place = Path(self.path)
        with workplace(place.parent) as folder:
            source = folder / "file"
            source.write_bytes(content)
            source.chmod(self.mode)
            source.replace(place)
        self._stamp = _stamp(place.stat())

    def _at_hand(self) -> Any:
        if self._content is not None:
            return self._content
        with Path(self.path).open("rb") as file:
            status = os.fstat(file.fileno())
            if _stamp(status) != self._stamp:
                raise pickle.PicklingError(
                    f"output {self.name!r} at {self.path!r} was changed after its command wrote it, so its content "
                    f"cannot be kept any more. Let nothing else write to the outputs of a shell task."
                )
            # Mapped for no longer than it takes to write it down: a map of a file that is cut short is deadly.
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if status.st_size else b""

    def __reduce_ex__(self, protocol: Any) -> Any:
        content = self._at_hand()
        written = pickle.PickleBuffer(content) if protocol >= 5 else bytes(content)
        return KeptFile, (self.name, self.path, self.digest, self.mode, written)

    def __copy__(self) -> KeptFile:
        """The same: nothing in it changes but what is known of its place."""
        return self

    def __deepcopy__(self, _memo: object) -> KeptFile:
        return self

    def __eq__(self, other: object) -> bool:
        """Whether name, place, content and permissions are equal."""
        return isinstance(other, KeptFile) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @property
    def _identity(self) -> tuple[str, str, bytes, int]:
        return self.name, self.path, self.digest, self.mode

    def __repr__(self) -> str:
        return f"<KeptFile {self.name} at {self.path!r} {self.digest.hex()[:12]}>"


def move_into_place(source: Path, place: Path) -> None:
    """Give a file its place by a rename, from another file system too.

    Raises:
        OSError: Its place cannot be written to.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        source.replace(place)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with workplace(place.parent) as folder:
            copy = folder / "file"
            shutil.copy2(source, copy)
            copy.replace(place)


def _stamp(status: os.stat_result) -> _Stamp:
    return status.st_size, status.st_mtime_ns, status.st_ino, status.st_dev
