"""What a task was called in an earlier run of the same script, as stores built by hand tell it."""

import pytest
from tests.unit.test_why import Past, reasons

from jumar.store.store import Store
from jumar.why import explain

CLEAN = "def clean(n):\n    rows = read(n)\n    rows.sort()\n    return rows"
TIDY = "def tidy(n):\n    rows = read(n)\n    rows.sort(key=str)\n    return rows"
OTHER = "def other(n):\n    return fft(n)"


@pytest.fixture
def past():
    with Store.in_memory() as store:
        yield Past(store)


def ask(past, *tasks):
    """Note which tasks the run asked for, as a session does when it ends."""
    codes = {record.task.code for record in past.store.calls() if past.store.task(record.task) in tasks}
    past.store.note_codes(past.run, frozenset(codes))


def renamed(past, old=CLEAN, new=TIDY, arguments=(1,)):
    """The key of a call of a task that took the place of another one, in the second run of a script."""
    past.begin_run()
    past.call(past.task("clean", old), *arguments)
    past.begin_run()
    return past.call(past.task("tidy", new), 1)


def test_a_task_that_was_renamed_and_edited_is_compared_with_what_it_was(past):
    key = renamed(past)
    explanation = explain(past.store, key.hex())
    edited, former = explanation.reasons
    assert edited.text == "'tidy' in model.py: edited"
    assert "-def clean(n):" in edited.diff
    assert "+    rows.sort(key=str)" in edited.diff
    assert (former.kind, former.text) == ("renamed", "'tidy' was called 'clean' in the previous run")
    assert explanation.earlier.startswith("clean(n=1)")


def test_it_is_known_by_its_text_where_its_arguments_are_others(past):
    texts = reasons(past, renamed(past, arguments=(2,)))
    assert texts == [
        "'tidy' in model.py: edited",
        "argument 'n': 2 -> 1",
        "'tidy' was called 'clean' in the previous run",
    ]


def test_it_is_known_by_its_place_where_its_text_is_another(past):
    texts = reasons(past, renamed(past, new="def tidy(n):\n    return fft(n)"))
    assert texts == ["'tidy' in model.py: edited", "'tidy' stands where 'clean' stood in the previous run"]


def test_a_task_with_another_text_in_another_place_is_new(past):
    key = renamed(past, new="def tidy(n):\n    return fft(n)", arguments=(2,))
    assert reasons(past, key) == ["no earlier call of 'tidy' is recorded"]


def test_a_place_is_between_the_tasks_whose_calls_it_needs_and_those_that_need_it(past):
    """Of two tasks that are gone, with equal arguments, the one that stood between the same two others."""
    past.begin_run()
    load, total, stranger = past.task("load", "def load():\n    0"), past.task("total", "2"), past.task("stranger", "3")
    loaded = past.call(load)
    past.call(total, past.call(past.task("clean", "def clean(n):\n    return n[1:]"), loaded))
    past.call(past.task("shown", "def shown(n):\n    print(n)"), past.call(stranger))
    past.begin_run()
    tidy = past.task("tidy", "def tidy(n):\n    yield from fft(n)")
    tidied = past.call(tidy, loaded)
    past.call(total, tidied)
    ask(past, load, total, tidy)
    texts = reasons(past, tidied)
    assert texts[-1] == "'tidy' stands where 'clean' stood in the previous run"


def test_a_task_that_the_script_still_asks_for_is_not_gone(past):
    past.begin_run()
    clean = past.task("clean", CLEAN)
    past.call(clean, 1)
    past.begin_run()
    key = past.call(past.task("tidy", TIDY), 1)
    ask(past, clean)  # found, and not run
    assert reasons(past, key) == ["no earlier call of 'tidy' is recorded"]


def test_a_run_that_broke_off_before_it_came_to_the_place_is_passed_over(past):
    past.begin_run()
    past.call(past.task("clean", CLEAN), 1)
    past.begin_run()
    past.call(past.task("first", "0"), 0)
    past.begin_run()
    key = past.call(past.task("tidy", TIDY), 1)
    assert reasons(past, key)[-1] == "'tidy' was called 'clean' in run 1"


def test_a_run_that_found_all_says_what_it_asked_for_too(past):
    """The call that it is compared with was computed by an earlier run."""
    past.begin_run()
    clean = past.task("clean", CLEAN)
    past.call(clean, 1)
    past.begin_run()
    ask(past, clean)
    past.begin_run()
    key = past.call(past.task("tidy", TIDY), 1)
    assert reasons(past, key)[-1] == "'tidy' was called 'clean' in the previous run"


def test_another_script_has_other_places(past):
    past.begin_run()
    past.call(past.task("clean", CLEAN), 1)
    past.run = past.store.lineage.begin_run(past.now_s, "/p/other.py")
    key = past.call(past.task("tidy", TIDY), 1)
    assert reasons(past, key) == ["no earlier call of 'tidy' is recorded"]


def test_once_it_has_calls_of_its_own_it_is_compared_with_those(past):
    first = renamed(past)
    past.begin_run()
    later = past.call(past.task("tidy", TIDY + "  # again"), 1)
    assert reasons(past, later) == ["'tidy' in model.py: edited"]
    assert reasons(past, first)[-1] == "'tidy' was called 'clean' in the previous run"


def test_an_edit_is_followed_upstream_to_the_task_that_was_renamed(past):
    past.begin_run()
    total = past.task("total", "sum")
    past.call(total, *[past.call(past.task("clean", CLEAN), n) for n in range(3)])
    past.begin_run()
    key = past.call(total, *[past.call(past.task("tidy", TIDY), n) for n in range(3)])
    explanation = explain(past.store, key.hex())
    assert [reason.kind for reason in explanation.reasons] == ["upstream"] * 3
    assert {reason.root().text for reason in explanation.reasons} == {"'tidy' in model.py: edited"}
