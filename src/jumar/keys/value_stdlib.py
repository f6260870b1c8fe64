"""Tokens of the standard library's value types.

Decimals are told apart by their digits (``1.0`` and ``1.00``), times by their zone (equal instants in two zones print
differently), paths by their text alone, random generators by their state. Members of an enum are their class and name.
"""

from __future__ import annotations

import array
import collections
import datetime as dt
import decimal
import enum
import fractions
import functools
import pathlib
import random
import re
import sys
import types
import uuid
import zoneinfo
from collections.abc import Sequence
from typing import Any

from jumar.errors import FingerprintError
from jumar.keys.value_builtin import alternate, integer, pair_step, pairs
from jumar.keys.value_form import record, text
from jumar.keys.value_object import attributes, fields
from jumar.keys.value_registry import REGISTRY, Encoder, Parts
from jumar.keys.value_walk import Walk


def _by_text(name: str) -> Encoder:
    return lambda value, _walk: record(name, [text(str(value))], str(value))


def _encode_datetime(value: dt.datetime, _walk: Walk) -> Parts:
    naive = value.replace(tzinfo=None, fold=0).isoformat()
    return fields("datetime", ("text", naive), ("fold", value.fold), ("tzinfo", value.tzinfo), summary=naive)


def _encode_time(value: dt.time, _walk: Walk) -> Parts:
    naive = value.replace(tzinfo=None, fold=0).isoformat()
    return fields("time", ("text", naive), ("fold", value.fold), ("tzinfo", value.tzinfo), summary=naive)


def _encode_timedelta(value: dt.timedelta, _walk: Walk) -> bytes:
    return record("timedelta", [integer(value.days), integer(value.seconds), integer(value.microseconds)])


def _encode_timezone(value: dt.timezone, _walk: Walk) -> Parts:
    return fields("timezone", ("utcoffset()", value.utcoffset(None)), ("tzname()", value.tzname(None)))


def _encode_zoneinfo(value: zoneinfo.ZoneInfo, _walk: Walk) -> bytes:
    if value.key is None:
        raise FingerprintError("a ZoneInfo without a key has no identity: it was read from a file; make it by its name")
    return record("ZoneInfo", [text(value.key)], value.key)


def _encode_fraction(value: fractions.Fraction, _walk: Walk) -> bytes:
    return record("Fraction", [integer(value.numerator), integer(value.denominator)])


def _encode_path(value: pathlib.PurePath, _walk: Walk) -> bytes:
    return record("path", [text(type(value).__name__), text(str(value))], str(value))


def _encode_pattern(value: re.Pattern[Any], _walk: Walk) -> Parts:
    return fields("pattern", ("pattern", value.pattern), ("flags", value.flags), summary=repr(value.pattern))


def _encode_array(value: array.array[Any], _walk: Walk) -> Parts:
    if sys.byteorder == "big":
        value = value[:]
        value.byteswap()
    named = (("typecode", value.typecode), ("itemsize", value.itemsize), ("tobytes()", value.tobytes()))
    return fields("array", *named, summary=f"{value.typecode} {len(value)}")


def _encode_random(value: random.Random, _walk: Walk) -> Parts:
    if isinstance(value, random.SystemRandom):
        raise FingerprintError("a SystemRandom has no identity: its numbers come from outside of the program")
    return fields("random", ("__class__", type(value)), ("getstate()", value.getstate()), ("__dict__", vars(value)))


def _encode_enum(value: enum.Enum, _walk: Walk) -> Parts:
    kind = type(value)
    name = value.name
    if name is not None and kind.__members__.get(name) is value:
        return fields("enum", ("__class__", kind), ("name", name), summary=f"{kind.__qualname__}.{name}")
    return fields("flags", ("__class__", kind), ("value", value.value), summary=kind.__qualname__)  # several flags


def _encode_partial(value: functools.partial[Any], _walk: Walk) -> Parts:
    return fields(
        "partial",
        ("func", value.func),
        ("args", value.args),
        ("keywords", value.keywords),
        ("__dict__", attributes(vars(value))),
    )


def _encode_namespace(value: types.SimpleNamespace, _walk: Walk) -> Parts:
    return (attributes(vars(value)),), lambda tokens: record("namespace", tokens), lambda _children, _index: ""


def _encode_ordered(value: collections.OrderedDict[Any, Any], _walk: Walk) -> Parts:
    summary = str(len(value))
    return alternate(value), lambda tokens: record("OrderedDict", tokens, summary), pair_step


def _encode_counter(value: collections.Counter[Any], _walk: Walk) -> Parts:
    summary = str(len(value))
    return alternate(value), lambda tokens: record("Counter", [pairs(tokens)], summary), pair_step


def _encode_defaultdict(value: collections.defaultdict[Any, Any], _walk: Walk) -> Parts:
    summary = str(len(value))

    def step(children: Sequence[Any], index: int) -> str:
        return ".default_factory" if index == 0 else pair_step(children[1:], index - 1)

    return (
        [value.default_factory, *alternate(value)],
        lambda tokens: record("defaultdict", [tokens[0], pairs(tokens[1:])], summary),
        step,
    )


def _encode_deque(value: collections.deque[Any], _walk: Walk) -> Parts:
    summary = str(len(value))
    return (
        [value.maxlen, *value],
        lambda tokens: record("deque", tokens, summary),
        lambda _children, index: f"[{index - 1}]" if index else ".maxlen",
    )


for _kind, _encoder in (
    (array.array, _encode_array),
    (collections.Counter, _encode_counter),
    (collections.OrderedDict, _encode_ordered),
    (collections.defaultdict, _encode_defaultdict),
    (collections.deque, _encode_deque),
    (dt.date, _by_text("date")),
    (dt.datetime, _encode_datetime),
    (dt.time, _encode_time),
    (dt.timedelta, _encode_timedelta),
    (dt.timezone, _encode_timezone),
    (decimal.Decimal, _by_text("Decimal")),
    (fractions.Fraction, _encode_fraction),
    (functools.partial, _encode_partial),
    (pathlib.PurePosixPath, _encode_path),
    (pathlib.PureWindowsPath, _encode_path),
    (pathlib.PosixPath, _encode_path),
    (pathlib.WindowsPath, _encode_path),
    (re.Pattern, _encode_pattern),
    (types.SimpleNamespace, _encode_namespace),
    (uuid.UUID, _by_text("UUID")),
    (zoneinfo.ZoneInfo, _encode_zoneinfo),
):
    REGISTRY.provide(_kind, _encoder)

REGISTRY.provide(enum.Enum, _encode_enum, subclasses=True)
REGISTRY.provide(random.Random, _encode_random, subclasses=True)
