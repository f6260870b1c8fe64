"""When a kept result is used: two addresses, and the switches."""

import numpy as np
import pytest

import jumar
from jumar.clock import ManualClock
from jumar.engine import Engine


@pytest.fixture
def store():
    return jumar.Store.in_memory()


def in_session(store, **settings):
    return jumar.Session(store, "inline", **settings)


# -- two addresses ---------------------------------------------------------------------------------------------------


def pipeline(tally, load):
    """A task that loads (given), and two that follow it."""

    @jumar.task
    def clean(rows):
        tally.add("clean")
        return [row for row in rows if row]

    @jumar.task
    def total(rows):
        tally.add("total")
        return sum(rows)

    return total.spawn(clean.spawn(jumar.spawn(load)))


def test_an_edited_upstream_with_an_equal_result_reruns_nothing_downstream(store, tally):
    def load():
        tally.add("load")
        return [1, 0, 2]

    def load_edited():
        tally.add("load", "edited")
        return [1, *[0], 2]

    with in_session(store):
        assert pipeline(tally, load).result() == 3
    with in_session(store) as session:
        assert pipeline(tally, load_edited).result() == 3
        assert session.counts()[:2] == (1, 2)
    assert (tally["clean"], tally["total"], tally["load", "edited"]) == (1, 1, 1)


def test_an_edited_upstream_with_another_result_reruns_what_sees_the_difference(store, tally):
    with in_session(store):
        assert pipeline(tally, lambda: [1, 0, 2]).result() == 3
    with in_session(store) as session:
        assert pipeline(tally, lambda: [1, 0, 0, 2]).result() == 3
        assert session.counts()[:2] == (2, 1)
    assert (tally["clean"], tally["total"]) == (2, 1)  # clean ran again, and its equal result stopped the change


def test_what_was_found_by_its_values_is_found_by_its_calls_next_time(store, tally):
    first, second = (lambda: [1, 2]), (lambda: [1, *[2]])
    for load in (first, second):
        with in_session(store):
            pipeline(tally, load).result()
    with in_session(store) as session:
        pipeline(tally, second).result()
        assert session.counts()[:2] == (0, 3)
    assert tally["clean"] == 1


def test_a_call_with_a_value_and_a_call_with_a_future_of_it_are_one(store, tally):
    @jumar.task
    def five():
        return 5

    @jumar.task
    def double(x):
        tally.add("double")
        return 2 * x

    with in_session(store):
        assert double.spawn(five.spawn()).result() == 10
        assert double(5) == 10
    with in_session(store):
        assert double(5) == 10
    assert tally["double"] == 1


def test_early_cutoff_works_for_arrays(store, tally):
    @jumar.task
    def norm(array):
        tally.add("norm")
        return float(np.abs(array).sum())

    for make in (lambda: np.arange(10_000.0), lambda: np.arange(0.0, 10_000.0)):
        with in_session(store):
            assert norm.spawn(jumar.spawn(make)).result() == sum(range(10_000))
    assert tally["norm"] == 1


def test_an_input_without_identity_only_costs_early_cutoff(store, tally):
    @jumar.task(checkpoint=False)
    def make():
        return iter([1, 2])

    @jumar.task
    def consume(items):
        tally.add("consume")
        return list(items)

    for _ in range(2):
        with in_session(store):
            assert consume.spawn(make.spawn()).result() == [1, 2]
    assert tally["consume"] == 1


# -- the switches ----------------------------------------------------------------------------------------------------


def test_a_call_that_is_never_reused_runs_each_time_and_what_depends_on_it_only_if_its_value_differs(store, tally):
    @jumar.task(reuse="never")
    def measure():
        tally.add("measure")
        return [1, 1, 2][tally["measure"] - 1]

    @jumar.task
    def double(x):
        tally.add("double")
        return 2 * x

    with in_session(store):
        assert [double.spawn(measure.spawn()).result() for _ in range(3)] == [2, 2, 4]
    assert tally["double"] == 2
    assert store.totals().calls == 2


def test_reuse_within_a_run_ends_with_the_run(store, tally):
    @jumar.task(reuse="run")
    def today():
        tally.add("today")
        return tally["today"]

    for expected in (1, 2):
        with in_session(store):
            assert [today(), today.spawn().result()] == [expected, expected]


def test_refresh_runs_again_and_replaces(store, tally):
    @jumar.task
    def count():
        tally.add("count")
        return tally["count"]

    with in_session(store):
        assert count() == 1
        assert count.options(refresh=True)() == 2
        assert count() == 2
    with in_session(store):
        assert count() == 2


