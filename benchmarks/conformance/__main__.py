"""Runs the conformance suite over jumar and the peers that are installed, and writes the page of results.

Peers cannot share an environment; each has one of its own, made once::

    python -m venv peers/joblib
    peers/joblib/bin/pip install blake3 numpy pandas joblib

and so on for parsl, redun, prefect, sf-hamilton and dask. jumar itself is run from this checkout.
"""

import argparse
import datetime as dt
import sys
import tempfile
from pathlib import Path

from benchmarks.conformance.page import page
from benchmarks.conformance.systems import SYSTEMS
from jumar.testing.conformance import Found, judge_edits, judge_values

LIBRARIES = ("pandas",)


def main() -> None:
    arguments = _parser().parse_args()
    by_name = {system.name.lower(): system for system in SYSTEMS}
    pythons = {"jumar": sys.executable}
    for text in arguments.venv:
        name, _, folder = text.partition("=")
        python = Path(folder, "bin", "python")
        if name.lower() not in by_name or not python.exists():
            sys.exit(f"--venv {text}: needs NAME=PATH with a name of {', '.join(by_name)} and a path to an environment")
        pythons[name.lower()] = str(python)
    judged = []
    for name, system in by_name.items():
        if name not in pythons:
            continue
        with tempfile.TemporaryDirectory() as home:
            subject = system.subject(pythons[name], home)
            verdicts = [*judge_values(subject, LIBRARIES), *judge_edits(subject)]
        if not any(verdict.found is Found.RIGHT for verdict in verdicts):
            sys.exit(
                f"{name} is right nowhere: {system.script} does not fit it. The first refusal: {verdicts[0].detail}"
            )
        judged.append((system, system.version(pythons[name]), verdicts))
        print(f"{name}: {_summary(verdicts)}", file=sys.stderr)
    peers = [name for name in pythons if name != "jumar"]
    command = ["python -m benchmarks.conformance \\", *(f"  --venv {name}=peers/{name} \\" for name in peers)]
    command.append("  --write docs/reference/conformance.md")
    text = page(judged, command, dt.datetime.now(tz=dt.UTC).date().isoformat())
    if arguments.write is None:
        print(text)
    else:
        arguments.write.write_text(text, encoding="utf-8")


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.conformance",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--venv", action="append", default=[], metavar="NAME=PATH", help="a peer and its environment")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the page there instead of printing it")
    return parser


def _summary(verdicts):
    return ", ".join(f"{sum(verdict.found is found for verdict in verdicts)} {found}" for found in Found)


if __name__ == "__main__":
    main()
