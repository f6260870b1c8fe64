"""The container of an export: an uncompressed ZIP file whose entries are aligned, so that blobs are mapped where they lie."""

from __future__ import annotations

import os
import struct
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple, NoReturn

from jumar.codecs.codec import Frame
from jumar.errors import DamagedError, StoreError, StoreFormatError
from jumar.keys.digest import digest as digest_of
from jumar.store.blobs import Blob
from jumar.store.file_blobs import sync_path
from jumar.store.mapping import ALIGNMENT_BYTES, file_memory

FORMAT_VERSION = 1
FORMAT, INDEX, BLOBS = "format", "index.sqlite", "blobs"
_FORMAT_TEXT = b"jumar export, format "

_CHUNK_BYTES = 16 * 1024 * 1024
_HEADER = struct.Struct(
    "<4s22xHH"
)  # the local header of an entry: signature, ..., length of its name, of its extra field
_SIGNATURE = b"PK\x03\x04"
_ZIP64_EXTRA_BYTES = 20
_FORCE_ZIP64_BYTES = 1 << 30
_PADDING = struct.Struct("<HH")
_PADDING_ID = 0xD935
"""The kind of extra field that Android's ``zipalign`` made known for this use; readers pass over it."""


class Packing:
    """Writes the entries of an export. Made by `packing`.

    Args:
        file: The open ZIP file.
    """

    def __init__(self, file: zipfile.ZipFile) -> None:
        self._file = file
        self._sizes: dict[bytes, int] = {}

    def __contains__(self, digest: bytes) -> bool:
        return digest in self._sizes

    def add_blob(self, digest: bytes, memory: memoryview) -> None:
        """Write a blob under its digest, unless it is there."""
        if digest not in self._sizes:
            self._sizes[digest] = len(memory)
            name = digest.hex()
            self.add(f"{BLOBS}/{name[:2]}/{name[2:]}", memory)

    def add(self, name: str, memory: memoryview) -> None:
        """Write an entry whose bytes start at a multiple of 64 bytes in the file."""
        entry = zipfile.ZipInfo(name)
        entry.file_size = len(memory)
        entry.external_attr = 0o600 << 16
        is_large = len(memory) >= _FORCE_ZIP64_BYTES
        start = self._offset() + _HEADER.size + len(name) + _PADDING.size + is_large * _ZIP64_EXTRA_BYTES
        entry.extra = _PADDING.pack(_PADDING_ID, -start % ALIGNMENT_BYTES) + bytes(-start % ALIGNMENT_BYTES)
        with self._file.open(entry, "w", force_zip64=is_large) as file:
            for at in range(0, len(memory), _CHUNK_BYTES):
                file.write(memory[at : at + _CHUNK_BYTES])
        entry.extra = b""  # only the bytes themselves need the padding, not the list at the end

    def _offset(self) -> int:
        file: IO[bytes] | None = self._file.fp
        return file.tell() if file else 0

    @property
    def blobs(self) -> int:
        """How many blobs there are."""
        return len(self._sizes)

    @property
    def blob_bytes(self) -> int:
        """How many bytes they have."""
        return sum(self._sizes.values())


