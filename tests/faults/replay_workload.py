"""A run with nested calls, steps, waits, events and a continuation: ``replay_workload.py record FOLDER RESULT`` or ``go FOLDER``.

``record`` drives it in a new directory while every operation on the disk is recorded; the result is a pickle of the log and
of the run's value. ``go`` takes up what is there, and prints the value.
"""

import pickle
import sys
from pathlib import Path

import jumar
from jumar.testing.disk_recorder import DiskRecorder
from jumar.testing.sqlite_recorder import recording_sqlite

RUN = "nightly"
LABELS = ["begin", "a 0", "a 1", "b 0", "b 1", "link 3", "link 2", "link 1", "end"]
"""What its steps do."""


class Effects:
    """A file to which steps append, beside the store."""

    path = Path("effects")

    def __jumar_key__(self):
        return "effects"

    def append(self, what):
        with open(self.path, "a") as file:  # noqa: PTH123  (the recorder knows this one)
            file.write(f"{what}\t{jumar.current_call().idempotency_key}\n")

    def lines(self):
        return [tuple(line.split("\t")) for line in self.path.read_text().splitlines()] if self.path.exists() else []


effects = Effects()


@jumar.step
def put(what):
    effects.append(what)
    return what


@jumar.task
def pure(n):
    return list(range(n))


@jumar.task(reuse="run")
def branch(name):
    return [put(f"{name} {n}") for n in pure(2)]


@jumar.task(reuse="run")
def chain(n, found):
    return chain.lazy(n - 1, [*found, put.lazy(f"link {n}")]) if n else found


@jumar.task(reuse="run")
def joined(links, paid, late, last):
    return [links, paid, late, last]


@jumar.task(reuse="run")
def main(name):
    put("begin")
    branches = [branch.spawn("a"), branch.spawn("b")]
    paid = jumar.wait_event("paid", timeout_s=3600)
    jumar.sleep(0.01)
    return joined.lazy(
        chain.lazy(3, [name, *branches]), paid, jumar.wait_event.lazy("late"), jumar.sleep.lazy(0.01)
    ), put.lazy("end")


def go(folder):
    """Start the run, or take it up by its id; its value."""
    effects.path = folder / "effects"
    with jumar.Session(folder / "store", workers=2):
        run = jumar.resume(RUN) if jumar.runs.find() else main.start("run", id=RUN)
        if run.status() != "succeeded":
            for name, payload in (("paid", {"by": "Ann"}), ("late", [1, 2])):
                jumar.send_event(RUN, name, payload, key=name)
        return run.result(60)


def record(folder, result):
    recorder = DiskRecorder(folder)
    with recorder.python(), recording_sqlite(recorder):
        value = go(folder)
    recorder.look()
    result.write_bytes(pickle.dumps((recorder.log, value)))


if __name__ == "__main__":
    if sys.argv[1] == "record":
        record(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        print(go(Path(sys.argv[2])))
