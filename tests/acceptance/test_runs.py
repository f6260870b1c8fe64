"""Durable runs: an id that survives, effects once, resumed by the id; each by how often things ran."""

import contextlib

import pytest
from tests.acceptance.world import world

import jumar
from jumar.runs import RunError, RunFailedError, RunHeldError

pytestmark = pytest.mark.usefixtures("new_world")
broken, done = world.broken, world.done


@pytest.fixture(params=["inline", "threads"])
def session(request, tmp_path):
    with jumar.Session(tmp_path / "store", request.param, 2 if request.param == "threads" else None) as opened:
        yield opened


@jumar.step
def put(what):
    return world.do("put", what)


@jumar.task
def pure(n):
    world.do("pure", n)
    return n * n


@jumar.task
def main(n):
    world.do("main", n)
    return [put(pure(i)) for i in range(n)]


@jumar.task(reuse="run")
def branch(name):
    return [put(name), put(name), put(name)]


@jumar.task
def nested():
    return [branch("a"), branch("b"), put("a")]


@jumar.task(reuse="run")
def continued(n):
    return pure.lazy(put.lazy(n)) if n == 0 else total.lazy(put.lazy(n), continued.lazy(n - 1))


@jumar.task
def total(one, other):
    return one + other


@jumar.task
def size(items):
    return put(len(items))


@jumar.step
async def fetch(n):
    return world.do("fetch", n)


@jumar.task
async def gathers(n):
    return [await fetch(i) for i in range(n)]


@jumar.task
def waits():
    put("before")
    world.gate.pass_through()
    return put("after")


def test_a_run_has_its_result_its_state_and_what_it_was_given(session):
    run = main.start(3, id="nightly", metadata={"team": "maps"})
    assert run.result() == [3, 5, 7]
    assert (run.id, run.status(), run.metadata) == ("nightly", "succeeded", {"team": "maps"})
    assert sorted(call.task.name for call in run.calls()) == ["main"] + ["pure"] * 3 + ["put"] * 3
    assert run.wait() == "succeeded"


def test_the_same_id_with_the_same_call_does_nothing_twice(session, again):
    assert main.start(2, id="x").result() == main.start(2, id="x").result()
    with again():
        assert main.start(2, id="x").result() == [3, 5]
    assert done.count(("main", 2)) == 1


def test_another_run_does_its_steps_anew_and_finds_what_is_pure(session):
    first, second = main.start(2, id="one"), None
    first.result()
    second = main.start(2, id="two")
    assert second.result() != first.result()
    assert done.count(("put", 1)) == 2
    assert done.count(("pure", 1)) == 1


def test_an_id_is_made_up_where_none_is_given(session):
    one, other = main.start(1), main.start(1)
    assert one.id != other.id
    assert [one.result(), other.result()] == [[3], [5]] or len(done) == 5


@pytest.mark.parametrize(
    ("start", "now"),
    [
        (lambda: main.start(3, id="x"), r"first: .*main\(n=2\) now: .*main\(n=3\)"),
        (lambda: nested.start(id="x"), r"first: .*main\(n=2\) now: .*nested\(\)"),
    ],
    ids=["other arguments", "another task"],
)
def test_the_same_id_with_something_else_is_an_error_that_shows_the_difference(session, start, now):
    main.start(2, id="x").result()
    with pytest.raises(RunError, match=now):
        start()
    with pytest.raises(RunError, match=r"first: .*main\(n=2\) now: script"), jumar.run("x"):
        pass


def test_a_failed_run_is_resumed_with_what_failed_and_what_needs_it(session, again):
    broken.add(("put", 1))
    run = main.start(3, id="x")
    with pytest.raises(ConnectionError):
        run.result()
    assert run.status() == "failed"
    assert "ConnectionError" in run.info.error
    assert "in put" in run.info.traceback
    with again():
        with pytest.raises(RunFailedError, match=r"has failed: ConnectionError.*jumar resume x"):
            jumar.runs.get("x").result()
        broken.clear()
        assert len(jumar.resume("x").result()) == 3
    assert [done.count(("put", i * i)) for i in range(3)] == [1, 1, 1]
    assert [done.count(("pure", i)) for i in range(3)] == [1, 1, 1]


