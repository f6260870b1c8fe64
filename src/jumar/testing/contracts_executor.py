"""What every executor must do, as tests: derive a class from `ExecutorContract`.

Example:
    >>> from jumar.executors import InlineExecutor
    >>> class TestInlineExecutor(ExecutorContract):
    ...     def make(self):
    ...         return InlineExecutor()
    >>> TestInlineExecutor().test_each_piece_of_work_is_done_once()
"""

from __future__ import annotations

import threading
from collections import Counter

from jumar.executors.executor import Executor
from jumar.testing.raised import raised

_LONG_S = 60.0
"""Longer than anything here takes: who waits so long waits for something that does not come."""
_PIECES = 200


class ExecutorContract:
    """What holds for any executor. Each method is a test."""

    def make(self) -> Executor:
        """An executor, best with few workers. To be overridden."""
        raise NotImplementedError("override make()")

    def test_it_says_what_it_is_and_how_much_it_takes(self) -> None:
        """A name, and at least one worker."""
        executor = self.make()
        assert executor.name
        assert executor.workers >= 1
        executor.close(wait=True)

    def test_each_piece_of_work_is_done_once(self) -> None:
        """With its own item, by the time it was closed."""
        executor, done = self.make(), Counter[int]()
        lock = threading.Lock()

        def work(item: int) -> None:
            with lock:
                done[item] += 1

        for item in range(_PIECES):
            executor.submit(work, item)
        executor.close(wait=True)
        assert done == Counter(range(_PIECES))

    def test_work_may_be_submitted_by_many_threads(self) -> None:
        """Nothing is lost."""
        executor, lock = self.make(), threading.Lock()
        done: Counter[int] = Counter()

        def work(item: int) -> None:
            with lock:
                done[item] += 1

        def submit(first: int) -> None:
            for item in range(first, first + 50):
                executor.submit(work, item)

        threads = [threading.Thread(target=submit, args=(50 * thread,)) for thread in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        executor.close(wait=True)
        assert done == Counter(range(200))

    def test_work_starts_although_other_work_waits_for_it(self) -> None:
        """Also more of it than there are workers."""
        executor, all_done = self.make(), threading.Event()
        depth = executor.workers + 20
        reached: list[int] = []

        def work(level: int) -> None:
            inner = threading.Event()

            def nested(next_level: int) -> None:
                work(next_level)
                inner.set()

            if level < depth:
                executor.submit(nested, level + 1)
                assert inner.wait(_LONG_S), f"the work at level {level + 1} was not done"
            reached.append(level)
            if level == 0:
                all_done.set()

        executor.submit(work, 0)
        assert all_done.wait(_LONG_S)
        executor.close(wait=True)
        assert reached == list(range(depth, -1, -1))

    def test_closing_waits_for_what_was_submitted(self) -> None:
        """Work that is under way, and work that had no worker yet."""
        executor = self.make()
        done: list[int] = []
        for item in range(20):
            executor.submit(done.append, item)
        executor.close(wait=True)
        assert sorted(done) == list(range(20))

    def test_a_second_close_does_nothing(self) -> None:
        """Whether it is to wait or not."""
        executor = self.make()
        done: list[str] = []
        executor.submit(done.append, "work")
        for wait in (True, False, True):
            executor.close(wait=wait)

    def test_work_that_comes_after_closing_is_an_error(self) -> None:
        """And is not done."""
        executor = self.make()
        done: list[str] = []
        executor.close(wait=True)
        assert "closed" in str(raised(RuntimeError, executor.submit, done.append, "late"))
        assert done == []
