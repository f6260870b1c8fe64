"""Nobody's change of a value reaches the store, another call, or another reader."""

import pytest

import jumar


def test_changing_a_result_changes_neither_the_kept_one_nor_another_readers(session):
    @jumar.task
    def make():
        return {"items": [1, 2]}

    first = make.spawn().result()
    first["items"].append(3)
    assert make.spawn().result() == {"items": [1, 2]}
    assert make() == {"items": [1, 2]}


def test_two_futures_of_one_call_have_values_of_their_own(threads, gate):
    @jumar.task
    def make():
        gate.pass_through()
        return [1]

    one, two = make.spawn(), make.spawn()
    gate.open()
    one.result().append(2)
    assert two.result() == [1]
    assert one.result() == [1, 2]
    assert one.result() is one.result()


def test_a_task_that_changes_its_input_in_place_harms_no_other(session):
    @jumar.task
    def make():
        return [3, 1, 2]

    @jumar.task
    def in_order(items):
        items.sort()
        return items

    @jumar.task
    def as_given(items):
        return items

    source = make.spawn()
    assert in_order.spawn(source).result() == [1, 2, 3]
    assert as_given.spawn(source).result() == [3, 1, 2]
    assert source.result() == [3, 1, 2]


def test_arguments_are_captured_when_the_call_is_made(threads, gate):
    @jumar.task
    def held():
        gate.pass_through()
        return 0

    @jumar.task
    def total(items, _):
        return sum(items)

    items = [1, 2]
    future = total.spawn(items, held.spawn())
    items.append(100)
    gate.open()
    assert future.result() == 3
    assert total([1, 2], 0) == 3


class Box:
    """Not a container that is captured: shared with the caller."""

    def __init__(self, value):
        self.value = value


def test_a_result_computed_from_a_changed_argument_is_not_kept_under_the_old_key(tally):
    @jumar.task
    def grow(box):
        tally.add("run")
        box.value += 1
        return box.value

    with jumar.Session(jumar.Store.in_memory(), "inline"):
        with pytest.warns(jumar.StoreWarning, match="an argument was changed"):
            assert grow.spawn(Box(1)).result() == 2
        with pytest.warns(jumar.StoreWarning, match="an argument was changed"):
            assert grow(Box(1)) == 2
    assert tally["run"] == 2
