"""Looking at runs: calls by their names, runs in asynchronous code, single calls again, runs without ids."""

import asyncio
import json
import subprocess
import sys

import pytest
from tests.acceptance.world import world

import jumar
from jumar.runs import RunError, RunFailedError

pytestmark = pytest.mark.usefixtures("new_world")
broken, done = world.broken, world.done


@jumar.step
def put(what):
    return world.do("put", what)


@jumar.task
def square(n):
    world.do("square", n)
    return n * n


@jumar.task
def main(n):
    return [put(square(i)) for i in range(n)]


@jumar.task
def waits():
    put("before")
    world.gate.pass_through()
    return put("after")


@jumar.task(checkpoint=False)
def passing(n):
    return n


@jumar.task
def clashes():
    return [named.options(name=name)(n) for n, name in enumerate(["f", "f_1", "f", "f"])]


@jumar.task
def named(n):
    return n


@jumar.task(reuse="run")
async def awaits(n):
    return await put.spawn(n)


@jumar.task
def needs(part, factor=2, *others, word, **more):
    put("in needs")
    return (part * factor + sum(others), word, more, world.do("needs"))


def plain(n):
    return world.do("plain", n)


@jumar.task(ignore=["verbose"])
def quiet(n, verbose=False):
    return world.do("quiet", n, verbose)


# -- names -------------------------------------------------------------------------------------------------------------


def test_calls_have_the_names_of_their_tasks_and_further_ones_a_number(again):
    with again():
        run = main.start(3, id="x")
        run.result()
        assert list(run.names()) == ["main", "square", "put", "square_1", "put_1", "square_2", "put_2"]
        assert [run.result(call=name) for name in ("square_2", "put", "main")] == [4, 2, [2, 4, 6]]
        assert run.names()["square"] == square.key(0)
    with again():
        assert jumar.runs.result("x", call="put_1") == 4
        assert jumar.runs.result("x") == [2, 4, 6]
    assert len(done) == 6


def test_a_name_stays_where_it_is_when_a_run_is_resumed(again):
    broken.add(("put", 1))
    with again():
        run = main.start(3, id="x")
        assert run.wait() == "failed"
        before = run.names()
        with pytest.raises(RunFailedError, match=r"call 'put_1' of run 'x' has failed: ConnectionError.*jumar show"):
            run.result(call="put_1")
    broken.clear()
    with again():
        run = jumar.resume("x")
        run.result()
        assert list(run.names().items())[: len(before)] == list(before.items())
        assert len(run.names()) == 7


def test_a_name_that_another_task_has_is_passed_over(again):
    with again():
        run = clashes.start(id="x")
        run.result()
        assert list(run.names()) == ["clashes", "f", "f_1", "f_2", "f_3"]
        assert [run.result(call=name) for name in ("f", "f_1", "f_2", "f_3")] == [0, 1, 2, 3]


def test_what_has_no_name_or_no_value_is_told(again):
    with again(), jumar.run("x") as run:
        passing(1)
        assert run.names().keys() == {"passing"}
    with again():
        with pytest.raises(RunError, match=r"has no call 'other': it has passing"):
            jumar.runs.result("x", call="other")
        with pytest.raises(RunError, match=r"'passing' of run 'x' has no kept result"):
            jumar.runs.result("x", call="passing")


def test_the_value_of_a_call_is_waited_for_while_its_run_goes_on(again, gate):
    with again():
        run = waits.start(id="x")
        gate.wait_for_arrival()
        with again():
            watched = jumar.runs.get("x")
            assert watched.result(call="put") == 1
            with pytest.raises(TimeoutError, match="it goes on"):
                watched.result(0, call="put_1")
            gate.open()
            assert watched.result(call="put_1") == 2
        assert run.result(call="waits") == 2


def test_a_deleted_run_takes_its_names_along(again):
    with again():
        main.start(1, id="x").result()
        jumar.runs.delete("x")
        run = main.start(2, id="x")
        run.result()
        assert "put_1" in run.names()


# -- asynchronous code -------------------------------------------------------------------------------------------------


def test_runs_are_awaited(again, gate):
    async def program():
        run = waits.start(id="x")
        with pytest.raises(TimeoutError):
            await run.wait_async(0)
        with pytest.raises(TimeoutError):
            await run.result_async(0)
        waiter = asyncio.create_task(run.wait_async())
        await asyncio.sleep(0)
        waiter.cancel()  # whoever stops waiting stops no run
        with pytest.raises(asyncio.CancelledError):
            await waiter
        assert await run.result_async(call="put") == 1
        gate.open()
        return await asyncio.gather(
            run, jumar.runs.get("x").result_async(), run.result_async(call="put_1")
        ), await run.wait_async()

    with again():
        assert asyncio.run(program()) == ([2, 2, 2], "succeeded")
    assert len(done) == 2


