"""What jumar promises, shown on a real job: `model_sweep.py` is killed, run again, edited, and run once more.

Everything happens in a temporary folder. Ends with status 1 if a promise is broken.

    python examples/demo.py
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, NoReturn

from rich.console import Console
from rich.table import Table
from rich.text import Text

import jumar
from model_sweep import FOLDS, SWEEP, Row, forest, table

BEFORE = "RandomForestClassifier"
AFTER = "ExtraTreesClassifier"
LOOK_EVERY_S = 0.05

console = Console(highlight=False)


class Pass(NamedTuple):
    """What one run of the sweep did."""

    what: str
    computed: int
    restored: int
    seconds: float


class Sweep:
    """A copy of the sweep in a folder of its own, with a store of its own."""

    def __init__(self, folder: Path) -> None:
        self.script = folder / "model_sweep.py"
        self.script.write_text((Path(__file__).parent / "model_sweep.py").read_text(encoding="utf-8"), encoding="utf-8")
        self.store = folder / "store"
        self.result = folder / "result.json"

    def recorded(self) -> int:
        """How many calls are in the store now; another process may be writing to it."""
        if not (self.store / "format").exists():
            return 0
        with jumar.Store.open(self.store, read_only=True) as store:
            return store.totals().calls

    def run_until_killed(self, what: str, *, after_calls: int) -> Pass:
        """Run it, and kill it with SIGKILL as soon as this many calls are in the store."""
        started_s = time.perf_counter()
        child = self._start()
        try:
            while self.recorded() < after_calls:
                if _ended(child, within_s=LOOK_EVERY_S):
                    give_up(f"the sweep ended (status {child.returncode}) before it could be killed")
        finally:
            child.kill()
            child.wait()
            _repair_terminal()
        return Pass(what, self.recorded(), 0, time.perf_counter() - started_s)

    def run(self, what: str) -> Pass:
        """Run it to its end."""
        started_s = time.perf_counter()
        child = self._start()
        try:
            status = child.wait()
        finally:
            child.kill()
            child.wait()
        if status:
            give_up(f"the sweep ended with status {status}")
        counts = self.outcome()["counts"]
        return Pass(what, counts["computed"], counts["restored"], time.perf_counter() - started_s)

    def outcome(self) -> dict:
        """What the last run that ended left behind: its counts and its rows."""
        return json.loads(self.result.read_text(encoding="utf-8"))

    def edit(self) -> None:
        """Put another kind of forest into the sweep."""
        source = self.script.read_text(encoding="utf-8")
        self.script.write_text(source.replace(BEFORE, AFTER), encoding="utf-8")

    def _start(self) -> subprocess.Popen[bytes]:
        sys.stdout.flush()
        return subprocess.Popen(
            [sys.executable, self.script, "--json", self.result],
            env={**os.environ, "JUMAR_STORE": str(self.store)},
            stdout=subprocess.DEVNULL,  # its table is shown at the end; its progress line goes to standard error
        )


def demonstrate(folder: Path) -> None:
    sweep = Sweep(folder)
    total = 1 + calls_of(SWEEP)  # the data set is a call, too

    headline(1, "Run the sweep, and kill it (SIGKILL) when a third of its calls are done")
    first = sweep.run_until_killed("killed", after_calls=math.ceil(total / 3))
    tell(first)

    headline(2, "Run it again, to the end")
    second = sweep.run("resumed")
    tell(second)
    promise(second.restored == first.computed, f"{first.computed} calls were kept, {second.restored} were found again")
    promise(second.computed == total - first.computed, f"{total - first.computed} were left, {second.computed} ran")

    headline(3, "Edit one of its models, and run it once more")
    console.print(Text(f"  - def {forest.__name__}(...): return {BEFORE}(...)", style="red"))
    console.print(Text(f"  + def {forest.__name__}(...): return {AFTER}(...)", style="green"))
    sweep.edit()
    third = sweep.run("edited")
    tell(third)
    edited = calls_of([forest])
    promise(third.computed == edited, f"the edit touches {edited} calls, {third.computed} ran")
    promise(third.restored == total - edited, f"{total - edited} calls are as before, {third.restored} were found")

    console.print()
    console.rule(style="dim")
    console.print(table([Row(**row) for row in sweep.outcome()["rows"]]))
    console.print(overview([first, second, third]))


def calls_of(models: Iterable) -> int:
    """The calls that the sweep makes for these models: for each choice of settings a fit per fold, and a summary."""
    return sum(math.prod(map(len, SWEEP[model].values())) * (FOLDS + 1) for model in models)


def headline(number: int, text: str) -> None:
    console.print()
    console.rule(f"[bold]{number}[/]  {text}", align="left", style="dim")


def tell(done: Pass) -> None:
    console.print(
        f"  [bold]{done.what}:[/] [green]{done.computed} calls computed[/], [cyan]{done.restored} restored[/], "
        f"{done.seconds:.1f} s"
    )


def overview(passes: list[Pass]) -> Table:
    grid = Table("pass", box=None, pad_edge=False, padding=(0, 2), header_style="bold")
    for heading, style in (("computed", "green"), ("restored", "cyan"), ("seconds", "")):
        grid.add_column(heading, justify="right", style=style)
    for number, done in enumerate(passes, 1):
        grid.add_row(f"{number} {done.what}", str(done.computed), str(done.restored), f"{done.seconds:.1f}")
    return grid


def promise(kept: bool, facts: str) -> None:
    if not kept:
        give_up(f"a promise is broken: {facts}")


def give_up(reason: str) -> NoReturn:
    sys.exit(f"demo: {reason}")


def _ended(child: subprocess.Popen[bytes], *, within_s: float) -> bool:
    try:
        child.wait(within_s)
    except subprocess.TimeoutExpired:
        return False
    return True


def _repair_terminal() -> None:
    """A killed process leaves its progress line unfinished and the cursor hidden."""
    if sys.stderr.isatty():
        sys.stderr.write("\n\x1b[?25h")
        sys.stderr.flush()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="jumar-demo-") as folder:
        demonstrate(Path(folder))
