"""Tasks whose keys are pinned in keys.json. An edit of this file changes them: write it anew then, on purpose."""

import datetime as dt
import enum
from dataclasses import dataclass
from decimal import Decimal
from pathlib import PurePosixPath

import numpy as np

import jumar

SCALE = 2.5


class Colour(enum.Enum):
    RED = 1


@dataclass
class Point:
    x: int
    y: float = 0.0


def helper(value):
    return value * SCALE


@jumar.task
def plain(x, y=2, *rest, z=None, **more):
    return x


@jumar.task
def deep(x):
    return helper(x)


@jumar.task(version="3")
def versioned(x):
    return x


@jumar.task(ignore=["verbose"])
def ignoring(x, verbose=False):
    return x


VALUES = {
    "none": None,
    "true": True,
    "one": 1,
    "big": 2**100,
    "negative": -1,
    "float": 1.0,
    "minus zero": -0.0,
    "nan": float("nan"),
    "infinity": float("inf"),
    "complex": 1 + 2j,
    "text": "text",
    "accents": "é" * 100,
    "bytes": b"\x00\xff",
    "list": [1, [2, 3]],
    "tuple": (1, (2, 3)),
    "dict": {"b": 1, "a": {2: None}},
    "set": {"x", "y", 3},
    "frozenset": frozenset([1, 2]),
    "range": range(3),
    "long list": list(range(1000)),
    "enum": Colour.RED,
    "dataclass": Point(1, 2.0),
    "path": PurePosixPath("a/b"),
    "date": dt.date(2026, 11, 24),
    "moment": dt.datetime(2026, 11, 24, 8, 15, tzinfo=dt.UTC),
    "decimal": Decimal("1.50"),
    "function": helper,
    "array": np.arange(6.0).reshape(2, 3),
    "long array": np.arange(100_000, dtype="<i4"),
    "numpy scalar": np.int64(1),
    "dtype": np.dtype("<f8"),
}


def keys():
    """Each pinned call with its key."""
    found = {f"plain({name})": plain.key(value) for name, value in VALUES.items()}
    found["plain(1, 2, 3, z=4, w=5)"] = plain.key(1, 2, 3, z=4, w=5)
    found["deep(1)"] = deep.key(1)
    found["versioned(1)"] = versioned.key(1)
    found["ignoring(1, verbose=True)"] = ignoring.key(1, verbose=True)
    found["plain(deep(1))"] = plain.key([deep.spawn(1)])
    return found
