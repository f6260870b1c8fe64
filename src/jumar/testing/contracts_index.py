"""What every index must do, as tests: derive a class from `IndexContract`, or from `LastingIndexContract` for one on disk.

Example:
    >>> from jumar.store.memory_index import MemoryIndex
    >>> class TestMemoryIndex(IndexContract):
    ...     def make(self, folder):
    ...         return MemoryIndex()
    >>> TestMemoryIndex().test_a_result_is_found_as_it_was_recorded(Path("."))
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from blake3 import blake3

from jumar.store.index import Index
from jumar.store.records import Entry, Failure, TaskInfo

TASK = TaskInfo(b"c" * 32, "simulate", "model", "seed size")
OTHER_TASK = TaskInfo(b"d" * 32, "total", "model")
_THREADS, _ROWS = 4, 50


def key_of(number: int) -> bytes:
    """A key, as scattered as digests are."""
    return blake3(number.to_bytes(8, "big")).digest()


def entry(number: int, **changes: Any) -> Entry:
    """A small result; the same number gives the same key."""
    plain = Entry(key_of(number), 1, 1000.0 + number, 0.25, 3, "pickle", b"abc", None, b"\x00args")
    return plain._replace(**changes)


def failure(number: int, **changes: Any) -> Failure:
    """A failed attempt of the call with this number."""
    plain = Failure(key_of(number), 1, 1000.0 + number, 0.5, 1, "ValueError: é", "Traceback\n…", b"\x00args")
    return plain._replace(**changes)


class IndexContract:
    """What holds for any index. Each method is a test that takes pytest's ``tmp_path``."""

    def make(self, folder: Path) -> Index:
        """An index, with its files (if it has any) in the folder. To be overridden."""
        raise NotImplementedError("override make(folder)")

    def test_a_result_is_found_as_it_was_recorded(self, tmp_path: Path) -> None:
        """Every field comes back equal, for every kind of row."""
        entries = [
            entry(1),
            entry(2, inline=b"", size_bytes=0),
            entry(3, inline=None, blob=key_of(99), size_bytes=2**40),
            entry(4, content=key_of(50), needs=b"12345678" * 3, run=7),
            entry(5, task=0, created_s=0.0, seconds=0.0, arguments=b""),
            entry(6, inline=bytes(range(256)) * 16, codec="another-codec"),
        ]
        with closing(self.make(tmp_path)) as index:
            index.add(entries)
            assert [index.find(each.key) for each in entries] == entries

    def test_what_was_not_recorded_is_not_found(self, tmp_path: Path) -> None:
        """Neither by key nor by content."""
        with closing(self.make(tmp_path)) as index:
            index.add([entry(1, content=key_of(2))])
            assert index.find(key_of(2)) is None
            assert index.find_content(key_of(1)) is None

    def test_a_later_result_takes_the_place_of_an_earlier_one(self, tmp_path: Path) -> None:
        """In a later group, and later in the same group."""
        with closing(self.make(tmp_path)) as index:
            index.add([entry(1), entry(2), entry(2, inline=b"second")])
            index.add([entry(1, inline=b"later")])
            assert _inlines(index, [1, 2]) == [b"later", b"second"]
            assert index.counts().calls == 2

    def test_the_newest_result_with_a_content_is_found_by_it(self, tmp_path: Path) -> None:
        """Newest by the order of recording; if that one goes, the one before it."""
        content = key_of(70)
        first, second, third = (entry(number, content=content) for number in (1, 2, 3))
        with closing(self.make(tmp_path)) as index:
            index.add([first])
            index.add([second, third])
            assert index.find_content(content) == third
            index.remove([third.key])
            assert index.find_content(content) == second
            index.add([second._replace(content=None)])
            assert index.find_content(content) == first
            index.add([first])
            assert index.find_content(content) == first

    def test_attempts_that_fail_are_counted_until_one_succeeds(self, tmp_path: Path) -> None:
        """The index counts; the last error is kept; a result removes it."""
        with closing(self.make(tmp_path)) as index:
            index.add([], [failure(1)])
            index.add([], [failure(1, error="KeyError: 2", attempt=9), failure(2)])
            listed = {record.key: record for record in index.calls()}
            assert listed[key_of(1)].attempt == 2
            assert listed[key_of(1)].error == "KeyError: 2"
            assert listed[key_of(1)].state == "failed"
            assert listed[key_of(2)].error == "ValueError: é"
            assert listed[key_of(2)].traceback == "Traceback\n…"
            index.add([entry(1)])
            assert {record.key: record.state for record in index.calls()} == {key_of(1): "done", key_of(2): "failed"}
            assert index.counts()[:2] == (1, 1)

    def test_a_failure_belongs_to_the_run_in_which_the_call_failed_last(self, tmp_path: Path) -> None:
        """And has the calls that it needed."""
        with closing(self.make(tmp_path)) as index:
            index.add([], [failure(1, run=1, needs=b"12345678"), failure(2, run=1), failure(3)])
            index.add([], [failure(1, created_s=2000.0, run=2, needs=b"87654321")])
            listed = {record.key: (record.run, record.needs) for record in index.calls()}
            assert listed == {key_of(1): (2, b"87654321"), key_of(2): (1, None), key_of(3): (0, None)}
            assert [record.key for record in index.calls(run=1)] == [key_of(2)]
            assert [record.key for record in index.calls(run=2)] == [key_of(1)]

    def test_removed_calls_are_forgotten_and_unknown_ones_passed_over(self, tmp_path: Path) -> None:
        """Results and failures alike."""
        with closing(self.make(tmp_path)) as index:
            index.add([entry(1), entry(2)], [failure(3)])
            index.remove([key_of(1), key_of(3), key_of(4)])
            index.remove([])
            assert index.find(key_of(1)) is None
            assert [record.key for record in index.calls()] == [key_of(2)]

    def test_a_task_has_one_number_from_one_on(self, tmp_path: Path) -> None:
        """The same code under another name is another task."""
        renamed = TASK._replace(name="renamed")
        with closing(self.make(tmp_path)) as index:
            numbers = [index.add_task(task) for task in (TASK, OTHER_TASK, renamed, TASK)]
            assert numbers[0] == numbers[3]
            assert sorted(numbers[:3]) == [1, 2, 3]
            assert index.counts().tasks == 3

    def test_a_code_is_known_once_a_task_has_it(self, tmp_path: Path) -> None:
        """And not before."""
        with closing(self.make(tmp_path)) as index:
            assert not index.has_code(TASK.code)
            index.add_task(TASK)
            assert index.has_code(TASK.code)
            assert not index.has_code(OTHER_TASK.code)

    def test_calls_are_listed_newest_first_with_their_tasks(self, tmp_path: Path) -> None:
        """Results and failures together; a call of no known task is listed too."""
        with closing(self.make(tmp_path)) as index:
            numbers = index.add_task(TASK), index.add_task(OTHER_TASK)
            index.add([entry(1, task=numbers[0]), entry(3, task=numbers[1], blob=key_of(8), inline=None)])
            index.add([entry(4, task=999)], [failure(2, task=numbers[0])])
            listed = list(index.calls())
            assert [record.key for record in listed] == [key_of(number) for number in (4, 3, 2, 1)]
            assert [record.task for record in listed[1:]] == [OTHER_TASK, TASK, TASK]
            assert listed[0].task.code == b""
            assert (listed[1].blob, listed[1].codec, listed[1].size_bytes) == (key_of(8), "pickle", 3)

    def test_calls_are_listed_by_prefix_task_run_and_number(self, tmp_path: Path) -> None:
        """A prefix may be of odd length and in capitals."""
        with closing(self.make(tmp_path)) as index:
            tasks = index.add_task(TASK), index.add_task(OTHER_TASK)
            index.add([entry(number, task=tasks[number % 2], run=number % 3) for number in range(12)], [failure(20)])
            whole = key_of(5).hex()
            for length in (5, 6, 63, 64):
                assert [record.key for record in index.calls(prefix=whole[:length].upper())] == [key_of(5)]
            assert len(list(index.calls(prefix=""))) == 13
            assert {record.key for record in index.calls(task="total")} == {
                key_of(number) for number in range(1, 12, 2)
            }
            assert {record.key for record in index.calls(run=2)} == {key_of(number) for number in (2, 5, 8, 11)}
            assert [record.key for record in index.calls(task="total", limit=2)] == [key_of(11), key_of(9)]
            assert list(index.calls(limit=0)) == []
            assert list(index.calls(task="unknown")) == []

    def test_a_listing_may_be_left_half_way(self, tmp_path: Path) -> None:
        """It holds nobody up."""
        with closing(self.make(tmp_path)) as index:
            index.add([entry(number) for number in range(100)])
            listing = index.calls()
            assert len(list(islice(listing, 3))) == 3
            index.add([entry(200)])
            del listing
            index.remove([key_of(0)])
            assert index.counts().calls == 100

    def test_it_counts_what_it_holds(self, tmp_path: Path) -> None:
        """Rows, and the bytes of the results in them."""
        with closing(self.make(tmp_path)) as index:
            assert index.counts()[:4] == (0, 0, 0, 0)
            index.add([entry(1), entry(2, inline=b"x" * 100), entry(3, inline=None, blob=key_of(9))], [failure(4)])
            index.add_task(TASK)
            assert index.counts()[:4] == (3, 1, 1, 103)

    def test_it_names_each_blob_once(self, tmp_path: Path) -> None:
        """Those of removed and replaced rows not at all."""
        with closing(self.make(tmp_path)) as index:
            index.add([entry(number, inline=None, blob=key_of(number % 3)) for number in range(6)])
            index.remove([key_of(1), key_of(4)])
            assert sorted(index.blobs()) == sorted([key_of(0), key_of(2)])
            index.add([entry(0), entry(3)])
            assert list(index.blobs()) == [key_of(2)]

    def test_many_threads_may_use_it_at_once(self, tmp_path: Path) -> None:
        """Nothing is lost, and each finds at once what it has recorded."""
        with closing(self.make(tmp_path)) as index:
            missing: list[int] = []

            def use(thread: int) -> None:
                for row in range(_ROWS):
                    number = thread * 1000 + row
                    index.add([entry(number, task=index.add_task(TASK._replace(name=f"t{row % 5}")))])
                    if index.find(key_of(number)) is None or index.counts().calls <= row:
                        missing.append(number)

            _all_at_once([threading.Thread(target=use, args=(thread,)) for thread in range(_THREADS)])
            assert missing == []
            assert index.counts()[:3] == (_THREADS * _ROWS, 0, 5)

    def test_a_second_close_does_nothing(self, tmp_path: Path) -> None:
        """It is no error."""
        index = self.make(tmp_path)
        index.close()
        index.close()


