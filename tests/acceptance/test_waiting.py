"""Waits of runs: durable sleeps and events, each by what was waited for and how often things ran."""

import json
import os
import sqlite3
import subprocess
import sys
import threading

import pytest

import jumar
from jumar.clock import ManualClock
from jumar.runs import RunError
from jumar.runs.vigil import VIGIL
from jumar.store.file_blobs import FileBlobs
from jumar.store.sqlite_index import SqliteIndex
from jumar.store.store import Store
from jumar.store.trouble import warn
from jumar.store.writer import Writer

DAY_S = 86_400.0


class World:
    """What lies outside of the program."""

    def __init__(self):
        self.done, self.broken = [], set()

    def __jumar_key__(self):
        return "world"

    def do(self, *what):
        if what in self.broken:
            raise ConnectionError(f"{what} is broken")
        self.done.append(what)


world = World()


@pytest.fixture(autouse=True)
def clock():
    world.__init__()
    world.clock = ManualClock(now_s=1_000_000.0)
    return world.clock


@pytest.fixture
def again(tmp_path, clock):
    """A new session on the same store, as another program would have; all on the test's clock."""

    def again(executor="threads", **options):
        path = tmp_path / "store"
        Store.open(path).close()
        index = SqliteIndex(path / "index.sqlite")
        store = Store(index, FileBlobs(path / "blobs"), Writer(index.add, warn), path=path, clock=clock)
        session = jumar.Session(store, executor, None if executor == "inline" else 2, **options)
        session.at_close(store.close)
        return session

    return again


@pytest.fixture(params=["inline", "threads"])
def session(request, again):
    with again(request.param) as opened:
        yield opened


def until_it_waits(run, count=1):
    """Return when the run waits for so many things in this process, and the store says so."""
    while VIGIL.waiting(run._token) < count or len(run.info.waits) < count:
        assert run.status() in ("pending", "running")
    return run.info.waits


@jumar.step
def put(what):
    world.clock.advance(1)
    world.do(what)
    world.clock.advance(1)


@jumar.task
def naps(seconds):
    put("before")
    jumar.sleep(seconds)
    put("after")
    return seconds


@jumar.task(reuse="run")
def asks(*names):
    return [jumar.wait_event(name) for name in names]


@jumar.task
def asks_for(name, timeout_s):
    try:
        return jumar.wait_event(name, timeout_s)
    except TimeoutError as error:
        put("gave up")
        return str(error)


@jumar.task
def asks_and_breaks(name):
    found = jumar.wait_event(name)
    world.do("break")
    return found


@jumar.task(checkpoint=False)
async def asks_softly(*names):
    return [await jumar.wait_event(name) for name in names]


@jumar.task(reuse="run")
def pair(one, other):
    put("paired")
    return [one, other]


@jumar.task
def asks_by_a_graph(name):
    return pair.lazy(jumar.wait_event.lazy(name), jumar.sleep.lazy(DAY_S))


def test_a_sleep_ends_when_its_time_has_come(again, clock):
    with again():
        run = naps.start(DAY_S, id="x")
        assert until_it_waits(run) == [{"event": None, "since_s": 1e6 + 2, "until_s": 1e6 + 2 + DAY_S}]
        clock.advance(DAY_S - 1)
        VIGIL.beat()
        assert run.status() == "running"
        clock.advance(1)
        VIGIL.beat()
        assert run.result() == DAY_S
        assert run.info.waits == []
    assert world.done == [("before",), ("after",)]


def test_a_resumed_run_sleeps_for_what_is_left(again, clock):
    with again() as session:
        until_it_waits(naps.start(DAY_S, id="x"))
        session.close("now")
    clock.advance(DAY_S - 60)
    with again() as session:
        info = jumar.runs.get("x").info
        assert (info.status, info.waits[0]["until_s"]) == ("interrupted", 1e6 + 2 + DAY_S)
        run = jumar.resume("x")
        until_it_waits(run)
        VIGIL.beat()
        assert run.status() == "running"
        clock.advance(60)
        VIGIL.beat()
        assert run.result() == DAY_S
    assert world.done == [("before",), ("after",)]


def test_a_sleep_whose_time_came_while_nobody_drove_the_run_is_over_at_once(again, clock):
    with again() as session:
        until_it_waits(naps.start(DAY_S, id="x"))
        session.close("now")
    clock.advance(2 * DAY_S)
    with again("inline"):
        assert jumar.resume("x").result() == DAY_S


