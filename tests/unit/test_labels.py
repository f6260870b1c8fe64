"""The labels of blobs: what is read of their file is what was written, whatever became of the rest of it."""

import pytest

from jumar.clock import ManualClock
from jumar.store.labels import Labels
from jumar.store.memory_index import UNKNOWN_TASK
from jumar.store.row import row_of
from jumar.testing.contracts_index import OTHER_TASK, TASK, entry, key_of

TASKS = {1: TASK, 2: OTHER_TASK}


def large(number, **changes):
    """A result in a blob."""
    return entry(number, inline=None, blob=key_of(number + 1000), size_bytes=5000, task=1 + number % 2, **changes)


ENTRIES = [
    large(1),
    large(2, content=key_of(77)),
    large(3, needs=bytes(range(24)), run=9),
    large(4, content=b"", needs=b"", arguments=b""),
    large(5, arguments=bytes(range(256)), codec="another-codec"),
]


@pytest.fixture
def labels(tmp_path):
    labels = Labels(tmp_path / "labels", clock=ManualClock(5000.0))
    yield labels
    labels.close()


def note(labels, *entries):
    labels.note([row_of(each) for each in entries], TASKS)


def expected(*entries):
    return [(each, TASKS[each.task]) for each in entries]


def test_what_was_labelled_is_read_as_it_was_recorded(labels):
    assert list(labels.results()) == []
    note(labels, *ENTRIES[:2])
    note(labels, *ENTRIES[2:])
    assert list(labels.results()) == expected(*ENTRIES)
    assert labels.torn() == 0


def test_results_without_blobs_are_not_labelled(labels):
    note(labels, entry(1))
    note(labels)
    assert not labels.path.exists()


def test_a_group_of_any_size_is_labelled(labels):
    many = [large(number) for number in range(200)]
    note(labels, *many)
    assert list(labels.results()) == expected(*many)


def test_of_two_labels_of_one_call_the_later_one_counts(labels):
    later = large(1, created_s=2000.0, seconds=9.0)
    note(labels, *ENTRIES)
    note(labels, later)
    assert list(labels.results()) == expected(*ENTRIES[1:], later)


def test_a_removed_result_is_gone_until_it_is_recorded_again(labels):
    note(labels, *ENTRIES)
    labels.note_removed([ENTRIES[0].key, ENTRIES[1].key, key_of(99)])
    note(labels, ENTRIES[1])
    assert list(labels.results()) == expected(*ENTRIES[2:], ENTRIES[1])
    assert labels.removed() == dict.fromkeys((ENTRIES[0].key, ENTRIES[1].key, key_of(99)), 5000.0)


def test_a_task_that_is_not_known_is_labelled_as_such(labels):
    labels.note([row_of(large(1)._replace(task=0))], TASKS)
    assert [task for _, task in labels.results()] == [UNKNOWN_TASK]


def test_a_file_that_is_torn_at_any_byte_gives_the_records_before_and_behind(labels):
    for each in ENTRIES:
        note(labels, each)
    sound = labels.path.read_bytes()
    labels.close()
    last = large(6)
    for length in range(len(sound)):
        labels.path.write_bytes(sound[:length])
        whole = list(labels.results())
        assert whole == expected(*ENTRIES)[: len(whole)]
        assert labels.torn() == 0, "what is torn at the end may be in the making"
        note(labels, last)  # as the next process does
        assert list(labels.results()) == [*whole, *expected(last)], length
        labels.close()


def test_an_altered_byte_costs_the_record_that_it_is_in(labels):
    for each in ENTRIES:
        note(labels, each)
    sound = labels.path.read_bytes()
    for at, byte in enumerate(sound):
        labels.path.write_bytes(sound[:at] + bytes([byte ^ 1 << at % 8]) + sound[at + 1 :])
        found = list(labels.results())
        assert len(found) == len(ENTRIES) - 1
        assert set(found) < set(expected(*ENTRIES))
        assert labels.torn() == (not sound.rindex(b"\xf5jl1") <= at)


def test_what_is_no_file_of_labels_has_none(labels):
    for content in (b"", b"\xf5jl1", b"\xf5jl1" * 50, b"\xf5jl1" + b"\xff" * 100, bytes(5000)):
        labels.path.write_bytes(content)
        assert list(labels.results()) == []
        assert labels.removed() == {}


def test_two_that_append_do_not_disturb_each_other(labels, tmp_path):
    other = Labels(tmp_path / "labels")
    for mine, theirs in zip(ENTRIES[:2], ENTRIES[2:4], strict=True):
        note(labels, mine)
        note(other, theirs)
    other.close()
    assert {each.key for each, _ in labels.results()} == {each.key for each in ENTRIES[:4]}


def test_writing_anew_keeps_what_is_given_and_what_others_append_meanwhile(labels, tmp_path):
    note(labels, *ENTRIES)
    note(labels, *ENTRIES)
    labels.note_removed([key_of(50)])
    other = Labels(tmp_path / "labels")

    def results():
        yield row_of(ENTRIES[0]), TASKS[ENTRIES[0].task]
        note(other, large(8))
        yield row_of(large(50, created_s=4000.0)), TASK  # removed a moment ago, and still in the index

    assert labels.rewrite(results()) == 1
    assert list(labels.results()) == expected(ENTRIES[0], large(8))
    assert labels.removed() == {key_of(50): 5000.0}
    note(other, large(9))
    note(labels, large(10))
    other.close()
    assert list(labels.results()) == expected(ENTRIES[0], large(8), large(9), large(10))


def test_labels_that_cannot_be_written_are_told_once_and_cost_nothing(tmp_path):
    troubles = []
    labels = Labels(tmp_path / "none" / "labels", report=troubles.append)
    for _ in range(3):
        note(labels, *ENTRIES)
        labels.note_removed([key_of(1)])
    assert [trouble.kind for trouble in troubles] == ["unsaved"]
    assert "no result is lost by that" in troubles[0].text
    (tmp_path / "none").mkdir()
    note(labels, ENTRIES[0])
    assert list(labels.results()) == expected(ENTRIES[0])
    labels.close()
