"""Durable actors: objects by id, whose state is committed with each call; each test by what was done and what is left."""

import functools
import json
import threading

import pytest
from click.testing import CliRunner
from tests.acceptance.world import world

import jumar
from jumar.actors import ActorError
from jumar.cli import cli
from jumar.keys.call import describe_arguments
from jumar.store.retention import Rules

pytestmark = pytest.mark.usefixtures("new_world")


@pytest.fixture(params=["inline", "threads"])
def session(request, tmp_path):
    with jumar.Session(tmp_path / "store", request.param, 4 if request.param == "threads" else None) as opened:
        yield opened


@pytest.fixture
def again(again):
    return functools.partial(again, workers=4)


@jumar.task
def square(n):
    return n * n


@jumar.actor
class Log:
    def __init__(self, *first):
        self.lines = list(first)
        world.done.append("made")

    def put(self, line, *, times=1):
        world.done.append(line)
        self.lines += [line] * times
        return len(self.lines)

    def put_square(self, n):
        return self.put(square(n))

    def fail(self, line):
        self.put(line)
        raise ConnectionError("on purpose")

    def wait(self):
        self.lines.append("waited")
        world.gate.pass_through()
        return len(self.lines)

    def returns(self, what):
        self.lines.append("returned")
        return what() if callable(what) else what

    def hold_a_lock(self):
        self.lines.append(threading.Lock())

    def spawns_its_next_turn(self):
        Log.get("x").put.spawn("later")
        self.lines.append("now")

    def start(self, run_id):
        self.lines.append(run_id)
        return main.start(1, id=run_id).result()

    def again_through_handle(self):
        return Log.get("x").put("never")

    def through_a_task(self):
        return puts.spawn("x", "never").result()

    @jumar.actor.readonly
    def read(self):
        world.done.append("read")
        return self.lines

    @jumar.actor.readonly
    def sneak(self):
        self.lines = []

    @property
    def size(self):
        return len(self.lines)

    @staticmethod
    def static():
        return 1


@jumar.task(reuse="run")
def puts(actor_id, *lines):
    log = Log.get_or_create(actor_id)
    return [log.put(line) for line in lines]


@jumar.task(reuse="run")
def main(n):
    log = Log.get_or_create("of a run")
    values = [log.put("a"), log.put("a"), *log.read()]
    if world.is_broken:
        raise ConnectionError("broken")
    return values, log.put(n)


def test_an_actor_is_what_its_last_turn_left_in_every_session(session, again):
    log = Log.get_or_create("x", "first")
    assert (log.put("second"), log.put("third", times=2)) == (2, 4)
    with again():
        assert jumar.actors.get(Log, "x").read() == ["first", "second", "third", "third"]
        assert Log.get_or_create("x", "other").put("more") == 5
    assert (log.put_square(3), log.size) == (6, 6)
    assert world.done.count("made") == 1


def test_turns_come_in_the_order_in_which_they_were_spawned(session):
    log = Log.get_or_create("x")
    futures = [log.put.spawn(n) for n in range(50)]
    assert jumar.gather(futures) == list(range(1, 51))
    assert log.read() == list(range(50))


def test_the_call_after_spawned_ones_is_after_them(session, gate):
    log = Log.get_or_create("x")
    if session.engine.workers > 1:
        waiting = log.wait.spawn()
        gate.wait_for_arrival()
        later = [log.put.spawn("a"), log.put.spawn("b")]
        assert square(5) == 25  # no worker is kept
        gate.open()
        assert log.put("c") == 4
        assert [waiting.result(), *jumar.gather(later)] == [1, 2, 3]
    else:
        log.put.spawn("a")
        assert log.put("c") == 2


def test_a_method_that_raises_leaves_the_actor_as_it_was_and_the_next_has_its_turn(session):
    log = Log.get_or_create("x")
    futures = [log.put.spawn("a"), log.fail.spawn("lost"), log.put.spawn("b")]
    with pytest.raises(ConnectionError):
        futures[1].result()
    assert [futures[0].result(), futures[2].result()] == [1, 2]
    assert log.read() == ["a", "b"]
    assert jumar.actors.find()[0].turns == 2


