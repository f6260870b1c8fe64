"""What a disk may hold after a power loss, or after a program was killed: images built from a log of operations.

*The model.* What was synced is there. Of what was not, any part may be: each write may be lost, or reach the disk in
part or as zeros, and each change of a name may be lost, in any combination and order.
Assumed is: a sync that returned has worked; a write that is torn leaves the bytes beside it alone (SQLite calls that
power-safe overwrite); a file that is moved is under one of its two names, never under none. The shared memory file of
SQLite (``-shm``) is not recorded, as SQLite makes it anew after a crash.

Example:
    >>> log = [Enter(0, "a", 1, False), Write(1, 0, b"data"), Sync(1), Sync(0), Promise(1)]
    >>> [image.files for image in images(log, cuts=[3, 5])]
    [{}, {'a': b'data'}, {'a': b'data'}]
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple, TypeAlias

from jumar.testing.disk_log import Enter, Leave, Log, Move, Operation, Promise, Sync, Truncate, Write, synced_by

_ROOT = 0
Changes: TypeAlias = Mapping[int, Operation | None]
"""What became of some operations, by their number in the log; None for lost."""


class Image(NamedTuple):
    """One state that a disk may be in."""

    files: Mapping[str, bytes | None]
    """The bytes of each file by its path below the root; None for a directory."""
    promised: int
    """What had been promised when the power went."""
    what: str
    """How the image came about, for people."""

    def build(self, folder: Path) -> None:
        """Write the image into a folder that does not exist yet."""
        folder.mkdir()
        for path, content in self.files.items():
            if content is None:
                (folder / path).mkdir()
            else:
                (folder / path).write_bytes(content)


def images(
    log: Log, *, cuts: Iterable[int] | None = None, singles: int = 1_000, subsets: int = 4, seed: int = 0
) -> Iterator[Image]:
    """Every different image, in the order of the log.

    The power goes before each operation, and of what was not synced nothing is on the disk, or everything, or
    everything but the last operation, which is torn. Before each sync and promise, where most is at stake, also: all
    but one operation, nothing but one operation, one write torn in its middle or but for its last byte, or zeros in its
    place; and random parts, some of them torn.

    Args:
        log: What was done.
        cuts: Before which operations the power goes, by their number; all if not given.
        singles: How many single operations are tried before each sync at most, chosen by chance where there are more.
        subsets: How many random parts to try before each sync.
        seed: Of what is chosen by chance.
    """
    seen: set[tuple[bytes, int]] = set()
    for cut in range(len(log) + 1) if cuts is None else cuts:
        chance = random.Random(f"{seed}-{cut}")
        for what, changed in _changes(log, cut, chance, singles, subsets):
            files = content_after(log[:cut], changed)
            promised = max((each.number for each in log[:cut] if isinstance(each, Promise)), default=0)
            known = _digest(files), promised
            if known not in seen:
                seen.add(known)
                yield Image(files, promised, f"power lost before operation {cut} of {len(log)}: {what}")


def killed(log: Log) -> Iterator[Image]:
    """The states in which a program leaves the disk that is killed before any of the operations, or within a write.

    The system goes on, so that everything before is on the disk, synced or not. Of the last write there is nothing, a
    half, or all but one byte.
    """
    promised = 0
    for cut, operation in enumerate(log):
        before = content_after(log[:cut])
        yield Image(before, promised, f"killed before operation {cut} of {len(log)}")
        if isinstance(operation, Write) and len(operation.data) > 1:
            for kept_bytes in {len(operation.data) // 2, len(operation.data) - 1}:
                torn = content_after([*log[:cut], operation._replace(data=operation.data[:kept_bytes])])
                yield Image(torn, promised, f"killed after {kept_bytes} bytes of operation {cut} of {len(log)}")
        elif isinstance(operation, Promise):
            promised = operation.number


def unsynced(log: Log) -> list[int]:
    """The numbers of the operations that a power loss after this log may undo."""
    safe: set[int] = set()
    at_stake = []
    for number in range(len(log) - 1, -1, -1):
        operation = log[number]
        if isinstance(operation, Sync):
            safe.add(operation.node)
        elif (node := synced_by(operation)) is not None and node not in safe:
            at_stake.append(number)
    return at_stake[::-1]


def content_after(log: Log, changed: Changes | None = None) -> dict[str, bytes | None]:
    """The files and directories that the operations leave, by their paths.

    Args:
        log: What was done.
        changed: What became of some of the operations, by their number; None for lost.
    """
    names: dict[int, dict[str, int]] = {_ROOT: {}}
    contents: dict[int, bytearray] = {}
    for number, done in enumerate(log):
        match changed.get(number, done) if changed else done:
            case Write(file, offset, data):
                content = contents.setdefault(file, bytearray())
                content.extend(bytes(max(0, offset - len(content))))
                content[offset : offset + len(data)] = data
            case Truncate(file, size_bytes):
                content = contents.setdefault(file, bytearray())
                content.extend(bytes(max(0, size_bytes - len(content))))
                del content[size_bytes:]
            case Enter(directory, name, node, is_directory):
                names.setdefault(directory, {})[name] = node
                if is_directory:
                    names.setdefault(node, {})
            case Move(directory, name, to_directory, to_name, node):
                names.setdefault(directory, {}).pop(name, None)
                names.setdefault(to_directory, {})[to_name] = node
            case Leave(directory, name):
                names.setdefault(directory, {}).pop(name, None)
    return dict(_walk(_ROOT, "", names, contents))


def _walk(
    directory: int, prefix: str, names: Mapping[int, Mapping[str, int]], contents: Mapping[int, bytearray]
) -> Iterator[tuple[str, bytes | None]]:
    for name, node in sorted(names[directory].items()):
        if node in names:
            yield prefix + name, None
            yield from _walk(node, f"{prefix}{name}/", names, contents)
        else:
            yield prefix + name, bytes(contents.get(node, b""))


def _digest(files: Mapping[str, bytes | None]) -> bytes:
    digest = blake2b()
    for path, content in files.items():
        digest.update(f"{path} {None if content is None else len(content)} ".encode())
        digest.update(content or b"")
    return digest.digest()


def _changes(log: Log, cut: int, chance: random.Random, singles: int, subsets: int) -> Iterator[tuple[str, Changes]]:
    """What may become of the operations that were not synced when the power went."""
    at_stake = unsynced(log[:cut])
    yield "what was not synced is lost", dict.fromkeys(at_stake)
    yield "all of it reached the disk", {}
    if at_stake:
        last = at_stake[-1]
        yield from ((f"operation {last} is {how}", {last: torn}) for how, torn in _torn(log[last]))
    if cut < len(log) and not isinstance(log[cut], Sync | Promise):
        return  # the same operations, and more, are at stake a little later
    for number in sorted(chance.sample(at_stake, min(singles, len(at_stake)))):
        yield from ((f"operation {number} is {how}", {number: torn}) for how, torn in _torn(log[number]))
        yield f"only operation {number} reached the disk", {each: None for each in at_stake if each != number}
    for number in range(subsets):
        yield f"a random part of it reached the disk ({number})", _random_part(log, at_stake, chance)


def _torn(operation: Operation) -> Iterator[tuple[str, Operation | None]]:
    yield "lost", None
    if isinstance(operation, Write):
        data = operation.data
        yield "torn in its middle", operation._replace(data=data[: len(data) // 2])
        yield "torn before its last byte", operation._replace(data=data[:-1])
        yield "zeros", operation._replace(data=bytes(len(data)))


def _random_part(log: Log, at_stake: Sequence[int], chance: random.Random) -> Changes:
    changed: dict[int, Operation | None] = {}
    for number in at_stake:
        if chance.random() < 0.5:
            changed[number] = chance.choice([torn for _, torn in _torn(log[number])])
    return changed
