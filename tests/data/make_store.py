"""Makes the store that stays in the repository for ever: ``python tests/data/make_store.py tests/data/store-format-1``.

Run once for each format, when it is released; a store that is there is never made anew. What is in it stands in
``expected.json`` beside it, and ``tests/unit/test_store_formats.py`` reads it with every version to come.
"""

import json
import pickle
import sys
from pathlib import Path

import numpy as np
from blake3 import blake3

from jumar.keys import CodePart
from jumar.store.lineage import Loss
from jumar.store.records import Entry, Failure, TaskInfo
from jumar.store.store import Store

VALUES = {
    "none": None,
    "number": 42,
    "text": "é ✓",
    "nested": {"list": [1, 2.5, (True, None)], "bytes": b"\x00\xff"},
    "small array": np.arange(5, dtype="<f8"),
    "large bytes": bytes(range(256)) * 20,
    "large array": np.arange(5_000, dtype="<f8").reshape(50, 100),
    "buffer": pickle.PickleBuffer(bytes(range(256)) * 80),
}
SIMULATE = TaskInfo(b"c" * 32, "simulate", "model", "seed size")


def described(value):
    """The value as JSON can hold it, so that the test needs nothing of this file."""
    if isinstance(value, np.ndarray):
        return {"array": blake3(value.tobytes()).hexdigest(), "dtype": value.dtype.str, "shape": list(value.shape)}
    if isinstance(value, pickle.PickleBuffer | bytes):
        return {"bytes": blake3(bytes(value)).hexdigest()}
    return {"repr": repr(value)}


def main(folder):
    path = Path(folder)
    path.mkdir()
    expected = {}
    with Store.open(path / "store") as store:
        task = store.task(SIMULATE)
        run = store.begin_run("model.py")
        store.lineage.remember_code(
            SIMULATE.code, [CodePart("simulate", "function", "model.py", 3, bytes(32), "source")]
        )
        store.lineage.note_loss(Loss(b"l" * 32, 1_700_000_000.0, "a reason"))
        for number, (name, value) in enumerate(VALUES.items()):
            payload = store.encode(value)
            key, content = bytes([number]) * 32, bytes([100 + number]) * 32 if number % 2 else None
            needs = bytes(8) if number % 2 else None
            store.record(
                Entry(key, task, 1_700_000_000.0 + number, 0.5, payload.size_bytes, payload.codec, payload.inline,
                      payload.blob, b"\x05args", content, needs, run)
            )  # fmt: skip
            expected[key.hex()] = {"name": name, "content": content and content.hex(), "value": described(value)}
        store.record_failure(
            Failure(b"f" * 32, task, 1_700_000_100.0, 1.5, 1, "ValueError: no", "Traceback ...", b"\x05args")
        )
    (path / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
