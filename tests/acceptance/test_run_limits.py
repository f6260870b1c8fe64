"""How many runs there may be at once: who waits, in which order, and what becomes of those whose process is gone."""

import threading

import pytest

import jumar
from jumar.runs import RunError, RunFailedError, RunHeldError, RunLimitError
from jumar.runs.book import Book
from jumar.runs.heart import HEART
from jumar.store import holder as holders
from jumar.store.run_queue import Elsewhere, Limits, RunQueue, lease_key, queue_key


class World:
    """What lies outside of the program."""

    def __init__(self):
        self.done, self.gates = [], {}

    def __jumar_key__(self):
        return "world"

    def do(self, name):
        self.done.append(name)
        self.gates.setdefault(name, threading.Event())

    def pass_through(self, name):
        assert self.gates.setdefault(name, threading.Event()).wait(60), f"nobody opened {name}"

    def open(self, *names):
        for name in names:
            self.gates.setdefault(name, threading.Event()).set()


world = World()


@pytest.fixture(autouse=True)
def new_world():
    world.__init__()
    yield
    world.open(*world.gates)


@pytest.fixture
def again(tmp_path):
    """A new session on the same store, as another program would have."""

    def again(executor="threads", **options):
        return jumar.Session(tmp_path / "store", executor, None if executor == "inline" else 4, **options)

    return again


@jumar.step
def passes(name):
    world.do(name)
    world.pass_through(name)
    return name


@jumar.task
def main(name):
    return passes(name)


@jumar.task
def outer():
    return [main.start(name, id=name).result() for name in ("in 1", "in 2")]


def start(*names):
    return [main.start(name, id=name) for name in names]


def until(condition):
    """Return when it holds; the heart brings it about."""
    while not condition():
        HEART.nudge()


def states(*names):
    return [jumar.runs.get(name).status() for name in names]


def test_a_session_drives_so_many_runs_at_once_and_the_others_wait_in_their_order(again):
    names = [f"run {number}" for number in range(6)]
    with again(max_running_runs=2):
        handles = start(*names)
        until(lambda: len(world.done) == 2)
        assert states(*names) == ["running"] * 2 + ["pending"] * 4
        world.open("run 1")
        until(lambda: "run 2" in world.done)
        assert states(*names) == ["running", "succeeded", "running"] + ["pending"] * 3
        for name in ("run 2", "run 3", "run 4", "run 5"):
            world.open(name)
        assert [handle.result() for handle in handles[2:]] == names[2:]
        world.open("run 0")
    assert world.done[2:] == names[2:]


def test_a_run_beyond_what_may_wait_is_an_error_and_is_not_stored(again):
    with again(max_running_runs=1, max_queued_runs=1):
        start("a", "b")
        with pytest.raises(
            RunLimitError,
            match=r"run 'c' is not started: in this session 1 runs are driven and 1 wait for their turn, "
            r"as many as is allowed \(max_running_runs=1, max_queued_runs=1\)",
        ):
            start("c")
        assert sorted(info.id for info in jumar.runs.find()) == ["a", "b"]
        world.open("a", "b")
        until(lambda: states("a", "b") == ["succeeded"] * 2)
        world.open("c")
        assert start("c")[0].result() == "c"


def test_the_store_s_limit_counts_the_runs_of_all_sessions_in_one_line(again):
    with again(max_store_running_runs=1) as one, again(max_store_running_runs=1, max_store_queued_runs=2) as two:
        token = PlaceOf(one)
        with token:
            first, third = start("a")[0], None
        with PlaceOf(two):
            start("b")
        with PlaceOf(one):
            third = start("c")[0]
        with PlaceOf(two), pytest.raises(RunLimitError, match="in this store 1 runs are driven and 2 wait"):
            start("d")
        world.open("a")
        assert first.result() == "a"
        until(lambda: "b" in world.done)
        assert third.status() == "pending"
        world.open("b", "c")
        assert third.result() == "c"
    assert world.done == ["a", "b", "c"]


class PlaceOf:
    """A block in which a session is the current one, and which does not close it."""

    def __init__(self, session):
        self._session = session

    def __enter__(self):
        self._token = jumar.session._active.set(self._session)

    def __exit__(self, *error):
        jumar.session._active.reset(self._token)


def test_a_session_with_a_limit_of_its_own_does_not_hold_up_others(again):
    with again(max_running_runs=1, max_store_running_runs=3) as one, again(max_store_running_runs=3) as two:
        with PlaceOf(one):
            start("a", "b", "c")
        with PlaceOf(two):
            start("d")
        until(lambda: sorted(world.done) == ["a", "d"])
        world.open("a", "b", "c", "d")


def test_a_run_whose_session_has_ended_keeps_its_place_for_whoever_takes_it_up(again):
    with again(max_running_runs=1) as session:
        start("a", "b", "c")
        until(lambda: world.done == ["a"])
        session.close("now")
    world.open("a")
    with again(max_running_runs=1):
        assert states("a", "b", "c") == ["interrupted", "pending", "pending"]
        assert jumar.runs.get("b").info.holder == ""
        blocker = start("blocker")[0]
        until(lambda: "blocker" in world.done)
        later, handles = start("later")[0], [jumar.resume(name) for name in ("c", "b")]
        world.open("blocker", "b", "c", "later")
        assert [handle.result() for handle in (*handles, later, blocker)] == ["c", "b", "later", "blocker"]
    assert world.done == ["a", "blocker", "b", "c", "later"]


