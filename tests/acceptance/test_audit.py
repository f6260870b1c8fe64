"""An audit runs a share of what is known again, and tells where the same call gives another result."""

import os
import warnings

import pytest

import jumar
from jumar.why import explain


@pytest.fixture
def store():
    return jumar.Store.in_memory()


def test_a_task_that_depends_on_what_its_key_does_not_see_is_found_and_its_kept_result_stands(store, tally):
    @jumar.task
    def unsteady():
        tally.add("run")
        return [tally["run"]]

    @jumar.task
    def follow(items):
        tally.add("follow")
        return len(items)

    with jumar.Session(store, "inline"):
        follow.spawn(unsteady.spawn()).result()
    with jumar.Session(store, "inline", audit=1) as session:
        with pytest.warns(jumar.StoreWarning, match="gave another result when it was run again"):
            future = unsteady.spawn()
        assert future.result() == [1]
        assert [trouble.kind for trouble in session.troubles] == ["unsteady"]
    assert tally["run"] == 2
    assert "it gave another result" in explain(store, unsteady.key()).reasons[0].text
    with jumar.Session(store, "inline"):
        assert unsteady() == [1]


def test_a_steady_task_passes_even_where_equal_values_are_written_in_other_bytes(store, tally):
    @jumar.task
    def steady():
        tally.add("run")
        items = ["b", "a"] if tally["run"] == 1 else ["a", "b"]
        return dict.fromkeys(items, 1)

    with jumar.Session(store, "inline"):
        steady()
    with warnings.catch_warnings(), jumar.Session(store, "inline", audit=1):
        warnings.simplefilter("error")
        assert steady() == {"a": 1, "b": 1}
    assert tally["run"] == 2


@pytest.mark.parametrize("asked_by", ["the session", "the call"])
def test_a_result_that_is_refreshed_is_compared_with_the_one_that_it_replaces(asked_by, store, tally):
    """What runs again anyway costs nothing to compare."""

    @jumar.task
    def unsteady(kind):
        tally.add("run", kind)
        return [tally["run", kind] if kind == "unsteady" else 0]

    kinds = ["steady", "unsteady"]
    with jumar.Session(store, "inline"):
        jumar.gather(unsteady.spawn(kind) for kind in kinds)
    reuse = "refresh" if asked_by == "the session" else "on"
    again = unsteady if asked_by == "the session" else unsteady.options(refresh=True)
    with warnings.catch_warnings(record=True) as told, jumar.Session(store, "inline", audit=0.01, reuse=reuse):
        warnings.simplefilter("always")
        assert jumar.gather(again.spawn(kind) for kind in kinds) == [[0], [2]]
    [warning] = told
    assert "gave another result when it was run again" in str(warning.message)
    assert str(warning.message).endswith("The new result takes the place of the kept one, as a refresh was asked for.")
    assert "it gave another result" in explain(store, unsteady.key("unsteady")).reasons[0].text
    with jumar.Session(store, "inline"):
        assert unsteady("unsteady") == [2]


@jumar.task
def sets(n):
    return [set(map(str, range(n)))]  # pickled in another order in each process


@jumar.task
def numbers_of_the_process(n):
    return [os.getpid()] * n


@pytest.mark.parametrize("n", [10, 50_000])
def test_results_of_worker_processes_are_compared_by_their_values(n, tmp_path):
    with jumar.Session(tmp_path / "store", "processes", workers=1):
        sets.spawn(n).result()
        numbers_of_the_process.spawn(n).result()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with jumar.Session(tmp_path / "store", "processes", workers=1, audit=0.01, reuse="refresh"):
            sets.spawn(n).result()
            numbers_of_the_process.spawn(n).result()
    assert [str(each.message).split("'")[1] for each in told] == ["numbers_of_the_process"]


def test_without_it_nothing_runs_twice(store, tally):
    @jumar.task
    def count():
        tally.add("run")

    for _ in range(3):
        with jumar.Session(store, "inline", audit=0):
            count()
    assert tally["run"] == 1


@pytest.mark.parametrize("share", [-0.1, 1.1, "much", True])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(jumar.SettingsError, match="audit takes a number from 0 to 1"):
        jumar.Session(jumar.Store.in_memory(), audit=share)
