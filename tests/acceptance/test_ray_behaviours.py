"""What Ray's own tests of its workflows checked, as jumar behaves: each by how often things ran.

The behaviours are those of ``python/ray/workflow/tests`` in Ray 2, by topic: recovery, nesting, fork and join, what is kept,
errors, cancelling, queueing, what is known of runs, events, captured arguments, ids, and a hundred runs at once. Virtual
actors are in ``test_actors``, processes that are killed in ``tests/faults``.
"""

import itertools
import threading

import pytest

import jumar
from jumar.runs import RunError, RunFailedError, RunLimitError


class World:
    """What lies outside of the program: what was done, what is broken, and gates. No part of what tasks compute."""

    def __init__(self):
        self.done, self.broken, self.gates, self.here = [], set(), {}, {}

    def __jumar_key__(self):
        return "world"

    def __reduce__(self):
        return _the_world, ()

    def do(self, *what):
        self.done.append(what)
        if what in self.broken:
            raise ConnectionError(f"{what} is broken")

    def stop_at(self, gate):
        self._event(self.here, gate).set()
        assert self._event(self.gates, gate).wait(60), f"nobody opened {gate}"

    def arrived(self, *gates):
        assert all(self._event(self.here, gate).wait(60) for gate in gates), "somebody did not come"

    def open(self, *gates):
        for gate in gates:
            self._event(self.gates, gate).set()

    def times(self, *what):
        return self.done.count(what)

    @staticmethod
    def _event(events, name):
        return events.setdefault(name, threading.Event())


world = World()


def _the_world():
    return world


@pytest.fixture(autouse=True)
def new_world():
    world.__init__()
    yield
    world.open(*world.here)


@pytest.fixture
def again(tmp_path):
    """A new session on the same store, as another program would have."""

    def again(workers=4, **options):
        return jumar.Session(tmp_path / "store", workers=workers, **options)

    return again


@pytest.fixture(params=["inline", "threads"])
def session(request, again):
    with again(None if request.param == "inline" else 4, executor=request.param) as opened:
        yield opened


@jumar.task(reuse="run")
def note(*what):
    world.do(*what)
    return "".join(f"({part})" for part in what)


@jumar.task(reuse="run")
def gathered(*parts):
    return list(parts)


@jumar.task(reuse="run")
def stops(gate):
    world.stop_at(gate)
    world.do("passed", gate)
    return gate


# -- recovery, nesting, fork and join ------------------------------------------------------------------------------------


@jumar.task
def plain():
    return note("fragile")


@jumar.task
def returns_its_rest():
    world.do("root")
    return note.lazy("last", note.lazy("fragile", note.lazy("first")))


@jumar.task
def forks_and_joins():
    world.do("root")
    source = note.lazy("source")
    left, right = note.lazy("left", source), note.lazy("fragile", note.lazy("right"))
    return note.lazy("join", note.lazy("join", right, note.lazy("far", source)), left)


@pytest.mark.parametrize("root", [plain, returns_its_rest, forks_and_joins], ids=lambda task: task.name)
def test_a_run_that_failed_goes_on_with_what_is_left_and_then_is_only_read(again, root):
    fragile = {"plain": ("fragile",), "returns_its_rest": ("fragile", "(first)")}.get(root.name, ("fragile", "(right)"))
    world.broken.add(fragile)
    with again():
        run = root.start(id="x")
        assert run.wait() == "failed"
        with pytest.raises(ConnectionError):
            run.result()
    before = world.done.copy()
    world.broken.clear()
    with again():
        value = jumar.resume("x").result()
    counts = {what: world.done.count(what) for what in world.done}
    assert counts.pop(fragile) == 2
    assert set(counts.values()) <= {1}
    assert len(before) >= 1
    now = len(world.done)
    with again():
        assert jumar.resume("x").result() == value
    assert len(world.done) == now


