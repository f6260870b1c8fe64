"""A product of matrices that are larger than the memory: block by block, within a budget.

    python out_of_core.py                                   # 1.1 GB of blocks in 128 MiB, on threads
    python out_of_core.py --executor processes
    python out_of_core.py --blocks 3 --size 256 --memory 2MiB

The blocks of both matrices are results that the store keeps: when memory is short they are dropped, and mapped again when
they are needed. The partial sums are kept nowhere: when memory is short they are written to files that vanish with the
session. The order is made to need much memory: all blocks first, then one term of every sum, then the next one. Run it
again, and nothing is computed a second time.
"""

import argparse
import os
import threading
import time
from pathlib import Path
from typing import Self

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # one for each worker: the buffers of more would take memory, too

import numpy as np

import jumar


@jumar.task
def block(matrix: str, row: int, column: int, size: int) -> np.ndarray:
    """A block of a matrix; in earnest, read from a file or an instrument."""
    return np.random.default_rng([ord(matrix), row, column]).random((size, size))


@jumar.task(checkpoint=False)
def add_product(before: np.ndarray | None, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """One more term of the sum that makes a block of the product; ``before`` belongs to this call alone."""
    term = left @ right
    if before is not None:
        term += before
    return term


@jumar.task
def total(part: np.ndarray) -> float:
    """The sum of a block."""
    return float(part.sum())


@jumar.task
def add_up(parts: list[float]) -> float:
    """The sum of the sums."""
    return sum(parts)


def product(blocks: int, size: int) -> list[jumar.Lazy[np.ndarray]]:
    """The blocks of the product, described and not computed."""
    made = []
    for row in range(blocks):
        for column in range(blocks):
            entry = None
            for k in range(blocks):
                term = add_product.options(priority=-1 - k, checkpoint=k == blocks - 1)
                entry = term.lazy(entry, block.lazy("A", row, k, size), block.lazy("B", k, column, size))
            made.append(entry)
    return made


def run(blocks: int, size: int, memory: str, executor: str, store: Path) -> tuple[float, jumar.Session, int]:
    """The sum of the product's elements, the session that computed it, and the most memory it took, in bytes."""
    with jumar.Session(store, executor, memory=memory) as session, Gauge() as gauge:
        answer = jumar.collect(add_up.lazy([total.lazy(entry) for entry in product(blocks, size)]))
    return answer, session, gauge.most_bytes


class Gauge:
    """Measures the memory of this process and its workers, each page once, twenty times a second."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._before = memory_in_use(os.getpid())
        self.most_bytes = 0
        """The most that there was beyond what there was at first."""

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.05):
            self.most_bytes = max(self.most_bytes, memory_in_use(os.getpid()) - self._before)


def memory_in_use(process: int) -> int:
    """Bytes of a process and its descendants: their shares of what they share, and all of its segments in shared memory."""
    segments = Path(f"/dev/shm/jumar-{os.getuid()}").glob(f"{process}-*/*")
    return sum(map(_share, _family(process))) + sum(map(_size, segments))


def _size(path: Path) -> int:
    try:
        return path.stat().st_blocks * 512
    except FileNotFoundError:  # it was let go of meanwhile
        return 0


def _family(process: int) -> list[int]:
    try:
        threads = list(Path(f"/proc/{process}/task").iterdir())
        children = [int(child) for thread in threads for child in (thread / "children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
        return [process]
    return [process, *(member for child in children for member in _family(child))]


def _share(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    kb = {line.split(":")[0]: int(line.split()[1]) for line in lines[1:]}
    return 1024 * (kb.get("Pss_Anon", 0) + kb.get("Pss_File", 0))


def main() -> None:
    """Compute, and say what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blocks", type=int, default=6, help="blocks in each direction")
    parser.add_argument("--size", type=int, default=1024, help="rows and columns of a block")
    parser.add_argument("--memory", default="128MiB")
    parser.add_argument("--executor", default="threads", choices=["threads", "processes"])
    parser.add_argument("--store", type=Path, default=Path("out_of_core_store"))
    given = parser.parse_args()
    started = time.perf_counter()
    answer, session, most_bytes = run(given.blocks, given.size, given.memory, given.executor, given.store)
    seconds = time.perf_counter() - started
    counts = session.memory()
    data_mib = 3 * 8 * (given.blocks * given.size) ** 2 / 2**20
    print(f"sum {answer:.6e} of {data_mib:.0f} MiB in blocks, in {seconds:.1f} s on {given.executor}")
    print(f"memory: {most_bytes / 2**20:.0f} MiB beyond that of the empty program, with a budget of {given.memory}")
    print(f"{counts.hits} hits, {counts.misses} misses, {counts.drops} dropped, {counts.spills} spilled", end=" ")
    print(f"({counts.spilled_bytes / 2**20:.0f} MiB); {session.counts().computed} computed")


if __name__ == "__main__":
    main()