def test_a_slot_whose_holder_has_died_is_free(again):
    with again() as session:
        start("a")
        until(lambda: world.done == ["a"])
        book = Book(session.store)
        with again(max_store_running_runs=1):
            run = start("b")[0]
            assert run.status() == "pending"
            become_dead(session.store, lease_key(book.find("a").token))
            world.open("b")
            assert run.result() == "b"
        world.open("a")


def become_dead(store, lease):
    """Let a lease be that of a process which had this one's number before: it is dead."""
    dead = str(holders.me()._replace(started="1"))
    statement = "UPDATE leases SET holder = ? WHERE key = ?"
    store.index.transact(lambda connection: connection.execute(statement, (dead, lease)))


def test_a_run_that_waits_can_be_cancelled_and_its_place_goes(again):
    with again(max_running_runs=1):
        first, second, third = start("a", "b", "c")
        with pytest.raises(TimeoutError, match="did not have its turn"):
            second.result(timeout=0)
        with pytest.raises(RunError, match="waits for its turn in process"):
            jumar.runs.delete("b")
        assert second.cancel()
        assert second.wait() == "cancelled"
        with pytest.raises(RunFailedError, match="was cancelled"):
            second.result()
        world.open("a", "c")
        assert [first.result(), third.result()] == ["a", "c"]
    assert world.done == ["a", "c"]


def test_a_run_that_waits_is_attached_to_and_refused_elsewhere(again):
    with again(max_running_runs=1):
        start("a", "b")
        again_started, resumed = start("b")[0], jumar.resume("b")
        with again(max_running_runs=1), pytest.raises(RunHeldError, match="waits for its turn in another session"):
            jumar.resume("b")
        watched = jumar.runs.get("b")
        with again():
            foreign = jumar.runs.get("b")
            with pytest.raises(TimeoutError):
                foreign.wait(0)
        world.open("a", "b")
        assert {each.result() for each in (again_started, resumed, watched)} == {"b"}
    assert world.done == ["a", "b"]


def test_a_run_that_another_one_starts_does_not_wait_for_it(again):
    world.open("in 1", "in 2")
    with again(max_running_runs=1):
        assert outer.start(id="out").result() == ["in 1", "in 2"]


def test_a_session_that_ends_well_has_its_runs_driven_first(again):
    world.open("a", "b", "c")
    with again(max_running_runs=1):
        start("a", "b", "c")
    with again():
        assert states("a", "b", "c") == ["succeeded"] * 3


@pytest.mark.parametrize("how", ["start", "block"])
def test_where_calls_run_in_place_the_caller_waits_for_its_turn(again, how):
    begun = threading.Event()

    def drive():
        with again("inline", max_store_running_runs=1):
            begun.set()
            if how == "start":
                start("b")
            else:
                with jumar.run("b"):
                    passes("b")

    thread = threading.Thread(target=drive)
    world.open("b")
    with again(max_store_running_runs=1):
        start("a")
        until(lambda: world.done == ["a"])
        thread.start()
        assert begun.wait(60)
        until(lambda: len(jumar.runs.find()) == 2)
        until(lambda: jumar.runs.get("b").info.holder)
        assert states("a", "b") == ["running", "pending"]
        world.open("a")
        thread.join()
        assert states("b") == ["succeeded"]
    assert world.done == ["a", "b"]


def test_a_block_whose_run_is_cancelled_while_it_waits_does_not_begin(again):
    def drive():
        with again("inline", max_store_running_runs=1), jumar.run("b"):
            world.do("never")

    raised = []

    def guarded():
        try:
            drive()
        except RunFailedError as error:
            raised.append(str(error))

    with again(max_store_running_runs=1):
        start("a")
        thread = threading.Thread(target=guarded)
        thread.start()
        until(lambda: [info.holder for info in jumar.runs.find("pending")] not in ([], [""]))
        jumar.runs.get("b").cancel()
        thread.join()
        world.open("a")
    assert raised == ["run 'b' waited for its turn, and was cancelled, or its session was closed."]
    assert world.done == ["a"]


@pytest.mark.parametrize(
    ("name", "value"), [("max_running_runs", 0), ("max_queued_runs", -1), ("max_store_running_runs", "many")]
)
def test_a_limit_is_a_number(again, name, value):
    with pytest.raises(jumar.SettingsError, match=f"{name} takes a whole number"):
        again(**{name: value})


def test_a_place_that_nobody_renews_is_passed_over(tmp_path):
    with jumar.Store.open(tmp_path / "store") as store:
        book, other = Book(store, "one"), Book(store, "two")
        with jumar.Session(store, "inline"):
            world.open("a", "b")
            for name in ("a", "b"):
                main.start(name, id=name)
        a, b = (book.find(name).token for name in ("a", "b"))
        mine, theirs = (RunQueue(each.database, each.leases, Limits(store_running=1)) for each in (book, other))
        assert theirs.enter(a) == {a}
        assert mine.enter(b) == set()
        with pytest.raises(Elsewhere) as driven:
            mine.enter(a)
        with pytest.raises(Elsewhere) as waiting:
            theirs.enter(b)
        assert (driven.value.is_driven, waiting.value.is_driven) == (True, False)
        become_dead(store, lease_key(a))
        become_dead(store, queue_key(b))
        assert mine.call() == set()  # nobody waits for the turn of b any more
        assert theirs.enter(b) == {b}
