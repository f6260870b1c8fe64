"""What each file in ``codecs/`` must decode to, for ever. ``python tests/data/codec_values.py NAME`` writes one.

A file is named by its codec, and by a word after ``~`` where there are several. One that is there is never written anew.
Nothing in them is code: what cloudpickle makes of a function is for one version of Python only.
"""

import sys
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from jumar.codecs.catalogue import CATALOGUE
from jumar.codecs.zstd import ZstdCodec

FOLDER = Path(__file__).parent / "codecs"
FRAME = {"seed": [1, 2, 3], "name": ["a", None, "é"]}
READ_ONLY = np.frombuffer(np.arange(12, dtype="<i2").tobytes(), "<i2").reshape(3, 4)
OBJECTS = np.array(["a", None, 2.5], dtype=object)
OBJECTS.flags.writeable = False
VALUES = {
    "pickle": {"list": [1, 2.5, (True, None)], "text": "é"},
    "pickle~framed": np.arange(2_100.0),
    "pickle~bytes": bytes(range(256)) * 257,
    "pickle-readonly": OBJECTS,
    "numpy": np.array([["2024-02-29", "NaT"], ["1969-12-31", "2038-01-19"]], dtype="<M8[D]", order="F"),
    "numpy~structured": np.array([(1, "é", 2.5)], dtype=[("a", ">i4"), ("b", "<U3"), ("c", "<f2")]),
    "numpy-readonly": READ_ONLY[:, ::-1],
    "arrow": pa.table(FRAME, metadata={"unit": "m"}),
    "arrow~batch": pa.record_batch(FRAME),
    "arrow~array": pa.array(["x", "y", "x"]).dictionary_encode(),
    "arrow~chunked": pa.chunked_array([[1.5], [None, 2.5]]),
    "polars": pl.DataFrame(FRAME).with_columns(pl.col("seed").set_sorted()),
    "polars~series": pl.Series("day", [3, 1, None], dtype=pl.Date),
    "cloudpickle": {"numbers": np.arange(2_100)},
    "zstd+pickle": ["compressed"] * 1_000,
}
"""The values, with what every restored one must have: READ_ONLY's and OBJECTS' flags, the sorted column, the order."""


def main(name):
    codec = name.partition("~")[0]
    inner = codec.removeprefix("zstd+")
    writer = CATALOGUE.named(inner) if inner == codec else ZstdCodec(CATALOGUE.named(inner))
    with (FOLDER / name).open("xb") as file:
        file.writelines(writer.encode(VALUES[name]))


if __name__ == "__main__":
    main(sys.argv[1])