def test_a_failed_run_raises_where_it_is_awaited(again):
    broken.add(("put", 0))

    async def program():
        run = main.start(1, id="x")
        with pytest.raises(ConnectionError):
            await run
        return await run.wait_async()

    async def other_program():
        with pytest.raises(RunFailedError):
            await jumar.runs.get("x")

    with again():
        assert asyncio.run(program()) == "failed"
    with again():
        asyncio.run(other_program())


def test_a_block_of_asynchronous_code_is_a_run(again):
    async def program():
        async with jumar.run("x") as run:
            values = await asyncio.gather(put.spawn(1), awaits.spawn(2))
            assert run.status() == "running"
            square.spawn(5)
        assert run.status() == "succeeded"
        assert ("square", 5) in done
        return values

    for _ in range(2):
        with again():
            values = asyncio.run(program())
    assert sorted(values) == [1, 2]
    assert len(done) == 3
    broken.add(("put", 3))

    async def failing():
        async with jumar.run("y"):
            await put.spawn(3)

    with again():
        with pytest.raises(ConnectionError):
            asyncio.run(failing())
        assert [info.id for info in jumar.runs("failed")] == ["y"]


# -- one call again ----------------------------------------------------------------------------------------------------


def test_a_failed_call_runs_again_alone_and_is_not_recorded(again):
    broken.add(("needs",))
    with again():
        run = needs.start(square.spawn(3), 3, 1, 2, word=["w"] * 100, extra=None, id="x")
        assert run.wait() == "failed"
        key = run.names()["needs"]
        with pytest.raises(ConnectionError):
            jumar.runs.rerun(key[:10])
        broken.clear()
        assert jumar.runs.rerun(key) == (30, ["w"] * 100, {"extra": None}, 3)
        assert run.status() == "failed"
    assert done == [("square", 3), ("put", "in needs"), ("needs",)]


def test_a_call_that_succeeded_runs_again_where_its_key_says_its_arguments(again):
    plain = {"word": "w", "more": [1.5, {"a": (None, True)}, {1, 2}, b"x", 2j, ["long"] * 50]}
    with again():
        needs(9, **plain)
        needs.spawn(square.spawn(4), 3, 1, word="w").result()
        assert jumar.runs.rerun(needs.key(9, **plain))[:3] == (18, "w", {"more": plain["more"]})
        assert jumar.runs.rerun(needs.key(square.spawn(4), 3, 1, word="w"))[0] == 49
        quiet(1, verbose=True)
        jumar.runs.rerun(quiet.key(1))
    assert done[-2:] == [("quiet", 1, True), ("quiet", 1, False)]
    assert done.count(("square", 4)) == 1


def test_a_call_of_a_plain_function_runs_again(again):
    with again():
        future = jumar.spawn(plain, 3)
        assert future.result() == 1
        assert jumar.runs.rerun(future.key) == 2
    assert done == [("plain", 3)] * 2


def test_an_asynchronous_call_runs_again(again):
    with again():
        awaits.start(5, id="x").result()
        assert jumar.runs.rerun(jumar.runs.get("x").names()["awaits"]) == 1
    assert done == [("put", 5)]


def test_what_cannot_be_had_again_is_told(again):
    with again():
        needs(1, word="w" * 1000)
        with pytest.raises(
            RunError, match=r"argument 'word' .* cannot be had again: of it only this was recorded: str 1000"
        ):
            jumar.runs.rerun(needs.key(1, word="w" * 1000))
        with pytest.raises(RunError, match="no call has a key"):
            jumar.runs.rerun("00")
        with pytest.raises(RunError, match="not the beginning of a key"):
            jumar.runs.rerun("x")


def test_a_task_that_is_not_at_the_top_of_its_module_is_told(again):
    @jumar.task(name="local")
    def inner():
        return 1

    with again():
        inner()
        with pytest.raises(
            RunError, match=r"task 'local' .* cannot be imported from .*test_runs_looked_at: it is not there"
        ):
            jumar.runs.rerun(inner.key())


def test_a_call_with_large_arguments_that_failed_says_that_they_were_not_kept(again):
    broken.add(("needs",))
    with again():
        with pytest.raises(ConnectionError):
            needs(1, word="w" * 100_000)
        with pytest.raises(RunError, match="of it only this was recorded: str 100000"):
            jumar.runs.rerun(needs.key(1, word="w" * 100_000))


