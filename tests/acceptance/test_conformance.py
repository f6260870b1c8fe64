"""The suite that judges keys: jumar passes it, and systems that make known mistakes do not."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from jumar.testing.conformance import CHOICES, Found, Subject, judge_edits, judge_values
from jumar.testing.conformance_edits import EDITS

ROOT = Path(__file__).parents[2]
LIBRARIES = ("pandas", "polars", "pyarrow", "scipy")

BY_NAME = """
from jumar.testing.conformance import answer

class ByName:
    def key_of_value(self, value):
        return type(value).__name__

    def key_of_function(self, function, name):
        return name

answer(ByName())
"""
BY_PROCESS = """
import os
from jumar.testing.conformance import answer

class ByProcess:
    def key_of_value(self, value):
        return os.urandom(8)

    def key_of_function(self, function, name):
        return f"{name} {os.getpid()}" if name == "plain" else name

answer(ByProcess())
"""
BY_TEXT = """
import inspect
from jumar.testing.conformance import answer

class ByText:
    def key_of_value(self, value):
        raise TypeError("no values\\nat all")

    def key_of_function(self, function, name):
        return inspect.getsource(function)

answer(ByText())
"""


def subject(folder, text):
    script = folder / "keys.py"
    script.write_text(text)
    return Subject([sys.executable, str(script)])


def edits(*names):
    chosen = [edit for edit in EDITS if edit.name in names]
    assert len(chosen) == len(names)
    return chosen


def found(verdicts, table):
    return {verdict.name: verdict.found for verdict in verdicts if verdict.table == table}


@pytest.fixture(scope="module")
def of_jumar():
    """Verdicts on jumar, by the same script as in the published table."""
    asked = Subject([sys.executable, "-P", str(ROOT / "benchmarks" / "conformance" / "jumar_keys.py")])
    return [*judge_values(asked, LIBRARIES), *judge_edits(asked)]


def test_jumar_is_right_on_every_line(of_jumar):
    assert {it.name: it.found for it in of_jumar if it.found is not Found.RIGHT} == {}


def test_the_tables_are_as_large_as_promised(of_jumar):
    lines = Counter(verdict.table for verdict in of_jumar)
    assert lines["must differ"] >= 31
    assert lines["must be equal"] >= 13
    assert lines["edits"] >= 60
    assert lines["found again"] == lines["must differ"] + lines["must be equal"]


def test_no_two_lines_of_a_table_have_one_name(of_jumar):
    names = Counter((verdict.table, verdict.name) for verdict in of_jumar)
    assert [name for name, times in names.items() if times > 1] == []


def test_each_choice_belongs_to_a_line(of_jumar):
    assert {(verdict.table, verdict.name) for verdict in of_jumar} >= CHOICES.keys()


def test_a_system_that_knows_values_by_type_hits_wrongly_where_types_are_equal(tmp_path):
    verdicts = judge_values(subject(tmp_path, BY_NAME))
    differ = found(verdicts, "must differ")
    assert differ["list order"] is differ["closures"] is Found.WRONG_HIT
    assert differ["int and str"] is Found.RIGHT
    assert set(found(verdicts, "found again").values()) == {Found.RIGHT}


def test_a_system_that_knows_functions_by_name_hits_wrongly_after_every_harmful_edit(tmp_path):
    verdicts = judge_edits(subject(tmp_path, BY_NAME), edits("change a comment", "change a helper", "change a method"))
    assert found(verdicts, "edits") == {
        "change a comment": Found.RIGHT,
        "change a helper": Found.WRONG_HIT,
        "change a method": Found.WRONG_HIT,
    }
    assert set(found(verdicts, "functions").values()) == {Found.RIGHT}
    assert "old result for helper, package, partial" in {verdict.detail for verdict in verdicts}


def test_a_system_with_new_keys_each_time_misses_needlessly(tmp_path):
    asked = subject(tmp_path, BY_PROCESS)
    values = judge_values(asked)
    assert set(found(values, "must be equal").values()) == {Found.NEEDLESS_MISS}
    assert set(found(values, "found again").values()) == {Found.NEEDLESS_MISS}
    verdicts = judge_edits(asked, edits("change an operator", "change a method", "change a comment"))
    missed = {verdict.name for verdict in verdicts if verdict.found is Found.NEEDLESS_MISS}
    assert missed == {"plain", "change an operator"}  # a comment in `plain` is not counted again


def test_a_system_that_reads_text_refuses_what_has_none_and_sees_comments(tmp_path):
    asked = subject(tmp_path, BY_TEXT)
    values = judge_values(asked)
    assert {verdict.found for verdict in values} == {Found.REFUSED}
    assert {verdict.detail for verdict in values} == {"TypeError: no values"}
    assert found(values, "found again") == {}
    verdicts = judge_edits(asked, edits("change a comment", "change a partial's argument", "change a helper"))
    assert found(verdicts, "edits") == {
        "change a comment": Found.NEEDLESS_MISS,
        "change a partial's argument": Found.REFUSED,
        "change a helper": Found.WRONG_HIT,
    }
    functions = found(verdicts, "functions")
    assert functions["partial"] is Found.REFUSED
    assert functions["cube"] is functions["fourth"] is Found.WRONG_HIT


def test_results_come_in_the_order_of_the_edits_however_many_processes_run(tmp_path):
    chosen = list(EDITS[:5])
    verdicts = judge_edits(subject(tmp_path, BY_NAME), chosen, processes=3)
    assert list(found(verdicts, "edits")) == [edit.name for edit in chosen]


def test_a_script_that_fails_is_an_error_with_what_it_wrote(tmp_path):
    with pytest.raises(RuntimeError, match=r"status 1(.|\n)*no such system"):
        judge_values(subject(tmp_path, "raise SystemExit('no such system')"))


def test_a_script_that_does_not_answer_is_an_error(tmp_path):
    with pytest.raises(RuntimeError, match="wrote: nothing"):
        judge_values(subject(tmp_path, ""))


def test_a_script_that_hangs_is_ended(tmp_path):
    asked = Subject(subject(tmp_path, "while True: pass").command, timeout_s=0.1)
    with pytest.raises(subprocess.TimeoutExpired):
        judge_values(asked)
