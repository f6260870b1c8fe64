"""What is known of other processes, asked by several threads at once; their order is fixed by hand."""

from jumar.clock import ManualClock
from jumar.store.absence import Absence
from jumar.store.records import TaskInfo
from jumar.store.sqlite_index import SqliteIndex

TASK = TaskInfo(b"c" * 32, "f", "m")


class Interrupted(SqliteIndex):
    """An index during whose first answer about a code something else happens."""

    meanwhile = None

    def has_code(self, code):
        answer = super().has_code(code)
        happens, self.meanwhile = self.meanwhile, None
        if happens is not None:
            happens()
        return answer


def test_an_answer_from_before_another_threads_look_is_not_kept_after_it(tmp_path):
    mine, theirs = Interrupted(tmp_path / "index"), SqliteIndex(tmp_path / "index")
    clock = ManualClock()
    absence = Absence(mine, clock)

    def other_process_commits_and_another_thread_looks():
        theirs.add_task(TASK)
        clock.advance(1)
        absence.is_new(b"d" * 32)

    mine.meanwhile = other_process_commits_and_another_thread_looks
    absence.is_new(TASK.code)
    clock.advance(1)
    assert not absence.is_new(TASK.code)
    mine.close()
    theirs.close()