def test_equal_steps_of_one_caller_are_several_and_each_is_found_again(session, again):
    broken.add(("put", "b"))
    assert nested.start(id="x").wait() == "failed"
    assert done.count(("put", "a")) == 3
    broken.clear()
    with again():
        values = jumar.resume("x").result()
    assert done.count(("put", "a")) == 4  # three in a branch, and one beside it
    assert done.count(("put", "b")) == 3
    assert len({value for group in values[:2] for value in group} | {values[2]}) == 7


def test_steps_in_a_graph_that_was_returned_keep_their_places(session, again):
    broken.add(("put", 0))
    assert continued.start(3, id="x").wait() == "failed"
    before = done.copy()
    broken.clear()
    with again():
        value = jumar.resume("x").result()
    assert sorted(what for what in done if what[0] == "put") == [("put", n) for n in range(4)]
    assert len(before) >= 1
    with again():
        assert jumar.resume("x").result() == value


def test_a_step_that_is_retried_and_resumed_has_one_idempotency_key(session, again):
    keys = []

    @jumar.step(retries=1)
    def pay():
        call = jumar.current_call()
        world.do("pay", call.run_id, call.attempt)
        keys.append(call.idempotency_key)
        if len(keys) < 4:
            raise ConnectionError("not yet")

    broken.clear()
    for _ in range(2):
        with again(), pytest.raises(ConnectionError) if len(keys) < 2 else again(), jumar.run("x"):
            pay()
    assert len(keys) == 4
    assert len(set(keys)) == 1
    assert done == [("pay", "x", 1), ("pay", "x", 2)] * 2


def test_current_call_is_for_tasks(session):
    with pytest.raises(jumar.JumarError, match="no call runs here"):
        jumar.current_call()


def test_a_script_that_is_run_again_goes_on_where_it_stopped(again):
    broken.add(("put", "two"))
    with again(), pytest.raises(ConnectionError), jumar.run("script", metadata={"try": 1}):
        values = [put("one"), put("two")]
    with again():
        assert jumar.runs.get("script").status() == "failed"
        broken.clear()
        with jumar.run("script", metadata={"try": 2}) as run:
            assert run.status() == "running"
            values = [put("one"), put("two"), put("one")]
        assert (run.status(), run.metadata) == ("succeeded", {"try": 2})
        with pytest.raises(RunError, match="script's, which has no value"):
            run.result()
    assert values == [1, 2, 3]
    assert done == [("put", "one"), ("put", "two"), ("put", "one")]


def test_outside_of_runs_a_step_runs_each_time(session, again):
    assert put(1) != put(1)
    with again():
        put(1)
    assert done == [("put", 1)] * 3


def test_a_plain_task_with_reuse_run_belongs_to_its_run(again):
    @jumar.task(reuse="run")
    def noted(n):
        return world.do("noted", n)

    for run, count in (("a", 1), ("b", 2), ("a", 2)):
        with again(), jumar.run(run):
            noted(1)
            noted(1)
        assert done.count(("noted", 1)) == count


def test_a_value_of_one_run_is_not_found_in_another_through_its_inputs(again):
    @jumar.task(reuse="run")
    def noted(n):
        return world.do("noted", n)

    for run in ("a", "b"):
        with again(), jumar.run(run):
            noted.spawn(pure.spawn(2)).result()
    assert done.count(("noted", 4)) == 2


def test_two_sessions_cannot_drive_one_run(again, gate):
    with again() as one:
        run = waits.start(id="x")
        gate.wait_for_arrival()
        assert waits.start(id="x").status() == "running"  # attached
        with again():
            with pytest.raises(RunHeldError, match=r"driven by process \d+ on .*two cannot drive it"):
                jumar.resume("x")
            with pytest.raises(RunError, match="cancel it first"):
                jumar.runs.delete("x")
            watched = jumar.runs.get("x")
            with pytest.raises(TimeoutError):
                watched.result(timeout=0)
            gate.open()
            assert watched.result() == 2
        assert run.result() == 2
        one.checkpoint()


