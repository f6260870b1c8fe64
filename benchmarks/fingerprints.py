"""What it costs to know a task's code: once in each process, and at every call."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.row import Row, measure
from benchmarks.size import Size

FUNCTIONS = 200

_ASK = """
import time, project
from jumar.keys import fingerprint_code
start_s = time.perf_counter()
made = fingerprint_code(project.top)
first_s = time.perf_counter() - start_s
start_s = time.perf_counter()
for _ in range(1000):
    made.is_current()
print(first_s, (time.perf_counter() - start_s) / 1000)
"""


def rows(size: Size) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "project.py").write_text(_project())
        what = f"fingerprint of a task that reaches {FUNCTIONS} functions, first time"
        yield measure(what, lambda: _asked(folder)[0], pieces=1, rounds=size.rounds, unit="ms", max_jumar=100.0)
        what = f"check that the {FUNCTIONS} functions are still the same, at each call"
        yield measure(what, lambda: _asked(folder)[1], pieces=1, rounds=size.rounds)


def _project() -> str:
    """A module whose functions call one another, each with a constant, a default and some lines of its own."""
    functions = [
        f"C{n} = {n}\n\ndef f{n}(x, by={n}):\n    y = x * C{n} + by\n    for i in range(3):\n        y += i\n"
        f"    return y + f{n + 1}(y)\n"
        for n in range(FUNCTIONS - 1)
    ]
    last = f"def f{FUNCTIONS - 1}(x):\n    return x\n"
    return "\n".join([*functions, last, "def top(x):\n    return f0(x)\n"])


def _asked(folder: str) -> tuple[float, float]:
    printed = subprocess.check_output([sys.executable, "-c", _ASK], cwd=folder, text=True)
    first_s, check_s = printed.split()
    return float(first_s), float(check_s)