@contextmanager
def packing(path: Path) -> Iterator[Packing]:
    """Write an export; the file has its name once all of it is on the disk, and not before.

    Raises:
        OSError: It cannot be written; nothing is left behind, and a file that had the name is as it was.
    """
    beside = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    try:
        with beside.open("xb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as packed:
                entries = Packing(packed)
                entries.add(FORMAT, memoryview(_FORMAT_TEXT + b"%d\n" % FORMAT_VERSION))
                yield entries
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    sync_path(path.parent)


class _Place(NamedTuple):
    header_offset: int
    size_bytes: int


class PackedBlobs:
    """Reads the blobs of an export where they lie in its file.

    Args:
        path: The file.

    Raises:
        StoreFormatError: It is no export, or one of a newer format.
        StoreError: It is damaged, or cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1
        self._index: _Place | None = None
        self._places: dict[bytes, _Place] = {}
        try:
            with zipfile.ZipFile(path) as packed:
                self._recognise(packed)
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise StoreError(f"{path} cannot be read: {error.strerror or error}") from error
        except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, struct.error) as error:
            raise StoreFormatError(
                f"{path} is a file. Give a directory, or a file that `jumar export` wrote: this one is none, or it was cut "
                f"short or damaged ({error})."
            ) from error

    def _recognise(self, packed: zipfile.ZipFile) -> None:
        stored = [entry for entry in packed.infolist() if entry.compress_type == zipfile.ZIP_STORED]
        by_name = {entry.filename: _Place(entry.header_offset, entry.file_size) for entry in stored}
        if FORMAT not in by_name:
            raise zipfile.BadZipFile("it has no entry that says its format, or was compressed by another program")
        text = packed.read(FORMAT)
        number = text.removeprefix(_FORMAT_TEXT).strip()
        if text.startswith(_FORMAT_TEXT) and number.isdigit() and int(number) > FORMAT_VERSION:
            raise StoreFormatError(
                f"the export {self._path} has format {int(number)}; this jumar reads formats up to {FORMAT_VERSION}. It "
                f"was written by a newer jumar: upgrade."
            )
        if not text.startswith(_FORMAT_TEXT) or not number.isdigit():
            raise zipfile.BadZipFile("its entry 'format' says something else")
        self._index = by_name.get(INDEX)
        self._places = {
            bytes.fromhex(name[len(BLOBS) + 1 :].replace("/", "")): by_name[name] for name in _blob_names(by_name)
        }

    def index(self) -> bytes:
        """The bytes of the index.

        Raises:
            StoreError: There is none, or it is cut.
        """
        if self._index is None:
            raise StoreError(f"the export {self._path} has no index: it was put together by another program")
        try:
            return bytes(self._memory(self._index))
        except OSError as error:
            raise StoreError(f"the index in {self._path} cannot be read: {error}") from error

    def open(self, digest: bytes, *, verify: bool) -> memoryview:
        """The blob's bytes as private memory; large ones are mapped, so that pages come in as they are touched.

        Raises:
            DamagedError: The blob is not there, cannot be read or, with ``verify``, does not have this digest.
        """
        place = self._places.get(digest)
        if place is None:
            raise DamagedError(f"blob {digest.hex()[:12]} is not in {self._path}") from FileNotFoundError()
        try:
            memory = self._memory(place)
        except OSError as error:
            raise DamagedError(f"blob {digest.hex()[:12]} in {self._path} cannot be read: {error}") from error
        if verify and digest_of(memory) != digest:
            raise DamagedError(f"blob {digest.hex()[:12]} in {self._path} was altered: its bytes have another digest")
        return memory

    def _memory(self, place: _Place) -> memoryview:
        header = os.pread(self._descriptor, _HEADER.size, place.header_offset)
        if len(header) != _HEADER.size:
            raise OSError("the file ends before it")
        signature, name_bytes, extra_bytes = _HEADER.unpack(header)
        if signature != _SIGNATURE:
            raise OSError("its header was altered")
        offset_bytes = place.header_offset + _HEADER.size + name_bytes + extra_bytes
        return file_memory(self._descriptor, place.size_bytes, offset_bytes)

    def size_bytes(self, digest: bytes) -> int | None:
        """The blob's length, or None where there is none."""
        place = self._places.get(digest)
        return None if place is None else place.size_bytes

    def digests(self) -> Iterator[bytes]:
        """All blobs that are there."""
        return iter(self._places)

    def write(self, frames: Sequence[Frame]) -> Blob:  # noqa: ARG002
        """Refuse: an export is never changed.

        Raises:
            OSError: Always.
        """
        self._refuse()

    def remove(self, digest: bytes) -> None:  # noqa: ARG002
        """Refuse: an export is never changed.

        Raises:
            OSError: Always.
        """
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise OSError(f"{self._path} is an export, which is only read")

    def close(self) -> None:
        """Let go of the file; a second close does nothing. Blobs that are open stay readable."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def _blob_names(names: dict[str, _Place]) -> Iterator[str]:
    hexadecimal = frozenset("0123456789abcdef")
    for name in names:
        folder, _, digits = name.partition("/")
        digits = digits.replace("/", "", 1)
        if folder == BLOBS and len(digits) == 64 and hexadecimal.issuperset(digits):
            yield name
