"""Rows read ahead: when, how many, and that they are never older than what is known to have changed."""

import pytest

import jumar
from jumar.store.read_ahead import FEWEST, MOST, ReadAhead


def test_only_a_program_that_asks_in_order_makes_it_read_ahead():
    ahead = ReadAhead()
    assert [ahead.after(number) for number in (100, 5000, 3, 900)] == [0, 0, 0, 0]
    assert ahead.after(901) == FEWEST
    assert ahead.after(910) == 2 * FEWEST
    assert ahead.after(5) == 0


def test_it_reads_no_more_than_a_bounded_number():
    ahead = ReadAhead()
    assert max(ahead.after(number) for number in range(1, 100)) == MOST


def test_a_row_that_was_written_anew_is_not_held_any_more():
    ahead = ReadAhead()
    ahead.hold([(b"a", 1), (b"b", 2), (b"c", 3)])
    ahead.drop([b"a"])
    assert ahead.take(b"a") is None
    assert ahead.take(b"b") == (2,)
    ahead.forget()
    assert ahead.take(b"c") is None


@pytest.mark.parametrize("order", ["as recorded", "backwards", "every third"])
def test_it_finds_exactly_what_plain_look_ups_find(tmp_path, order):
    @jumar.task
    def square(x):
        return x * x

    with jumar.Session(tmp_path / "store", "inline"):
        for i in range(1000):
            square(i)
    asked = {"as recorded": range(1000), "backwards": range(999, -1, -1), "every third": range(0, 1000, 3)}[order]
    with jumar.Session(tmp_path / "store", "inline") as session:
        assert [square(i) for i in asked] == [i * i for i in asked]
        assert square(2000) == 4_000_000
        assert (session.counts().restored, session.counts().computed) == (len(asked), 1)
