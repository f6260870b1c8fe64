"""Which results are kept where calls make calls: the examples of Ray Workflows' checkpoint page, by execution counts."""

from contextlib import suppress

import pytest

import jumar


class Log:
    """Counts runs, and says where one fails. Says itself that it is no part of what tasks compute."""

    def __init__(self):
        self.runs, self.failing = [], set()

    def __jumar_key__(self):
        return "log"

    def __reduce__(self):
        return _the_log, ()

    def note(self, *what):
        self.runs.append(what)
        if what in self.failing:
            raise RuntimeError(f"{what} fails")

    def taken(self):
        """What ran since this was asked last, in order of names."""
        runs, self.runs = self.runs, []
        return sorted(runs, key=repr)


log = Log()


def _the_log():
    return log


@pytest.fixture(autouse=True)
def empty_log():
    log.runs, log.failing = [], set()


@pytest.fixture(params=["threads", "inline"])
def program(request, tmp_path):
    """Runs a program in a new session on one store; what ran. An error of it is dropped.

    With one worker: how far eager calls are when the one that made them returns is chance with more.
    """
    workers = 1 if request.param == "threads" else None

    def run(main, failing=(), **options):
        log.failing = set(failing)
        with suppress(RuntimeError), jumar.Session(tmp_path, request.param, workers, **options):
            main()
        return log.taken()

    return run


# -- example 1: a simple workflow --------------------------------------------------------------------------------------


@jumar.task
def read_data(num):
    log.note("read_data")
    return list(range(num))


@jumar.task
def preprocessing(data):
    log.note("preprocessing")
    return [d**2 for d in data]


@jumar.task
def aggregate(data):
    log.note("aggregate")
    return sum(data)


def simple(form, **options):
    def main():
        data = getattr(read_data.options(**options), form)(10)
        output = aggregate.spawn(getattr(preprocessing, form)(data))
        assert output.result() == 285

    return main


@pytest.mark.parametrize("form", ["spawn", "lazy"])
def test_by_default_everything_is_kept(program, form):
    assert program(simple(form)) == [("aggregate",), ("preprocessing",), ("read_data",)]
    assert program(simple(form)) == []


def test_what_is_not_kept_is_not_read_again_where_what_needs_it_is_kept(program):
    main = simple("lazy", checkpoint=False)
    assert program(main) == [("aggregate",), ("preprocessing",), ("read_data",)]
    assert program(main) == []


def test_eager_calls_run_again_what_is_not_kept_and_nothing_else(program):
    main = simple("spawn", checkpoint=False)
    program(main)
    # What needs it is found: where no worker has begun with it by then, it does not run at all.
    assert program(main) in ([("read_data",)], [])


def test_after_a_failure_only_what_was_not_kept_or_had_not_ended_runs_again(program):
    main = simple("lazy", checkpoint=False)
    assert program(main, failing={("preprocessing",)}) == [("preprocessing",), ("read_data",)]
    assert program(main, failing={("aggregate",)}) == [("aggregate",), ("preprocessing",), ("read_data",)]
    assert program(main) == [("aggregate",)]


def test_what_is_kept_gives_a_dependant_the_same_input_after_a_failure(program):
    main = simple("lazy")
    program(main, failing={("preprocessing",)})
    assert program(main) == [("aggregate",), ("preprocessing",)]


# -- example 2: a nested workflow --------------------------------------------------------------------------------------


@jumar.task
def book_flight(origin, dest, date):
    log.note("book_flight", origin)
    return f"{origin}-{dest} {date}"


@jumar.task
def book_hotel(dest, dates):
    log.note("book_hotel")
    return f"{dest} {dates}"


@jumar.task
def finalize(flights, hotels):
    log.note("finalize")
    return [*flights, *hotels]


@jumar.task
def book_trip(origin, dest, dates, kept, form):
    """``kept`` are the names of the tasks that say True; the others say nothing."""
    log.note("book_trip")
    flight, hotel, final = (
        each.options(checkpoint=True) if each.name in kept else each for each in (book_flight, book_hotel, finalize)
    )
    there = getattr(flight, form)(origin, dest, dates[0])
    back = getattr(flight, form)(dest, origin, dates[1])
    room = getattr(hotel, form)(dest, dates)
    return getattr(final, form)([there, back], [room])


PARTS = [("book_flight", "OAK"), ("book_flight", "SAN"), ("book_hotel",)]
ALL = [*PARTS, ("book_trip",), ("finalize",)]


