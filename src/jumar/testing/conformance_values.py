"""What a fingerprint of values must tell apart and what it must not: tables of pairs, free of any library's own names.

Each pair has two makers without arguments, so that the two values are made afresh and share nothing. The tables need
NumPy; `jumar.testing.conformance_values_libraries` has those for pandas, polars, PyArrow, SciPy and PyTorch.

Example:
    >>> from jumar.keys.value import token
    >>> all(token(pair.left()) != token(pair.right()) for pair in MUST_DIFFER)
    True
    >>> all(token(pair.left()) == token(pair.right()) for pair in MUST_EQUAL)
    True
"""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import functools
import operator
import pathlib
import random
import re
import typing
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Maker = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two values and what holds of their fingerprints.

    Args:
        name: What the pair is about.
        left: Makes one value.
        right: Makes the other.
        why: Why they must differ, or be equal.
    """

    name: str
    left: Maker
    right: Maker
    why: str


class Colour(enum.Enum):
    """An enum with two members of different values."""

    RED = 1
    BLUE = 2


class Shade(enum.Enum):
    """Another enum with a member of the same name and value."""

    RED = 1


@dataclass
class Point:
    """A dataclass."""

    x: Any
    y: Any = 0


@dataclass
class Vector:
    """Another dataclass with the same fields."""

    x: Any
    y: Any = 0


def _drawn(seed: int) -> random.Random:
    generator = random.Random(seed)
    generator.random()
    return generator


def _holding_itself(depth: int) -> list[Any]:
    innermost: list[Any] = []
    outer: list[Any] = innermost
    for _ in range(depth):
        outer = [outer]
    innermost.append(outer)
    return outer


def _shared() -> list[Any]:
    part = [1, 2]
    return [part, part]


def _reversed_point() -> Point:
    point = Point.__new__(Point)
    point.y = 1
    point.x = 2
    return point


def _unaligned() -> Any:
    octets = np.zeros(25, np.uint8)
    array = octets[1:].view(np.float64)
    array[:] = np.arange(3.0)
    return array


def _read_only() -> Any:
    array = np.arange(3.0)
    array.flags.writeable = False
    return array


def _padded(filler: int) -> Any:
    dtype = np.dtype([("small", "i1"), ("wide", "f8")], align=True)
    octets = np.full(3 * dtype.itemsize, filler, np.uint8)
    array = octets.view(dtype)
    array["small"] = 1
    array["wide"] = 2.0
    return array


_ARRAY = np.arange(12.0).reshape(3, 4)

MUST_DIFFER: tuple[Pair, ...] = (
    Pair("int and str", lambda: 1, lambda: "1", "str(x), x + 1"),
    Pair("int and bool", lambda: 1, lambda: True, "str(x) and isinstance tell them apart although 1 == True"),
    Pair("int and float", lambda: 1, lambda: 1.0, "1 // 2 is an int, 1.0 // 2 a float"),
    Pair("int and NumPy int", lambda: 1, lambda: np.int64(1), "x ** 100 overflows for one of them"),
    Pair("float and NumPy float", lambda: 1.0, lambda: np.float64(1.0), "1 / x raises for one and warns for the other"),
    Pair("bool and NumPy bool", lambda: True, lambda: np.bool_(True), "x is True"),
    Pair("signed zeros", lambda: 0.0, lambda: -0.0, "atan2 and 1 / x differ in sign"),
    Pair("neighbouring floats", lambda: 0.3, lambda: 0.1 + 0.2, "a printed form may be rounded, a key may not"),
    Pair("large ints", lambda: 10**30, lambda: 10**30 + 1, "beyond the precision of a float"),
    Pair("None and its name", lambda: None, lambda: "None", "a text is not what it names"),
    Pair("str and bytes", lambda: "abc", lambda: b"abc", "they do not mix"),
    Pair("bytes and bytearray", lambda: b"abc", lambda: bytearray(b"abc"), "one can be changed"),
    Pair("composed and decomposed letters", lambda: "\u00e9", lambda: "e\u0301", "len(x)"),
    Pair("list and tuple", lambda: [1, 2], lambda: (1, 2), "one can be changed, one can be a key"),
    Pair("list order", lambda: [1, 2], lambda: [2, 1], "order is what a list is for"),
    Pair("nesting", lambda: [[1], 2], lambda: [1, [2]], "joined parts must not run together"),
    Pair("boundaries of text", lambda: ["ab", "c"], lambda: ["a", "bc"], "joined parts must not run together"),
    Pair("empty containers", list, dict, "of different types"),
    Pair("set and frozenset", lambda: {1}, lambda: frozenset({1}), "one can be changed"),
    Pair("dict and its pairs", lambda: {1: 2}, lambda: [(1, 2)], "of different types"),
    Pair("keys and values", lambda: {"a": "b"}, lambda: {"b": "a"}, "not a set of texts"),
    Pair("dict key types", lambda: {1: "a"}, lambda: {"1": "a"}, "a JSON text would confuse them"),
    Pair(
        "ordered dict order", lambda: collections.OrderedDict(a=1, b=2), lambda: collections.OrderedDict(b=2, a=1), "=="
    ),
    Pair("default factory", lambda: collections.defaultdict(int), lambda: collections.defaultdict(list), "x['new']"),
    Pair("deque bound", lambda: collections.deque([1], 2), lambda: collections.deque([1], 3), "append drops others"),
    Pair("ranges", lambda: range(0, 4, 2), lambda: range(4), "other numbers"),
    Pair("enum members", lambda: Colour.RED, lambda: Colour.BLUE, "other members"),
    Pair("enum classes", lambda: Colour.RED, lambda: Shade.RED, "they are not =="),
    Pair("dataclasses of equal fields", lambda: Point(1, 2), lambda: Vector(1, 2), "other methods, not =="),
    Pair("dataclass fields", lambda: Point(1, 2), lambda: Point(2, 1), "other fields"),
    Pair("deep inside", lambda: {"a": [Point({"b": (1,)})]}, lambda: {"a": [Point({"b": (2,)})]}, "at any depth"),
    Pair("decimal digits", lambda: decimal.Decimal("1.0"), lambda: decimal.Decimal("1.00"), "str(x), quantize"),
    Pair("path and text", lambda: pathlib.PurePosixPath("a"), lambda: "a", "x / 'b'"),
    Pair("path spelling", lambda: pathlib.PurePosixPath("a/b"), lambda: pathlib.PurePosixPath("a/../a/b"), "links"),
    Pair("date and time", lambda: dt.date(2024, 1, 1), lambda: dt.datetime(2024, 1, 1), "of different types"),
    Pair(
        "time zones of one instant",
        lambda: dt.datetime(2024, 1, 1, 12, tzinfo=dt.UTC),
        lambda: dt.datetime(2024, 1, 1, 13, tzinfo=zoneinfo.ZoneInfo("Europe/Paris")),
        "x.date() and str(x) depend on the zone although they are ==",
    ),
    Pair("pattern flags", lambda: re.compile("a"), lambda: re.compile("a", re.IGNORECASE), "other matches"),
    Pair("partial arguments", lambda: functools.partial(pow, 2), lambda: functools.partial(pow, 3), "other results"),
    Pair("partial keywords", lambda: functools.partial(int, base=2), lambda: functools.partial(int, base=8), "results"),
    Pair("builtin functions", lambda: operator.add, lambda: operator.sub, "other results"),
    Pair("bound methods", lambda: "a".join, lambda: "b".join, "bound to another object"),
    Pair(
        "fields of made classes",
        lambda: dataclasses.make_dataclass("Made", [("x", int)]),
        lambda: dataclasses.make_dataclass("Made", [("x", int), ("y", int, 0)]),
        "other constructors under one name",
    ),
    Pair(
        "types behind a new name",
        lambda: typing.NewType("UserId", int),
        lambda: typing.NewType("UserId", str),
        "a reader of annotations converts to another type",
    ),
    Pair(
        "fields of typed dicts",
        lambda: typing.TypedDict("Row", {"x": int}),  # type: ignore[operator]
        lambda: typing.TypedDict("Row", {"x": int, "y": int}),  # type: ignore[operator]
        "a validator accepts other dicts",
    ),
    Pair("parameters of types", lambda: list[Point], lambda: list[Vector], "other classes"),
    Pair("random seeds", lambda: random.Random(1), lambda: random.Random(2), "other numbers"),
    Pair("random position", lambda: random.Random(1), lambda: _drawn(1), "the next number is another"),
    Pair("exceptions", lambda: ValueError("a"), lambda: TypeError("a"), "caught by other clauses"),
    Pair("cycles of other length", lambda: _holding_itself(0), lambda: [1, _holding_itself(0)], "another shape"),
    Pair("array shape", _ARRAY.copy, lambda: _ARRAY.reshape(4, 3), "same bytes, other matrix"),
    Pair("array dtype", lambda: np.zeros(2, "i4"), lambda: np.zeros(1, "i8"), "same bytes, other numbers"),
    Pair("array precision", lambda: np.zeros(2, "f4"), lambda: np.zeros(2, "f8"), "equal values, other arithmetic"),
    Pair("array byte order", lambda: np.arange(3, dtype="<i4"), lambda: np.arange(3, dtype=">i4"), "tobytes, writing"),
    Pair(
        "array and transpose", lambda: np.arange(9).reshape(3, 3), lambda: np.arange(9).reshape(3, 3).T, "other matrix"
    ),
    Pair("array and list", lambda: np.array([1, 2]), lambda: [1, 2], "x + x"),
    Pair("array of no dimensions and scalar", lambda: np.array(1), lambda: np.int64(1), "one can be changed"),
    Pair("empty arrays", lambda: np.zeros((0, 3)), lambda: np.zeros((0, 4)), "joined along other axes"),
    Pair("signed zeros in arrays", lambda: np.array([0.0]), lambda: np.array([-0.0]), "1 / x"),
    Pair(
        "text in object arrays", lambda: np.array(["ab", "c"], object), lambda: np.array(["a", "bc"], object), "parts"
    ),
    Pair("time units", lambda: np.datetime64("2024-01-01", "D"), lambda: np.datetime64("2024-01-01", "s"), "x + 1"),
    Pair("field names", lambda: np.zeros(1, [("a", "f8")]), lambda: np.zeros(1, [("b", "f8")]), "x['a']"),
    Pair(
        "array masks",
        lambda: np.ma.array([1, 2], mask=[False, True]),
        lambda: np.ma.array([1, 2], mask=[True, False]),
        "x.sum()",
    ),
    Pair("record array", lambda: _padded(0).view(np.recarray), lambda: _padded(0), "x.small"),
    Pair("NumPy random seeds", lambda: np.random.default_rng(1), lambda: np.random.default_rng(2), "other numbers"),
    Pair("one element of a large array", lambda: np.zeros(1 << 20), lambda: np.eye(1, 1 << 20, 777)[0], "no sampling"),
)
"""Values whose fingerprints must differ."""

MUST_EQUAL: tuple[Pair, ...] = (
    Pair("dict order", lambda: {"a": 1, "b": 2}, lambda: {"b": 2, "a": 1}, "== does not see it"),
    Pair("mixed keys", lambda: {1: 0, "a": 0, None: 0}, lambda: {None: 0, "a": 0, 1: 0}, "keys need no order"),
    Pair("set order", lambda: set("abcdefgh"), lambda: set("hgfedcba"), "== does not see it"),
    Pair("set history", lambda: {0, 8}, lambda: {8, 0}, "colliding elements lie in another order"),
    Pair("NaN", lambda: float("nan"), lambda: -float("nan"), "nobody can tell them apart; else never found again"),
    Pair("NaN of NumPy", lambda: np.float64("nan"), lambda: np.float64("nan"), "as for float"),
    Pair("shared and copied parts", _shared, lambda: [[1, 2], [1, 2]], "a stored value loses the sharing"),
    Pair("shared and copied text", lambda: ["ab"] * 2, lambda: ["ab", "".join(["a", "b"])], "interning is no value"),
    Pair("cycles", lambda: _holding_itself(3), lambda: _holding_itself(3), "built alike"),
    Pair("dataclass", lambda: Point(1), lambda: Point(y=0, x=1), "a default and its value"),
    Pair("counter order", lambda: collections.Counter("ab"), lambda: collections.Counter("ba"), "== does not see it"),
    Pair("path separators", lambda: pathlib.PurePosixPath("a//b/"), lambda: pathlib.PurePosixPath("a/b"), "one path"),
    Pair("slots and attributes order", lambda: Point(2, 1), _reversed_point, "order of assignment"),
    Pair("view and copy", lambda: _ARRAY[:, ::2], _ARRAY[:, ::2].copy, "strides are no value"),
    Pair("C and Fortran order", lambda: _ARRAY, lambda: np.asfortranarray(_ARRAY), "layout is no value"),
    Pair("reversed view", lambda: np.arange(3)[::-1], lambda: np.array([2, 1, 0]), "negative strides"),
    Pair("broadcast view", lambda: np.broadcast_to(1.0, (2, 2)), lambda: np.ones((2, 2)), "no strides at all"),
    Pair("unaligned array", _unaligned, lambda: np.arange(3.0), "where it lies is no value"),
    Pair("read-only array", _read_only, lambda: np.arange(3.0), "a restored array may be either"),
    Pair("padding of records", lambda: _padded(0), lambda: _padded(7), "bytes between fields are arbitrary"),
    Pair("object arrays", lambda: np.array(["a", None], object), lambda: np.array(["a", None], object), "by objects"),
    Pair("NumPy generators", lambda: np.random.default_rng(5), lambda: np.random.default_rng(5), "the same state"),
    Pair("random generators", lambda: _drawn(3), lambda: _drawn(3), "the same state"),
    Pair(
        "made classes",
        lambda: dataclasses.make_dataclass("Made", [("x", int)]),
        lambda: dataclasses.make_dataclass("Made", [("x", int)]),
        "of the same fields",
    ),
    Pair(
        "new names of a type", lambda: typing.NewType("UserId", int), lambda: typing.NewType("UserId", int), "as made"
    ),
    Pair("partials", lambda: functools.partial(int, base=2), lambda: functools.partial(int, base=2), "the same call"),
    Pair("zones", lambda: zoneinfo.ZoneInfo("UTC"), lambda: zoneinfo.ZoneInfo.no_cache("UTC"), "by name"),
)
"""Values whose fingerprints must be equal."""