@jumar.task(reuse="run")
def counts_down(n, result=1):
    world.do("level", n)
    if n == 3:
        world.stop_at("third")
    return counts_down.lazy(n - 1, result * n) if n > 1 else result


def test_a_recursion_that_was_interrupted_goes_on_at_its_frontier(again):
    session = again()
    run = counts_down.start(6, id="x")
    world.arrived("third")
    session.close("now")
    world.open("third")
    assert run.id == "x"
    with again():
        assert jumar.runs.get("x").status() == "interrupted"
        assert jumar.resume("x").result() == 720
    assert [world.times("level", n) for n in (6, 5, 4, 3, 2, 1)] == [1, 1, 1, 2, 1, 1]


def test_a_run_that_does_not_exist_cannot_be_resumed(session):
    with pytest.raises(RunError, match="there is no run 'never'"):
        jumar.resume("never")
    assert jumar.runs.find() == []


def test_all_interrupted_runs_are_resumed_together(again):
    session = again()
    for name in ("a", "b", "c"):
        stops.start(name, id=name)
    world.arrived("a", "b", "c")
    session.close("now")
    world.open("a", "b", "c")
    with again():
        assert sorted(run.result() for run in jumar.runs.resume_all()) == ["a", "b", "c"]
        assert jumar.runs.resume_all() == []


@jumar.task
def many_users_of_one_value():
    block = large.lazy()
    return gathered.lazy(*[measured.lazy(block, n) for n in range(20)])


@jumar.task(reuse="run")
def large():
    world.do("large")
    return bytes(200_000)


@jumar.task(reuse="run")
def measured(block, n):
    world.do("measured", n)
    return len(block) + n


def test_a_value_that_many_need_is_computed_and_kept_once(again):
    world.broken.add(("measured", 19))
    with again():
        assert many_users_of_one_value.start(id="x").wait() == "failed"
    world.broken.clear()
    with again() as session:
        assert jumar.resume("x").result() == [200_000 + n for n in range(20)]
        assert session.store.totals().blobs == 1
    assert world.times("large") == 1
    assert [world.times("measured", n) for n in (0, 18, 19)] == [1, 1, 2]


# -- what is kept ----------------------------------------------------------------------------------------------------------


@jumar.task
def keeps_as_it_is_told(first, second):
    world.do("outer")
    one = note.options(checkpoint=first).lazy("one")
    two = note.options(checkpoint=second).lazy("two", one)
    return note.options(checkpoint=True).lazy("fragile", two)


@pytest.mark.parametrize(("first", "second"), list(itertools.product([True, False, None], repeat=2)))
def test_what_is_not_kept_runs_again_if_it_is_needed_and_nothing_else(again, first, second):
    world.broken.add(("fragile", "(two)((one))"))
    with again():
        assert keeps_as_it_is_told.start(first, second, id="x").wait() == "failed"
    world.broken.clear()
    with again():
        jumar.resume("x").result()
    assert world.times("outer") == 1
    assert world.times("two", "(one)") == (2 if second is False else 1)
    assert world.times("one") == (2 if second is False and first is False else 1)


# -- errors ----------------------------------------------------------------------------------------------------------------


@jumar.task(reuse="run")
def unstable(most):
    world.do("tried")
    if world.times("tried") < most:
        raise ValueError(f"not before the {most}th time")
    return most


@pytest.mark.parametrize("most", [11, 12])
@pytest.mark.parametrize("catch", [False, True])
def test_a_task_is_tried_as_often_as_it_may_be(session, most, catch):
    run = unstable.options(retries=10, catch=catch).start(most, id="x")
    if catch:
        value, error = run.result()
        assert (value, type(error)) == ((11, type(None)) if most == 11 else (None, ValueError))
    elif most == 11:
        assert run.result() == 11
    else:
        with pytest.raises(ValueError, match="12th"):
            run.result()
    assert world.times("tried") == 11


def test_retries_are_no_negative_number():
    with pytest.raises(jumar.DeclarationError, match="retries= takes"):
        unstable.options(retries=-2)


