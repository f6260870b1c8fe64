"""Calls that go wrong: tried again, given up, answered with an error; and which call runs when."""

import concurrent.futures as cf
import re

import pytest

import jumar


class Flaky:
    """Fails so many times; says itself that it is no part of what tasks compute."""

    def __init__(self, failures, error=OSError):
        self.left, self.runs, self.error = failures, 0, error

    def __jumar_key__(self):
        return "flaky"

    def __call__(self, value):
        self.runs += 1
        if self.left:
            self.left -= 1
            raise self.error(f"failure {self.runs}")
        return value


@pytest.mark.parametrize("backoff", [0, 0.001, jumar.Backoff(first_s=0.001), lambda attempt: 0.001 * attempt])
@pytest.mark.parametrize("form", ["spawn", "call"])
def test_a_call_is_tried_again_as_often_as_was_said(session, backoff, form):
    flaky = Flaky(2)

    @jumar.task(retries=2, backoff=backoff)
    def work(x):
        return flaky(x)

    assert (work.spawn(5).result() if form == "spawn" else work(5)) == 5
    assert flaky.runs == 3
    assert session.counts()[:3] == (1, 0, 0)


def test_after_the_last_attempt_the_last_error_is_raised_and_attempts_are_counted(tmp_path):
    flaky = Flaky(99)
    work = jumar.task(name="work", retries=2)(flaky)
    for _ in range(2):
        with jumar.Session(tmp_path, "inline"), pytest.raises(OSError, match="failure"):
            work(1)
    with jumar.Store.open(tmp_path) as store:
        assert [record.attempt for record in store.calls()] == [6] == [flaky.runs]


@pytest.mark.parametrize(
    ("retry_on", "runs"),
    [(OSError, 2), ((ValueError, OSError), 2), (ValueError, 1), (lambda error: "failure" in str(error), 2)],
)
def test_only_errors_that_are_worth_it_are_tried_again(session, retry_on, runs):
    flaky = Flaky(1)
    work = jumar.task(name="work", retries=3, retry_on=retry_on)(lambda: flaky(1))
    work.spawn().exception()
    assert flaky.runs == runs


def test_a_retry_on_that_fails_itself_is_logged_and_the_call_fails(session, caplog):
    flaky = Flaky(1)
    work = jumar.task(name="work", retries=3, retry_on=lambda error: error.missing)(lambda: flaky(1))
    with pytest.raises(OSError, match="failure 1"):
        work.spawn().result()
    assert "retry_on= or backoff= of task 'work' failed" in caplog.text


def test_an_error_tells_the_way_from_who_asked_to_where_it_was_raised_and_in_which_attempt(threads):
    flaky = Flaky(99)
    work = jumar.task(name="work", retries=1)(lambda x: flaky(x))  # noqa: PLW0108  (its parameter has a name)
    use = jumar.task(name="use")(lambda y: y)
    with pytest.raises(OSError, match="failure 2") as raised:
        use.spawn(work.spawn("a")).result()
    [note] = raised.value.__notes__
    way = r"jumar: in work\(x='a'\) \[key \w{12}, attempt 2, on jumar-\d\], needed by use\(y=@\w+…\) \[key \w{12}\]"
    assert re.fullmatch(way, note)
    assert raised.traceback[-2].name == "<lambda>"


def test_dependants_wait_for_a_call_that_is_tried_again(session):
    flaky = Flaky(1)
    work = jumar.task(name="work", retries=1, backoff=0.001)(lambda: flaky(20))
    assert jumar.spawn(lambda x: x + 1, work.spawn()).result() == 21


# -- errors as answers -------------------------------------------------------------------------------------------------


def test_caught_errors_are_answers_and_are_kept(tmp_path):
    flaky = Flaky(1, ValueError)
    work = jumar.task(name="work", catch=True)(lambda: flaky(3))
    for _ in range(2):
        with jumar.Session(tmp_path, "inline"):
            value, error = work.spawn().result()
        assert value is None
        assert isinstance(error, ValueError)
        assert str(error) == "failure 1"
    assert flaky.runs == 1


