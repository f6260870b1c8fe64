"""Why a call ran, as stores built by hand tell it: which call it is compared with, and what is said."""

import json

import pytest
from blake3 import blake3

from jumar.errors import StoreError
from jumar.keys.code import CodePart
from jumar.keys.value import token
from jumar.store.lineage import SUSPICION, Loss
from jumar.store.records import NEED_BYTES, Entry, Failure, TaskInfo
from jumar.store.store import Store
from jumar.why import explain, summarise
from jumar.why.summary import headline


class Past:
    """Records calls, each a second after the last."""

    def __init__(self, store):
        self.store = store
        self.now_s = 1_000.0
        self.run = 0

    def begin_run(self):
        self.run = self.store.lineage.begin_run(self.now_s, "/p/main.py")
        return self.run

    def task(self, name, source="1", module="model", names="n"):
        code = blake3(source.encode()).digest()
        self.store.lineage.remember_code(code, [CodePart(f"model.{name}", "function", "/p/model.py", 1, code, source)])
        return self.store.task(TaskInfo(code, name, module, names))

    def call(self, task, *arguments, **changes):
        """The key of a new call; bytes among the arguments are keys of calls."""
        self.now_s += 1
        key = blake3(b"%f" % self.now_s).digest()
        needs = b"".join(given[:NEED_BYTES] for given in arguments if isinstance(given, bytes)) or None
        tokens = b"".join(b"@" + given if isinstance(given, bytes) else token(given) for given in arguments)
        made = Entry(key, task, self.now_s, 0.5, 1, "pickle", b"x", None, tokens, None, needs, self.run)
        self.store.record(made._replace(**changes))
        return changes.get("key", key)

    def fail(self, task, *arguments):
        self.now_s += 1
        key = blake3(b"%f" % self.now_s).digest()
        tokens = b"".join(map(token, arguments))
        failure = Failure(key, task, self.now_s, 0.5, 1, "ValueError: boom", "", tokens)
        self.store.record_failure(failure._replace(run=self.run))
        return key

    def lose(self, key, reason):
        self.now_s += 1
        self.store.lineage.note_loss(Loss(key, self.now_s, reason))


@pytest.fixture(params=["in memory", "on disk"])
def past(request, tmp_path):
    with Store.in_memory() if request.param == "in memory" else Store.open(tmp_path / "store") as store:
        yield Past(store)


def reasons(past, key):
    return [reason.text for reason in explain(past.store, key.hex()).reasons]


def short(key):
    return key.hex()[:12]


def test_a_first_call_is_new(past):
    explanation = explain(past.store, past.call(past.task("f"), 1).hex())
    assert [reason.kind for reason in explanation.reasons] == ["new"]
    assert explanation.earlier is None


def test_an_unknown_and_an_ambiguous_key_are_errors_that_say_what_to_do(past):
    task = past.task("f")
    past.call(task, 1, key=b"\xab" + bytes(31))
    past.call(task, 2, key=b"\xab" + b"1" * 31)
    with pytest.raises(StoreError, match=r"no call in .* starts with cd: see `jumar calls`"):
        explain(past.store, "cd")
    with pytest.raises(StoreError, match=r"several calls in .* start with ab: write more of it"):
        explain(past.store, "ab")


def test_it_is_compared_with_the_call_that_differs_least_then_with_the_latest(past):
    task = past.task("f", names="a b")
    for arguments in ((1, 1), (2, 1), (3, 3)):
        past.call(task, *arguments)
        past.begin_run()
    assert reasons(past, past.call(task, 9, 1)) == ["argument 'a': 2 -> 9"]


def test_another_run_explains_more_than_a_sibling_of_the_same_loop(past):
    task = past.task("f")
    past.begin_run()
    past.call(task, 1)
    past.begin_run()
    past.call(task, 2)
    assert reasons(past, past.call(task, 3)) == ["argument 'n': 1 -> 3"]


def test_a_task_of_the_same_name_in_another_module_counts_only_where_nothing_else_does(past):
    elsewhere, here = past.task("f", "2", module="other"), past.task("f", "1")
    past.call(elsewhere, 1)
    first = past.call(here, 1)
    assert reasons(past, first) == ["'f' in model.py: edited"]
    past.begin_run()
    past.call(elsewhere, 5)
    past.begin_run()
    assert reasons(past, past.call(here, 5)) == ["argument 'n': 1 -> 5"]