def test_a_cancelled_run_makes_no_more_calls_and_can_be_resumed(again, gate):
    with again():
        run = waits.start(id="x")
        gate.wait_for_arrival()
        assert run.cancel()
        with pytest.raises(RunFailedError, match="was cancelled"):
            run.result()
        assert run.status() == "cancelled"
        gate.open()
    assert done == [("put", "before")]
    with again():
        with pytest.raises(RunError, match="was cancelled"):
            waits.start(id="x")
        assert jumar.resume("x").result() == 2
        assert not jumar.runs.get("x").cancel()
    assert done == [("put", "before"), ("put", "after")]


def test_a_run_that_another_session_cancels_stops(again, gate):
    with again():
        run = waits.start(id="x")
        gate.wait_for_arrival()
        with again():
            jumar.runs.get("x").cancel()
        assert run.wait() == "cancelled"
        with pytest.raises(RunFailedError):
            run.result()
        gate.open()


def test_a_session_that_ends_at_once_leaves_its_runs_interrupted(again, gate):
    session = again()
    run = waits.start(id="x")
    gate.wait_for_arrival()
    session.close("now")
    gate.open()
    with again():
        assert jumar.runs.get("x").status() == "interrupted"
        assert jumar.resume("x").result() == 2
    assert run.id == "x"


def test_runs_are_found_by_their_state_and_resumed_together(session, again):
    broken.add(("put", 0))
    for n in range(5):
        main.start(1, id=f"run {n}").wait()
    main.start(0, id="good").result()
    assert [info.id for info in jumar.runs.find("failed")] == [f"run {n}" for n in reversed(range(5))]
    assert len(jumar.runs.find()) == 6
    assert jumar.runs.find("succeeded")[0].id == "good"
    broken.clear()
    with again():
        assert sorted(handle.result()[0] for handle in jumar.runs.resume_all()) == sorted(
            handle.result()[0] for handle in map(jumar.runs.get, [f"run {n}" for n in range(5)])
        )
        assert jumar.runs.find("failed") == []
    with pytest.raises(RunError, match="no state of a run"):
        jumar.runs.find("lost")


def test_a_deleted_run_frees_its_id_and_what_its_steps_kept(session):
    main.start(2, id="x").result()
    assert jumar.runs.delete("x", keep_results=True) == 3  # two steps and the root
    with pytest.raises(RunError, match="there is no run 'x'"):
        jumar.runs.get("x")
    main.start(2, id="x").result()
    assert done.count(("put", 1)) == 2
    assert done.count(("pure", 1)) == 1


def test_a_step_that_was_not_there_before_is_told(again):
    @jumar.step
    def look(what):
        return world.do("look", what)

    with again(), jumar.run("x"):
        look("clock: 1")
    with again(), jumar.run("x"), pytest.warns(jumar.StoreWarning, match=r"first: .*look\(.*1.*\) now: .*look\(.*2"):
        look("clock: 2")
    with again(), jumar.run("x"):  # both are known now
        look("clock: 1")
        look("clock: 2")
    assert len(done) == 2


def test_steps_in_another_order_are_the_same_steps(again):
    with again(), jumar.run("x"):
        first = [put("a"), put("b")]
    with again(), jumar.run("x"):
        assert [put("b"), put("a")] == first[::-1]


def test_a_shared_task_that_asks_for_steps_is_told(again):
    @jumar.task
    def shared():
        return put("x")

    with again(), jumar.run("x"), pytest.warns(jumar.StoreWarning, match=r"asks for steps.*reuse='run'"):
        shared()


def test_arguments_are_captured_when_a_run_is_started(session, again):
    items = [1, 2]
    broken.add(("put", 2))
    run = size.start(items, id="x")
    items.append(3)
    run.wait()
    broken.clear()
    with again():
        jumar.resume("x").result()
    assert done == [("put", 2)]


def test_futures_are_arguments_of_runs(session, again):
    broken.add(("put", 6))
    run = adds.start(pure.spawn(1), [pure.spawn(2)], id="x")
    assert run.wait() == "failed" or run.status() == "failed"
    broken.clear()
    with again():
        assert jumar.resume("x").result() == 3
    assert done == [("pure", 1), ("pure", 2), ("put", 6)] or sorted(done) == [("pure", 1), ("pure", 2), ("put", 6)]


