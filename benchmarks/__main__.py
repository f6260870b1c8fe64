"""``python -m benchmarks``: measure everything and print one table."""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator

from benchmarks import (
    arrays,
    bandwidth,
    fingerprints,
    graphs,
    index,
    memory,
    processes,
    report,
    resume,
    runs,
    spawn,
    startup,
)
from benchmarks.row import Row
from benchmarks.size import FULL, NORMAL, QUICK, SMOKE, Size

BENCHMARKS: dict[str, Callable[[Size], Iterator[Row]]] = {
    module.__name__.rpartition(".")[2]: module.rows
    for module in (spawn, runs, processes, bandwidth, graphs, resume, fingerprints, arrays, memory, index, startup)
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("only", nargs="*", metavar="WHICH", help=f"of: {', '.join(BENCHMARKS)} (default: all)")
    size = parser.add_mutually_exclusive_group()
    for name, amounts, says in (
        ("quick", QUICK, "less of everything: under half a minute"),
        ("full", FULL, "also a store of a million results, a million pending calls and an array of 1 GiB"),
        ("smoke", SMOKE, "so little that the figures mean nothing: whether it runs at all"),
    ):
        size.add_argument(f"--{name}", dest="size", action="store_const", const=amounts, default=NORMAL, help=says)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    if unknown := set(arguments.only) - set(BENCHMARKS):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are: {', '.join(BENCHMARKS)}")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        # What is started anew finds compiled modules, as it does of an installed package, whatever is set here.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = folder
        for name in arguments.only or BENCHMARKS:
            for row in BENCHMARKS[name](arguments.size):
                rows.append(row)
                print(f"{row.what} … {row.jumar:.3g} {row.unit}", file=sys.stderr)
    if arguments.json:
        print(report.as_json(rows))
    else:
        report.show(rows)


if __name__ == "__main__":
    main()
