"""Whatever is asked of results within a budget, in whatever order: values are as they were made, and memory is bounded."""

import gc
import tempfile

from hypothesis import given, settings
from hypothesis import strategies as st

import jumar

SIZE = 20_000
BUDGET = 3 * SIZE + 1_000

WAYS = {
    "kept": {},
    "not kept": {"checkpoint": False},
    "persist": {"checkpoint": False, "persist": True},
    "cache": {"checkpoint": False, "cache": True},
}
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("make"), st.sampled_from([*WAYS, "put"]), st.integers(0, 5)),
        st.tuples(st.just("fetch"), st.integers(0, 9), st.booleans()),
        st.tuples(st.just("use"), st.integers(0, 9), st.integers(0, 9)),
        st.tuples(st.just("forget"), st.integers(0, 9), st.just(0)),
    ),
    min_size=5,
    max_size=30,
)


@jumar.task
def make(way, seed):
    return as_made(seed)


@jumar.task(checkpoint=False)
def both(one, other):
    answer = one[0], other[0], len(one) + len(other)
    one[:] = other[:] = bytearray(b"changed")
    return answer


def as_made(seed):
    return bytearray([seed]) * SIZE


@settings(deadline=None, max_examples=20)
@given(STEPS, st.sampled_from(["inline", "threads"]))
def test_values_are_as_they_were_made_and_memory_is_bounded(steps, executor):
    with tempfile.TemporaryDirectory() as folder, jumar.Session(folder + "/store", executor, memory=BUDGET) as session:
        held = []
        for step, one, other in steps:
            if step == "make":
                value = (
                    jumar.put(as_made(other)) if one == "put" else make.options(**WAYS[one]).spawn(one, other).chunk()
                )
                held.append((value, other))
            elif held and step == "fetch":
                chunk, seed = held[one % len(held)]
                value = chunk.fetch()
                assert value == as_made(seed)
                assert (chunk.type, chunk.length, chunk.size_bytes > SIZE) == ("bytearray", SIZE, True)
                if other:
                    value[:] = b"changed"
            elif held and step == "use":
                (left, seed), (right, another) = held[one % len(held)], held[other % len(held)]
                assert both.spawn(left, right).result() == (seed, another, 2 * SIZE)
            elif held:
                held.pop(one % len(held))
            counts = session.memory()
            assert counts.held_bytes <= BUDGET
            assert executor == "threads" or counts.used_bytes == 0  # a worker may be about to say that it is done
        for chunk, seed in held:
            assert chunk.fetch() == as_made(seed)
        held = chunk = value = left = right = None
        pool = session.engine.pooled()
    gc.collect()  # all threads have ended, and nobody refers to anything
    assert pool.counts().held_bytes == 0