def test_a_clock_that_is_set_back_does_not_make_a_sleep_longer_than_it_was_meant_to_be(again, clock):
    with again():
        run = naps.start(60.0, id="x")
        until_it_waits(run)
        clock.set_back(10 * DAY_S)
        clock.advance(59)
        VIGIL.beat()
        assert run.status() == "running"
        clock.advance(1)
        VIGIL.beat()
        assert run.result() == 60.0


def test_a_clock_that_is_set_back_before_a_run_is_resumed_costs_at_most_the_whole_sleep(again, clock):
    with again() as session:
        until_it_waits(naps.start(60.0, id="x"))
        session.close("now")
    clock.set_back(10 * DAY_S)
    with again():
        run = jumar.resume("x")
        until_it_waits(run)
        clock.advance(60)
        VIGIL.beat()
        assert run.result() == 60.0


def test_an_event_reaches_who_waits_for_it(again):
    with again():
        run = asks.start("paid", "sent", id="x")
        assert until_it_waits(run)[0] == {"event": "paid", "since_s": 1e6, "until_s": None}
        jumar.send_event("x", "paid", {"by": "Ann", "cents": [1, 2]})
        jumar.send_event("x", "sent")
        assert run.result() == [{"by": "Ann", "cents": [1, 2]}, None]


@jumar.task
def asks_late():
    world.gate.pass_through()
    return [jumar.wait_event("n"), jumar.wait_event("n"), jumar.wait_event("other")]


def test_events_that_come_before_they_are_asked_for_are_kept_in_their_order(again, gate):
    world.gate = gate
    with again():
        run = asks_late.start(id="x")
        gate.wait_for_arrival()
        numbers = [jumar.send_event("x", name, value) for name, value in [("n", 1), ("other", 0), ("n", 2), ("n", 3)]]
        gate.open()
        assert run.result() == [1, 2, 0]
    assert numbers == sorted(set(numbers))


def test_an_event_may_be_sent_to_a_run_that_nobody_drives(again):
    with again() as session:
        until_it_waits(asks.start("paid", id="x"))
        session.close("now")
    with again():
        jumar.send_event("x", "paid", 42)
        assert jumar.resume("x").result() == [42]


@pytest.mark.parametrize("executor", ["inline", "threads"])
def test_a_wait_of_a_resumed_run_has_the_same_event_though_others_came_since(again, executor):
    world.broken.add(("break",))
    with again():
        run = asks_and_breaks.start("paid", id="x")
        until_it_waits(run)
        jumar.send_event("x", "paid", "first")
        assert run.wait() == "failed"
        jumar.send_event("x", "paid", "second")
    world.broken.clear()
    with again(executor):
        assert jumar.resume("x").result() == "first"


def test_an_event_that_was_taken_and_not_recorded_is_taken_again_by_the_same_wait(again):
    """The process died between the two commits."""
    with again() as session:
        run = asks.start("paid", "paid", id="x")
        until_it_waits(run)
        session.close("now")
    with again() as session:
        for value in ("first", "second"):
            jumar.send_event("x", "paid", value)
        wait = jumar.runs.get("x")._book.awaited.open_waits(run._token)[0]
        assert jumar.runs.get("x")._book.awaited.take(wait) == '"first"'
        assert jumar.runs.get("x")._book.awaited.take(wait) == '"first"'
        assert jumar.resume("x").result() == ["first", "second"]


def test_a_wait_that_was_too_long_has_timed_out_for_ever(again, clock):
    with again() as session:
        run = asks_for.start("paid", DAY_S, id="x")
        until_it_waits(run)
        clock.advance(DAY_S)
        world.broken.add(("gave up",))
        VIGIL.beat()
        assert run.wait() == "failed"
        session.close()
    world.broken.clear()
    with again():
        jumar.send_event("x", "paid", "too late")
        assert jumar.resume("x").result() == "run 'x' waited 86400 s for event 'paid', and nobody has sent it"
    assert world.done == [("gave up",)]


def test_an_event_that_came_while_nobody_drove_counts_though_the_time_is_over(again, clock):
    with again() as session:
        until_it_waits(asks_for.start("paid", DAY_S, id="x"))
        session.close("now")
    with again():
        jumar.send_event("x", "paid", "in time")
        clock.advance(2 * DAY_S)
        assert jumar.resume("x").result() == "in time"


def test_waits_of_asynchronous_tasks_are_awaited(again):
    with again():
        run = asks_softly.start("a", "b", id="x")
        until_it_waits(run)
        jumar.send_event("x", "a", 1)
        jumar.send_event("x", "b", 2)
        assert run.result() == [1, 2]


