"""Items and attributes of results to come."""

import pytest

import jumar


@jumar.task
def table(n):
    return {"rows": list(range(n)), "name": "t", ("a", 1): 5}


@jumar.task
def use(x, y=0):
    return (x, y)


def test_an_item_of_a_future_is_a_future_and_of_a_lazy_call_a_lazy_call(session):
    assert table.spawn(3)["rows"][1].result() == 1
    assert jumar.collect(table.lazy(3)["rows"][-1]) == 2
    assert jumar.item(table.spawn(3), ("a", 1)).result() == 5
    assert jumar.attr(jumar.spawn(complex, 3, 4), "imag").result() == 4.0
    assert jumar.collect(jumar.attr(jumar.delayed(complex)(3, 4), "real")) == 3.0
    assert (jumar.item({"a": 1}, "a"), jumar.attr(1j, "imag")) == (1, 1.0)


def test_an_item_stands_among_arguments_and_may_be_chosen_by_a_result(session):
    assert use(table.spawn(3)["name"], y=[table.spawn(3)["rows"]]) == ("t", [[0, 1, 2]])
    assert table.spawn(5)["rows"][table.spawn(3)["rows"][2]].result() == 2
    assert jumar.collect(use.lazy(table.lazy(3)["name"])) == ("t", 0)


def test_a_call_that_needs_an_item_is_found_again_and_the_item_is_not_taken(tally):
    store = jumar.Store.in_memory()

    @jumar.task
    def load():
        tally.add("load")
        return {"a": 1, "b": 2}

    with jumar.Session(store) as session:
        assert jumar.collect(use.lazy(load.lazy()["a"])) == (1, 0)
        assert session.counts()[:2] == (2, 0)
    store.remove([bytes.fromhex(load.key())])
    with jumar.Session(store) as session:
        assert jumar.collect(use.lazy(load.lazy()["a"])) == (1, 0)
        assert session.counts()[:2] == (0, 1)
        assert use(1) == (1, 0)
        assert session.counts()[:2] == (0, 2)
    assert tally.total == 1


def test_an_edited_upstream_with_an_equal_item_stops_the_change():
    store = jumar.Store.in_memory()
    for load in (lambda: {"a": 1, "b": 2}, lambda: {"a": 1, "b": 3}):
        with jumar.Session(store) as session:
            assert use.spawn(jumar.spawn(load)["a"]).result() == (1, 0)
    assert session.counts()[:2] == (1, 1)


def test_items_are_neither_kept_nor_counted_nor_told(session):
    events = []
    session.listen(events.append)
    future = table.spawn(3)["rows"]
    assert future.result() == [0, 1, 2]
    assert session.counts()[:4] == (1, 0, 0, 0)
    assert [event.task for event in events] == ["table"]
    assert [call.task.name for call in session.store.calls()] == ["table"]


def test_a_missing_item_is_the_error_that_python_gives(session):
    with pytest.raises(KeyError, match="colour"):
        table.spawn(3)["colour"].result()
    with pytest.raises(AttributeError, match="colour"):
        use.spawn(jumar.attr(table.spawn(3), "colour")).result()
    with pytest.raises(jumar.FingerprintError, match="key"):
        table.spawn(3)[object()]


def test_a_failed_whole_fails_its_parts(session):
    with pytest.raises(ZeroDivisionError):
        jumar.spawn(divmod, 1, 0)[0].result()
    assert session.counts().failed == 1


def test_a_result_to_come_cannot_be_iterated(session):
    for future in (table.spawn(3), table.lazy(3)):
        with pytest.raises(TypeError, match="not iterable"):
            list(future)
        with pytest.raises(TypeError, match="not iterable"):
            _, _ = future
        with pytest.raises(TypeError, match=r"not .*(iterable|container)"):
            assert 3 not in future


def test_a_misspelt_method_is_an_error_and_no_attribute_of_the_result(session):
    for future in (table.spawn(3), table.lazy(3)):
        with pytest.raises(AttributeError, match="resutl"):
            future.resutl()


def test_an_item_that_never_repeats_is_found_by_its_value(session):
    roll = jumar.task(reuse="never")(lambda: [7])
    for _ in range(2):
        assert use.spawn(roll.spawn()[0]).result() == (7, 0)
    assert session.counts()[:2] == (3, 1)
