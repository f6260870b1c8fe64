"""The thread that commits: in order, in groups, bounded, and whatever happens to a group is told."""

import threading

import pytest

from jumar.store.writer import Writer
from jumar.testing.contracts_index import entry, failure, key_of
from jumar.testing.faults import SimulatedCrash, database_full, disk_full


class Disk:
    """Takes groups; can be slow, full, or the end of the thread."""

    def __init__(self):
        self.groups = []
        self.error = None
        self.gate = threading.Event()
        self.gate.set()
        self.arrived = threading.Semaphore(0)

    def commit(self, entries, failures):
        self.arrived.release()
        assert self.gate.wait(60)
        if self.error is not None:
            raise self.error
        self.groups.append((list(entries), list(failures)))

    @property
    def entries(self):
        return [each for entries, _ in self.groups for each in entries]


@pytest.fixture
def disk():
    return Disk()


@pytest.fixture
def troubles():
    return []


@pytest.fixture
def make(disk, troubles):
    """Makes writers, which are closed at the end."""
    writers = []

    def made(**how):
        writers.append(Writer(disk.commit, troubles.append, **how))
        return writers[-1]

    yield made
    disk.gate.set()
    disk.error = None
    for writer in writers:
        writer.close()


def test_records_are_committed_in_their_order(disk, make):
    writer = make()
    for number in range(1000):
        writer.enqueue(entry(number))
    assert writer.flush()
    assert disk.entries == [entry(number) for number in range(1000)]


def test_while_one_group_is_committed_the_next_one_gathers(disk, make):
    writer = make(linger_s=0)
    disk.gate.clear()
    writer.enqueue(entry(0))
    assert disk.arrived.acquire(timeout=60)
    for number in range(1, 100):
        writer.enqueue(entry(number))
    disk.gate.set()
    assert writer.flush()
    assert [len(entries) for entries, _ in disk.groups] == [1, 99]


def test_a_record_can_be_found_until_it_is_committed(disk, make):
    writer = make(linger_s=0)
    disk.gate.clear()
    writer.enqueue(entry(1, content=key_of(70)))
    newer = entry(1, inline=b"newer", content=key_of(71))
    writer.enqueue(newer)
    assert writer.pending(key_of(1)) == newer
    assert writer.pending(key_of(71)) == newer
    assert writer.pending(key_of(2)) is None
    disk.gate.set()
    writer.flush()
    assert [writer.pending(key_of(number)) for number in (1, 70, 71)] == [None, None, None]


def test_the_order_of_a_calls_failure_and_success_is_kept(disk, make):
    writer = make(linger_s=60)
    for record in (entry(1), failure(1), entry(1, inline=b"after"), failure(2), entry(3)):
        writer.enqueue(record)
    writer.flush()
    states = {}
    for entries, failures in disk.groups:  # an index removes a call's failure with its result, and adds failures last
        states.update((each.key, "done") for each in entries)
        states.update((each.key, "failed") for each in failures)
    assert states == {key_of(1): "done", key_of(2): "failed", key_of(3): "done"}


@pytest.mark.parametrize("limit", [{"max_records": 5}, {"max_bytes": 5 * len(b"abc" + b"\x00args")}])
def test_who_records_more_than_the_disk_can_take_waits_for_it(disk, make, limit):
    writer = make(linger_s=0, **limit)
    disk.gate.clear()
    recorded = []

    def record():
        for number in range(1, 21):
            writer.enqueue(entry(number))
            recorded.append(number)

    writer.enqueue(entry(0))
    assert disk.arrived.acquire(timeout=60)
    producer = threading.Thread(target=record)
    producer.start()
    while not writer._hurry and producer.is_alive():
        pass  # until it waits for room, or is through
    assert producer.is_alive()
    assert len(recorded) <= 5
    disk.gate.set()
    producer.join(60)
    assert not producer.is_alive()
    writer.flush()
    assert disk.entries == [entry(number) for number in range(21)]
    assert max(len(entries) for entries, _ in disk.groups) <= 5


def test_a_group_that_cannot_be_written_is_told_and_the_next_one_is_tried(disk, make, troubles):
    writer = make()
    disk.error = database_full()
    writer.enqueue(entry(1))
    assert writer.flush()
    disk.error = None
    writer.enqueue(entry(2))
    assert writer.flush()
    assert disk.entries == [entry(2)]
    assert writer.lost == 1
    (trouble,) = troubles
    assert trouble.kind == "unsaved"
    assert trouble.error.sqlite_errorname == "SQLITE_FULL"
    assert "1 result could not be written" in trouble.text
    assert "make room" in trouble.text
    assert writer.pending(key_of(1)) is None