@jumar.task(reuse="run")
def fails_after(n):
    world.do("down", n)
    if n == 0:
        raise ValueError("at the bottom")
    return fails_after.lazy(n - 1)


@jumar.task(reuse="run")
def ends_well_or_not(well):
    return gathered.lazy(note.lazy("good") if well else fails_after.lazy(0))


@pytest.mark.parametrize(
    ("task", "argument", "value"),
    [(fails_after, 5, None), (ends_well_or_not, False, None), (ends_well_or_not, True, ["(good)"])],
    ids=["of the last of a chain", "of what the rest needs", "none"],
)
def test_errors_in_what_a_task_returned_are_its_answer_where_it_catches(again, task, argument, value):
    for _ in range(2):  # the second time it is only read
        with again():
            found, error = task.options(catch=True).start(argument, id="x").result()
        assert found == value
        assert (type(error) is ValueError) == (value is None)
    assert max(world.done.count(what) for what in world.done) == 1


# -- cancelling ------------------------------------------------------------------------------------------------------------


@jumar.task
def nested_stop():
    return stops.lazy("0")


@jumar.task
def parallel_stops():
    return gathered.lazy(*[stops.lazy(str(n)) for n in range(3)])


@pytest.mark.parametrize(
    ("task", "gates"), [(nested_stop, ["0"]), (parallel_stops, ["0", "1", "2"])], ids=["nested", "parallel"]
)
def test_a_cancelled_run_makes_room_for_others_once_what_runs_has_ended(again, task, gates):
    with again(workers=3):
        first = task.start(id="first")
        world.arrived(*gates)
        second = plain.start(id="second")
        assert {first.status(), second.status()} <= {"running", "succeeded"}
        assert first.cancel()
        assert first.status() == "cancelled"
        world.open(*gates)
        assert second.result() == "(fragile)"
        with pytest.raises(RunFailedError, match="was cancelled"):
            first.result()
        assert first.wait() == "cancelled"
    with again():
        with pytest.raises(RunError, match="was cancelled"):
            task.start(id="first")
        assert jumar.runs.get("first").info.ended_s is not None


# -- queueing --------------------------------------------------------------------------------------------------------------


def states(*names):
    return [jumar.runs.get(name).status() for name in names]


def test_runs_beyond_the_limit_wait_and_beyond_the_queue_are_refused(again):
    names = [str(n) for n in range(5)]
    with again(max_running_runs=2, max_queued_runs=2):
        runs = [stops.start(name, id=name) for name in names[:4]]
        world.arrived("0", "1")
        assert states(*names[:4]) == ["running", "running", "pending", "pending"]
        with pytest.raises(RunLimitError):
            stops.start("4", id="4")
        assert world.here.keys() == {"0", "1"}
        with pytest.raises(TimeoutError):
            runs[3].result(0)
        world.open(*names)
        assert [run.result() for run in runs] == names[:4]
        assert stops.start("4", id="4").result() == "4"
        assert len(jumar.runs.find("succeeded")) == 5


def test_the_queue_has_the_same_order_when_all_are_resumed(again):
    session = again(max_running_runs=2, max_queued_runs=2)
    for n in range(4):
        stops.start(str(n), id=str(n))
    world.arrived("0", "1")
    session.close("now")
    world.open("0", "1")
    world.here.clear()
    with again(max_running_runs=2, max_queued_runs=2):
        resumed = jumar.runs.resume_all()
        world.open("2", "3")
        assert sorted(run.result() for run in resumed) == ["0", "1", "2", "3"]


# -- what is known of runs, and results by name ----------------------------------------------------------------------------