def test_a_task_that_moved_and_was_edited_is_compared_with_what_it_was(past):
    before, after = past.task("f", "1", module="old"), past.task("f", "2")
    past.begin_run()
    for number in range(3):
        past.call(before, number)
    past.begin_run()
    keys = [past.call(after, number) for number in range(3)]
    assert [reasons(past, key) for key in keys] == [["'f' in model.py: edited"]] * 3


def test_many_calls_of_the_same_run_hide_no_earlier_one(past):
    before, after = past.task("f", "1"), past.task("f", "2")
    past.begin_run()
    for number in range(1500):
        past.call(before, number)
    past.begin_run()
    keys = [past.call(after, number) for number in range(1500)]
    assert reasons(past, keys[0]) == reasons(past, keys[-1]) == ["'f' in model.py: edited"]
    assert str(summarise(past.store)).splitlines()[1:] == [
        "1,500 calls ran again: 1,500 because 'f' in model.py was edited"
    ]


def test_the_same_call_is_recognised_by_the_calls_that_its_arguments_come_from(past):
    load, edited, use = past.task("load", "1"), past.task("load", "2"), past.task("use", names="x")
    past.begin_run()
    for number in range(3):
        past.call(use, past.call(load, number))
    past.begin_run()
    loaded = [past.call(edited, number) for number in range(3)]
    used = [past.call(use, key) for key in loaded]
    for number, key in enumerate(used):
        [reason] = explain(past.store, key.hex()).reasons
        assert reason.text == f"load(n={number}) [key {short(loaded[number])}] is another call"
        assert [inner.text for inner in reason.because] == ["'load' in model.py: edited"]


def test_an_edit_is_followed_through_many_calls(past):
    then, now, step = past.task("load", "1"), past.task("load", "2"), past.task("step", names="x")
    for first in (then, now):
        past.begin_run()
        key = past.call(first, 1)
        for _ in range(5):
            key = past.call(step, key)
    assert explain(past.store, key.hex()).reasons[0].root().text == "'load' in model.py: edited"


def test_a_call_that_came_among_the_arguments_is_no_other_call(past):
    load, total = past.task("load"), past.task("total", names="a b")
    first = past.call(load, 1)
    past.call(total, first, 0)
    past.begin_run()
    second = past.call(load, 2)
    assert reasons(past, past.call(total, first, second)) == [
        f"load(n=2) [key {short(second)}] is a new call among its arguments"
    ]


def test_calls_that_left_the_arguments_are_counted(past):
    load, total = past.task("load"), past.task("total", names="a b c")
    first, second, third = (past.call(load, number) for number in range(3))
    past.call(total, first, second, third)
    past.begin_run()
    assert "2 calls of 'load' are no longer among its arguments" in reasons(past, past.call(total, first, 0, 0))


def test_of_many_other_calls_among_the_arguments_five_are_shown(past):
    then, now, total = past.task("load", "1"), past.task("load", "2"), past.task("total", names="*parts")
    for load in (then, now):
        past.begin_run()
        key = past.call(total, *[past.call(load, number) for number in range(8)])
    texts = reasons(past, key)
    assert len(texts) == 6
    assert texts[-1] == "and so are 3 more"


def test_a_call_that_is_not_recorded_any_more_is_not_made_up(past):
    use = past.task("use", names="x")
    past.call(use, b"a" * 32)
    past.begin_run()
    assert reasons(past, past.call(use, b"b" * 32)) == [
        "a call among its arguments is another one; which one was not recorded"
    ]


def test_the_edit_comes_before_the_argument_that_changed_with_it(past):
    load, edited, use = past.task("load", "1"), past.task("load", "2"), past.task("use", names="x by")
    past.call(use, past.call(load, 1), 1)
    past.begin_run()
    texts = reasons(past, past.call(use, past.call(edited, 1), 2))
    assert texts[0].endswith("is another call")
    assert texts[1] == "argument 'by': 1 -> 2"


def test_a_result_that_was_lost_is_the_whole_reason(past):
    task = past.task("f")
    past.begin_run()
    key = past.call(task, 1)
    past.call(task, 2)  # nothing is said of what differs from another call
    past.lose(key, "blob 5e21 is missing")
    past.begin_run()
    past.call(task, 1, key=key)
    [text] = reasons(past, key)
    assert text.startswith("its kept result was dropped on ")
    assert text.endswith(": blob 5e21 is missing")
    assert "1 call ran again: 1 because its blob is missing" in str(summarise(past.store)).splitlines()


