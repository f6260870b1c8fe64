"""The rules: which results go, and what is said of it."""

import pytest

from jumar.store.retention import Rules, Usage, condemn, downstream, span
from jumar.store.stock import ROW_BYTES, Item

DAY_S = 86_400.0
NOW_S = 100 * DAY_S


def item(name, *, task="f", code=b"1", days=1.0, seconds=1.0, size=1000, blob=None, run=1, needs=""):
    """A result of so many days ago; names stand for keys."""
    return Item(
        key(name),
        task,
        code,
        NOW_S - days * DAY_S,
        seconds,
        size,
        blob,
        run,
        b"".join(key(need)[:8] for need in needs) or None,
    )


def key(name):
    return name.encode().ljust(32, b".")


def names(keys):
    return "".join(sorted(each[:1].decode() for each in keys))


def gone(items, rules, **usage):
    return names(each.key for each in condemn(items, rules, Usage(NOW_S, **usage)))


VERSIONS = [
    item("a", code=b"1", days=9, run=1),
    item("b", code=b"2", days=5, run=2),
    item("c", code=b"2", days=8, run=1),
    item("d", code=b"3", days=3, run=3),
    item("e", task="g", code=b"9", days=50, run=0),
]


@pytest.mark.parametrize(
    ("rules", "went"),
    [
        (Rules(), ""),
        (Rules(older_than_s=8.5 * DAY_S), "ae"),
        (Rules(older_than_s=8 * DAY_S), "ae"),
        (Rules(older_than_s=0), "abcde"),
        (Rules(tasks=frozenset({"g", "h"})), "e"),
        (Rules(runs=frozenset({1})), "ac"),
        (Rules(keep_last=1), "abc"),
        (Rules(keep_last=2), "a"),
        (Rules(keep_last=3), ""),
        (Rules(runs=frozenset({3}), tasks=frozenset({"g"})), ""),
        (Rules(runs=frozenset({1}), tasks=frozenset({"f", "g"})), "ac"),
        (Rules(older_than_s=8.5 * DAY_S, keep_last=1), "a"),
        (Rules(older_than_s=8.5 * DAY_S, max_size_bytes=0), "ae"),
        (Rules(max_size_bytes=0), "abcde"),
        (Rules(max_size_bytes=10**9), ""),
    ],
)
def test_a_result_goes_if_every_rule_that_is_said_applies(rules, went):
    assert gone(VERSIONS, rules) == went


@pytest.mark.parametrize(
    "rules", [Rules(older_than_s=0), Rules(keep_last=1), Rules(runs=frozenset({1})), Rules(max_size_bytes=0)]
)
def test_a_pinned_result_stays_whatever_the_rules_say(rules):
    assert "a" not in gone(VERSIONS, rules, pinned={key("a")})
    assert "a" in gone(VERSIONS, rules)


def test_a_code_that_was_asked_for_lately_is_a_late_version_though_nothing_new_was_recorded_of_it():
    usage = {"uses": {7: {b"1"}}, "started_s": {7: NOW_S - DAY_S}}
    assert gone(VERSIONS, Rules(keep_last=1), **usage) == "bcd"
    assert gone(VERSIONS, Rules(keep_last=2), **usage) == "bc"


@pytest.mark.parametrize(
    ("uses", "runs", "went"),
    [
        ({4: {b"3"}, 5: {b"2"}}, 1, "ade"),
        ({4: {b"3"}, 5: {b"2"}}, 2, "ae"),
        ({4: {b"3"}, 5: {b"2"}}, 3, ""),  # not that many runs have told
        ({3: set(), 5: set()}, 2, "abce"),  # of run 3 it is known what it recorded
        ({}, 1, ""),
    ],
)
def test_code_that_the_last_runs_did_not_ask_for_is_known_from_the_runs_that_told(uses, runs, went):
    assert gone(VERSIONS, Rules(unused_for_runs=runs), uses=uses) == went


def test_results_of_a_task_that_the_index_does_not_know_are_of_no_version():
    unknown = [item("a", task="", code=b"")]
    assert gone(unknown, Rules(keep_last=1, unused_for_runs=1), uses={1: {b"x"}}) == ""


def test_a_result_from_the_future_is_not_old():
    assert gone([item("a", days=-1)], Rules(older_than_s=0)) == ""


