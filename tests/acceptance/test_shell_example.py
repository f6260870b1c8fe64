"""The example of a pipeline of commands does what it says, as the program that it is."""

from tests.acceptance.test_examples import EXAMPLES
from tests.acceptance.test_examples import run as run_program


def run(folder):
    """Run it in this folder; gives what it printed and its counts."""
    done = run_program(folder, EXAMPLES / "shell_pipeline.py")
    return done.stdout.splitlines(), done.stderr


def test_the_commands_run_once_and_their_files_come_back(tmp_path):
    lines, counts = run(tmp_path)
    assert lines == ["7 the", "3 and", "3 knot"]
    assert "computed=5, restored=0" in counts
    whole = {path.name: path.read_text() for path in (tmp_path / "counted").iterdir()}
    assert sorted(whole) == ["all.counts", "knots.counts", "ropes.counts", "walls.counts"]
    (tmp_path / "counted/all.counts").unlink()
    (tmp_path / "counted/knots.counts").write_text("edited")
    lines_again, counts = run(tmp_path)
    assert lines_again == lines
    assert "computed=0, restored=5" in counts
    assert {path.name: path.read_text() for path in (tmp_path / "counted").iterdir()} == whole


def test_an_edited_book_runs_what_depends_on_it(tmp_path):
    run(tmp_path)
    (tmp_path / "books/walls.txt").write_text("knot knot knot\n")
    lines, counts = run(tmp_path)
    assert lines[0] == "6 knot"
    assert "computed=3, restored=2" in counts
