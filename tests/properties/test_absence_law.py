"""The law of absence: what is known without a look at the disk never hides what a look would find, but for a moment."""

from hypothesis import given, settings
from hypothesis import strategies as st

from jumar.clock import ManualClock
from jumar.store.absence import STALE_S
from jumar.store.memory_blobs import MemoryBlobs
from jumar.store.memory_index import MemoryIndex
from jumar.store.records import TaskInfo
from jumar.store.scribe import DirectScribe
from jumar.store.store import Store
from jumar.testing.contracts_index import entry, key_of

CODES = [bytes([number]) * 32 for number in range(3)]
KEYS = range(6)

steps = st.lists(
    st.one_of(
        st.tuples(st.just("record"), st.sampled_from(["mine", "theirs"]), st.sampled_from(KEYS)),
        st.tuples(st.just("ask"), st.sampled_from(["mine", "theirs"]), st.sampled_from(KEYS)),
        st.tuples(st.just("wait"), st.just(""), st.sampled_from([0, 0.1, 2 * STALE_S])),
    ),
    max_size=40,
)


def code_of(number):
    return CODES[number % len(CODES)]


def asked_the_fast_way(store, number):
    """As the engine asks: a code that is new to the store needs no look, unless this process has recorded the key."""
    if store.is_new(code_of(number)) and not store.has_recorded(key_of(number)):
        return None
    return store.find(key_of(number))


@given(steps)
@settings(max_examples=300)
def test_the_fast_path_finds_what_the_plain_path_finds(steps):
    clock, index = ManualClock(), MemoryIndex()
    stores = {name: Store(index, MemoryBlobs(), DirectScribe(index), clock=clock) for name in ("mine", "theirs")}
    recorded_at = {}
    for what, who, number in steps:
        if what == "record":
            task = stores[who].task(TaskInfo(code_of(number), "f", "m"))
            stores[who].record(entry(number, task=task))
            recorded_at.setdefault(number, (who, clock.now_s()))
        elif what == "ask":
            fast, plain = asked_the_fast_way(stores[who], number), stores[who].find(key_of(number))
            by, at_s = recorded_at.get(number, (who, 0.0))
            if by == who or clock.now_s() - at_s > STALE_S:
                assert fast == plain
            else:
                assert fast in (plain, None)
        else:
            clock.advance(number)


@given(st.lists(st.integers(0, 10**6), max_size=50), st.lists(st.integers(0, 10**6), max_size=50))
@settings(max_examples=30)
def test_what_was_recorded_here_is_never_ruled_out(recorded, others):
    index = MemoryIndex()
    store = Store(index, MemoryBlobs(), DirectScribe(index), clock=ManualClock())
    for number in recorded:
        store.record(entry(number))
    assert all(store.has_recorded(key_of(number)) for number in recorded)
    # 4 million slots: of a hundred keys that were not recorded hardly one is taken for one that was.
    assert sum(store.has_recorded(key_of(number)) for number in set(others) - set(recorded)) <= 1