def test_waits_are_nodes_of_graphs_that_are_kept(again, clock):
    with again() as session:
        run = asks_by_a_graph.start("paid", id="x")
        until_it_waits(run, 2)
        session.close("now")
    with again():
        run = jumar.resume("x")
        jumar.send_event("x", "paid", 7)
        clock.advance(DAY_S)
        VIGIL.beat()
        assert run.result() == [7, None]
    assert world.done == [("paired",)]


@jumar.task(reuse="run")
def asks_one(number):
    return pair.lazy(number, jumar.wait_event.lazy(f"event {number}"))


@jumar.task
def asks_many(count):
    return [asks_one.lazy(number) for number in range(count)]


def test_a_thousand_calls_wait_at_once_on_two_workers(again):
    count = 1000
    with again():
        run = asks_many.start(count, id="x")
        until_it_waits(run, count)
        assert threading.active_count() < 20
        for number in range(count):
            jumar.send_event("x", f"event {number}", number * number)
        assert run.result() == [[number, number * number] for number in range(count)]
    assert len(world.done) == count


def test_a_wait_in_plain_code_lends_its_place(again):
    with jumar.Session(again().store, "threads", 1), jumar.run("x"):
        waits = [asks.spawn(f"event {number}") for number in range(20)]
        for number in range(20):
            jumar.send_event("x", f"event {number}", number)
        assert jumar.gather(waits) == [[number] for number in range(20)]


@pytest.mark.parametrize("executor", ["inline", "threads"])
def test_a_script_waits_in_its_block(again, executor):
    for _ in range(2):
        with again(executor), jumar.run("x"):
            jumar.send_event("x", "paid", 1)
            assert jumar.wait_event("paid") == 1
            jumar.sleep(0)


def test_an_event_of_another_session_is_heard_of(again):
    with again():
        run = asks.start("paid", id="x")
        until_it_waits(run)
        with again() as other:  # what another process would do
            other.store.index.transact(
                lambda connection: connection.execute(
                    "INSERT INTO events SELECT NULL, token, 'paid', '5', 0, '', NULL, x'' FROM named_runs"
                )
            )
        assert run.result() == [5]


def test_a_cancelled_run_waits_no_more_and_takes_no_event(again):
    with again():
        run = asks.start("paid", id="x")
        until_it_waits(run)
        run.cancel()
        assert run.wait() == "cancelled"
        jumar.send_event("x", "paid", 1)
        VIGIL.beat()
        assert [event.taken_by for event in run._book.awaited.events(run._token)] == [None]
        while VIGIL.waiting(run._token):
            pass  # the event loop hears of it in its own time
        assert jumar.resume("x").result() == [1]


@jumar.task
def tells(name):
    number = jumar.send_event("x", "told", name)
    world.do("tells")
    return number


def test_events_between_runs_are_sent_once(again):
    world.broken.add(("tells",))
    with again():
        run = asks.start("told", "told", id="x")
        assert tells.start("a", id="a").wait() == "failed"
        world.broken.clear()
        jumar.resume("a").result()
        assert len(run._book.awaited.events(run._token)) == 1
        tells.start("b", id="b").result()
        assert run.result() == ["a", "b"]


def test_an_event_with_a_key_is_sent_once(session):
    with jumar.run("x") as run:
        assert len({jumar.send_event("x", "paid", 1, key="order 1") for _ in range(3)}) == 1
        assert jumar.send_event("x", "paid", 2, key="order 2") > 1
        assert [jumar.wait_event("paid"), jumar.wait_event("paid", 0.0)] == [1, 2]
    with pytest.raises(RunError, match="has succeeded: it waits for no event 'paid'"):
        jumar.send_event("x", "paid")
    assert jumar.send_event("x", "paid", 1, key="order 1") == 1  # a sender that tries again hears the same
    assert run.status() == "succeeded"


def test_outside_of_runs_a_sleep_sleeps_and_an_event_is_refused(session):
    jumar.sleep(0)
    with pytest.raises(RunError, match=r"wait_event\('paid'\) is asked for outside of a run"):
        jumar.wait_event("paid")
    with pytest.raises(RunError, match="there is no run 'x'"):
        jumar.send_event("x", "paid")


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), "1", True, None])
def test_a_sleep_takes_a_number_of_seconds(session, seconds):
    with pytest.raises(jumar.ArgumentError, match="no time to wait"):
        jumar.sleep(seconds)


@pytest.mark.parametrize("name", ["", " ", "two\nlines", 7])
def test_an_event_has_a_name_of_one_line(session, name):
    with jumar.run("x"):
        for send in (lambda: jumar.wait_event(name), lambda: jumar.send_event("x", name)):
            with pytest.raises(jumar.ArgumentError, match="cannot be the name of an event"):
                send()


