"""Resources: what is free, what fits, what can never be had; and who stands in line."""

from hypothesis import given
from hypothesis import strategies as st

from jumar.graph.call import CANCELLED, READY, Call
from jumar.graph.parked import Parked
from jumar.graph.resources import Pool

amounts = st.dictionaries(st.sampled_from(["cpu", "gpu", "disk"]), st.integers(0, 5))


@given(amounts, st.lists(amounts))
def test_what_was_taken_and_given_back_is_free_again(capacity, demands):
    pool, untouched = Pool(capacity), Pool(capacity)
    demands = [demand for demand in demands if pool.lacks(demand) is None]
    for demand in demands:
        pool.take(demand)
    for demand in demands:
        pool.give(demand)
    for amount in range(6):
        for name in capacity:
            assert pool.fits({name: amount}) == untouched.fits({name: amount})


@given(amounts, amounts)
def test_a_demand_lacks_something_exactly_if_an_empty_house_could_not_meet_it(capacity, demand):
    can = all(name in capacity and amount <= capacity[name] for name, amount in demand.items())
    assert (Pool(capacity).lacks(demand) is None) == can


def test_ten_tenths_are_one():
    pool = Pool({"gpu": 1})
    for _ in range(10):
        assert pool.fits({"gpu": 0.1})
        pool.take({"gpu": 0.1})
    assert not pool.fits({"gpu": 0.1})


def test_what_is_lacking_is_told_in_words():
    pool = Pool({"gpu": 2, "cpu": 8})
    assert pool.lacks({"gpu": 2.5}) == "2.5 of 'gpu', of which there are 2 in all"
    assert pool.lacks({"tpu": 1}) == "1 of 'tpu', which is no resource of this session (there are: 'gpu', 'cpu')"
    assert Pool({}).lacks({"tpu": 1}).endswith("(there are: none)")


def waiting(name, gpus, priority=0):
    call = Call(name.encode())
    call.state, call.demand, call.priority = READY, {"gpu": gpus}, priority
    return call


def test_whoever_fits_goes_though_a_larger_one_stands_in_another_line():
    pool = Pool({"gpu": 2})
    pool.take({"gpu": 2})
    parked, large, small = Parked(pool), waiting("large", 2), waiting("small", 1)
    parked.add(large)
    parked.add(small)
    pool.give({"gpu": 1})
    parked.look_again()
    assert parked.first() is small
    assert parked.take(small) is small
    assert parked.first() is None


def test_whoever_was_cancelled_in_line_is_forgotten():
    pool = Pool({"gpu": 1})
    pool.take({"gpu": 1})
    parked, first, second = Parked(pool), waiting("first", 1), waiting("second", 1)
    parked.add(first)
    parked.add(second)
    first.state = CANCELLED
    pool.give({"gpu": 1})
    parked.look_again()
    assert parked.first() is second
    second.state = CANCELLED
    assert parked.first() is None
