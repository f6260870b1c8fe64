"""What `import jumar` adds to the start of a program."""

import subprocess
import sys
import time
from collections.abc import Iterator

from benchmarks.row import Row, compare
from benchmarks.size import Size


def rows(size: Size) -> Iterator[Row]:
    both = compare(
        "", lambda: started("import jumar"), "", lambda: started("pass"), pieces=1, rounds=2 * size.rounds, unit="ms"
    )
    yield Row(
        "import jumar", both.jumar - (both.of_peer or 0.0), "ms", "start of Python", both.of_peer, max_jumar=100.0
    )


def started(program: str) -> float:
    start_s = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True)
    return time.perf_counter() - start_s