def test_the_cheapest_to_recompute_for_its_bytes_goes_first_and_no_more_than_needed():
    items = [
        item("a", seconds=100, size=1000),
        item("b", seconds=1, size=1000),
        item("c", seconds=5, size=100_000),
        item("d", seconds=1, size=1000, days=2),
    ]
    whole = 103_000 + 4 * ROW_BYTES
    assert gone(items, Rules(max_size_bytes=whole)) == ""
    assert gone(items, Rules(max_size_bytes=whole - 1)) == "c"
    assert gone(items, Rules(max_size_bytes=3 * (1000 + ROW_BYTES) - 1)) == "cd"
    assert gone(items, Rules(max_size_bytes=1000 + ROW_BYTES)) == "bcd"


def test_a_bound_on_the_size_takes_only_what_other_rules_choose_and_no_more_than_needed():
    items = [item("a", days=9, size=5000, seconds=2), item("b", size=5000), item("c", days=9, size=5000, seconds=1)]
    assert gone(items, Rules(older_than_s=8 * DAY_S, max_size_bytes=11_000)) == "c"
    assert gone(items, Rules(older_than_s=8 * DAY_S, max_size_bytes=0)) == "ac"


def test_two_rules_give_two_reasons():
    [loss] = condemn(VERSIONS, Rules(older_than_s=8.5 * DAY_S, tasks=frozenset({"f"})), Usage(NOW_S))
    assert loss.reason == "swept: older than 204 hours, results of task f"


def test_results_that_share_a_blob_go_together_or_not_at_all():
    shared = {"size": 50_000, "blob": b"x"}
    items = [
        item("a", seconds=1, **shared),
        item("b", seconds=2, **shared),
        item("c", seconds=30, size=10_000, blob=b"y"),
    ]
    assert gone(items, Rules(max_size_bytes=30_000)) == "ab"
    assert gone(items, Rules(max_size_bytes=30_000), pinned={key("b")}) == "c"
    assert gone(items, Rules(max_size_bytes=30_000), in_use={b"x"}) == "c"
    assert gone(items, Rules(max_size_bytes=60_200), pinned={key("b")}) == "c"  # 60 000 and three rows


def test_each_loss_tells_its_reason():
    told = {
        each.key[:1].decode(): each.reason
        for rules in (
            Rules(older_than_s=30 * DAY_S),
            Rules(runs=frozenset({2})),
            Rules(keep_last=2),
            Rules(tasks=frozenset("f")),
        )
        for each in reversed(condemn(VERSIONS, rules, Usage(NOW_S)))
    }
    assert told == {
        "a": "swept: results of task f",
        "b": "swept: results of task f",
        "c": "swept: results of task f",
        "d": "swept: results of task f",
        "e": "swept: older than 30 days",
    }
    last = condemn(VERSIONS, Rules(keep_last=1), Usage(NOW_S))
    assert {each.reason for each in last} == {"swept: its code is not the last version"}
    unused = condemn(VERSIONS, Rules(unused_for_runs=1), Usage(NOW_S, uses={9: {b"1"}}))
    assert {each.reason for each in unused} == {"swept: the last run did not ask for its code"}
    evicted = condemn(VERSIONS, Rules(max_size_bytes=4500), Usage(NOW_S))
    assert [each.reason for each in evicted] == ["swept: to keep the store below 4,500 bytes"] * 2


def test_downstream_follows_needs_through_any_number_of_calls_and_through_circles():
    items = [
        item("a"),
        item("b", needs="a"),
        item("c", needs="xb"),
        item("d", needs="c"),
        item("e"),
        item("f", needs="eg"),
        item("g", needs="f"),
    ]
    assert names(downstream(items, {key("a")})) == "bcd"
    assert names(downstream(items, {key("c")})) == "d"
    assert names(downstream(items, {key("f")})) == "g"
    assert downstream(items, set()) == set()


@pytest.mark.parametrize(
    "wrong",
    [
        {"older_than_s": -1},
        {"keep_last": 0},
        {"unused_for_runs": 0},
        {"max_size_bytes": -1},
        {"older_than_s": float("nan")},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match="is at least"):
        Rules(**wrong)


def test_spans_are_said_in_the_largest_unit_that_fits():
    assert [span(seconds) for seconds in (1, 61, 120, 7200, DAY_S, 45 * DAY_S, 0.5)] == [
        *("1 second", "61 seconds", "2 minutes", "2 hours", "1 day", "45 days", "0.5 seconds")
    ]
