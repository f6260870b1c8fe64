"""The account of a memory budget, and the loads of calls, against a plain list."""

from hypothesis import given
from hypothesis import strategies as st

from jumar.memory.account import Account
from jumar.memory.loads import Loads

NUMBERS = st.integers(0, 4)
SIZES = st.integers(0, 50)
ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("enter"), NUMBERS, SIZES),
        st.tuples(st.just("leave"), NUMBERS, SIZES),
        st.tuples(st.just("forget"), NUMBERS, SIZES),
        st.tuples(st.just("touch"), NUMBERS, SIZES),
        st.tuples(st.just("age"), NUMBERS, SIZES),
        st.tuples(st.just("pin"), NUMBERS, st.sampled_from([1, -1])),
        st.tuples(st.just("use"), NUMBERS, st.integers(0, 50)),
    ),
    max_size=40,
)


@given(ACTIONS, st.integers(1, 100))
def test_an_account_is_a_list_of_sizes_in_the_order_of_use(actions, budget):
    account, held, pins, used, peak = Account(budget), [], {}, 0, 0
    for action, number, size in actions:
        places = [place for place, (known, _) in enumerate(held) if known == number]
        entry = held.pop(places[0]) if places and action in ("enter", "leave", "forget", "touch", "age") else None
        if action == "enter":
            held.append((number, size))
            account.enter(number, size)
        elif action == "leave":
            account.leave(number)
        elif action == "forget":
            pins.pop(number, None)
            account.forget(number)
        elif action == "touch":
            held.extend([entry] if entry else [])
            account.touch(number)
        elif action == "age":
            held[:0] = [entry] if entry else []
            account.age(number)
        elif action == "pin":
            pins[number] = max(0, pins.get(number, 0) + size)
            account.pin(number, size)
        else:
            used += size
            account.use(size)
        total = sum(size for _, size in held)
        if action in ("enter", "use"):
            peak = max(peak, total + used)
        assert (account.held_bytes, account.used_bytes) == (total, used)
        assert account.peak_bytes == peak
        assert account.pinned_bytes == sum(size for known, size in held if pins.get(known))
        assert account.excess_bytes == max(0, total + used - budget)
        assert account.oldest() == next((number for number, _ in held if not pins.get(number)), None)
        assert [number in account for number in range(5)] == [
            any(known == number for known, _ in held) for number in range(5)
        ]


def test_without_a_budget_nothing_is_ever_too_much():
    account = Account()
    account.enter(1, 1 << 60)
    loads = Loads(account)
    loads.begin(1, b"", 1 << 60)
    assert (account.excess_bytes, loads.is_short) == (0, False)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3), st.integers(0, 40)), max_size=30))
def test_loads_are_what_calls_that_run_were_given_and_are_expected_to_give(actions):
    account, running = Account(110), {}
    account.pin(1, 1)
    account.enter(1, 10)
    loads = Loads(account)
    loads.note_result(b"code", 10)
    loads.note_result(b"code", 5)
    for begins, number, size in actions:
        if begins:
            loads.begin(number, b"code", size)
            running[number] = size + 10
        else:
            loads.end(number)
            running.pop(number, None)
        assert account.used_bytes == sum(running.values())
        assert loads.is_short == (sum(running.values()) + max(running.values(), default=0) > 100)