def test_a_loss_after_the_call_ran_is_no_reason_for_it(past):
    key = past.call(past.task("f"), 1)
    past.lose(key, "it could not be decoded (ImportError: there)")
    assert reasons(past, key) == ["no earlier call of 'f' is recorded"]


def test_a_result_that_came_out_different_is_told_whenever_that_was(past):
    key = past.call(past.task("f"), 1)
    past.lose(key, SUSPICION)
    [text] = [text for text in reasons(past, key) if "run again" in text]
    assert text.endswith("it gave another result: its key does not see all of it")


def test_a_call_that_failed_says_so_and_why_it_ran(past):
    task = past.task("f")
    past.call(task, 1)
    explanation = explain(past.store, past.fail(task, 2).hex())
    assert "and failed; it ran because:" in str(explanation)
    assert [reason.text for reason in explanation.reasons] == ["argument 'n': 1 -> 2"]


def test_a_call_that_failed_under_another_key_before_is_told(past):
    task = past.task("f")
    past.fail(task, 1)
    assert reasons(past, past.call(task, 1)) == ["it failed before: ValueError: boom"]


def test_a_call_that_nothing_distinguishes_is_of_a_task_that_is_not_reused(past):
    task = past.task("f")
    past.call(task, 1)
    assert reasons(past, past.call(task, 1)) == [
        "nothing changed: the task is not reused everywhere (reuse='run' or 'never')"
    ]


def test_a_code_whose_parts_are_not_recorded_is_told_to_be_another_one(past):
    past.call(past.task("f", "1"), 1)
    unknown = past.store.task(TaskInfo(b"?" * 32, "f", "model", "n"))
    assert reasons(past, past.call(unknown, 1)) == ["its code is another one; which part was not recorded"]


def test_a_copy_of_a_result_did_not_run_and_is_in_no_group(past):
    load, use = past.task("load"), past.task("use", names="x")
    past.begin_run()
    first, second = past.call(load, 1), past.call(load, 2)
    original = past.call(use, first)
    at_s = past.now_s
    copy = past.call(use, second, created_s=at_s)
    explanation = explain(past.store, copy.hex())
    assert "did not run (its result was computed on " in str(explanation)
    assert [reason.text for reason in explanation.reasons] == [
        f"its arguments have the values that they have in use(x=@{first.hex()[:6]}…) [key {short(original)}]"
    ]
    assert summarise(past.store).new == 3


def test_a_copy_under_another_code_is_one_of_an_accepted_edit(past):
    then, now = past.task("f", "1"), past.task("f", "2")
    original = past.call(then, 1)
    copy = past.call(now, 1, created_s=past.now_s)
    assert reasons(past, copy) == [
        f"the edit since f(n=1) [key {short(original)}] was accepted as one that changes no result"
    ]
    assert reasons(past, original) == ["no earlier call of 'f' is recorded"]


def test_two_calls_of_one_moment_are_no_copies(past):
    task = past.task("f")
    past.call(task, 1)
    assert reasons(past, past.call(task, 2, created_s=past.now_s)) == ["no earlier call of 'f' is recorded"]


def test_what_several_calls_have_in_common_is_told_once(past):
    then, now, total = past.task("load", "1"), past.task("load", "2"), past.task("total", names="*parts")
    for load in (then, now):
        past.begin_run()
        key = past.call(total, past.call(load, 1), past.call(load, 2))
    text = str(explain(past.store, key.hex()))
    assert text.count("is another call") == 2
    assert text.count("'load' in model.py: edited") == 1


def test_an_explanation_is_plain_data(past):
    past.call(past.task("f", "1"), 1)
    found = explain(past.store, past.call(past.task("f", "2"), 1).hex()).to_json()
    assert json.loads(json.dumps(found))["reasons"][0]["text"] == "'f' in model.py: edited"


def test_a_run_is_summed_up_by_reason_the_largest_group_first(past):
    past.begin_run()
    for number in range(4):
        past.call(past.task("f", "1"), number)
    past.call(past.task("g", "3"), 1)
    number = past.begin_run()
    for argument in range(4):
        past.call(past.task("f", "2"), argument)
    past.call(past.task("g", "4"), 1)
    past.call(past.task("h", "5"), 1)
    assert str(summarise(past.store, number)).splitlines() == [
        f"run {number} of /p/main.py:",
        "5 calls ran again: 4 because 'f' in model.py was edited; 1 because 'g' in model.py was edited",
        "1 had never run before",
    ]


