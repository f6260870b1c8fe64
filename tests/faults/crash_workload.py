"""A program with twelve calls, run again and again in forked processes that die where they are told to.

Each line on the standard input is an order in JSON; each line on the standard output is how the process that carried it
out ended. A fork takes a millisecond, a new interpreter a quarter of a second. This process starts no thread, so that
nothing is lost by forking.
"""

import hashlib
import json
import os
import sys
import warnings
from pathlib import Path

import numpy as np

import jumar
from jumar.store.check import check_directory
from jumar.testing.faults import Faults, die
from jumar.testing.faulty_parts import TornFileBlobs, open_faulty

GROUP = 4
"""Calls between two commits, where an order says so."""


class Log:
    """Writes down which calls run, at once, so that it is on the disk whatever happens."""

    path = ""

    def __jumar_key__(self):
        return "log"

    def note(self, name):
        with Path(self.path).open("a") as file:
            file.write(f"{name}\n")


log = Log()

KEPT = {"nothing": 0, "half": lambda size_bytes: size_bytes // 2, "all but one byte": lambda size_bytes: size_bytes - 1}
"""How much of a torn write reaches the disk."""


def number(name, value):
    log.note(name)
    return {"value": value, "squares": [i * i for i in range(value)]}


def text(name, size_bytes):
    log.note(name)
    return bytes(i % 251 for i in range(size_bytes))


def array(name, length):
    log.note(name)
    return np.arange(length, dtype=np.float64)


def outer(name, value):
    log.note(name)
    return jumar.task(number, name="inner")("inner", value + 1)["value"]


def broken(name):
    log.note(name)
    raise ValueError(name)


def joined(name, parts):
    log.note(name)
    plain = [part.tolist() if isinstance(part, np.ndarray) else part for part in parts]
    return hashlib.sha256(repr(plain).encode()).hexdigest()


CALLS = [
    *((number, "small", 3), (text, "just above", 4200), (number, "smaller", 1), (array, "array", 5000)),
    *((text, "equal bytes", 4200), (outer, "outer", 5), (array, "mapped", 40_000), (text, "text", 300_000)),
    (number, "last", 7),
]


def compute(session, every):
    """The answer; a commit after each so many calls."""
    parts = []
    for count, (function, name, size) in enumerate(CALLS, 1):
        parts.append(jumar.task(function, name=name).spawn(name, size))
        if count % every == 0:
            session.checkpoint()
    failed = jumar.task(broken, name="broken").spawn("broken")
    answer = jumar.task(joined, name="joined").spawn("joined", parts).result()
    session.checkpoint()
    return [answer, repr(failed.exception())]


def run(order):
    """Compute with the faults of the order; the answer, and the operations that it took."""
    store_path = Path(order["store"])
    log.path = order["log"]
    faults = Faults(**{**order["faults"], "error": die})
    blobs = None
    if order["torn"]:
        torn = {**order["torn"], "kept_bytes": KEPT[order["torn"]["kept_bytes"]]}
        blobs = TornFileBlobs(store_path / "blobs", error=die, durability=order["durability"], **torn)
    linger_s = 0.0 if order["every"] == 1 else 60.0
    with (
        open_faulty(store_path, faults, blobs=blobs, linger_s=linger_s, durability=order["durability"]) as store,
        jumar.Session(store, "inline") as session,
    ):
        answer = compute(session, order["every"])
    return {"answer": answer, "operations": faults.operations}


def resume(order):
    """Compute in a clean session what is not in the store yet; what a check says of the store before and after that."""
    log.path = order["log"]
    lost = [finding.text for finding in check_directory(Path(order["store"])).findings if finding.runs_again]
    with jumar.Store.open(order["store"], read_only=True) as store:
        recorded = sorted(call.task.name for call in store.calls() if call.state == "done")
    with jumar.Session(order["store"], "inline") as session:
        answer = compute(session, 1)
        totals = session.store.totals()._asdict()
    totals.pop("index_bytes")
    left = sorted(path.name for path in Path(order["store"], "blobs", "tmp").glob("*"))
    wrong = [finding.text for finding in check_directory(Path(order["store"])).findings]
    return {"answer": answer, "recorded": recorded, "totals": totals, "left": left, "lost": lost, "wrong": wrong}


def carry_out(order):
    """In the child: what the order says, then the end of the process, past everything of its parent's."""
    warnings.simplefilter("error")
    try:
        result = {"run": run, "resume": resume}[order["do"]](order)
        Path(order["result"]).write_text(json.dumps(result))
        sys.stderr.flush()
    except BaseException:  # noqa: BLE001 # whatever it is: told, and then this copy of the parent must end here
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    os._exit(0)


def main():
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            carry_out(json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
