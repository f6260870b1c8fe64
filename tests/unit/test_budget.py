"""The bound on what a store holds: when evictions happen, and what is said when it cannot be kept."""

import threading

from jumar.errors import StoreError
from jumar.store.budget import Budget
from jumar.store.records import Entry


def entries(*sizes):
    return [Entry(bytes(32), 1, 0.0, 0.0, size, "pickle", None, bytes(32), b"") for size in sizes]


class Evictions:
    """Evicts nothing, and says what it is told to say."""

    def __init__(self, *left):
        self.left = list(left)
        self.asked = []
        self.seen = threading.Semaphore(0)

    def __call__(self, limit_bytes, target_bytes):
        self.asked.append((limit_bytes, target_bytes))
        left = self.left.pop(0)
        self.seen.release()
        if isinstance(left, Exception):
            raise left
        return left

    def wait(self):
        assert self.seen.acquire(timeout=60)


def test_what_is_there_is_counted_at_the_first_record_and_not_before():
    evict = Evictions(500)
    budget = Budget(1000, print, evict)
    assert evict.asked == []
    budget.note(entries(1))
    budget.close()
    assert evict.asked == [(1000, 900)]


def test_a_program_that_records_nothing_starts_no_thread():
    before = threading.active_count()
    budget = Budget(1000, print, Evictions())
    budget.note([])
    assert threading.active_count() == before
    budget.close()
    budget.close()


def test_it_is_counted_again_when_as_much_as_fits_was_added():
    evict = Evictions(10_000, 40_000, 12_345)
    budget = Budget(100_000, print, evict)
    budget.note(entries(1))
    evict.wait()
    for _ in range(2):
        budget.note(entries(30_000))
    budget.close()
    assert len(evict.asked) == 1
    evict = Evictions(10_000, 12_345)
    budget = Budget(100_000, print, evict)
    budget.note(entries(1))
    evict.wait()
    budget.note(entries(30_000, 30_000))
    budget.note(entries(31_000))
    budget.close()
    assert len(evict.asked) == 2


def test_what_cannot_be_kept_is_told_once_and_not_tried_at_each_record():
    troubles = []
    evict = Evictions(150_000, 160_000)
    budget = Budget(100_000, troubles.append, evict)
    budget.note(entries(1))
    evict.wait()
    for _ in range(10):
        budget.note(entries(100))  # less than five percent of the limit together
    budget.close()
    assert len(evict.asked) == 1
    assert [trouble.kind for trouble in troubles] == ["over-size"]
    assert "the results take 150,000 bytes, more than max_store_size=100,000" in troubles[0].text


def test_an_eviction_that_fails_is_told_and_stops_nothing():
    troubles = []
    evict = Evictions(StoreError("locked"), 5)
    budget = Budget(100_000, troubles.append, evict)
    budget.note(entries(1))
    evict.wait()
    budget.note(entries(6000))
    budget.close()
    assert len(evict.asked) == 2
    assert [trouble.text for trouble in troubles] == ["the store could not be kept below 100,000 bytes: locked"]


def test_a_commit_that_fails_is_not_counted():
    evict = Evictions()
    budget = Budget(1000, print, evict)

    def failing(entries, failures):
        raise OSError("full")

    try:
        budget.after(failing)(entries(1), [])
    except OSError:
        budget.close()
    assert evict.asked == []
