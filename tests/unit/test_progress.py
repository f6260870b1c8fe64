"""The progress line: its words, its rate, and what it does to a terminal and to a pipe."""

import io
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from jumar.clock import ManualClock
from jumar.events import Counts
from jumar.progress import ProgressLine, Rate, summary, text
from jumar.progress.words import clock_time, share_done

MIDWAY = Counts(computed=30, restored=1200, failed=2, cancelled=3, unfinished=90)
AT_THE_END = Counts(computed=120, restored=0, failed=0, cancelled=0, unfinished=0)


def terminal(**options):
    return Console(file=io.StringIO(), force_terminal=True, color_system=None, width=100, **options)


def test_the_line_tells_counts_rate_time_left_and_time_gone():
    assert str(text(MIDWAY, elapsed_s=20.0, rate=1.5)) == (
        "30 computed · 1,200 restored · 2 failed · 3 cancelled · 90 unfinished · 1.5 calls/s · 1:00 left · 0:20"
    )


def test_no_rate_and_no_time_left_are_told_before_they_are_known():
    line = str(text(MIDWAY, elapsed_s=1.0, rate=0.0))
    assert "calls/s" not in line
    assert "left" not in line


def test_what_did_not_happen_is_not_told():
    assert str(text(AT_THE_END, 60.0, 2.0)) == "120 computed · 0 restored · 0 unfinished · 2.0 calls/s · 1:00"


def test_the_summary_tells_what_became_of_the_calls():
    assert str(summary(AT_THE_END, 75.2)) == "jumar: 120 computed · 0 restored in 1:15"


def test_the_summary_of_an_interrupted_session_tells_what_is_unfinished():
    assert str(summary(MIDWAY, 3.0)).endswith("3 cancelled · 90 unfinished in 0:03")


def test_a_session_without_calls_has_no_summary():
    assert not summary(Counts(0, 0, 0, 0, 0), 5.0)


@pytest.mark.parametrize(
    ("rate", "told"),
    [(0.04217, "0.042"), (0.5, "0.5"), (1.0, "1.0"), (9.96, "10.0"), (38.4, "38"), (12345.6, "12,346")],
)
def test_rates_are_rounded_to_what_matters(rate, told):
    assert f" · {told} calls/s" in str(text(AT_THE_END, 1.0, rate))


@given(st.floats(min_value=0, max_value=1e9))
def test_clock_times_add_up(seconds):
    days, _, clock = clock_time(seconds).rpartition(" ")
    total = 0
    for part in clock.split(":"):
        total = total * 60 + int(part)
    assert total + 86_400 * int((days or "0").split()[0]) == round(seconds)


def test_the_share_done_counts_every_end_of_a_call():
    assert share_done(Counts(1, 1, 1, 1, 4)) == 0.5
    assert share_done(Counts(0, 0, 0, 0, 0)) == 0.0


@given(st.floats(0.01, 1e4), st.lists(st.floats(0.001, 100), min_size=1, max_size=50))
def test_a_steady_job_has_its_rate_whenever_one_looks(calls_per_s, pauses_s):
    rate, now_s, seen = Rate(), 0.0, 0.0
    rate.update(0, at_s=0.0)
    for pause_s in pauses_s:
        now_s += pause_s
        seen = rate.update(now_s * calls_per_s, at_s=now_s)
    assert seen == pytest.approx(calls_per_s, rel=1e-6)


def test_a_change_of_pace_shows():
    rate, calls = Rate(), 0
    for second in range(100):
        calls += 10 if second < 50 else 1
        seen = rate.update(calls, at_s=float(second))
    assert 1 < seen < 5.5  # 5.5 is the plain average


def test_long_calls_do_not_make_the_time_left_explode():
    rate = Rate()
    for second in range(1200):
        seen = rate.update(second // 300, at_s=float(second))  # a call every five minutes
    assert 1 / 900 < seen < 1 / 100


def test_a_rate_is_never_negative():
    rate = Rate()
    rate.update(5, at_s=0.0)
    assert rate.update(3, at_s=1.0) == 0.0


def test_nothing_but_the_summary_goes_into_a_pipe():
    pipe, clock = Console(file=io.StringIO(), width=20), ManualClock()
    with ProgressLine(lambda: AT_THE_END, pipe, clock=clock):
        clock.advance(61.0)
        assert pipe.file.getvalue() == ""
    assert pipe.file.getvalue() == "jumar: 120 computed · 0 restored in 1:01\n"


def test_a_terminal_ends_with_the_same_summary_as_a_pipe():
    console, clock = terminal(), ManualClock()
    with ProgressLine(lambda: AT_THE_END, console, clock=clock):
        clock.advance(61.0)
    assert console.file.getvalue().endswith("jumar: 120 computed · 0 restored in 1:01\n")


def test_a_terminal_shows_the_counts_of_now():
    console, clock, counts = terminal(), ManualClock(), [MIDWAY]
    with ProgressLine(lambda: counts[0], console, clock=clock):
        counts[0] = Counts(7, 0, 0, 0, 5)
    assert "7 computed · 0 restored · 5 unfinished" in console.file.getvalue()


def test_a_narrow_terminal_gets_one_line_all_the_same():
    console = Console(file=io.StringIO(), force_terminal=True, color_system=None, width=50)
    with ProgressLine(lambda: MIDWAY, console, clock=ManualClock()) as line:
        drawn = console.render_lines(line._now())
    assert len(drawn) == 1


def test_what_is_printed_meanwhile_stays_where_standard_output_goes(capsys):
    console = terminal()
    with ProgressLine(lambda: MIDWAY, console, clock=ManualClock()):
        print("a result")
    assert capsys.readouterr().out == "a result\n"
    assert "a result" not in console.file.getvalue()


def test_a_second_line_leaves_the_terminal_to_the_first_one():
    outer, inner = terminal(), terminal()
    with ProgressLine(lambda: MIDWAY, outer, clock=ManualClock()):
        with ProgressLine(lambda: AT_THE_END, inner, clock=ManualClock()):
            pass
        assert inner.file.getvalue() == "jumar: 120 computed · 0 restored in 0:00\n"
    with ProgressLine(lambda: AT_THE_END, inner, clock=ManualClock()):
        pass
    assert "unfinished" in inner.file.getvalue()  # the terminal is free again, so it draws


def test_the_line_goes_away_when_the_block_is_left_by_an_error():
    console, before = terminal(), sys.stdout
    with pytest.raises(ZeroDivisionError), ProgressLine(lambda: AT_THE_END, console, clock=ManualClock()):
        1 / 0  # noqa: B018
    assert console.file.getvalue().endswith("jumar: 120 computed · 0 restored in 0:00\n")
    assert sys.stdout is before
