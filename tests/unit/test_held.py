"""Results that are in memory for a while: found like any other, bounded, and written in order."""

import errno
import os
import threading

import pytest

from jumar.errors import DamagedError
from jumar.period import Period
from jumar.store.held_blobs import HeldBlobs
from jumar.store.held_records import HeldScribe
from jumar.store.memory_blobs import MemoryBlobs
from jumar.store.memory_index import MemoryIndex
from jumar.store.scribe import DirectScribe
from jumar.testing.contracts_index import entry, failure, key_of
from jumar.testing.faults import Faults, disk_full
from jumar.testing.faulty_parts import FaultyBlobs


class Held:
    """The two halves over parts in memory."""

    def __init__(self, faults=None, **bounds):
        self.index = MemoryIndex()
        self.written = MemoryBlobs()
        self.blobs = HeldBlobs(FaultyBlobs(self.written, faults) if faults else self.written)
        self.troubles = []
        self.scribe = HeldScribe(DirectScribe(self.index), self.blobs, self.troubles.append, **bounds)

    def record(self, number, size_bytes):
        blob = self.blobs.write([bytes([number]) * size_bytes])
        self.scribe.enqueue(entry(number, inline=None, blob=blob.digest, size_bytes=size_bytes))
        return blob.digest


def test_a_held_result_is_found_and_is_nowhere_else():
    held = Held()
    digest = held.record(1, 100)
    assert held.scribe.pending(key_of(1)).blob == digest
    assert bytes(held.blobs.open(digest, verify=True)) == b"\x01" * 100
    assert held.index.find(key_of(1)) is None
    assert held.written.size_bytes(digest) is None
    assert held.blobs.held_bytes == 100


def test_a_flush_writes_blobs_and_records_and_holds_nothing():
    held = Held()
    digest = held.record(1, 100)
    held.scribe.enqueue(failure(2))
    assert held.scribe.flush()
    assert held.index.find(key_of(1)).blob == digest
    assert held.written.size_bytes(digest) == 100
    assert held.blobs.held_bytes == 0
    assert held.scribe.pending(key_of(1)) is None
    assert held.index.counts().failures == 1


@pytest.mark.parametrize(("bounds", "held_after"), [({"max_bytes": 250}, [1, 2, 0]), ({"max_records": 2}, [1, 0, 1])])
def test_who_records_too_much_writes_what_is_held(bounds, held_after):
    held = Held(**bounds)
    seen = []
    for number in range(1, 4):
        held.record(number, 90)
        seen.append(held.blobs.held_bytes // 90)
    assert seen == held_after


def test_equal_blobs_are_held_once_and_written_ones_not_at_all():
    held = Held()
    for _ in range(2):
        held.record(1, 100)
    assert held.blobs.held_bytes == 100
    held.scribe.flush()
    held.record(1, 100)
    assert held.blobs.held_bytes == 0
    assert len(list(held.blobs.digests())) == 1


def test_a_blob_that_cannot_be_written_costs_its_result_only_and_is_reported():
    held = Held(Faults(at=1, error=disk_full, only=["blobs.write"]))
    lost, kept = held.record(1, 100), held.record(2, 100)
    held.scribe.flush()
    assert held.index.find(key_of(1)) is None
    assert held.index.find(key_of(2)).blob == kept
    [trouble] = held.troubles
    assert os.strerror(errno.ENOSPC) in trouble.text
    assert trouble.key == key_of(1)
    with pytest.raises(DamagedError):
        held.blobs.open(lost, verify=True)


def test_the_later_of_two_records_of_a_call_wins():
    held = Held()
    held.scribe.enqueue(entry(1, inline=b"old"))
    held.scribe.enqueue(entry(1, inline=b"new"))
    assert held.scribe.pending(key_of(1)).inline == b"new"
    held.scribe.close()
    assert held.index.find(key_of(1)).inline == b"new"


def test_a_content_key_is_found_while_it_is_held():
    held = Held()
    held.scribe.enqueue(entry(1, content=key_of(100)))
    assert held.scribe.pending(key_of(100)).key == key_of(1)
    held.scribe.flush()
    assert held.scribe.pending(key_of(100)) is None


class Times(threading.Event):
    """An event whose waiting is over at once, so many times."""

    def __init__(self, times):
        super().__init__()
        self.left = times
        self.waited_s = []

    def wait(self, timeout=None):
        self.waited_s.append(timeout)
        self.left -= 1
        return self.left < 0


def test_a_period_goes_on_after_an_error(caplog):
    done = []

    def work():
        done.append(len(done))
        if len(done) == 1:
            raise OSError("a full disk")

    stop = Times(3)
    with Period(work, 60.0, stop):
        pass
    assert done == [0, 1, 2]
    assert stop.waited_s == [60.0] * 4
    assert "a full disk" in caplog.text