@jumar.task
def adds(one, others):
    return put(one + sum(others) + 1)


def test_asynchronous_tasks_run_steps(again):
    broken.add(("fetch", 1))
    with again():
        assert gathers.start(3, id="x").wait() == "failed"
    broken.clear()
    with again():
        assert len(jumar.resume("x").result()) == 3
    assert done == [("fetch", 0), ("fetch", 1), ("fetch", 2)]


def test_a_run_may_start_another_one(session):
    @jumar.task
    def outer():
        return main.start(1, id="inner").result()

    assert outer.start(id="outer").result() == [3] or done.count(("put", 0)) == 1
    assert {info.id: info.status for info in jumar.runs.find()} == {"outer": "succeeded", "inner": "succeeded"}


def test_a_plan_of_a_script_with_runs_writes_none(tmp_path, again):
    script = tmp_path / "script.py"
    script.write_text(
        "import jumar\n"
        "from tests.acceptance.test_runs import main, put\n"
        "with jumar.Session('store'):\n"
        "    with jumar.run('block'):\n"
        "        put.spawn(1)\n"
        "    run = main.start(2, id='x')\n"
        "    assert run.metadata == {}\n"
        "    run.result()\n"
    )
    from jumar.plan import plan

    with contextlib.chdir(tmp_path):
        found = plan(str(script))
        assert [step.task for step in found.steps] == ["put", "main"]
        assert found.ends == "line 8 of script.py"
        with again():
            assert jumar.runs.find() == []
            main.start(2, id="x").result()
        assert [step.task for step in plan(str(script)).steps] == ["put"]


def test_a_run_needs_a_store_that_is_written(tmp_path, again):
    with jumar.Session(jumar.Store.in_memory(), "inline"), pytest.raises(RunError, match="a store in a folder"):
        main.start(1, id="x")
    with again(reuse="off"), pytest.raises(RunError, match="keeps no results"):
        main.start(1, id="x")


@pytest.mark.parametrize("bad", ["", "  ", "two\nlines", 7])
def test_an_id_is_a_line_of_text(session, bad):
    with pytest.raises(RunError, match="a text of one line"):
        main.start(1, id=bad)


def test_metadata_is_what_json_can_say(session):
    with pytest.raises(RunError, match="what JSON can say"):
        main.start(1, id="x", metadata={"when": object()})


def test_runs_are_not_opened_inside_of_each_other(session):
    with jumar.run("x"), pytest.raises(RunError, match="inside of a task or of another run"), jumar.run("y"):
        pass


def test_a_step_takes_no_options_that_would_say_what_is_kept():
    with pytest.raises(jumar.DeclarationError, match="checkpoint= is not for a step"):
        jumar.step(checkpoint=False)
    with pytest.raises(jumar.DeclarationError, match="only where it is asked for"):
        put.key(1)


def test_an_audit_does_no_step_again(again):
    with again(), jumar.run("x"):
        put(1)
    with again(audit=1.0), jumar.run("x"):
        put(1)
    with again(reuse="refresh"), jumar.run("x"):
        put(1)
    assert done == [("put", 1)]


def test_no_sweep_takes_steps_of_a_run(again):
    from jumar.store.retention import Rules

    with again() as session:
        main.start(2, id="x").result()
        session.store.sweep(Rules(max_size_bytes=0))
    broken.add(("put", 0))
    with again() as session:
        assert jumar.runs.get("x").result() == [3, 5]
        assert {call.task.name for call in session.store.calls()} == {"main", "put"}


def test_a_step_is_in_the_store_when_its_value_is_seen(tmp_path):
    with jumar.Session(tmp_path / "store", "inline", checkpoint_mode="manual"), jumar.run("x"):
        put(1)
        with jumar.Store.open(tmp_path / "store", read_only=True) as other:
            assert [call.task.name for call in other.calls()] == ["put"]


def test_a_block_of_options_says_nothing_of_what_is_kept_of_steps(again):
    for _ in range(2):
        with again(), jumar.run("x"), jumar.options(checkpoint=False, refresh=True, ttl_s=0.0, retries=1):
            put(1)
    assert done == [("put", 1)]
