"""What a program did on a disk, operation by operation: the log from which a power loss is played.

Files and directories are numbered, because names change: 0 is the directory under which everything happens.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias


class Write(NamedTuple):
    """Bytes at a place in a file."""

    file: int
    offset: int
    data: bytes


class Truncate(NamedTuple):
    """A file is cut, or lengthened by zeros."""

    file: int
    size_bytes: int


class Enter(NamedTuple):
    """A new file or directory appears under a name."""

    directory: int
    name: str
    node: int
    is_directory: bool


class Move(NamedTuple):
    """A file gets another name, in the place of what had it."""

    directory: int
    name: str
    to_directory: int
    to_name: str
    node: int


class Leave(NamedTuple):
    """A name is removed."""

    directory: int
    name: str


class Sync(NamedTuple):
    """The program has waited until a file's bytes, or a directory's names, were on the disk."""

    node: int


class Promise(NamedTuple):
    """From here on something must never be lost: how much was promised so far, counted by the program."""

    number: int


Operation: TypeAlias = Write | Truncate | Enter | Move | Leave | Sync | Promise
Log: TypeAlias = Sequence[Operation]


def synced_by(operation: Operation) -> int | None:
    """The node whose sync makes the operation last; None for what changes nothing on the disk."""
    match operation:
        case Write() | Truncate():
            return operation.file
        case Enter() | Leave():
            return operation.directory
        case Move():
            return operation.to_directory
        case _:
            return None