@pytest.mark.parametrize(
    ("mode", "computed", "kept"), [("on", 0, True), ("read-only", 0, True), ("refresh", 1, True), ("off", 1, True)]
)
def test_a_session_can_look_and_keep_separately(store, tally, mode, computed, kept):
    @jumar.task
    def square(x):
        return x * x

    with in_session(store):
        square(2)
    with in_session(store, reuse=mode) as session:
        square(2)
        square(3)
        assert session.counts().computed == computed + 1
    assert store.totals().calls == (1 if mode in ("read-only", "off") else 2)


def test_reuse_can_be_switched_off_from_outside(store, monkeypatch):
    @jumar.task
    def square(x):
        return x * x

    with in_session(store):
        square(2)
    monkeypatch.setenv("JUMAR_REUSE", "off")
    with in_session(store) as session:
        square(2)
        assert session.counts().computed == 1


def test_a_result_older_than_its_time_to_live_is_computed_anew(store, tally):
    clock = ManualClock(1000.0)

    @jumar.task(ttl_s=60)
    def price():
        tally.add("price")
        return tally["price"]

    def ask():
        with in_session(store) as session:
            session.engine = Engine(store, session.engine._executor, session._hear, owner=session, clock=clock)
            return price()

    assert ask() == 1
    clock.advance(59)
    assert ask() == 1
    clock.advance(2)
    assert ask() == 2
    assert ask() == 2


def test_ignored_parameters_do_not_belong_to_the_key(session, tally):
    @jumar.task(ignore=["verbose"])
    def fit(x, verbose=False):
        tally.add("fit")
        return x

    assert [fit(1), fit(1, verbose=True), fit(2)] == [1, 1, 2]
    assert tally["fit"] == 2
    with pytest.raises(jumar.ArgumentError):
        fit(1, loud=True)


def test_an_argument_without_identity_may_be_ignored(session):
    import threading

    @jumar.task(ignore=["lock"])
    def locked(x, lock):
        with lock:
            return x

    assert locked(1, threading.Lock()) == 1
    assert locked.spawn(1, lock=threading.Lock()).result() == 1


def test_a_key_function_says_what_identifies_the_arguments(session, tally):
    @jumar.task(key=lambda user, stamp: user["id"])
    def greet(user, stamp):
        tally.add("greet")
        return f"hello {user['name']}"

    assert greet({"id": 1, "name": "Ada"}, 5) == "hello Ada"
    assert greet({"id": 1, "name": "Ada L."}, 6) == "hello Ada"
    assert greet({"id": 2, "name": "Bob"}, 5) == "hello Bob"


def test_code_can_count_by_its_version_alone(session, tally):
    def written(how):
        if how == "plainly":

            def identity(x):
                tally.add("run")
                return x
        else:

            def identity(x):
                tally.add("run")
                return x + 0

        return identity

    by_version = jumar.task(code="version", version="1")
    assert by_version(written("plainly"))(1) == 1
    assert by_version(written("oddly"))(1) == 1
    assert tally["run"] == 1
    assert jumar.task(code="version", version="2")(written("plainly"))(1) == 1
    assert tally["run"] == 2


def test_the_version_of_a_library_joins_the_key_where_it_is_asked_for():
    def plain(x):
        return x

    with in_session(jumar.Store.in_memory()):
        assert jumar.task(plain).key(1) != jumar.task(env=["numpy"])(plain).key(1)
    with pytest.raises(jumar.DeclarationError, match="of which no version is installed"):
        jumar.task(env=["no_such_library"])(plain)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reuse": "sometimes"}, "reuse= takes 'always', 'run' or 'never'"),
        ({"ttl_s": -1}, "ttl_s= takes a number of seconds"),
        ({"ignore": ["z"]}, "ignore= names 'z', but the parameters are x, y"),
        ({"ignore": "x"}, "ignore= takes a list of parameter names"),
        ({"key": 3}, "key= takes a function"),
        ({"key": len, "ignore": ["x"]}, "exclude each other"),
        ({"code": "shallow"}, "code= takes 'deep', 'own' or 'version'"),
        ({"code": "version"}, "needs a version="),
        ({"env": "numpy"}, "env= takes a list of names of libraries"),
        ({"refresh": 1}, "refresh= takes True or False"),
    ],
)
def test_an_option_that_cannot_work_is_refused_when_the_task_is_declared(options, message):
    def f(x, y):
        return x

    with pytest.raises(jumar.DeclarationError, match=message):
        jumar.task(**options)(f)