@pytest.mark.parametrize("payload", [object(), float("nan"), {1, 2}])
def test_a_payload_is_what_json_can_say(session, payload):
    with jumar.run("x"), pytest.raises((jumar.ArgumentError, jumar.FingerprintError)):
        jumar.send_event("x", "paid", payload)
    asks_softly.start(id="y")
    jumar.runs.get("y")._book.table.change(jumar.runs.get("y")._token, state="failed")
    with pytest.raises(jumar.ArgumentError, match="not what JSON can say"):
        jumar.send_event("y", "paid", payload)


def test_a_deleted_run_takes_its_waits_and_events_along(again):
    with again() as session:
        until_it_waits(asks.start("paid", id="x"))
        jumar.send_event("x", "other")
        session.close("now")
    with again() as session:
        jumar.runs.delete("x")
        counts = "SELECT (SELECT count(*) FROM waits), (SELECT count(*) FROM events)"
        assert session.store.index.transact(lambda connection: connection.execute(counts).fetchone()) == (0, 0)


def test_waits_and_events_survive_a_damaged_index(again, tmp_path, clock):
    with again() as session:
        until_it_waits(asks.start("paid", "sent", id="x"))
        jumar.send_event("x", "sent", ["kept"])
        session.close("now")
    with (tmp_path / "store" / "index.sqlite").open("r+b") as file:
        file.write(bytes(1024))  # the header: nothing can open it any more
    clock.advance(60)
    with pytest.warns(jumar.StoreWarning, match="damaged"):
        Store.open(tmp_path / "store").close()
    with again():
        assert jumar.runs.get("x").info.waits[0]["since_s"] == 1e6
        jumar.send_event("x", "paid", 1)
        assert jumar.resume("x").result() == [1, ["kept"]]


def test_an_older_store_that_may_not_be_written_has_no_waits(tmp_path):
    Store.open(tmp_path / "store").close()
    connection = sqlite3.connect(tmp_path / "store" / "index.sqlite")
    with connection:
        connection.execute("DROP TABLE waits")
        connection.execute("DROP TABLE events")
        connection.execute("PRAGMA user_version = 3")
    connection.close()
    from jumar.store.awaited import Awaited

    with Store.open(tmp_path / "store", read_only=True) as store:
        awaited = Awaited(store.index)
        assert (awaited.open_waits(b"t"), awaited.waits(b"t"), awaited.events(b"t")) == ([], [], [])


def test_sleep_and_wait_event_are_known_by_their_names():
    import pickle

    for wait in (jumar.sleep, jumar.wait_event):
        assert pickle.loads(pickle.dumps(wait)) is wait
    assert isinstance(jumar.wait_event.options(catch=TimeoutError), type(jumar.wait_event))


@jumar.task
async def asks_awaiting(*names):
    put("begun")
    return [await wait for wait in [jumar.wait_event(name) for name in names]]


@pytest.mark.parametrize("task", [asks, asks_awaiting])
def test_a_run_that_waits_is_left_and_resumed_in_the_same_session(again, task):
    with again():
        run = task.start("paid", id="x")
        until_it_waits(run)
        assert run.leave() == "interrupted"
        assert [wait["event"] for wait in run.info.waits] == ["paid"]
        jumar.send_event("x", "paid", 1)
        assert jumar.resume("x").result() == [1]
        ended = jumar.runs.get("x")
        with pytest.raises(RunError, match="not one that this program could leave"):
            ended.leave()


def test_a_run_tells_what_happened_in_it(again, clock):
    with again():
        run = naps.start(DAY_S, id="x", metadata={"team": "maps"})
        until_it_waits(run)
        clock.advance(60)
        jumar.send_event("x", "unasked", [1], key="k")
        clock.advance(60)
        run.leave()
    clock.advance(DAY_S)
    world.broken.add(("after",))
    with again():
        assert jumar.resume("x").wait() == "failed"
        told = [(event.what, event.text) for event in jumar.runs.get("x").events()]
        events = jumar.runs.get("x").events()
    host = f"process {os.getpid()} on {os.uname().nodename}"
    assert told == [
        ("started", f"{__name__}.naps(seconds=86400.0)"),
        ("driven", f"by {host}, current code"),
        ("begun", "put(what='before')"),
        ("done", "put(what='before')"),
        ("waits", "sleep"),
        ("event", "'unasked', number 1: [1]"),
        ("stopped", "interrupted"),
        ("driven", f"by {host}, current code"),
        ("over", "sleep: the time is over"),
        ("begun", "put(what='after')"),
        ("failed", "put(what='after'): ConnectionError: ('after',) is broken"),
        ("stopped", "failed"),
    ]
    assert [event.at_s for event in events] == sorted(event.at_s for event in events)
    assert events[0].detail == {"metadata": {"team": "maps"}}
    assert events[5].detail == {"event": "unasked", "number": 1, "payload": [1], "key": "k", "taken": False}