def test_a_summary_tells_all_that_made_calls_run_not_only_the_first_reason(past):
    """What holds for all calls of a group is joined, what holds for some is counted."""
    past.begin_run()
    for number in range(4):
        past.call(past.task("f", "1", names="n m"), number, "old")
    past.begin_run()
    for number in range(4):
        past.call(past.task("f", "2", names="n m"), number, "new" if number < 3 else "newer")
    [group] = summarise(past.store).again
    assert (group.calls, group.because) == (4, "'f' in model.py was edited")
    assert group.also == ((4, "argument 'm' differs"),)
    past.begin_run()
    for number in range(4):
        past.call(past.task("f", "3", names="n m"), number, "newest" if number else "new")
    assert str(summarise(past.store)).splitlines()[1] == (
        "4 calls ran again: 4 because 'f' in model.py was edited (3 of them also because argument 'm' differs)"
    )


def test_two_edits_behind_all_calls_of_a_group_are_both_told(past):
    for first, second in [("1", "2"), ("3", "4")]:
        past.begin_run()
        upstream = [past.call(past.task(name, f"{name}{source}"), 0) for name, source in [("a", first), ("b", second)]]
        past.call(past.task("total", "sum"), *upstream)
    lines = str(summarise(past.store)).splitlines()
    assert lines[1] == (
        "3 calls ran again: 2 because 'a' in model.py was edited (1 of them also because 'b' in model.py was edited); "
        "1 because 'b' in model.py was edited"
    )


def test_a_summary_of_many_further_reasons_is_cut(past):
    for source in ("1", "2"):
        past.begin_run()
        past.call(past.task("total", "sum"), *[past.call(past.task(name, name + source), 0) for name in "abcde"])
        for name in "abcde":
            past.call(past.task("half", "half"), past.call(past.task(name, name + source), 1), name)
    [first, *_] = str(summarise(past.store)).split("; ")
    assert first.count("of them also because") == 3
    assert first.endswith("one more reason)")


def test_calls_that_differ_by_what_was_not_recorded_are_new_in_a_first_run(past):
    """What they need is not kept: nothing tells one from the other, but neither did one run again."""
    past.begin_run()
    for number in range(3):
        past.call(past.task("clean"), blake3(b"%d" % number).digest())
    summary = summarise(past.store)
    assert (summary.again, summary.new) == ((), 3)


def test_a_summary_counts_what_failed_in_the_run(past):
    past.begin_run()
    past.fail(past.task("f"), 9)
    past.begin_run()
    for number in range(2):
        past.fail(past.task("f"), number)
    past.call(past.task("g", "3"), 1)
    summary = summarise(past.store)
    assert summary.failed == ((2, "ValueError: boom"),)
    assert str(summary).splitlines()[-1] == "2 failed: 2 with ValueError: boom"


def test_damage_of_many_blobs_is_one_group(past):
    task = past.task("f")
    keys = [past.call(task, number) for number in range(3)]
    for number, key in enumerate(keys):
        past.lose(key, f"blob {number}{number} has {number} bytes instead of 9")
    past.begin_run()
    for number, key in enumerate(keys):
        past.call(task, number, key=key)
    [group] = summarise(past.store).again
    assert (group.calls, group.because) == (3, "its blob was damaged")


def test_more_groups_than_can_be_read_are_cut(past):
    for source in ("1", "2"):
        past.begin_run()
        for name in "abcdefghijkl":
            past.call(past.task(name, f"{name}{source}"), 1)
    assert str(summarise(past.store)).endswith("; 2 for 2 other reasons")


def test_a_run_that_is_not_recorded_is_an_error(past):
    with pytest.raises(StoreError, match=r"no run is recorded in .*: nothing was computed"):
        summarise(past.store)
    past.begin_run()
    with pytest.raises(StoreError, match=r"no run 7 is recorded in .*: there are 1"):
        summarise(past.store, 7)


def test_a_result_that_is_not_steady_is_its_own_headline(past):
    key = past.call(past.task("f"), 1)
    past.lose(key, SUSPICION)
    assert headline(explain(past.store, key.hex()).reasons[0]) == "it gives another result each time"
