"""What hooks see of a call."""

import jumar
from jumar.graph.call_info import CallInfo, call_info


@jumar.task
def add(x, y, *more, scale=1):
    return x + y


def test_arguments_are_shown_by_their_names(threads):
    shown = call_info(add.lazy(1, [2], 3, scale=4)._call, 2.5)
    assert shown.arguments == {"x": 1, "y": [2], "more": (3,), "scale": 4}
    assert (shown.task, shown.seconds) == (add.name, 2.5)
    assert shown.key == add.key(1, [2], 3, scale=4)


def test_another_call_among_the_arguments_is_shown_without_its_own(threads):
    inner = add.lazy(1, add.lazy(2, 3))
    shown = call_info(add.lazy([inner], {"k": (inner,)})._call)
    stands_for_it = CallInfo(inner.key, add.name, {})
    assert shown.arguments["x"] == [stands_for_it]
    assert shown.arguments["y"] == {"k": (stands_for_it,)}


def test_shown_calls_can_stand_in_sets(threads):
    first, again, other = (call_info(add.lazy(x, 1)._call) for x in (1, 1, 2))
    assert len({first, again, other}) == 2
