"""The heart: one thread beats for all, whatever one of them does, and soon where somebody is in haste."""

import threading

import pytest

from jumar.runs.heart import Heart


class Beating:
    """Counts its beats, and may fail at them."""

    def __init__(self, error=None):
        self.beats, self.error, self.threads = threading.Semaphore(0), error, set()

    def beat(self):
        self.threads.add(threading.current_thread())
        self.beats.release()
        if self.error is not None:
            raise self.error

    def wait_for_beat(self):
        assert self.beats.acquire(timeout=60)


@pytest.fixture
def heart():
    return Heart()


def test_one_that_fails_is_logged_and_the_others_beat(heart, caplog):
    bad, good = Beating(ValueError("not now")), Beating()
    heart.add(bad)
    heart.add(good)
    for _ in range(2):
        bad.wait_for_beat()
        good.wait_for_beat()
    heart.remove(bad)
    heart.remove(good)
    assert "not now" in caplog.text
    assert bad.threads == good.threads
    assert len(good.threads) == 1


def test_it_rests_while_nothing_beats_and_begins_again(heart):
    for _ in range(3):
        each = Beating()
        heart.add(each)
        each.wait_for_beat()
        heart.remove(each)


def test_a_nudge_is_for_those_in_haste(heart):
    hasty = Beating()
    heart.nudge()
    assert not heart._soon.is_set()
    heart.add(hasty, hasty=True)
    hasty.wait_for_beat()
    heart.nudge()
    hasty.wait_for_beat()
    heart.remove(hasty, hasty=True)
    heart.nudge()
    assert heart._hasty == 0