def trip(*kept, form="lazy", **options):
    def main():
        receipt = book_trip.options(**options).spawn("OAK", "SAN", ["6/12", "7/5"], kept, form).result()
        assert receipt == ["OAK-SAN 6/12", "SAN-OAK 7/5", "SAN ['6/12', '7/5']"]

    return main


@pytest.mark.parametrize("form", ["lazy", "spawn"])
def test_a_kept_parent_and_its_kept_children_run_once(program, form):
    main = trip(form=form)
    assert program(main, failing={("finalize",)}) == ALL
    assert program(main) == [("finalize",)]
    assert program(main) == []


@pytest.mark.parametrize("form", ["lazy", "spawn"])
def test_children_take_over_that_their_parent_is_not_kept(program, form):
    main = trip(form=form, checkpoint=False)
    assert program(main, failing={("finalize",)}) == ALL
    assert program(main, failing={("finalize",)}) == ALL
    assert program(main) == ALL
    assert program(main) == ALL


@pytest.mark.parametrize("form", ["lazy", "spawn"])
def test_kept_children_of_a_parent_that_is_not_kept_are_found_when_it_runs_again(program, form):
    """Ray refuses this: it would have no graph to which the children's results belong. Here they have keys."""
    main = trip("book_flight", form=form, checkpoint=False)
    assert program(main, failing={("finalize",)}) == ALL
    assert program(main) == [("book_hotel",), ("book_trip",), ("finalize",)]


def test_a_kept_end_of_a_graph_hides_the_rest_of_it(program):
    main = trip("finalize", checkpoint=False)
    assert program(main) == ALL
    assert program(main) == [("book_trip",)]


def test_the_graph_of_a_kept_parent_is_not_lost_when_its_children_are_not_kept(program):
    @jumar.task
    def fleeting(n):
        log.note("fleeting", n)
        return n

    @jumar.task
    def last(parts):
        log.note("last")
        return sum(parts)

    @jumar.task
    def parent():
        log.note("parent")
        return last.lazy([fleeting.options(checkpoint=False).lazy(n) for n in (1, 2)])

    def main():
        assert parent.spawn().result() == 3

    assert program(main, failing={("last",)}) == [("fleeting", 1), ("fleeting", 2), ("last",), ("parent",)]
    assert program(main) == [("fleeting", 1), ("fleeting", 2), ("last",)]
    assert program(main) == []


# -- example 3: a recursive workflow -----------------------------------------------------------------------------------


@jumar.task
def foo(n):
    log.note("foo", n)
    return n


@jumar.task
def exp(array, n, period, foo_options, form, _=None):
    log.note("exp", n)
    if n == 0:
        return array
    dep = getattr(foo.options(**foo_options), form)(n)
    doubled = [2 * x for x in array]
    return getattr(exp.options(checkpoint=n % period == 0), form)(doubled, n - 1, period, foo_options, form, dep)


def power(n, period, foo_options, form="lazy"):
    def main():
        assert exp.spawn([1, 3], n, period, foo_options, form).result() == [2**n, 3 * 2**n]

    return main


def levels(name, *numbers):
    return [(name, n) for n in sorted(numbers, key=str)]


@pytest.mark.parametrize("form", ["lazy", "spawn"])
def test_a_recursion_goes_on_from_its_last_kept_level(program, form):
    # The first call is kept, and so is its graph, and that of the levels below a multiple of three: 5 and 2.
    main = power(6, 3, {}, form)
    first = program(main, failing={("exp", 0)})
    assert [run for run in first if run[0] == "exp"] == levels("exp", 0, 1, 2, 3, 4, 5, 6)
    again = program(main)
    assert [run for run in again if run[0] == "exp"] == levels("exp", 0, 1)
    assert program(main) == []


@pytest.mark.parametrize("form", ["lazy", "spawn"])
def test_a_kept_dependence_below_a_level_that_is_not_kept_runs_once(program, form):
    """Ray refuses this too."""
    main = power(6, 3, {"checkpoint": True}, form)
    first = program(main, failing={("exp", 0)})
    assert [run for run in first if run[0] == "foo"] == levels("foo", 1, 2, 3, 4, 5, 6)
    again = program(main)
    assert [run for run in again if run[0] == "foo"] == []