def test_what_was_given_with_a_run_is_kept_and_when_it_began_and_ended(session):
    plain.start(id="with", metadata={"k": "v"}).result()
    plain.start(id="without").result()
    infos = {info.id: info for info in jumar.runs.find()}
    assert (infos["with"].metadata, infos["without"].metadata) == ({"k": "v"}, {})
    assert all(info.status == "succeeded" and info.created_s <= info.ended_s for info in infos.values())
    calls = jumar.runs.get("with").calls()
    assert {call.task.name for call in calls} == {"plain", "note"}
    assert all(call.created_s > 0 and call.seconds >= 0 for call in calls)


def test_a_run_that_goes_on_has_begun_and_not_ended(again):
    with again():
        run = stops.start("x", id="x", metadata={"k": 1})
        world.arrived("x")
        assert (run.info.status, run.info.ended_s, run.metadata) == ("running", None, {"k": 1})
        run.cancel()
        world.open("x")


@jumar.task(reuse="run")
def doubled(n, gate=None):
    if gate:
        world.stop_at(gate)
    world.do("doubled", n)
    return 2 * n


@jumar.task
def named(gate=None):
    return doubled.options(name="outer").lazy(doubled.options(name="inner").lazy(1, gate))


def test_results_are_had_by_name_as_soon_as_they_are_there(again):
    with again():
        named.start("g", id="x")
        world.arrived("g")
        watched = jumar.runs.get("x")
        with pytest.raises(TimeoutError):
            watched.result(0, call="inner")
        world.open("g")
        assert (watched.result(call="inner"), watched.result(call="outer"), watched.result()) == (2, 4, 4)


def test_what_had_ended_before_an_error_is_had_by_name(again):
    world.broken.add(("doubled", 2))
    with again():
        run = named.start(id="x")
        assert run.wait() == "failed"
        assert run.result(call="inner") == 2
        for _ in range(2):  # to ask runs nothing
            with pytest.raises(RunFailedError):
                run.result(call="outer")
    assert world.times("doubled", 2) == 1


def test_each_level_of_a_recursion_has_a_name_and_the_value_of_its_end(again):
    world.open("third")
    with again():
        run = counts_down.start(5, id="x")
        assert run.result() == 120
        assert list(run.names()) == ["counts_down", *[f"counts_down_{n}" for n in range(1, 5)]]
        assert {run.result(call=name) for name in run.names()} == {120}


# -- events ----------------------------------------------------------------------------------------------------------------


@jumar.task
def waits_for_two():
    return gathered.lazy(jumar.wait_event.lazy("one"), jumar.wait_event.lazy("other"))


@jumar.task
def waits_beside_work():
    return gathered.lazy(jumar.wait_event.lazy("one"), note.lazy("meanwhile"), stops.lazy("work"))


@jumar.task(reuse="run")
def waits_and_goes_on(gate):
    found = jumar.wait_event("one")
    note("found")
    world.stop_at(gate)
    return found


def test_two_events_are_waited_for_at_once_in_any_order(again):
    with again():
        run = waits_for_two.start(id="x")
        jumar.send_event("x", "other", 2)
        jumar.send_event("x", "one", 1)
        assert run.result() == [1, 2]


@pytest.mark.parametrize("when", ["before the work has ended", "after it"])
def test_what_else_is_needed_is_computed_while_an_event_is_waited_for(again, when):
    with again():
        run = waits_beside_work.start(id="x")
        world.arrived("work")
        if when == "after it":
            world.open("work")
            run.result(call="stops")
        jumar.send_event("x", "one", "now")
        world.open("work")
        assert run.result() == ["now", "(meanwhile)", "work"]
    assert world.times("meanwhile") == 1


def test_an_event_that_was_taken_is_found_after_a_crash_and_none_is_taken_again(again):
    session = again()
    waits_and_goes_on.start("g", id="x")
    jumar.send_event("x", "one", "first")
    world.arrived("g")
    session.close("now")
    world.open("g")
    with again():
        jumar.send_event("x", "one", "second")
        assert jumar.resume("x").result() == "first"
    assert world.times("found") == 1


