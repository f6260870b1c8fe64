"""Rules by which results are kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jumar.errors import DeclarationError
from jumar.graph.keep import Keep

sizes = st.integers(0, 1000)


@given(st.floats(0, 10), sizes, st.none() | sizes, st.integers(1, 5), st.lists(st.tuples(st.floats(0, 20), sizes)))
def test_of_the_results_within_all_bounds_every_nth_is_kept(min_seconds, least, span, every, results):
    most = None if span is None else least + span
    rule = Keep(min_seconds, least, most, every)
    kept = [result for result in results if rule.admits(*result)]
    within = [(s, n) for s, n in results if s >= min_seconds and n >= least and (most is None or n <= most)]
    assert kept == within[every - 1 :: every]


@pytest.mark.parametrize(
    "bad", [{"min_seconds": -1}, {"min_size_bytes": -1}, {"every": 0}, {"min_size_bytes": 2, "max_size_bytes": 1}]
)
def test_rules_that_would_keep_nothing_are_refused(bad):
    with pytest.raises(DeclarationError):
        Keep(**bad)


def test_counting_does_not_make_equal_rules_different():
    used, fresh = Keep(every=2), Keep(every=2)
    used.admits(1.0, 1)
    assert used == fresh
