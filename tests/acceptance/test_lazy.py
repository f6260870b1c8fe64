"""Lazy calls: looked for from the top, run only as far as they are needed."""

import pytest

import jumar
from jumar.testing.faults import Faults
from jumar.testing.faulty_parts import open_faulty


@pytest.fixture
def store():
    return jumar.Store.in_memory()


def make(tally):
    @jumar.task
    def load(n):
        tally.add("load", n)
        return list(range(n))

    @jumar.task
    def clean(rows):
        tally.add("clean", len(rows))
        return rows[1:]

    @jumar.task
    def total(parts, extra=0):
        tally.add("total")
        return sum(map(sum, parts)) + extra

    def graph():
        return total.lazy([clean.lazy(load.lazy(n)) for n in (3, 4, 5)])

    return load, clean, total, graph


def test_nothing_runs_until_the_value_is_asked_for(session, tally):
    *_, graph = make(tally)
    lazy = graph()
    session.engine.drain()
    assert tally.total == 0
    assert jumar.collect(lazy) == 3 + 6 + 10
    assert tally.total == 7


def test_a_kept_root_hides_everything_it_was_made_from_even_where_that_was_lost(store, tally):
    load, *_, graph = make(tally)
    with jumar.Session(store):
        jumar.collect(graph())
    store.remove([bytes.fromhex(load.key(n)) for n in (3, 4, 5)])
    with jumar.Session(store) as session:
        assert jumar.collect(graph()) == 19
        assert session.counts()[:2] == (0, 1)
    assert tally["load", 3] == 1


def test_only_what_is_needed_for_what_is_lost_runs_again(store, tally):
    load, clean, total, graph = make(tally)
    with jumar.Session(store):
        lazy = graph()
        jumar.collect(lazy)
        lost = [bytes.fromhex(lazy.key), bytes.fromhex(clean.lazy(load.lazy(4)).key)]
        contents = [total.key([[1, 2], [1, 2, 3], [1, 2, 3, 4]])]
        store.remove([*lost, *map(bytes.fromhex, contents)])
    with jumar.Session(store) as session:
        assert jumar.collect(graph()) == 19
        assert (session.counts().computed, session.counts().restored) == (2, 3)
    assert (tally["load", 4], tally["clean", 4], tally["clean", 3], tally["total"]) == (1, 2, 1, 2)


def test_eager_and_lazy_calls_are_the_same_calls(session, tally):
    load, clean, _, graph = make(tally)
    clean.spawn(load.spawn(4)).result()
    assert jumar.collect(graph()) == 19
    assert clean(load.lazy(4)) == [1, 2, 3]
    assert clean.spawn(load.lazy(6)).result() == [1, 2, 3, 4, 5]
    assert tally.most() == 1


def test_a_shared_part_runs_once_and_a_lazy_call_may_be_collected_again(session, tally):
    load, _, total, _ = make(tally)
    part = load.lazy(3)
    top = total.lazy([part, part], extra=total.lazy([part]))
    assert [jumar.collect(top), jumar.collect(top), jumar.collect(part)] == [9, 9, [0, 1, 2]]
    assert (tally["load", 3], tally["total"]) == (1, 2)


def test_an_edited_upstream_with_an_equal_result_stops_the_change_lazily_too(store, tally):
    *_, clean, total, _ = make(tally)
    for load in (lambda: [1, 2], lambda: [1, *[2]]):
        with jumar.Session(store) as session:
            assert jumar.collect(total.lazy([clean.lazy(jumar.Task(load).lazy())])) == 2
    assert session.counts()[:2] == (1, 2)


def test_a_failure_upstream_is_the_error_of_the_root(session):
    @jumar.task
    def bad():
        raise ZeroDivisionError("deep down")

    @jumar.task
    def follow(x):
        return x

    lazy = follow.lazy(follow.lazy(bad.lazy()))
    for _ in range(2):
        with pytest.raises(ZeroDivisionError, match="deep down"):
            jumar.collect(lazy)
    with pytest.raises(ZeroDivisionError):
        jumar.collect(follow.lazy(lazy))


def test_a_refreshed_call_runs_although_it_is_kept_and_needs_lazy_ones(session, tally):
    load, _, total, _ = make(tally)
    assert jumar.collect(total.lazy([load.lazy(3)])) == 3
    assert total.options(refresh=True).spawn([load.lazy(3)]).result() == 3
    assert (tally["load", 3], tally["total"]) == (1, 2)


def test_a_deep_lazy_graph_needs_no_deep_stack(session, tally):
    @jumar.task
    def step(x):
        return x + 1

    lazy = step.lazy(0)
    for _ in range(5000):
        lazy = step.lazy(lazy)
    assert jumar.collect(lazy) == 5001


def test_a_lazy_call_of_another_session_is_refused(session, store):
    @jumar.task
    def f(x):
        return x

    lazy = f.lazy(1)
    with jumar.Session(store), pytest.raises(jumar.ArgumentError, match="belongs to another session"):
        f.spawn(lazy)
    with pytest.raises(TypeError, match="cannot be pickled"):
        __import__("pickle").dumps(lazy)


def test_a_finished_root_is_one_look_up_whatever_it_was_made_from(tmp_path, tally):
    *_, graph = make(tally)
    with open_faulty(tmp_path / "store", Faults()) as store, jumar.Session(store):
        jumar.collect(graph())
    again = Faults()
    with open_faulty(tmp_path / "store", again) as store, jumar.Session(store) as session:
        events = []
        session.listen(events.append)
        lazy = graph()
        before = len(again.operations)
        assert jumar.collect(lazy) == 19
        assert [name for name in again.operations[before:] if name.startswith(("index.find", "blobs"))] == [
            "index.find"
        ]
    assert [(event.task.rpartition(".")[2], event.how) for event in events] == [("total", "restored")]
    assert tally.total == 7


def test_parts_of_one_graph_are_collected_together_and_run_once(session, tally):
    load, clean, total, _ = make(tally)
    part = clean.lazy(load.lazy(4))
    values = jumar.collect({"part": part, "both": [total.lazy([part]), part]})
    assert values == {"part": [1, 2, 3], "both": [6, [1, 2, 3]]}
    assert values["part"] is values["both"][1]
    assert tally.most() == 1


def test_whole_graph_options_are_asked_for_each_root_and_for_nothing_below(session, tally):
    load, clean, _, graph = make(tally)
    mine, asked = {}, []

    def restore(call):
        asked.append(call.task.rpartition(".")[2])
        return mine.get(call.key)

    def keep(call, value):
        mine[call.key] = value

    roots = [graph(), clean.lazy(load.lazy(3))]
    assert jumar.collect(roots, checkpoint=keep, restore=restore) == [19, [1, 2]]
    session.store.remove([call.key for call in session.store.calls()])
    ran = tally.total
    again = [graph(), clean.lazy(load.lazy(3))]
    assert jumar.collect(again, checkpoint=keep, restore=restore) == [19, [1, 2]]
    assert (asked, len(mine), tally.total) == (["total", "clean"] * 2, 2, ran)


def test_a_failing_part_of_a_structure_is_raised_after_the_others_were_started(session, tally):
    load, *_ = make(tally)

    @jumar.task
    def bad():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        jumar.collect([bad.lazy(), load.lazy(3)])
    session.engine.drain()
    assert tally["load", 3] == 1