def test_the_same_trouble_is_told_once_in_a_while_and_another_one_at_once(disk, make, troubles):
    writer = make()
    for error in (disk_full(), disk_full(), database_full(), disk_full(), database_full()):
        disk.error = error
        writer.enqueue(entry(1))
        writer.flush()
    assert [type(trouble.error).__name__ for trouble in troubles] == ["OSError", "OperationalError"]
    assert writer.lost == 5


def test_a_report_that_fails_does_not_end_the_thread(disk, monkeypatch):
    told = []
    monkeypatch.setattr(threading, "excepthook", lambda args: told.append(args.exc_type))

    def report(trouble):
        raise LookupError(trouble.text)

    writer = Writer(disk.commit, report)
    disk.error = disk_full()
    writer.enqueue(entry(1))
    assert writer.flush()
    disk.error = None
    writer.enqueue(entry(2))
    assert writer.close()
    assert told == [LookupError]
    assert disk.entries == [entry(2)]


def test_what_is_recorded_after_closing_is_refused_and_told(disk, make, troubles):
    writer = make()
    writer.enqueue(entry(1))
    assert writer.close()
    assert writer.close()
    writer.enqueue(entry(2))
    assert disk.entries == [entry(1)]
    assert [(trouble.kind, trouble.key) for trouble in troubles] == [("unsaved", key_of(2))]
    assert "is closed" in troubles[0].text


def test_a_flush_waits_no_longer_than_it_is_told(disk, make):
    writer = make(linger_s=0)
    disk.gate.clear()
    writer.enqueue(entry(1))
    assert not writer.flush(timeout_s=0)
    assert not writer.close(timeout_s=0)
    disk.gate.set()
    assert writer.close()
    assert disk.entries == [entry(1)]


def test_what_ends_the_thread_is_raised_in_whoever_uses_it(disk):
    writer = Writer(disk.commit, lambda trouble: None, max_records=2)
    disk.error = SimulatedCrash()
    writer.enqueue(entry(1))
    for use in (writer.flush, lambda: [writer.enqueue(entry(number)) for number in range(3)], writer.close):
        with pytest.raises(SimulatedCrash):
            use()


def test_a_flush_of_nothing_returns_at_once(make):
    assert make(linger_s=60).flush()


def test_who_waits_writes_what_nobody_writes_yet(make, troubles):
    threads = []
    writer = Writer(lambda entries, failures: threads.append(threading.current_thread()), troubles.append)
    for number in range(3):
        writer.enqueue(entry(number), flushes=True)
        assert writer.flush()
    assert threads == [threading.current_thread()] * 3
    assert [writer.pending(key_of(number)) for number in range(3)] == [None] * 3
    writer.close()


def test_what_was_handed_over_without_a_word_is_written_though_somebody_else_has_flushed(disk, make):
    writer = make()
    writer.enqueue(entry(0), flushes=True)
    writer.flush()
    writer.enqueue(entry(1))
    for _ in range(2):
        assert disk.arrived.acquire(timeout=60)
    writer.close()
    assert disk.entries == [entry(0), entry(1)]


def test_one_group_is_written_at_a_time_and_in_order_whoever_writes(disk, make):
    writer = make(linger_s=0)
    disk.gate.clear()
    flusher = threading.Thread(target=lambda: (writer.enqueue(entry(0), flushes=True), writer.flush()))
    flusher.start()
    assert disk.arrived.acquire(timeout=60)
    writer.enqueue(entry(1))
    assert not disk.arrived.acquire(blocking=False)
    disk.gate.set()
    flusher.join(60)
    assert writer.flush()
    assert disk.entries == [entry(0), entry(1)]


class Interrupted(BaseException):
    """What Ctrl-C is in the main thread."""


def test_a_flush_that_is_interrupted_leaves_its_group_to_the_other_thread(troubles):
    written, errors = [], [Interrupted()]

    def commit(entries, failures):
        if errors:
            raise errors.pop()
        written.extend(entries)

    writer = Writer(commit, troubles.append)
    writer.enqueue(entry(0), flushes=True)
    with pytest.raises(Interrupted):
        writer.flush()
    writer.enqueue(entry(1))
    writer.close()
    assert written == [entry(0), entry(1)]
    assert troubles == []