class LastingIndexContract(IndexContract):
    """What also holds for an index on disk: ``make`` may be called several times for one folder."""

    def test_another_one_on_the_folder_finds_everything(self, tmp_path: Path) -> None:
        """Rows, tasks and failures, while the first is open and after it was closed."""
        first = self.make(tmp_path)
        number = first.add_task(TASK)
        first.add([entry(1, task=number)], [failure(2)])
        for index in (self.make(tmp_path), self.make(tmp_path)):
            with closing(index):
                assert index.find(key_of(1)) == entry(1, task=number)
                assert index.add_task(TASK) == number
                assert index.counts()[:3] == (1, 1, 1)
            first.close()

    def test_it_notices_that_another_one_has_written(self, tmp_path: Path) -> None:
        """Once it is asked."""
        with closing(self.make(tmp_path)) as mine, closing(self.make(tmp_path)) as theirs:
            mine.changed_elsewhere()
            theirs.add([entry(1)])
            assert mine.changed_elsewhere()
            assert mine.find(key_of(1)) == entry(1)
            theirs.remove([key_of(1)])
            assert mine.changed_elsewhere()
            assert mine.find(key_of(1)) is None

    def test_two_may_write_at_once(self, tmp_path: Path) -> None:
        """Overlapping rows: none is lost, none is there twice."""
        with closing(self.make(tmp_path)) as mine, closing(self.make(tmp_path)) as theirs:

            def write(index: Index, numbers: Sequence[int]) -> None:
                for number in numbers:
                    index.add([entry(number)])

            _all_at_once(
                [
                    threading.Thread(target=write, args=(mine, range(60))),
                    threading.Thread(target=write, args=(theirs, range(40, 100))),
                ]
            )
            for index in (mine, theirs):
                assert index.counts().calls == 100
                assert [index.find(key_of(number)) for number in range(100)] == [entry(number) for number in range(100)]

    def test_tasks_of_two_have_numbers_of_their_own(self, tmp_path: Path) -> None:
        """The same task has the same number in both."""
        with closing(self.make(tmp_path)) as mine, closing(self.make(tmp_path)) as theirs:
            numbers = mine.add_task(TASK), theirs.add_task(OTHER_TASK)
            assert len(set(numbers)) == 2
            assert (theirs.add_task(TASK), mine.add_task(OTHER_TASK)) == numbers


def _inlines(index: Index, numbers: Sequence[int]) -> list[bytes | None]:
    found = [index.find(key_of(number)) for number in numbers]
    return [each.inline for each in found if each is not None]


def _all_at_once(threads: Sequence[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
