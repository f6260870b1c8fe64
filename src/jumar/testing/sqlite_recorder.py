"""Puts a recorder between SQLite and its files, in the SQLite that Python's ``sqlite3`` uses.

SQLite reaches files through a table of functions, its VFS, which may be changed. Compiling a shim to be loaded before
the C library was rejected: it needs a compiler where the tests run.

Source: <https://www.sqlite.org/vfs.html>; the structures are those of ``sqlite3.h``, which SQLite promises not to change.
"""

from __future__ import annotations

import _sqlite3
import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import CFUNCTYPE, POINTER, Structure, c_char_p, c_int, c_int64, c_void_p
from typing import Any, ClassVar

from jumar.testing.disk_log import Sync, Truncate, Write
from jumar.testing.disk_recorder import DiskRecorder

_OK = 0
_IO_ERROR = 10

_Close = CFUNCTYPE(c_int, c_void_p)
_Writing = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
_Truncating = CFUNCTYPE(c_int, c_void_p, c_int64)
_Syncing = CFUNCTYPE(c_int, c_void_p, c_int)
# Names are passed on as addresses: SQLite keeps the one that it gave, and reads what stands behind its end.
_Open = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, c_void_p)
_Delete = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int)
_OpenDirectory = CFUNCTYPE(c_int, c_char_p, c_void_p)


class _Methods(Structure):
    """What SQLite does with one open file: ``sqlite3_io_methods``."""

    _fields_: ClassVar = [
        *(("version", c_int), ("close", _Close), ("read", c_void_p), ("write", _Writing)),
        *(("truncate", _Truncating), ("sync", _Syncing)),
        *((name, c_void_p) for name in ("file_size", "lock", "unlock", "check_reserved", "control", "sector")),
        *(
            (name, c_void_p)
            for name in ("device", "shm_map", "shm_lock", "shm_barrier", "shm_unmap", "fetch", "unfetch")
        ),
    ]


class _File(Structure):
    _fields_: ClassVar = [("methods", POINTER(_Methods))]


class _Vfs(Structure):
    """``sqlite3_vfs``."""

    _fields_: ClassVar = [
        *(("version", c_int), ("file_size", c_int), ("longest_path", c_int), ("next", c_void_p), ("name", c_char_p)),
        *(("data", c_void_p), ("open", _Open), ("delete", _Delete)),
        *((name, c_void_p) for name in ("access", "full_path", "dl_open", "dl_error", "dl_sym", "dl_close")),
        *((name, c_void_p) for name in ("randomness", "sleep", "time", "last_error", "time_ms")),
        ("set_call", CFUNCTYPE(c_int, c_void_p, c_char_p, c_void_p)),
        ("get_call", CFUNCTYPE(c_void_p, c_void_p, c_char_p)),
    ]


@contextmanager
def recording_sqlite(recorder: DiskRecorder) -> Iterator[None]:
    """Record what SQLite does with files that it opens in this block, also after it.

    Raises:
        RuntimeError: This Python hides SQLite's functions.
    """
    vfs = _default_vfs()
    # By address: a field that was read would change with the structure.
    before = _address(vfs.open), _address(vfs.delete)
    spy = _Spy(recorder, _Open(before[0]), _Delete(before[1]))
    directory = vfs.get_call(ctypes.addressof(vfs), b"openDirectory")
    spy.real_directory = _OpenDirectory(directory)
    vfs.open, vfs.delete = spy.open, spy.delete
    vfs.set_call(ctypes.addressof(vfs), b"openDirectory", _address(spy.directory))
    _kept.append(spy)
    try:
        yield
    finally:
        vfs.open, vfs.delete = _Open(before[0]), _Delete(before[1])
        vfs.set_call(ctypes.addressof(vfs), b"openDirectory", directory)
        if spy.failed:
            raise spy.failed[0]  # what SQLite raised is its consequence


_kept: list[_Spy] = []
"""Files that are still open call back into these."""


