"""Capturing arguments: containers are made anew, leaves are shared, futures are found wherever they may stand."""

from collections import OrderedDict, defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jumar.graph.arguments import holds, rebuild


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


leaves = st.none() | st.booleans() | st.integers() | st.text(max_size=2) | st.builds(Leaf) | st.just(print)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.text(max_size=1), inner, max_size=3),
        st.dictionaries(st.text(max_size=1), inner, max_size=3).map(OrderedDict),
        st.builds(Pair, inner, inner),
        st.builds(Frozen, st.lists(inner, max_size=2)),
        st.sets(leaves, max_size=3),
        st.frozensets(leaves, max_size=3),
    ),
    max_leaves=12,
)


def has_a_leaf(value):
    """The slow way: take everything apart."""
    if isinstance(value, dict):
        return any(map(has_a_leaf, value.values()))
    if isinstance(value, (list, tuple, set, frozenset)):
        return any(map(has_a_leaf, value))
    return has_a_leaf(value.inner) if isinstance(value, Frozen) else isinstance(value, Leaf)


@given(values)
def test_a_leaf_is_found_exactly_where_taking_everything_apart_finds_one(value):
    assert holds(value, Leaf) == has_a_leaf(value)


@given(values)
def test_what_holds_looks_at_is_what_rebuild_takes_apart(value):
    met = []
    rebuild(value, lambda leaf: met.append(leaf) or leaf)
    assert holds(value, Leaf) == any(isinstance(leaf, Leaf) for leaf in met)


def test_a_value_that_holds_itself_is_looked_through_once():
    loop = [object()]
    loop.append(loop)
    assert not holds(loop, Leaf)
    loop.append(Leaf())
    assert holds(loop, Leaf)


def test_a_deep_value_needs_no_stack():
    deep = [Leaf()]
    for _ in range(100_000):
        deep = [deep, object()]
    assert holds(deep, Leaf)
    while isinstance(deep, list) and deep:  # taken apart here, as its own end would need a stack
        deep = deep[0]
