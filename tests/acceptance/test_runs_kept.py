"""What stays of a run when it has succeeded or is deleted: what it was told to keep, and what others have asked for."""

import pytest
from tests.acceptance.world import world

import jumar
from jumar.runs import RunError
from jumar.store.pins import Pin

pytestmark = pytest.mark.usefixtures("new_world")


@jumar.step
def put(what):
    world.done.append(("put", what))
    return what


@jumar.task
def block(n):
    world.done.append(("block", n))
    return bytes([n]) * 100_000


@jumar.task
def size(block):
    world.done.append("size")
    return len(block)


@jumar.task
def main(n):
    sizes = [size(block.spawn(i)) for i in range(n)]
    put("sent")
    if world.is_broken:
        raise ConnectionError("broken")
    return sum(sizes)


@jumar.task(reuse="run")
def chain(n):
    return chain.lazy(n - 1) if n else size.lazy(block.lazy(7))


def left(session):
    """The names of the tasks of which results are kept."""
    return sorted(call.task.name for call in session.store.calls() if call.state != "failed")


EVERYTHING = ["block", "block", "main", "put", "size", "size"]


@pytest.mark.parametrize(
    ("keep", "names", "blobs"), [("all", EVERYTHING, 2), ("steps", ["main", "put"], 0), ("result", ["main"], 0)]
)
@pytest.mark.parametrize("said", ["run", "session"])
@pytest.mark.parametrize("executor", ["inline", "threads"])
def test_a_run_that_has_succeeded_keeps_what_it_was_told_to(again, keep, names, blobs, said, executor):
    with again(executor=executor, keep_runs=keep if said == "session" else None) as session:
        run = main.start(2, id="x", keep=keep if said == "run" else None)
        assert run.result() == 200_000
        assert left(session) == names
    with again() as session:
        assert main.start(2, id="x").result() == 200_000
        assert jumar.runs.get("x").status() == "succeeded"
        assert session.store.totals().blobs == blobs
    assert world.done.count(("put", "sent")) == 1
    assert world.done.count("size") == 2


def test_a_run_that_has_failed_keeps_all_until_it_has_succeeded(again):
    world.is_broken = True
    with again(keep_runs="result") as session:
        assert main.start(2, id="x").wait() == "failed"
        assert left(session) == [name for name in EVERYTHING if name != "main"]
    world.is_broken = False
    with again() as session:  # what the run was started with counts
        assert jumar.resume("x").result() == 200_000
        assert left(session) == ["main"]
    assert world.done.count(("put", "sent")) == 1
    assert world.done.count(("block", 0)) == 1


def test_results_that_others_asked_for_stay(again):
    with again():
        block(0)  # nobody's, and found by the run
        main.start(1, id="other").result()
    with again(keep_runs="result") as session:
        assert main.start(2, id="x").result() == 200_000
        assert left(session) == ["block", "main", "main", "put", "size"]
    with again() as session:
        assert jumar.runs.get("other").result() == 100_000
        assert {block(0), size(block.spawn(0)), put("again")} == {bytes(100_000), 100_000, "again"}
    assert world.done.count(("block", 0)) == 1


def test_what_a_later_program_asked_for_stays_when_the_run_is_deleted(again):
    with again():
        main.start(2, id="x").result()
    with again():
        block(1), block(2)
    with again() as session:
        assert jumar.runs.delete("x") == 4  # the root, the step, and the sizes
        assert left(session) == ["block"] * 3


@pytest.mark.parametrize("keep_results", [False, True])
def test_a_deleted_run_frees_what_nobody_else_uses(again, keep_results):
    with again():
        main.start(2, id="x").result()
    with again() as session:
        assert jumar.runs.delete("x", keep_results=keep_results) == (2 if keep_results else 6)
        assert left(session) == (["block", "block", "size", "size"] if keep_results else [])
        assert session.store.totals().blobs == (2 if keep_results else 0)


def test_a_blob_goes_with_its_last_user(again):
    @jumar.task
    def same(n):
        world.done.append(n)
        return bytes(50_000)

    @jumar.task
    def one(n):
        return same(n)

    with again():
        one.start(1, id="one").result()
        one.start(2, id="two").result()
    with again() as session:
        jumar.runs.delete("one")
        assert session.store.totals().blobs == 1
    with again() as session:
        assert jumar.runs.get("two").result() == bytes(50_000)
    with again() as session:
        jumar.runs.delete("two")
        assert session.store.totals().blobs == 0


def test_pinned_results_stay(again):
    with again() as session:
        session.store.stock.pins.add([Pin(bytes.fromhex(block.key(1)), 0.0, "")])
        main.start(2, id="x", keep="result").result()
        assert left(session) == ["block", "main"]


def test_graphs_that_were_returned_go_as_well(again):
    with again(keep_runs="result") as session:
        assert chain.start(3, id="x").result() == 100_000
        assert left(session) == ["chain"]
    with again():
        assert jumar.runs.get("x").result() == 100_000


def test_a_script_keeps_its_steps(again):
    for _ in range(2):
        with again(keep_runs="result") as session:
            with jumar.run("x") as run:
                put(size(block.spawn(1)))
            assert run.status() == "succeeded"
            assert left(session) == ["put"]
    assert world.done.count(("put", 100_000)) == 1
    with again(), pytest.raises(RunError, match="would do its steps again"), jumar.run("y", keep="result"):
        pass


def test_what_cannot_be_kept_is_refused(again):
    with again(), pytest.raises(RunError, match=r"keep='some': it takes 'all', 'steps', 'result'"):
        main.start(1, id="x", keep="some")
    with pytest.raises(jumar.SettingsError, match="keep_runs takes"):
        again(keep_runs="some")


def test_names_and_the_chronicle_outlive_results(again):
    with again():
        run = main.start(1, id="x", keep="result")
        run.result()
        assert list(run.names()) == ["main", "block", "size", "put"]
        assert run.result(call="main") == 100_000
        with pytest.raises(RunError, match="has no kept result"):
            run.result(call="size")