class _Spy:
    """The functions that are put in the place of SQLite's."""

    def __init__(self, recorder: DiskRecorder, real_open: Callable[..., int], real_delete: Callable[..., int]) -> None:
        self._recorder = recorder
        self._real_open, self._real_delete = real_open, real_delete
        self._files: dict[int, int] = {}
        self._patched: dict[int, tuple[_Methods, _Methods]] = {}
        self.failed: list[BaseException] = []
        self.real_directory: Callable[..., int] = int
        self.open = _Open(self._guarded(self._open))
        self.delete = _Delete(self._guarded(self._delete))
        self.directory = _OpenDirectory(self._guarded(self._open_directory))

    def _guarded(self, function: Callable[..., int]) -> Callable[..., int]:
        """An exception cannot pass through SQLite: it is kept, and SQLite is told of a failure."""

        def call(*arguments: Any) -> int:
            try:
                with self._recorder.lock:
                    self._recorder.look()
                    return function(*arguments)
            except BaseException as error:  # noqa: BLE001 # raised at the end of the recording
                self.failed.append(error)
                return _IO_ERROR

        return call

    def _open(self, vfs: int, name: int | None, file: int, flags: int, out: int) -> int:
        status = self._real_open(vfs, name, file, flags, out)
        path = _text(name)
        if status == _OK and self._recorder.covers(path):
            self._files[file] = self._recorder.enter(path)
            opened = _File.from_address(file)
            opened.methods = ctypes.pointer(self._patch(opened.methods.contents))
        return status

    def _delete(self, vfs: int, name: int, sync: int) -> int:
        # The directory's sync, where one is asked for, is seen when SQLite opens the directory for it: so it is noted
        # first that the name is gone.
        path = _text(name)
        if self._recorder.covers(path) and os.path.exists(path):  # noqa: PTH110
            self._recorder.leave(path)
        return int(self._real_delete(vfs, name, sync))

    def _open_directory(self, path: bytes, out: int) -> int:
        status = self.real_directory(path, out)
        if status == _OK and self._recorder.covers(os.fsdecode(path)):
            self._recorder.sync_directory(os.fsdecode(path))  # SQLite opens a directory for nothing else
        return status

    def _patch(self, real: _Methods) -> _Methods:
        address = ctypes.addressof(real)
        if address not in self._patched:
            patched = _Methods.from_buffer_copy(real)
            log, files = self._recorder.log, self._files

            def close(file: int) -> int:
                files.pop(file, None)
                return int(real.close(file))

            def write(file: int, data: int, size: int, offset: int) -> int:
                status: int = real.write(file, data, size, offset)
                if status == _OK:
                    log.append(Write(files[file], offset, ctypes.string_at(data, size)))
                return status

            def truncate(file: int, size: int) -> int:
                status: int = real.truncate(file, size)
                if status == _OK:
                    log.append(Truncate(files[file], size))
                return status

            def sync(file: int, flags: int) -> int:
                node = files[file]
                log.append(Sync(node))  # before that of its directory, which is noted within
                return int(real.sync(file, flags))

            patched.close, patched.write = _Close(self._guarded(close)), _Writing(self._guarded(write))
            patched.truncate, patched.sync = _Truncating(self._guarded(truncate)), _Syncing(self._guarded(sync))
            self._patched[address] = (real, patched)
        return self._patched[address][1]


def _text(address: int | None) -> str:
    """The path at an address; a file without one is temporary."""
    return os.fsdecode(ctypes.string_at(address)) if address else ""


def _address(function: Any) -> int:
    return ctypes.cast(function, c_void_p).value or 0


def _default_vfs() -> _Vfs:
    library = ctypes.CDLL(getattr(_sqlite3, "__file__", None))
    try:
        find = library.sqlite3_vfs_find
    except AttributeError:
        raise RuntimeError(
            "this Python hides the functions of its SQLite (it is linked into the interpreter), so what SQLite does on "
            "the disk cannot be recorded: use a Python that is linked with the system's libsqlite3"
        ) from None
    find.restype = POINTER(_Vfs)
    vfs: _Vfs = find(None).contents
    return vfs
