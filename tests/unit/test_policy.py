"""Policies: how long is waited, which errors are worth another attempt, which are answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jumar.errors import DeclarationError
from jumar.graph.policy import Backoff, Policy

seconds = st.floats(0, 1e6)
backoffs = st.builds(Backoff, first_s=seconds, factor=st.floats(1, 1e3), most_s=seconds, jitter=st.floats(0, 1))
attempts, chances = st.integers(1, 10**6), st.floats(0, 1)


@given(backoffs, attempts, chances)
def test_no_wait_is_longer_than_the_longest_nor_negative(backoff, attempt, chance):
    assert 0 <= backoff.wait_s(attempt, chance) <= backoff.most_s


@given(backoffs, attempts, st.integers(0, 100), chances)
def test_with_the_same_chance_no_wait_is_shorter_than_the_one_before(backoff, attempt, more, chance):
    assert backoff.wait_s(attempt, chance) <= backoff.wait_s(attempt + more, chance)


@given(backoffs, attempts, chances)
def test_chance_takes_away_at_most_the_share_that_is_left_to_it(backoff, attempt, chance):
    longest = backoff.wait_s(attempt, 1.0)
    assert longest * (1 - backoff.jitter) <= backoff.wait_s(attempt, chance) * (1 + 1e-12) + 1e-300
    assert backoff.wait_s(attempt, chance) <= longest


@pytest.mark.parametrize(
    "bad",
    [{"first_s": -1}, {"factor": 0.5}, {"most_s": -1}, {"jitter": 1.5}, {"jitter": -0.1}, {"first_s": float("nan")}],
)
def test_what_cannot_be_waited_for_is_refused(bad):
    with pytest.raises(DeclarationError):
        Backoff(**bad)


@given(st.integers(0, 20), attempts)
def test_there_are_as_many_attempts_after_the_first_as_were_said(retries, attempt):
    assert (Policy(retries=retries, backoff=1.0).wait_s(attempt, OSError(), 0.5) is None) == (attempt > retries)


def test_a_function_says_how_long_and_never_less_than_nothing():
    policy = Policy(retries=9, backoff=lambda attempt: attempt - 3)
    assert [policy.wait_s(attempt, OSError(), 0.5) for attempt in (1, 3, 5)] == [0.0, 0, 2]


@pytest.mark.parametrize(
    ("retry_on", "error", "is_worth"),
    [
        (Exception, OSError(), True),
        (Exception, SystemExit(), False),
        ((KeyError, OSError), FileNotFoundError(), True),
        (ValueError, OSError(), False),
        (lambda error: error.errno == 5, OSError(5, "io"), True),
        (lambda error: error.errno == 5, OSError(6, "io"), False),
    ],
)
def test_only_errors_worth_it_are_tried_again(retry_on, error, is_worth):
    assert (Policy(retries=1, retry_on=retry_on).wait_s(1, error, 0.5) is not None) == is_worth


def test_only_errors_that_are_named_are_caught():
    assert not Policy().catches(ValueError())
    assert Policy(catch=(KeyError, ValueError)).catches(UnicodeDecodeError("utf-8", b"", 0, 1, ""))
    assert not Policy(catch=Exception).catches(KeyboardInterrupt())