def test_an_event_that_did_not_come_before_a_crash_is_waited_for_after_it(again):
    session = again()
    waits_for_two.start(id="x")
    session.close("now")
    with again():
        jumar.send_event("x", "one", 1)
        run = jumar.resume("x")
        jumar.send_event("x", "other", 2)
        assert run.result() == [1, 2]


def test_a_wait_alone_is_a_run(again):
    with again():
        run = jumar.wait_event.start("one", id="x")
        assert run.status() == "running"
        jumar.send_event("x", "one", {"a": [1]})
        assert run.result() == {"a": [1]}


# -- captured arguments, ids, signatures, and waiting ----------------------------------------------------------------------


@jumar.task(reuse="run")
def total(numbers):
    world.do("total", len(numbers))
    return sum(numbers)


@jumar.task
def sums_what_changes():
    numbers, totals = [], []
    for n in range(4):
        numbers.append(n)
        totals.append(total.lazy(numbers))
    numbers.clear()
    return totals


def test_arguments_are_those_of_when_the_call_was_made(session):
    assert sums_what_changes.start(id="x").result() == [0, 1, 3, 6]
    numbers = [1, 2]
    run = total.start(numbers, id="y")
    numbers.append(3)
    assert run.result() == 3


def test_one_id_is_one_run(again):
    with again():
        first = stops.start("g", id="x")
        world.arrived("g")
        assert stops.start("g", id="x").status() == "running"  # attached
        with pytest.raises(RunError, match=r"first: .*stops\(gate='g'\) now: .*stops\(gate='h'\)"):
            stops.start("h", id="x")
        with pytest.raises(RunError, match="cancel it first"):
            jumar.runs.delete("x")
        world.open("g")
        assert first.result() == stops.start("g", id="x").result() == "g"
        jumar.runs.delete("x")
        with pytest.raises(RunError, match="there is no run 'x'"):
            jumar.runs.delete("x")
        world.open("h")
        assert stops.start("h", id="x").result() == "h"
    assert world.times("passed", "g") == 1


def test_arguments_that_do_not_fit_are_refused_when_a_run_is_started(session):
    for args, kwargs in (((), {}), ((1, 2, 3), {}), ((1,), {"gates": 2})):
        with pytest.raises(jumar.ArgumentError):
            doubled.start(*args, id="x", **kwargs)
    assert jumar.runs.find() == []


def test_some_of_several_calls_are_waited_for(again):
    with again(), jumar.run("x"):
        futures = [stops.spawn(str(n)) for n in range(4)]
        world.open("1", "3")
        done, rest = jumar.wait(futures, num_returns=2)
        assert {future.result() for future in done} == {"1", "3"}
        world.open("0", "2")
        assert {future.result() for future in rest} == {"0", "2"}


# -- a hundred runs --------------------------------------------------------------------------------------------------------


@jumar.task
def even_ones_fail(n):
    world.stop_at("all")
    note("ran", n)
    if n % 2 == 0:
        world.do("even", n)
    return n


def test_a_hundred_runs_are_listed_and_those_that_failed_resumed(again):
    world.broken.update(("even", n) for n in range(0, 100, 2))
    with again(workers=2):
        runs = [even_ones_fail.options(reuse="run").start(n, id=str(n)) for n in range(100)]
        assert len(jumar.runs.find("running")) == len(jumar.runs.find()) == 100
        world.open("all")
        assert [run.wait() for run in runs] == ["failed", "succeeded"] * 50
        assert len(jumar.runs.find("running")) == 0
    world.broken.clear()
    with again(workers=2):
        assert [len(jumar.runs.find(state)) for state in ("failed", "succeeded")] == [50, 50]
        assert jumar.resume("0").result() == 0
        assert jumar.runs.get("2").cancel()
        resumed = jumar.runs.resume_all()
        assert sorted(run.result() for run in resumed) == list(range(4, 100, 2))
        assert [len(jumar.runs.find(state)) for state in ("failed", "succeeded", "cancelled")] == [0, 99, 1]
    assert all(world.times("ran", n) == 1 for n in range(100))
