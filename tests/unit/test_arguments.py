"""Capturing arguments: containers are made anew, leaves are shared, futures are found wherever they may stand."""

from collections import OrderedDict, defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

import pytest

from jumar.graph.arguments import rebuild


class Pair(NamedTuple):
    left: object
    right: object


@dataclass(frozen=True)
class Frozen:
    inner: list = field(default_factory=list)


class Leaf:
    pass


def same(value):
    return value


@pytest.mark.parametrize(
    "value",
    [
        [1, [2, [3]]],
        {"a": [1], "b": {"c": [2]}},
        ([1], [2]),
        Pair([1], [2]),
        OrderedDict(b=[1], a=[2]),
        defaultdict(list, a=[1]),
        Frozen([1]),
        {1, 2},
        frozenset([1, 2]),
    ],
    ids=repr,
)
def test_a_rebuilt_container_is_equal_and_of_its_kind(value):
    new = rebuild(value, same)
    assert new == value
    assert type(new) is type(value)


def test_changing_the_original_later_does_not_change_what_was_captured():
    inner = [1]
    original = {"a": [inner], "b": Frozen(inner)}
    captured = rebuild(original, same)
    inner.append(2)
    original["c"] = 3
    assert captured == {"a": [[1]], "b": Frozen([1])}


def test_every_leaf_is_replaced_at_any_depth():
    leaf = Leaf()
    value = [leaf, {"k": (leaf, Pair(leaf, 1)), "d": Frozen([leaf])}]
    assert rebuild(value, lambda _: "X") == ["X", {"k": ("X", Pair("X", 1)), "d": Frozen(["X"])}]


def test_a_list_that_holds_itself_is_rebuilt_as_one():
    loop = [1]
    loop.append(loop)
    new = rebuild(loop, same)
    assert new is not loop
    assert new[1] is new


def test_leaves_are_shared_not_copied():
    leaf = Leaf()
    assert rebuild([leaf], same)[0] is leaf