def test_levels_that_are_not_kept_leave_their_dependences_unkept(program):
    main = power(4, 100, {}, "spawn")
    program(main, failing={("exp", 0)})
    again = program(main)
    assert again == [*levels("exp", 0, 1, 2, 3), *levels("foo", 1, 2, 3)]


# -- the rule itself ---------------------------------------------------------------------------------------------------


@jumar.task
def leaf(n):
    log.note("leaf", n)
    return n


@jumar.task
def branch(n, inner):
    log.note("branch", n)
    return leaf.options(checkpoint=inner).spawn(n).result()


@jumar.task
def root(n, middle, inner):
    log.note("root", n)
    return branch.options(checkpoint=middle).spawn(n, inner).result()


SAID = [None, True, False]


@pytest.mark.parametrize("inner", SAID)
@pytest.mark.parametrize("middle", SAID)
@pytest.mark.parametrize("outer", SAID)
def test_each_level_is_kept_as_it_says_or_else_as_the_one_above_it(tmp_path, outer, middle, inner):
    kept = [True]
    for said in (outer, middle, inner):
        kept.append(kept[-1] if said is None else said)
    with jumar.Session(tmp_path, "inline"):
        root.options(checkpoint=outer).spawn(1, middle, inner).result()
    with jumar.Store.open(tmp_path) as store:
        assert {record.task.name for record in store.calls()} == {
            name for name, is_kept in zip(("root", "branch", "leaf"), kept[1:], strict=True) if is_kept
        }


def test_calls_of_a_call_that_is_never_reused_are_kept_all_the_same(tmp_path):
    @jumar.task(reuse="never")
    def driver():
        return leaf.spawn(1).result()

    for _ in range(2):
        with jumar.Session(tmp_path, "inline"):
            assert driver() == 1
    assert log.taken() == [("leaf", 1)]


def test_calls_take_over_whether_and_not_by_which_rule(tmp_path):
    @jumar.task(checkpoint=jumar.Keep(min_seconds=1000.0))
    def parent():
        log.note("parent")
        return leaf.spawn(1).result()

    for _ in range(2):
        with jumar.Session(tmp_path, "inline"):
            assert parent() == 1
    assert log.taken() == [("leaf", 1), ("parent",), ("parent",)]


def test_a_call_that_somebody_wants_kept_is_kept_whoever_made_it_first(tmp_path, gate):
    @jumar.task
    def first():
        gate.pass_through()
        return 1

    with jumar.Session(tmp_path, workers=1):
        one = first.spawn()
        futures = [leaf.options(checkpoint=False).spawn(one), leaf.spawn(one)]
        gate.open()
        assert [future.result() for future in futures] == [1, 1]
    assert log.taken() == [("leaf", 1)]
    with jumar.Session(tmp_path, workers=1):
        assert leaf.spawn(first.spawn()).result() == 1
    assert log.taken() == []


def test_a_graph_that_is_made_again_keeps_what_it_kept_at_first(program):
    """Even where the parent that now asks for it hands down that nothing is kept."""

    @jumar.task
    def asker():
        log.note("asker")
        return middle.options(checkpoint=True).spawn().result()

    def main():
        assert asker.options(checkpoint=False).spawn().result() == 3

    assert program(main, failing={("top",)}) == [("asker",), ("deep",), ("middle",), ("top",)]
    assert program(main, failing={("last",)}) == [("asker",), ("last",), ("top",)]
    assert program(main) == [("asker",), ("last",)]


@jumar.task
def deep():
    log.note("deep")
    return 1


@jumar.task
def top(one):
    log.note("top")
    return last.lazy(one)


@jumar.task
def last(one):
    log.note("last")
    return one + 2


@jumar.task
def middle():
    log.note("middle")
    return top.lazy(deep.lazy())


def test_a_session_decides_where_nobody_has_said(tmp_path):
    with jumar.Session(tmp_path, "inline", options={"checkpoint": False}):
        root.options(checkpoint=None).spawn(1, None, None).result()
        root.options(checkpoint=True).spawn(2, None, None).result()
    with jumar.Store.open(tmp_path) as store:
        assert len(list(store.calls())) == 3
    with jumar.Session(tmp_path, "inline", options={"checkpoint": jumar.Keep(min_seconds=1000.0)}):
        root.options(checkpoint=True).spawn(3, None, None).result()
        root.options(checkpoint=None).spawn(4, None, None).result()
    with jumar.Store.open(tmp_path) as store:
        assert len(list(store.calls())) == 6
