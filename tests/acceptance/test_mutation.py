"""Nobody's change of a value reaches anybody else: on each executor, for each way in which the value came, in and out.

And a value behaves in the same way whichever way it came: who may write into it the first time may so later.
"""

import numpy as np
import pytest

import jumar

EXECUTORS = ["inline", "threads", "processes"]
ORIGINS = ["fresh", "restored", "spilled", "unkept"]
COUNT = 100_000
KINDS = {
    "array": lambda: np.arange(COUNT, dtype=np.float64),
    "small array": lambda: np.arange(8.0),
    "bytearray": lambda: bytearray(b"0" * COUNT),
    "structure": lambda: {"parts": [np.arange(COUNT, dtype=np.int64), [1, 2]], "more": {"name": "x"}},
}


@pytest.fixture(params=EXECUTORS)
def executor(request):
    return request.param


@pytest.fixture(params=ORIGINS)
def origin(request):
    return request.param


@jumar.task
def made(kind):
    return KINDS[kind]()


@jumar.task
def other():
    return np.zeros(COUNT)


def changed(value):
    """Change a value wherever it can be changed; what it is after that."""
    if isinstance(value, dict):
        changed(value["parts"][0])
        value["parts"].append("more")
        value["more"]["name"] = "y"
    else:
        value[:] = type(value)(b"1" * len(value)) if isinstance(value, bytearray) else -1
    return value


@jumar.task
def change(value):
    return told(changed(value))


@jumar.task
def look(value):
    return told(value)


def told(value):
    """What a value is, in words that can be compared, and whether what is in it may be written to."""
    if isinstance(value, dict):
        return {name: told(part) for name, part in value.items()}
    if isinstance(value, list):
        return [told(part) for part in value]
    if isinstance(value, np.ndarray):
        return str(value.dtype), value.shape, float(value.sum()), value.flags.writeable, value.flags.aligned
    return repr(value)


def as_made(kind):
    return told(KINDS[kind]())


def opened(folder, executor, origin):
    """A session in which a result of ``made`` is to be had in that way; ``spilled`` and ``unkept`` ones are kept nowhere."""
    workers = None if executor == "inline" else 2
    if origin == "restored":
        with jumar.Session(folder / "store", "inline"):
            for kind in KINDS:
                made(kind)
    return jumar.Session(folder / "store", executor, workers, memory=1000 if origin == "spilled" else None)


def source(kind, origin):
    """The task's future, as the origin wants it."""
    if origin in ("fresh", "restored"):
        return made.spawn(kind)
    future = made.options(checkpoint=False).spawn(kind)
    if origin == "unkept":
        return future
    place = future.chunk().place
    assert place == "disk" or kind == "small array"
    return future


def test_an_argument_that_is_changed_in_place_is_changed_for_nobody_else(tmp_path, executor, origin):
    with opened(tmp_path, executor, origin):
        for kind, make in KINDS.items():
            future = source(kind, origin)
            after = told(changed(make()))
            # The task can change it, whichever way it came: first and later, alone and beside others.
            assert change.spawn(future).result() == after
            others = [change.options(code="version", version=str(number)).spawn(future) for number in range(3)]
            assert jumar.gather(others) == [after] * 3
            assert look.spawn(future).result() == told(future.result()) == as_made(kind)
    check_that_the_store_has_them_as_they_were_made(tmp_path, origin)


def test_a_result_that_is_changed_in_place_is_changed_for_nobody_else(tmp_path, executor, origin):
    with opened(tmp_path, executor, origin):
        for kind in KINDS:
            future = source(kind, origin)
            mine = future.result()
            assert told(mine) == as_made(kind)
            changed(mine)
            assert told(future.result()) == told(mine)  # it is one object, and mine
            assert look.spawn(future).result() == told(future.chunk().fetch()) == as_made(kind)
            assert told(source(kind, origin).result()) == as_made(kind)
    check_that_the_store_has_them_as_they_were_made(tmp_path, origin)


def check_that_the_store_has_them_as_they_were_made(folder, origin):
    if origin in ("fresh", "restored"):
        with jumar.Session(folder / "store", "inline") as later:
            assert [told(made(kind)) for kind in KINDS] == [as_made(kind) for kind in KINDS]
            assert later.counts().computed == 0


def test_what_was_put_and_what_stays_at_hand_is_changed_for_nobody_else(tmp_path, executor):
    with opened(tmp_path, executor, "fresh") as session:
        for kind, make in KINDS.items():
            value = make()
            chunk = jumar.put(value)
            changed(value)
            assert change.spawn(chunk).result() == told(changed(make()))
            changed(chunk.fetch())
            assert told(chunk.fetch()) == look.spawn(chunk).result() == as_made(kind)
            before = session.counts().computed
            for option in ("persist", "cache"):
                task = made.options(checkpoint=False, version=option, **{option: True})
                changed(task(kind))
                assert told(task(kind)) == told(task.spawn(kind).result()) == as_made(kind)
                assert change.spawn(task.spawn(kind)).result() == told(changed(make()))
                assert look.spawn(task.spawn(kind)).result() == as_made(kind)
            assert session.counts().computed == before + 2


@pytest.mark.parametrize("executor", EXECUTORS)
def test_what_is_computed_and_kept_of_an_unkept_value_is_computed_of_the_value_as_it_was_made(tmp_path, executor):
    workers = None if executor == "inline" else 2
    with jumar.Session(tmp_path / "store", executor, workers):
        for kind in KINDS:
            future = made.options(checkpoint=False).spawn(kind)
            change.spawn(future).result()
            look.spawn(future).result()
    with jumar.Session(tmp_path / "store", "inline") as later:
        assert [look(made(kind)) for kind in KINDS] == [as_made(kind) for kind in KINDS]
        assert later.counts().restored == len(KINDS)  # what was looked at is found by its values
