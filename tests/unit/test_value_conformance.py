"""The conformance tables of values hold for jumar's own tokens."""

import importlib.util

import pytest

from jumar.keys.value import describe, token
from jumar.testing.conformance_values import MUST_DIFFER, MUST_EQUAL
from jumar.testing.conformance_values_libraries import LIBRARIES

AVAILABLE = [name for name in LIBRARIES if importlib.util.find_spec(name) is not None]
TABLES = {name: LIBRARIES[name]() for name in AVAILABLE}
DIFFER = [*MUST_DIFFER, *(pair for differ, _ in TABLES.values() for pair in differ)]
EQUAL = [*MUST_EQUAL, *(pair for _, equal in TABLES.values() for pair in equal)]


@pytest.mark.parametrize("pair", DIFFER, ids=lambda pair: pair.name)
def test_values_that_a_function_can_tell_apart_differ(pair):
    assert token(pair.left()) != token(pair.right()), pair.why


@pytest.mark.parametrize("pair", EQUAL, ids=lambda pair: pair.name)
def test_values_that_only_look_different_are_equal(pair):
    assert token(pair.left()) == token(pair.right()), pair.why


@pytest.mark.parametrize("pair", [*DIFFER, *EQUAL], ids=lambda pair: pair.name)
def test_a_value_has_the_same_token_each_time_and_a_text_for_people(pair):
    assert token(pair.left()) == token(pair.left())
    assert token(pair.right()) == token(pair.right())
    assert describe(token(pair.left()))


def test_the_tables_are_as_large_as_promised():
    assert len(MUST_DIFFER) >= 31
    assert len(MUST_EQUAL) >= 13
    assert len({pair.name for pair in MUST_DIFFER}) == len(MUST_DIFFER)
    assert len({pair.name for pair in MUST_EQUAL}) == len(MUST_EQUAL)