def test_read_only_methods_run_beside_a_turn_and_see_what_was_committed(again, gate):
    with again():
        log = Log.get_or_create("x", "first")
        turn = log.wait.spawn()
        gate.wait_for_arrival()
        assert jumar.gather(log.read.spawn() for _ in range(3)) == [["first"]] * 3
        assert jumar.actors.find()[0].holder.startswith("process ")
        with pytest.raises(ActorError, match=r"'x' is being changed by process \d+"), again():
            jumar.actors.delete("x")
        gate.open()
        assert turn.result() == 2
        assert log.read() == ["first", "waited"]


def test_a_read_only_method_changes_nothing(session):
    log = Log.get_or_create("x", "first")
    log.read().append("of the caller")
    with pytest.raises(AttributeError, match=r"read-only method of actor class Log sets or deletes attribute 'lines'"):
        log.sneak()
    assert log.read() == ["first"]


def test_two_sessions_take_turns(again):
    together = threading.Barrier(2)

    def add(session):
        with session:
            log = Log.get_or_create("x")
            together.wait(30)
            values.extend(log.put(n) for n in range(20))

    values = []
    threads = [threading.Thread(target=add, args=(again(),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(values) == list(range(1, 41))
    with again():
        assert Log.get("x").size == 40


def test_in_a_run_each_turn_is_taken_once(again):
    world.is_broken = True
    with again():
        assert main.start(7, id="r").wait() == "failed"
    world.is_broken = False
    with again():
        run = jumar.resume("r")
        assert run.result() == ([1, 2, "a", "a"], 3)
        assert [name for name in run.names() if name.startswith("Log")] == [
            "Log.put",
            "Log.put_1",
            "Log.read",
            "Log.put_2",
        ]
        assert Log.get("of a run").read() == ["a", "a", 7]
    assert world.done == ["made", "a", "a", "read", 7, "read"]


def test_a_method_may_start_a_run(again):
    world.is_broken = False
    with again():
        log = Log.get_or_create("x")
        assert log.start("inner") == ([1, 2, "a", "a"], 3)
        assert jumar.runs.get("inner").status() == "succeeded"
        assert log.read() == ["inner"]


def test_a_turn_that_would_wait_for_itself_is_told(session):
    log = Log.get_or_create("x")
    with pytest.raises(jumar.DeadlockError, match="Call the method on self"):
        log.again_through_handle()
    with pytest.raises(jumar.DeadlockError):
        log.through_a_task()
    assert log.read() == []
    assert log.put("after") == 1
    log.spawns_its_next_turn()
    assert log.put("last") == 4
    assert log.read() == ["after", "now", "later", "last"]


@pytest.mark.parametrize("what", [lambda: square.spawn(2), lambda: [square.lazy(2)]], ids=["future", "lazy"])
def test_a_turn_ends_with_a_value(session, what):
    log = Log.get_or_create("x")
    with pytest.raises(ActorError, match="a turn ends with a value"):
        log.returns(what)
    assert log.read() == []


def test_a_state_that_cannot_be_kept_is_not_taken(session):
    log = Log.get_or_create("x")
    with pytest.raises(ActorError, match="state of actor 'x' cannot be kept"):
        log.hold_a_lock()
    assert log.put("after") == 1


def test_lazy_turns_are_parts_of_graphs(session):
    log = Log.get_or_create("x")
    assert jumar.collect(square.lazy(log.put.lazy(square.lazy(3)))) == 1
    assert log.read() == [9]


def test_handles_are_arguments_of_tasks(again):
    @jumar.task(reuse="run")
    def two(log, line):
        return log.put(line), log.put(line)

    with again(), jumar.run("r"):
        assert two(Log.get_or_create("x"), "line") == (1, 2)
        assert two(Log.get("x"), "line") == (1, 2)
        record = jumar.runs.get("r").calls()[0]
        assert describe_arguments(("log", "line"), record.arguments).startswith("log=actor Log x #")
    assert world.done == ["made", "line", "line"]


def test_a_deleted_actor_frees_its_id_and_its_handles_say_so(session):
    log = Log.get_or_create("x")
    log.put("a")
    jumar.actors.delete("x")
    assert jumar.actors.find() == []
    for call in (log.read, lambda: log.put("b")):
        with pytest.raises(ActorError, match="there is no actor 'x'"):
            call()
    assert Log.get_or_create("x").read() == []
    with pytest.raises(ActorError, match="was deleted, and another one has its id now"):
        log.put("b")
    with pytest.raises(ActorError, match="there is no actor 'y'"):
        jumar.actors.delete("y")


def test_an_id_belongs_to_one_class(session):
    Log.get_or_create("x")
    with pytest.raises(ActorError, match="actor 'x' is a Log, and not a Tree"):
        Tree.get_or_create("x")
    with pytest.raises(ActorError, match="there is no actor 'y'"):
        Tree.get("y")
    for bad in ("", "two\nlines", 7):
        with pytest.raises(ActorError, match="a text of one line"):
            Tree.get_or_create(bad)


class Plain:
    __slots__ = ("__dict__", "leaves")

    def __init__(self, leaves):
        self.leaves, self.more = leaves, 0


@jumar.actor
class Tree(Plain):
    def grow(self, n=1):
        self.leaves += bytes(n)
        self.more += 1
        return len(self.leaves), self.more


@jumar.actor
class Versioned(Plain):
    def __getstate__(self):
        return {"version": 2, "leaves": self.leaves}

    def __setstate__(self, state):
        self.leaves = state["leaves"] + 1

    def get(self):
        return self.leaves


def test_slots_and_states_of_ones_own_are_kept(session):
    tree = Tree.get_or_create("tree", b"")
    assert (tree.grow(), tree.grow(2)) == ((1, 1), (3, 2))
    versioned = Versioned.get_or_create("versioned", 1)
    assert (versioned.get(), versioned.get()) == (2, 3)


def test_a_large_state_leaves_one_blob_behind_and_no_sweep_takes_it(again):
    with again() as session:
        tree = Tree.get_or_create("tree", b"x" * 100_000)
        for _ in range(5):
            tree.grow(1000)
        session.store.sweep(Rules(max_size_bytes=0))
    with again() as session:
        session.store.sweep()
        assert session.store.totals().blobs == 1
        assert [call.task.name for call in session.store.calls()] == ["Tree"]
        assert Tree.get("tree").grow() == (105_001, 6)


def test_a_class_can_be_derived_from_an_actor_class(session):
    @jumar.actor
    class Loud(Log):
        def put(self, line, *, times=1):
            return super().put(line.upper(), times=times)

    assert Loud.get_or_create("x").put("a") == 1
    assert Loud.get("x").read() == ["A"]


def test_what_is_no_method_is_told(session):
    log = Log.get_or_create("x")
    with pytest.raises(AttributeError, match="actor class Log has no method 'lines'"):
        log.lines  # noqa: B018
    with pytest.raises(AttributeError, match="has no method 'static'"):
        log.static()
    with pytest.raises(jumar.ArgumentError, match=r"Log\.put"):
        log.put()


def test_what_cannot_be_an_actor_class_is_refused():
    with pytest.raises(ActorError, match="is no actor class"):
        jumar.actors.get_or_create(Plain, "x")
    with pytest.raises(jumar.DeclarationError, match="goes above a class"):
        jumar.actor(square)
    with pytest.raises(jumar.DeclarationError, match="asynchronous"):

        @jumar.actor
        class Late:
            async def put(self):
                pass


def test_a_session_that_keeps_nothing_changes_no_actor(again, tmp_path):
    with again():
        Log.get_or_create("x", "first")
    with again(reuse="read-only"):
        assert Log.get("x").read() == ["first"]
        with pytest.raises(ActorError, match="keeps no results"):
            Log.get("x").put("second")
        with pytest.raises(ActorError, match="keeps no results"):
            Log.get_or_create("y")
    with jumar.Session(jumar.Store.in_memory()), pytest.raises(ActorError, match="a store in a folder"):
        Log.get_or_create("x")


def test_a_process_that_stood_still_changes_nothing_that_another_took_over(again, gate):
    with again() as session:
        log = Log.get_or_create("x")
        turn = log.wait.spawn()
        gate.wait_for_arrival()
        session.store.index.transact(lambda connection: connection.execute("UPDATE leases SET holder = 'other'"))
        gate.open()
        with pytest.raises(ActorError, match="taken over by another process"):
            turn.result()
        session.store.index.transact(lambda connection: connection.execute("DELETE FROM leases"))
        assert log.read() == []
        assert log.put("a") == 1


def test_actors_of_a_damaged_index_are_carried_over_as_their_last_turn_left_them(again, tmp_path):
    with again():
        log = Log.get_or_create("x")
        for n in range(30):
            log.put(n)
    with (tmp_path / "store" / "index.sqlite").open("r+b") as file:
        file.write(bytes(1024))
    with pytest.warns(jumar.StoreWarning, match="damaged"):
        store = jumar.Store.open(tmp_path / "store")
    with store, jumar.Session(store):
        assert Log.get("x").read() == list(range(30))


def test_a_row_that_was_altered_is_told(again):
    with again() as session:
        log = Log.get_or_create("x")
        session.store.index.transact(lambda connection: connection.execute("UPDATE actors SET turn = 7"))
        for call in (log.read, lambda: log.put("a")):
            with pytest.raises(ActorError, match="is not what was written"):
                call()
        session.store.index.transact(lambda connection: connection.execute("UPDATE actors SET turn = 0"))
        session.store.index.transact(lambda connection: connection.execute("DELETE FROM calls"))
        with pytest.raises(ActorError, match="is not in the store any more"):
            log.read()


def test_tasks_in_worker_processes_have_actors_too(tmp_path):
    with jumar.Session(tmp_path / "store", "processes", 2):
        assert puts.start("x", "a", "b", id="r").result() == [1, 2]
        assert Log.get("x").read() == ["a", "b"]


def test_plans_of_programs_with_actors_change_none(tmp_path, again):
    from jumar.plan import plan

    script = tmp_path / "script.py"
    script.write_text(
        "import jumar\n"
        "from tests.acceptance.test_actors import Log, square\n"
        f"with jumar.Session({str(tmp_path / 'store')!r}):\n"
        "    log = Log.get_or_create('x')\n"
        "    square(3)\n"
        "    log.put('a')\n"
    )
    with again():
        square(3)
    found = plan(str(script))
    assert found.ends == "line 6 of script.py"
    with again():
        assert jumar.actors.find() == []


def test_actors_are_listed_shown_and_deleted_from_the_command_line(tmp_path):
    def command(*args):
        ran = CliRunner().invoke(cli, [*args, "--store", str(tmp_path / "store")], env={"COLUMNS": "160"})
        return ran.exit_code, ran.stdout

    with jumar.Session(tmp_path / "store"):
        Log.get_or_create("mine").put("a")
    found = json.loads(command("actors", "--json")[1])
    assert [(each["id"], each["kind"], each["turns"]) for each in found] == [("mine", "Log", 1)]
    assert "mine" in command("actors")[1]
    assert json.loads(command("actors", "show", "mine", "--json")[1])["state"] == "{'lines': ['a']}"
    assert "{'lines': ['a']}" in command("actors", "show", "mine")[1]
    assert command("actors", "delete", "mine") == (0, "deleted Log mine after 1 turns\n")
    assert command("actors", "--json") == (0, "[]\n")


def test_what_would_go_past_the_id_or_the_turns_is_refused(session):
    @jumar.actor
    class Counter:
        def __init__(self):
            self.count = 1

        @jumar.actor.readonly
        def seen(self):
            return self.count

    with session:
        with pytest.raises(ActorError, match=r"Counter\.get_or_create\('some id', \.\.\.\)"):
            Counter()
        counter = Counter.get_or_create("a")
        with pytest.raises(AttributeError, match="only its methods change what an actor holds"):
            counter.count = 3
        assert counter.seen() == 1
