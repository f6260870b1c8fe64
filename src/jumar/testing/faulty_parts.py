"""The parts of a store, wrapped so that a `jumar.testing.faults.Faults` decides which of their operations fail.

Example:
    >>> import tempfile, jumar
    >>> from jumar.testing.faults import Faults
    >>> faults = Faults()
    >>> with tempfile.TemporaryDirectory() as folder, open_faulty(Path(folder, "store"), faults) as store:
    ...     number = store.task(TaskInfo(b"code", "f", "module"))
    >>> "index.add_task" in faults.operations
    True
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from jumar.codecs.codec import Frame
from jumar.keys.code import CodePart
from jumar.store.aside import SweepableBlobs
from jumar.store.blobs import Blob
from jumar.store.file_blobs import FileBlobs
from jumar.store.index import Index
from jumar.store.labels import Labels
from jumar.store.layout import open_directory
from jumar.store.lineage import Lineage, Loss, Run, Use
from jumar.store.rebuild import Rebuild
from jumar.store.records import CallRecord, Counts, Entry, Failure, TaskInfo
from jumar.store.sqlite_connection import Durability
from jumar.store.sqlite_index import SqliteIndex
from jumar.store.sqlite_lineage import SqliteLineage
from jumar.store.sqlite_stock import SqliteStock
from jumar.store.store import Store
from jumar.store.trouble import Report, warn
from jumar.store.writer import LINGER_S, Writer
from jumar.testing.faults import Faults, SimulatedCrash
from jumar.testing.faulty_stock import FaultyStock


class FaultyIndex:
    """An index whose operations fail as told; named ``index.find``, ``index.add`` and so on.

    Args:
        inner: The index that does the work.
        faults: Which operations fail.
    """

    def __init__(self, inner: Index, faults: Faults) -> None:
        self._inner = inner
        self._operation = faults.operation

    def find(self, key: bytes) -> Entry | None:
        """See ``Index.find``."""
        with self._operation("index.find"):
            return self._inner.find(key)

    def find_content(self, content: bytes) -> Entry | None:
        """See ``Index.find_content``."""
        with self._operation("index.find_content"):
            return self._inner.find_content(content)

    def add(self, entries: Sequence[Entry], failures: Sequence[Failure] = ()) -> None:
        """See ``Index.add``."""
        with self._operation("index.add"):
            self._inner.add(entries, failures)

    def remove(self, keys: Sequence[bytes]) -> None:
        """See ``Index.remove``."""
        with self._operation("index.remove"):
            self._inner.remove(keys)

    def add_task(self, task: TaskInfo) -> int:
        """See ``Index.add_task``."""
        with self._operation("index.add_task"):
            return self._inner.add_task(task)

    def has_code(self, code: bytes) -> bool:
        """See ``Index.has_code``."""
        with self._operation("index.has_code"):
            return self._inner.has_code(code)

    def changed_elsewhere(self) -> bool:
        """See ``Index.changed_elsewhere``."""
        with self._operation("index.changed_elsewhere"):
            return self._inner.changed_elsewhere()

    def calls(
        self, prefix: str = "", task: str = "", limit: int | None = None, run: int | None = None
    ) -> Iterator[CallRecord]:
        """See ``Index.calls``; fails when the first call is asked for."""
        with self._operation("index.calls"):
            yield from self._inner.calls(prefix, task, limit, run)

    def counts(self) -> Counts:
        """See ``Index.counts``."""
        with self._operation("index.counts"):
            return self._inner.counts()

    def blobs(self) -> Iterator[bytes]:
        """See ``Index.blobs``; fails when the first blob is asked for."""
        with self._operation("index.blobs"):
            yield from self._inner.blobs()

    def close(self) -> None:
        """Close the inner index; never fails, as a process that dies closes its files too."""
        self._inner.close()


class FaultyBlobs:
    """Blobs whose operations fail as told; named ``blobs.write``, ``blobs.open`` and so on.

    Args:
        inner: The blobs that do the work.
        faults: Which operations fail.
    """

    def __init__(self, inner: SweepableBlobs, faults: Faults) -> None:
        self._inner = inner
        self._operation = faults.operation

    def write(self, frames: Sequence[Frame]) -> Blob:
        """See ``Blobs.write``."""
        with self._operation("blobs.write"):
            return self._inner.write(frames)

    def open(self, digest: bytes, *, verify: bool) -> memoryview:
        """See ``Blobs.open``."""
        with self._operation("blobs.open"):
            return self._inner.open(digest, verify=verify)

    def size_bytes(self, digest: bytes) -> int | None:
        """See ``Blobs.size_bytes``."""
        with self._operation("blobs.size_bytes"):
            return self._inner.size_bytes(digest)

    def remove(self, digest: bytes) -> None:
        """See ``Blobs.remove``."""
        with self._operation("blobs.remove"):
            self._inner.remove(digest)

    def digests(self) -> Iterator[bytes]:
        """See ``Blobs.digests``; fails when the first blob is asked for."""
        with self._operation("blobs.digests"):
            yield from self._inner.digests()

    def claim(self, digest: bytes) -> None:
        """See ``Aside.claim``."""
        with self._operation("blobs.claim"):
            self._inner.claim(digest)

    def let_go(self) -> None:
        """See ``Aside.let_go``."""
        with self._operation("blobs.let_go"):
            self._inner.let_go()

    def claimed(self) -> set[bytes]:
        """See ``Aside.claimed``."""
        with self._operation("blobs.claimed"):
            return self._inner.claimed()

    def set_aside(self, digest: bytes) -> None:
        """See ``Aside.set_aside``."""
        with self._operation("blobs.set_aside"):
            self._inner.set_aside(digest)

    def aside(self) -> Iterator[bytes]:
        """See ``Aside.aside``; fails when the first blob is asked for."""
        with self._operation("blobs.aside"):
            yield from self._inner.aside()

    def put_back(self, digest: bytes) -> None:
        """See ``Aside.put_back``."""
        with self._operation("blobs.put_back"):
            self._inner.put_back(digest)

    def discard(self, digest: bytes) -> int:
        """See ``Aside.discard``."""
        with self._operation("blobs.discard"):
            return self._inner.discard(digest)

    def close(self) -> None:
        """Close the inner blobs; never fails."""
        self._inner.close()


class FaultyLineage:
    """A lineage whose operations fail as told; named ``lineage.begin_run`` and so on.

    Args:
        inner: The lineage that does the work.
        faults: Which operations fail.
    """

    def __init__(self, inner: Lineage, faults: Faults) -> None:
        self._inner = inner
        self._operation = faults.operation

    def remember_code(self, code: bytes, parts: Sequence[CodePart]) -> None:
        """See ``Lineage.remember_code``."""
        with self._operation("lineage.remember_code"):
            self._inner.remember_code(code, parts)

    def code_parts(self, code: bytes) -> list[CodePart]:
        """See ``Lineage.code_parts``."""
        with self._operation("lineage.code_parts"):
            return self._inner.code_parts(code)

    def remember_outlines(self, outlines: Mapping[bytes, bytes]) -> None:
        """See ``Lineage.remember_outlines``."""
        with self._operation("lineage.remember_outlines"):
            self._inner.remember_outlines(outlines)

    def outline(self, digest: bytes) -> bytes | None:
        """See ``Lineage.outline``."""
        with self._operation("lineage.outline"):
            return self._inner.outline(digest)

    def begin_run(self, started_s: float, script: str, *, idle: bool = False) -> int:
        """See ``Lineage.begin_run``."""
        with self._operation("lineage.begin_run"):
            return self._inner.begin_run(started_s, script, idle=idle)

    def note_run(self, run: Run) -> int:
        """See ``Lineage.note_run``."""
        with self._operation("lineage.note_run"):
            return self._inner.note_run(run)

    def runs(self) -> list[Run]:
        """See ``Lineage.runs``."""
        with self._operation("lineage.runs"):
            return self._inner.runs()

    def note_loss(self, loss: Loss) -> None:
        """See ``Lineage.note_loss``."""
        with self._operation("lineage.note_loss"):
            self._inner.note_loss(loss)

    def note_losses(self, losses: Sequence[Loss]) -> None:
        """See ``Lineage.note_losses``."""
        with self._operation("lineage.note_losses"):
            self._inner.note_losses(losses)

    def note_codes(self, run: int, codes: Collection[bytes]) -> None:
        """See ``Lineage.note_codes``."""
        with self._operation("lineage.note_codes"):
            self._inner.note_codes(run, codes)

    def code_uses(self) -> dict[int, frozenset[bytes]]:
        """See ``Lineage.code_uses``."""
        with self._operation("lineage.code_uses"):
            return self._inner.code_uses()

    def last_use(self) -> Use | None:
        """See ``Lineage.last_use``."""
        with self._operation("lineage.last_use"):
            return self._inner.last_use()

    def losses(self, key: bytes | None = None) -> list[Loss]:
        """See ``Lineage.losses``."""
        with self._operation("lineage.losses"):
            return self._inner.losses(key)


class TornFileBlobs(FileBlobs):
    """Blobs in files, of which one is written only in part before something happens.

    Args:
        root: The directory.
        at: The number of the blob, from 1, among those that are written to disk.
        kept_bytes: How many of its first bytes reach the disk; or a function that tells it from its size in bytes.
        place: ``"scratch"``: under the temporary name, as a killed process leaves it. ``"final"``: under the blob's own
            name, as a power loss may leave it where nobody waited for the disk.
        error: Makes what is raised then.
        durability: See ``FileBlobs``.
    """

    def __init__(
        self,
        root: Path,
        *,
        at: int,
        kept_bytes: int | Callable[[int], int],
        place: Literal["scratch", "final"] = "scratch",
        error: Callable[[], BaseException] = SimulatedCrash,
        durability: Durability = "process",
    ) -> None:
        super().__init__(root, durability)
        self._at = at
        self._kept_bytes = kept_bytes
        self._place = place
        self._error = error
        self._files = 0

    def _write_file(self, path: str, frames: Sequence[Frame], size_bytes: int) -> None:
        self._files += 1
        if self._files != self._at:
            super()._write_file(path, frames, size_bytes)
            return
        torn = Path(path) if self._place == "final" else self._scratch.new_path()
        torn.parent.mkdir(parents=True, exist_ok=True)
        kept_bytes = self._kept_bytes if isinstance(self._kept_bytes, int) else self._kept_bytes(size_bytes)
        torn.write_bytes(b"".join(frames)[:kept_bytes])
        raise self._error()


class FaultyLabels(Labels):
    """Labels whose appending fails as told; the operation is named ``labels.append``.

    Args:
        path: The file.
        faults: Which operations fail.
        report: Told of trouble.
    """

    def __init__(self, path: Path, faults: Faults, *, report: Report = warn) -> None:
        super().__init__(path, report=report)
        self._operation = faults.operation

    def _append(self, data: bytes) -> None:
        with self._operation("labels.append"):
            super()._append(data)


def open_faulty(
    path: Path,
    faults: Faults,
    *,
    blobs: FileBlobs | None = None,
    report: Report = warn,
    linger_s: float = LINGER_S,
    durability: Durability = "process",
) -> Store:
    """The store in a directory, as `Store.open` gives it, with faults in all of its parts.

    Args:
        path: The directory, made if it is not there.
        faults: Which operations fail. Opening counts as well, as far as the parts are asked for something by it.
        blobs: Instead of the store's own, such as `TornFileBlobs`; their directory should be ``path / "blobs"``.
        report: Told of trouble.
        linger_s: How long the first results of a group wait for others, in seconds.
        durability: See `Store.open`; not of ``blobs`` that are given.
    """
    layout = open_directory(path, report=report, durability=durability)
    inner = blobs or FileBlobs(layout.blobs, durability)
    labels = FaultyLabels(layout.labels, faults, report=report)
    rebuild = Rebuild(labels, inner.size_bytes)
    database = SqliteIndex(layout.database, durability, report=report, labels=labels, rebuild=rebuild)
    index = FaultyIndex(database, faults)
    return Store(
        index,
        FaultyBlobs(inner, faults),
        Writer(index.add, report, linger_s=linger_s),
        path=layout.root,
        report=report,
        lineage=FaultyLineage(SqliteLineage(database), faults),
        stock=FaultyStock(SqliteStock(database), faults),
    )