def test_an_event_that_ended_a_wait_is_told_with_it(session):
    with jumar.run("x") as run:
        jumar.send_event("x", "paid", "yes")
        jumar.wait_event("paid", 60)
    waits, over = (event for event in run.events() if event.what in ("waits", "over"))
    assert (waits.text, over.text) == ("event 'paid'", "event 'paid', number 1")
    assert waits.detail == {"event": "paid", "until_s": 1e6 + 60}
    assert [event.detail["taken"] for event in run.events() if event.what == "event"] == [True]
    assert [event.text for event in run.events() if event.what == "stopped"] == ["succeeded"]


@jumar.task
def talks(name):
    number = jumar.send_event("x", "told", name)
    jumar.sleep(0.001)
    return number, jumar.wait_event("told"), jumar.wait_event.options(catch=TimeoutError)("never", 0.001)


def test_waits_and_events_work_in_worker_processes(tmp_path):
    with jumar.Session(tmp_path / "store", "processes", 1):
        number, told, (payload, error) = talks.start("hello", id="x").result()
    assert (number, told, payload) == (1, "hello", None)
    assert "waited 0.001 s for event 'never'" in str(error)


@jumar.task(reuse="run")
def asks_beside(name):
    return pair.lazy(jumar.wait_event.lazy(name), jumar.sleep.lazy(DAY_S))


@pytest.mark.parametrize("task", [asks, asks_softly, asks_beside])
def test_a_run_is_left_as_soon_as_all_that_it_does_is_wait(again, clock, task):
    with again():
        run = task.start("paid", id="x")
        assert run.wait(leaves=True) == "interrupted"
        assert run.was_left
        assert "paid" in {wait["event"] for wait in run.info.waits}
        clock.advance(DAY_S)
        jumar.send_event("x", "paid", 1)
        assert jumar.resume("x").result()[0] == 1
        assert not jumar.runs.get("x").was_left


def test_a_run_that_computes_is_not_left(again, gate):
    world.gate = gate
    with again():
        run = asks_late.start(id="x")
        gate.wait_for_arrival()
        with pytest.raises(TimeoutError):
            run.wait(0, leaves=True)
        gate.open()
        assert run.wait(leaves=True) == "interrupted"


def test_runs_whose_time_has_come_or_whose_event_is_there_are_resumed_together(again, clock):
    with again():
        for task, arguments, name in [(naps, (60.0,), "slept"), (naps, (DAY_S,), "sleeps"), (asks, ("a",), "told")]:
            task.start(*arguments, id=name).wait(leaves=True)
        asks.start("b", id="asks").wait(leaves=True)
        assert jumar.runs.resume_all(due=True) == []
        clock.advance(60)
        jumar.send_event("told", "a", 1)
        jumar.send_event("asks", "other", 1)
        handles = jumar.runs.resume_all(due=True)
        assert {handle.id: handle.result() for handle in handles} == {"slept": 60.0, "told": [1]}


FLOW = """
import jumar

@jumar.task
def order(name):
    return jumar.wait_event(name), jumar.wait_event("sent")

if __name__ == "__main__":
    with jumar.Session("store"):
        for name in ("paid", "other"):
            order.start(name, id=f"order {name}").wait(leaves=True)
"""


def test_runs_that_wait_need_no_process_but_a_timer_that_resumes_them(tmp_path):
    (tmp_path / "flow.py").write_text(FLOW)

    def command(*words, status=0):
        done = subprocess.run(
            [sys.executable, *words], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == status, done.stderr
        return done.stdout, done.stderr

    due = ["-m", "jumar", "resume", "--due", "--store", "store"]
    send = ["-m", "jumar", "send-event", "--store", "store", "order paid"]
    command("flow.py")
    assert command(*due) == ("", "")
    command(*send, "paid", "1")
    assert command(*due) == ("", "run 'order paid': waits: event 'sent'\n")
    command(*send, "sent", "2")
    (found,) = json.loads(command(*due, "--json")[0])
    assert (found["id"], found["status"], found["value"]) == ("order paid", "succeeded", "(1, 2)")
    assert "waits: event 'other'" in command("-m", "jumar", "resume", "order other", "--leave", "--store", "store")[1]
    assert "give an ID, or --due" in command("-m", "jumar", "resume", status=2)[1]
