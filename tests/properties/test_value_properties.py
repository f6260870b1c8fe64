"""Laws of tokens: equal exactly for equal values, self-delimiting, the same in every process."""

import copy
import hashlib
import os
import pickle
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from jumar.keys.value import describe, parts, token

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.complex_numbers(),
    st.text(),
    st.binary(max_size=100),
)
KEYS = st.one_of(st.booleans(), st.integers(), st.text(), st.tuples(st.integers(), st.text()))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(KEYS, inner, max_size=5),
        st.sets(KEYS, max_size=5),
        st.frozensets(KEYS, max_size=5),
    ),
    max_leaves=30,
)
ARRAYS = st_numpy.arrays(
    dtype=st.sampled_from(["i1", "<i4", ">i4", "f4", "f8", "c16", "?", "U3", "S3", "M8[s]"]),
    shape=st_numpy.array_shapes(min_dims=0, max_dims=3, max_side=4, min_side=0),
)


def _plain(value):
    """A reference for identity that is slow and obvious: nested tuples of types and exact texts."""
    kind = type(value).__name__
    if isinstance(value, dict):
        return kind, frozenset((_plain(key), _plain(item)) for key, item in value.items())
    if isinstance(value, set | frozenset):
        return kind, frozenset(map(_plain, value))
    if isinstance(value, list | tuple):
        return kind, tuple(map(_plain, value))
    if isinstance(value, complex):
        return kind, repr(value.real).replace("-nan", "nan"), repr(value.imag).replace("-nan", "nan")
    return kind, repr(value)


@given(VALUES, VALUES)
def test_tokens_are_equal_exactly_when_values_are(left, right):
    assert (token(left) == token(right)) == (_plain(left) == _plain(right))


@given(VALUES)
def test_copies_have_the_same_token(value):
    assert token(copy.deepcopy(value)) == token(value)
    assert token(pickle.loads(pickle.dumps(value))) == token(value)


@given(st.dictionaries(KEYS, SCALARS, max_size=8), st.randoms(use_true_random=False))
def test_the_order_of_a_dict_does_not_matter(value, shuffler):
    items = list(value.items())
    shuffler.shuffle(items)
    assert token(dict(items)) == token(value)


@given(st.lists(VALUES, max_size=4), st.lists(VALUES, max_size=4))
def test_joined_tokens_are_equal_only_for_equal_sequences(left, right):
    joined_left, joined_right = b"".join(map(token, left)), b"".join(map(token, right))
    assert (joined_left == joined_right) == (list(map(_plain, left)) == list(map(_plain, right)))


@given(VALUES)
def test_every_token_can_be_read_and_ends_where_it_says(value):
    made = token(value)
    assert describe(made)
    assert next(iter(parts(made))) == ("", made)
    with pytest.raises(ValueError, match="not a token"):
        describe(made + b"N")


def _array_identity(array):
    return array.dtype.str, array.shape, array.tobytes()


@given(ARRAYS, ARRAYS)
def test_arrays_are_equal_exactly_in_dtype_shape_and_values(left, right):
    assert (token(left) == token(right)) == (_array_identity(left) == _array_identity(right))


@given(ARRAYS, st.data())
def test_the_layout_of_an_array_does_not_matter(array, data):
    order = data.draw(st.permutations(range(array.ndim)))
    moved = np.transpose(np.ascontiguousarray(np.transpose(array, order)), np.argsort(order)) if array.ndim else array
    assert token(moved) == token(array)
    assert token(array.copy(order="F")) == token(array.copy())
    if array.ndim:
        assert token(array[::-1]) == token(array[::-1].copy())


@given(st.lists(st.integers(0, 40), max_size=40))
@settings(max_examples=200)
def test_cycles_and_shared_parts_have_tokens_that_copies_have(links):
    """Nodes that point at each other at random: whatever the shape, a deep copy has the same token."""
    nodes = [[index] for index in range(len(links) or 1)]
    for index, link in enumerate(links):
        nodes[index].append(nodes[link % len(nodes)])
    assert token(copy.deepcopy(nodes[0])) == token(nodes[0])


SCRIPT = """
    import datetime, enum, hashlib, pathlib, decimal, random, collections, fractions, functools
    import numpy as np
    from dataclasses import dataclass
    from jumar.keys.value import token

    class Tags(set):
        pass

    generator = random.Random(7)
    words = ["".join(generator.choices("abcdefgh", k=5)) for _ in range(200)]
    values = [
        set(words), frozenset(words), {word: set(words[:9]) for word in words}, Tags(words), collections.Counter(words),
        {1: "a", "1": "b", None: {b"x", 2.5, "y", (1, "z")}}, datetime.date(2024, 1, 2), pathlib.PurePosixPath("a/b"),
        decimal.Decimal("1.50"), fractions.Fraction(1, 3), np.arange(6).reshape(2, 3), np.float32(1.5),
        np.array([set(words[:5]), None], dtype=object), functools.partial(int, base=3), ValueError("a", {"b", "c"}),
        generator, 10**40, float("nan"), -0.0, slice(1, 2), range(3), Tags, int,
    ]
    print(hashlib.sha256(b"".join(map(token, values))).hexdigest())
"""


def test_tokens_are_equal_in_processes_with_different_hash_seeds(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT))
    printed = {
        subprocess.run(
            [sys.executable, str(script)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("0", "1", "4242")
    }
    assert len(printed) == 1
    assert len(printed.pop().strip()) == hashlib.sha256().digest_size * 2