def test_a_value_of_a_catching_task_comes_with_none(session):
    work = jumar.task(catch=(KeyError, ValueError))(lambda x: {"a": 1}[x])
    assert work("a") == (1, None)
    value, error = work("b")
    assert (value, type(error)) == (None, KeyError)


def test_other_errors_than_those_caught_are_raised(session):
    work = jumar.task(catch=KeyError)(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        work()


def test_the_same_task_without_catch_is_another_call(session, tally):
    def work():
        tally.add("run")
        return 1

    assert [jumar.task(catch=True)(work)(), jumar.task(work)()] == [(1, None), 1]
    assert tally["run"] == 2


def test_an_error_of_what_a_catching_task_returned_is_caught_too(session):
    fails = jumar.task(name="fails")(lambda: 1 / 0)
    works = jumar.task(name="works")(lambda: 5)

    @jumar.task(catch=True)
    def wrong():
        return fails.lazy()

    @jumar.task(catch=True)
    def right():
        return works.lazy()

    value, error = wrong.spawn().result()
    assert (value, type(error)) == (None, ZeroDivisionError)
    assert right.spawn().result() == (5, None)


@jumar.task
def answers():
    return jumar.task(name="works")(lambda: 5).lazy()


@jumar.task
def returns_answers():
    return answers.options(catch=True).lazy()


@pytest.mark.parametrize("catch", [None, True])
def test_what_ends_as_a_catching_call_ends_with_its_answer_and_does_so_later_on(tmp_path, catch):
    task = returns_answers.options(catch=catch) if catch else returns_answers
    for _ in range(2):
        with jumar.Session(tmp_path, "inline"):
            assert task.spawn().result() == (((5, None), None) if catch else (5, None))


def test_the_first_of_several_errors_is_the_answer(session):
    fails = jumar.task(name="fails")(lambda i: [][i])

    @jumar.task(catch=True)
    def three():
        return [fails.lazy(i) for i in range(3)]

    value, error = three.spawn().result()
    assert (value, type(error)) == (None, IndexError)
    session.engine.drain()
    assert session.counts()[:4] == (1, 0, 3, 0)


def test_of_what_a_catching_task_returned_only_the_errors_it_names_are_caught(session):
    fails = jumar.task(name="fails")(lambda: 1 / 0)

    @jumar.task(catch=KeyError)
    def narrow():
        return fails.lazy()

    with pytest.raises(ZeroDivisionError):
        narrow.spawn().result()


def test_that_something_returned_was_cancelled_is_no_answer(threads, gate):
    held = jumar.task(name="held")(gate.pass_through)
    part = jumar.task(name="part")(lambda held: held)
    made = []

    @jumar.task(catch=True)
    def wide():
        made.append(part.spawn(held.spawn()))
        return made[0]

    future = wide.options(checkpoint=False).spawn()
    gate.wait_for_arrival()
    jumar.spawn(abs, -1).result()  # the other worker is through with `wide`
    assert made[0].cancel()
    gate.open()
    with pytest.raises(cf.CancelledError):
        future.result()


def test_a_kept_error_is_raised_again_and_nothing_runs(tmp_path):
    flaky = Flaky(1, ValueError)
    work = jumar.task(name="work", checkpoint_errors=True)(lambda: flaky(3))
    for _ in range(2):
        with jumar.Session(tmp_path, "inline"), pytest.raises(ValueError, match="failure 1"):
            work.spawn().result()
    assert flaky.runs == 1
    with jumar.Store.open(tmp_path) as store:
        assert [(record.state, record.error, record.attempt) for record in store.calls()] == [
            ("failed", "ValueError: failure 1", 1)
        ]


def test_without_that_a_failed_call_is_tried_again_in_the_next_session(tmp_path):
    flaky = Flaky(1, ValueError)
    work = jumar.task(name="work")(lambda: flaky(3))
    with jumar.Session(tmp_path, "inline"), pytest.raises(ValueError, match="failure 1"):
        work.spawn().result()
    with jumar.Session(tmp_path, "inline"):
        assert work.spawn().result() == 3


# -- timeouts ----------------------------------------------------------------------------------------------------------


def test_a_call_that_takes_too_long_fails_and_the_others_go_on(threads, gate):
    held = jumar.task(name="held", timeout_s=0.01)(lambda i: gate.pass_through())
    futures = [held.spawn(i) for i in range(4)]
    for future in futures:
        with pytest.raises(TimeoutError, match=r"'held'.* was given up after 0\.01 s"):
            future.result()
    assert jumar.spawn(abs, -1).result() == 1
    gate.open()
    assert threads.counts().failed == 4


def test_what_a_given_up_call_returns_is_dropped(threads, gate):
    held = jumar.task(name="held", timeout_s=0.01)(lambda: gate.pass_through() or "late")
    with pytest.raises(TimeoutError):
        held.spawn().result()
    gate.open()
    threads.engine.drain()
    assert [record.state for record in threads.store.calls()] == ["failed"]


def test_a_timeout_can_be_tried_again_and_caught(threads, gate):
    runs = Flaky(0)

    @jumar.task(timeout_s=0.01, retries=2, catch=TimeoutError)
    def held():
        runs(1)
        gate.pass_through()

    value, error = held.spawn().result()
    assert (value, type(error), runs.runs) == (None, TimeoutError, 3)
    gate.open()


def test_a_direct_call_is_given_up_too(threads, gate):
    held = jumar.task(name="held", timeout_s=0.01)(gate.pass_through)
    with pytest.raises(TimeoutError):
        held()
    gate.open()


def test_a_call_inside_a_task_is_given_up_and_the_task_goes_on(threads, gate):
    held = jumar.task(name="held", timeout_s=0.01, catch=True)(gate.pass_through)

    def outer():
        return type(held.spawn().result()[1]).__name__

    assert jumar.spawn(outer).result() == "TimeoutError"
    gate.open()


@pytest.mark.parametrize("retries", [0, 1])
def test_an_alarm_that_was_about_to_ring_when_its_call_ended_changes_nothing(gate, retries):
    alarms = []
    with jumar.Session(jumar.Store.in_memory(), workers=1) as session:

        def ring(info, value):
            alarms.pop()()
            return True

        @jumar.task(timeout_s=3600, retries=retries, checkpoint=ring, key=lambda: 0)
        def barely():
            alarms.append(session.engine._running.alarms._due[0][2].ring)  # what the thread of alarms has just taken
            return "in time"

        assert barely.spawn().result() == "in time"
        assert alarms == []
        held = jumar.task(gate.pass_through)
        first, second = held.spawn(), jumar.spawn(len, "abc")
        gate.wait_for_arrival()
        assert first.running()
        assert not second.running()  # no place was lent to another worker and never given back
        gate.open()
        assert second.result() == 3


def test_a_call_in_time_is_not_touched(session):
    quick = jumar.task(timeout_s=3600)(lambda: 1)
    assert quick.spawn().result() == 1


# -- order and resources -----------------------------------------------------------------------------------------------


def test_calls_of_a_higher_priority_run_first(gate):
    order = []

    class Order:
        def __jumar_key__(self):
            return "order"

        def add(self, what):
            order.append(what)

    note = Order()
    with jumar.Session(jumar.Store.in_memory(), workers=1):
        first = jumar.spawn(gate.pass_through)
        gate.wait_for_arrival()
        low = jumar.task(name="low", priority=-1)(lambda i: note.add(("low", i)))
        plain = jumar.task(name="plain")(lambda i: note.add(("plain", i)))
        high = jumar.task(name="high", priority=10)(lambda i: note.add(("high", i)))
        futures = [task.spawn(i) for i in range(2) for task in (low, plain, high)]
        gate.open()
        jumar.gather(first, futures)
    assert order == [(name, i) for name in ("high", "plain", "low") for i in range(2)]


@pytest.mark.parametrize(("amount", "most"), [(1, 2), (2, 1), (0.5, 4)])
def test_no_more_calls_run_at_a_time_than_there_are_resources_for(amount, most, together):
    @jumar.task(resources={"gpu": amount})
    def work(i):
        with together:
            return sum(range(2000))

    with jumar.Session(jumar.Store.in_memory(), workers=8, resources={"gpu": 2}):
        jumar.gather(work.spawn(i) for i in range(60))
    assert 1 <= together.most <= most


def test_calls_without_a_demand_pass_those_that_wait_for_resources(gate):
    with jumar.Session(jumar.Store.in_memory(), workers=2, resources={"gpu": 1}):
        hold = jumar.task(resources={"gpu": 1})(gate.pass_through)
        holder = hold.spawn()
        gate.wait_for_arrival()
        waiting = jumar.task(resources={"gpu": 1})(lambda: 1).spawn()
        assert jumar.spawn(abs, -3).result() == 3
        assert not waiting.done()
        gate.open()
        assert jumar.gather(holder, waiting)[1] == 1


def test_a_task_that_waits_lends_what_it_holds():
    inner = jumar.task(name="inner", resources={"gpu": 1})(lambda: 1)
    outer = jumar.task(name="outer", resources={"gpu": 1})(lambda: inner.spawn().result() + 1)
    with jumar.Session(jumar.Store.in_memory(), workers=2, resources={"gpu": 1}):
        assert outer.spawn().result() == 2


def test_a_cancelled_call_does_not_hold_up_the_line(gate):
    hold = jumar.task(resources={"gpu": 1})
    with jumar.Session(jumar.Store.in_memory(), workers=4, resources={"gpu": 1}):
        holder = hold(gate.pass_through).spawn()
        gate.wait_for_arrival()
        second, third = hold(lambda: 2).spawn(), hold(lambda: 3).spawn()
        assert jumar.spawn(abs, -1).result() == 1
        assert second.cancel()
        gate.open()
        assert third.result() == 3
        holder.result()


@pytest.mark.parametrize("resources", [{"gpu": 3}, {"tpu": 1}])
def test_a_demand_that_can_never_be_met_is_refused_when_the_call_is_made(resources):
    with jumar.Session(jumar.Store.in_memory(), resources={"gpu": 2}):
        work = jumar.task(name="work", resources=resources)(abs)
        with pytest.raises(jumar.ArgumentError, match="task 'work' needs "):
            work.spawn(1)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"retries": -1}, "retries= takes a whole number"),
        ({"retry_on": "OSError"}, "retry_on= takes a class of errors"),
        ({"backoff": -1}, "backoff= takes a number of seconds"),
        ({"timeout_s": 0}, "timeout_s= takes a number of seconds above 0"),
        ({"catch": 3}, "catch= takes True, False, or classes"),
        ({"priority": "high"}, "priority= takes a whole number"),
        ({"resources": {"gpu": "all"}}, "resources= takes a dict of amounts"),
        ({"checkpoint_errors": 1}, "checkpoint_errors= takes True or False"),
        ({"retires": 3}, r"Did you mean retries=\?"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options, says):
    with pytest.raises(jumar.DeclarationError, match=says):
        jumar.task(**options)(abs)


def test_settings_of_resources_may_be_text(monkeypatch):
    monkeypatch.setenv("JUMAR_RESOURCES", "gpu=2, memory=16.5")
    with jumar.Session(jumar.Store.in_memory()) as session:
        assert session.settings["resources"].value == {"gpu": 2.0, "memory": 16.5}
    monkeypatch.setenv("JUMAR_RESOURCES", "gpu")
    with pytest.raises(jumar.SettingsError, match="takes amounts by name"):
        jumar.Session(jumar.Store.in_memory())
