"""Alarms: what is due rings in order, on one thread; what was cancelled or came too late does not."""

import threading

import pytest

from jumar.alarms import Alarms

NEVER_S = 1e6


@pytest.fixture
def alarms():
    made = Alarms()
    yield made
    made.close()


@pytest.fixture
def held(alarms):
    """Lets the alarms' thread stand in an alarm until it is set, so that what is set meanwhile is due all at once."""
    event, entered = threading.Event(), threading.Event()

    def hold():
        entered.set()
        assert event.wait(60)

    alarms.set(0.0, hold)
    assert entered.wait(60)
    yield event
    event.set()


def wait_for_all(alarms):
    """Until everything that was due before has rung."""
    done = threading.Event()
    alarms.set(0.0, done.set)
    assert done.wait(60)


def test_alarms_ring_by_their_time_and_of_equals_in_the_order_they_were_set(alarms, held):
    rung = []
    for name, delay_s in [("far", NEVER_S), ("first", -1.0), ("earlier", -2.0), ("second", -0.5)]:
        alarms.set(delay_s, lambda name=name: rung.append(name))
    held.set()
    wait_for_all(alarms)
    assert rung == ["earlier", "first", "second"]


def test_an_alarm_set_later_and_due_earlier_is_not_kept_waiting(alarms):
    alarms.set(NEVER_S, lambda: None)
    wait_for_all(alarms)


def test_a_cancelled_alarm_does_not_ring(alarms, held):
    rung = []
    alarm = alarms.set(0.0, lambda: rung.append("cancelled"))
    alarms.cancel(alarm)
    held.set()
    wait_for_all(alarms)
    assert rung == []


def test_an_alarm_that_fails_is_logged_and_the_others_ring(alarms, caplog):
    alarms.set(0.0, lambda: {}["missing"])
    wait_for_all(alarms)
    assert "an alarm failed" in caplog.text
    assert "KeyError" in caplog.text


def test_all_alarms_ring_on_one_thread_that_only_the_first_one_starts(alarms):
    before, rung_on = set(threading.enumerate()), set()
    assert set(threading.enumerate()) <= before
    for _ in range(10):
        alarms.set(0.0, lambda: rung_on.add(threading.current_thread()))
    wait_for_all(alarms)
    assert len(rung_on) == 1
    assert set(threading.enumerate()) - before == rung_on


def test_after_the_close_nothing_rings_and_the_thread_ends(alarms, held):
    rung = []
    thread = alarms._thread
    alarms.set(0.0, lambda: rung.append("late"))
    alarms.close()
    held.set()
    thread.join(60)
    assert not thread.is_alive()
    alarms.set(0.0, lambda: rung.append("after"))
    assert rung == []
