"""A program whose every operation on the disk is recorded: ``power_workload.py FOLDER DURABILITY RESULT LENGTH``.

It opens a store in a new directory, computes, closes, opens it again and computes more: with LENGTH ``long`` so much that
SQLite takes its log into the database while the store is open, and begins it anew; with DURABILITY ``mixed`` a session
that does not wait for the disk comes before those that do. The result is a pickle of the log, the value of each recorded
call, and which calls had been promised (a checkpoint had returned) at each promise.
"""

import pickle
import sys
from pathlib import Path

import numpy as np

import jumar
from jumar.testing.disk_recorder import DiskRecorder
from jumar.testing.sqlite_recorder import recording_sqlite


@jumar.task
def small(i):
    return {"i": i}


@jumar.task
def text(letter, size_bytes):
    return letter.encode() * size_bytes


@jumar.task
def array(length):
    return np.arange(length, dtype=np.float64)


@jumar.task
def broken(i):
    raise ValueError(i)


class Promises:
    """What has been promised so far."""

    def __init__(self, recorder):
        self._recorder = recorder
        self.values = {}
        self.promised = [[]]

    def keep(self, session, *futures):
        """Compute, wait until it is kept, and count on it from then on."""
        keys = self.compute(*futures)
        session.checkpoint()
        self.promised.append([*self.promised[-1], *keys])
        self._recorder.promise(len(self.promised) - 1)

    def compute(self, *futures):
        """Compute, and count on nothing; the keys."""
        keys = [bytes.fromhex(future.key) for future in futures]
        values = [future.result() for future in futures]
        plain = [value.tolist() if isinstance(value, np.ndarray) else value for value in values]
        self.values.update(zip(keys, plain, strict=True))
        return keys


def compute(folder, durability, promises, groups):
    where = {"store": folder / "results" / "store", "executor": "inline", "durability": durability}
    if durability == "mixed":
        where["durability"] = "power"
        with jumar.Session(**{**where, "durability": "process"}):
            # Its blob is met again below; the call itself would only be restored, as durable as it was recorded.
            promises.compute(small.spawn(100), text.options(version="1").spawn("a", 5000), array.spawn(2000))
    with jumar.Session(**where) as session:
        promises.keep(session, small.spawn(1))
        promises.keep(session, text.spawn("a", 5000), small.spawn(2))
        promises.keep(session, small.spawn(1), array.spawn(3000))
        assert broken.spawn(1).exception() is not None
    with jumar.Session(**where) as session:
        promises.keep(session, small.spawn(2), text.options(name="other", version="2").spawn("a", 5000))
        promises.keep(session, *(small.spawn(i) for i in range(3, 40)))
        for group in range(groups):
            promises.keep(session, *(text.spawn(str(group), 3000 + i) for i in range(300)))
    with jumar.Session(**where, reuse="refresh") as session:
        promises.keep(session, small.spawn(1), text.spawn("a", 5000), text.spawn("b", 9000))


def main(folder, durability, result, length):
    recorder = DiskRecorder(folder)
    promises = Promises(recorder)
    with recorder.python(), recording_sqlite(recorder):
        compute(folder, durability, promises, 5 if length == "long" else 0)
    result.write_bytes(pickle.dumps((recorder.log, promises.values, promises.promised)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), sys.argv[4])
