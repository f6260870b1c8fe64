"""The order in which calls run: what was computed is used while it is at hand, and let go of as soon as nobody needs it."""

import tracemalloc

import pytest

import jumar

PARTS, PART_BYTES = 60, 1 << 20


@jumar.task(checkpoint=False)
def part(number):
    ran.append(("part", number))
    return bytes([number]) * PART_BYTES


@jumar.task(checkpoint=False)
def length(data):
    ran.append(("length", data[0]))
    return len(data)


@jumar.task(checkpoint=False)
def total(lengths):
    return sum(lengths)


class Ran(list):
    """What ran, in order; no part of what tasks compute."""

    def __jumar_key__(self):
        return "ran"


ran = Ran()


@pytest.fixture(autouse=True)
def nothing_ran():
    ran.clear()


def run(form):
    if form == "lazy":
        return jumar.collect(total.lazy([length.lazy(part.lazy(number)) for number in range(PARTS)]))
    return total.spawn([length.spawn(part.spawn(number)) for number in range(PARTS)]).result()


@pytest.mark.parametrize("form", ["lazy", "spawn"])
@pytest.mark.parametrize("executor", ["threads", "inline"])
def test_each_part_is_used_before_the_next_one_is_made(executor, form):
    with jumar.Session(jumar.Store.in_memory(), executor, 1 if executor == "threads" else None):
        assert run(form) == PARTS * PART_BYTES
    assert ran == [(what, number) for number in range(PARTS) for what in ("part", "length")]


@pytest.mark.parametrize("form", ["lazy", "spawn"])
@pytest.mark.parametrize("executor", ["threads", "inline"])
def test_what_nobody_needs_any_more_takes_no_memory(executor, form):
    with jumar.Session(jumar.Store.in_memory(), executor, 2 if executor == "threads" else None):
        tracemalloc.start()
        try:
            assert run(form) == PARTS * PART_BYTES
            peak_bytes = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak_bytes < 12 * PART_BYTES


@pytest.mark.parametrize("form", ["lazy", "spawn", "direct"])
def test_arguments_are_captured_when_the_call_is_made(session, gate, form):
    @jumar.task(checkpoint=False)
    def held(number):
        return number

    @jumar.task(checkpoint=False)
    def joined(words, by, table, after):
        return by.join(words), dict(table)

    words, table = ["a", ["b"]][:1], {"x": [1]}
    if form == "direct":
        assert joined(words, "-", table, 0) == ("a", {"x": [1]})
        return
    call = getattr(joined, form)(words, "-", table, held.lazy(1))
    words.append("late")
    table["y"] = table["x"].append(2)
    assert (jumar.collect(call) if form == "lazy" else call.result()) == ("a", {"x": [1]})
