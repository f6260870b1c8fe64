"""The examples do what they say, as the programs that they are."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
SUMMED = "    return float(block.sum())\n"


def run(folder, script, *arguments):
    """Run a program with a store in this folder; gives what it printed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("JUMAR_")}
    done = subprocess.run(
        [sys.executable, "-W", "error", script, *arguments],
        env=environment | {"JUMAR_STORE": str(folder / "store")},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


def quick_sweep(folder, script=EXAMPLES / "model_sweep.py"):
    """Run a few fits; gives the counts, the rows of the result, and what was printed."""
    done = run(folder, script, "--quick", "--json", folder / "result.json")
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    return result["counts"], result["rows"], done


def test_after_the_mistake_is_corrected_no_block_is_summed_again(tmp_path):
    source = (EXAMPLES / "matrix.py").read_text(encoding="utf-8")
    log = tmp_path / "summed"
    logging = f"    with open({str(log)!r}, 'ab') as file: file.write(block[0, 0].tobytes())\n"
    assert SUMMED in source
    (tmp_path / "matrix.py").write_text(source.replace(SUMMED, logging + SUMMED), encoding="utf-8")
    printed = run(tmp_path, tmp_path / "matrix.py").stdout.splitlines()
    corners = log.read_bytes()
    times = Counter(corners[start : start + 8] for start in range(0, len(corners), 8))
    assert len(times) == 64
    assert set(times.values()) == {1}
    assert printed[0].endswith("64 computed, 0 restored")
    assert printed[1].endswith("1 computed, 64 restored")


def test_the_matrix_fails_as_in_the_story_and_is_corrected(tmp_path):
    failed, corrected = run(tmp_path, EXAMPLES / "matrix.py").stdout.splitlines()
    assert "ValueError: math domain error" in failed
    assert "21.493120" in corrected


def test_a_sweep_that_is_run_again_runs_nothing_and_prints_the_same_table(tmp_path):
    counts, rows, first = quick_sweep(tmp_path)
    assert (counts["computed"], counts["restored"], counts["unfinished"]) == (10, 0, 0)
    assert first.stderr.startswith("jumar: 10 computed · 0 restored in ")  # all that progress says into a pipe
    counts_again, rows_again, second = quick_sweep(tmp_path)
    assert (counts_again["computed"], counts_again["restored"]) == (0, 10)
    assert rows_again == rows
    assert second.stdout == first.stdout


def test_the_best_model_stands_first(tmp_path):
    _, rows, done = quick_sweep(tmp_path)
    accuracies = [row["accuracy"] for row in rows]
    assert accuracies == sorted(accuracies, reverse=True)
    assert accuracies[0] > 0.95
    assert done.stdout.index(rows[0]["model"]) < done.stdout.index(rows[1]["model"])


def test_an_edited_model_is_fitted_again_and_no_other(tmp_path):
    quick_sweep(tmp_path)
    source = (EXAMPLES / "model_sweep.py").read_text(encoding="utf-8")
    edited = source.replace("StandardScaler(), SVC(C=c", "StandardScaler(), SVC(C=2 * c")
    assert edited != source
    (tmp_path / "model_sweep.py").write_text(edited, encoding="utf-8")
    counts, _, _ = quick_sweep(tmp_path, tmp_path / "model_sweep.py")
    assert (counts["computed"], counts["restored"]) == (3, 7)  # two folds and their summary


@pytest.mark.slow
def test_every_benchmark_runs():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--smoke", "--json"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    shown = "\n".join(row["what"] for row in rows)
    for what in (
        "spawned no-op, not kept",
        "spawned no-op, kept",
        "plain durable call",
        "a hit on resume, in a fresh process",
        "rows into the index",
        "save an array",
        'verify="never"',
        'verify="first"',
        "fingerprint of an array",
        "key of a call with 3 small arguments",
        "import jumar",
        "matrix product, 14 MiB of blocks in 2 MiB, processes: most memory",
        "are written, one worker",
        "a value of one's own of an array",
        "bytes of index per small result",
        "open a store",
        "memory of a pending call",
    ):
        assert what in shown
    assert all(row["jumar"] > 0 or row["unit"] != "µs" for row in rows)
    peers = " ".join(row["peer"] for row in rows)
    for peer in ("ThreadPoolExecutor", "joblib.Memory", "SQLite by hand", "np.save", "np.load", "BLAKE3"):
        assert peer in peers


def test_the_page_on_graphs_shows_what_its_example_prints(tmp_path):
    page = (ROOT / "docs" / "how-to" / "graphs.md").read_text(encoding="utf-8")
    printed = re.sub(r" \[[0-9a-f]{8}\]", "", run(tmp_path, EXAMPLES / "graph.py").stdout)
    tree, mermaid = printed.split("flowchart TD")
    assert tree.rstrip() in re.sub(r" \[[0-9a-f]{8}\]", "", page)
    assert "```mermaid\nflowchart TD" + mermaid.rstrip() + "\n```" in page


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_demo_keeps_its_promises(tmp_path):
    assert "3 edited" in run(tmp_path, EXAMPLES / "demo.py").stdout