# -- from the command line ---------------------------------------------------------------------------------------------


@pytest.fixture
def command(tmp_path, monkeypatch):
    """The command in a folder with a program; gives status, output and errors."""
    (tmp_path / "flow.py").write_text(FLOW)
    monkeypatch.setenv("JUMAR_STORE", str(tmp_path / ".jumar"))

    def command(*args, text=None, main=("-m", "jumar")):
        ran = subprocess.run(
            [sys.executable, *main, *args],
            cwd=tmp_path,
            input=text,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return ran.returncode, ran.stdout, ran.stderr

    assert command(main=["flow.py"])[0] == 1
    return command


FLOW = """
import jumar

@jumar.step
def put(what):
    with open("effects", "a") as file:
        file.write(what)
    return what

@jumar.task(reuse="run")
def ratio(a, b):
    put(f"{a}/{b} ")
    return a / b

@jumar.task
def main(n):
    return [ratio(1, i) for i in range(n, -1, -1)]

if __name__ == "__main__":
    with jumar.Session(".jumar"):
        main.start(1, id="m").result()
"""


def test_a_run_is_shown_with_its_calls(command):
    _, said, _ = command("show", "m", "--json")
    found = json.loads(said)
    assert (found["id"], found["status"], found["call"]) == ("m", "failed", "flow.main(n=1)")
    states = [(call["name"], call["state"]) for call in found["calls"]]
    assert states == [("main", "failed"), ("ratio", "done"), ("put", "done"), ("ratio_1", "failed"), ("put_1", "done")]
    _, text, _ = command("show", "m")
    assert "ratio_1" in text
    assert "ZeroDivisionError" in text
    assert json.loads(command("show", "m", "--call", "ratio", "--value", "--json")[1])["value"] == "1.0"
    assert "has no call 'x'" in command("show", "m", "--call", "x")[2]
    assert "there is no run 'n'" in command("show", "n", "--call", "x")[2]


def test_a_failed_call_is_run_again_alone_and_in_the_debugger(command, tmp_path):
    key = json.loads(command("show", "m", "--call", "ratio_1", "--json")[1])["key"]
    status, said, errors = command("rerun", key)
    assert (status, said) == (1, "")
    assert errors.splitlines()[1].endswith("in ratio")  # and nothing of ours before it
    status, said, _ = command("rerun", key[:12], "--json")
    assert (status, json.loads(said)["error"]) == (1, "ZeroDivisionError: division by zero")
    _, said, _ = command("rerun", key, "--pdb", text="p a, b\nq\n")
    assert "(1, 0)" in said
    _, said, _ = command("rerun", key, "--trace", text="p 'first', a\nc\n")
    assert "('first', 1)" in said
    (tmp_path / "flow.py").write_text(FLOW.replace("a / b", "a / (b or 1)"))
    assert command("rerun", key) == (0, "1.0\n", "")
    assert (tmp_path / "effects").read_text() == "1/1 1/0 "
    assert json.loads(command("runs", "--json")[1])[0]["status"] == "failed"
    status, _, errors = command("resume", "m")
    assert (status, errors) == (0, "m: changed since the run was started: flow.ratio\n")
    assert (tmp_path / "effects").read_text() == "1/1 1/0 "


def test_every_program_leaves_a_run_behind(command, tmp_path):
    (tmp_path / "other.py").write_text("from flow import ratio\nprint(ratio(1, 4))\n")
    assert command(main=["other.py"])[0] == 0
    found = json.loads(command("runs", "--scripts", "--json")[1])
    assert [run["script"].rpartition("/")[2] for run in found] == ["other.py", "flow.py"]
    assert [run["computed"] for run in found] == [2, 3]
    assert len(command("runs", "--scripts")[1].splitlines()) >= 3
    assert len(json.loads(command("calls", "--run", "1", "--state", "done", "--json")[1])) == 3
    assert command("runs", "--scripts", "--status", "failed")[0] == 2


def test_a_script_that_is_run_under_an_id_keeps_what_it_is_told_to(command, tmp_path):
    (tmp_path / "script.py").write_text(
        "from flow import put\nimport jumar\n@jumar.task\ndef one(): return 1\nput(str(one()))\n"
    )
    assert command("run", "--id", "s", "--keep", "steps", "script.py")[0] == 0
    states = {call["name"]: call.get("state") for call in json.loads(command("show", "s", "--json")[1])["calls"]}
    assert states == {"one": None, "put": "done"}
