"""The command, run on a store that a program made."""

import json

import pytest
from click.testing import CliRunner

import jumar
from jumar.cli import cli


@jumar.task(name="half")
def half(x, by=2):
    if x < 0:
        raise ValueError("negative\nnumber")
    return x / by


@jumar.task
def big(n):
    return bytes(n)


@pytest.fixture
def store(tmp_path):
    path = tmp_path / "store"
    with jumar.Session(path, "inline"):
        half(10)
        half.spawn(-1).exception()
        half.spawn(-1).exception()
        big(1_000_000)
    return path


def run(*args):
    return CliRunner().invoke(cli, [str(arg) for arg in args], env={"COLUMNS": "160"})


def as_json(*args):
    result = run(*args, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_calls_lists_the_newest_first_with_arguments_and_state(store):
    rows = as_json("calls", "--store", store)
    assert [(row["task"], row["arguments"], row["state"]) for row in rows] == [
        ("big", "n=1000000", "done"),
        ("half", "x=-1, by=2", "failed"),
        ("half", "x=10, by=2", "done"),
    ]
    assert rows[0]["size_bytes"] > 1_000_000
    text = run("calls", "--store", store).stdout
    for word in ("key", "half", "x=10, by=2", "failed", "976.6 KiB"):
        assert word in text


def test_calls_can_be_chosen_by_task_state_and_number(store):
    assert [row["task"] for row in as_json("calls", "--store", store, "--task", "big")] == ["big"]
    assert [row["state"] for row in as_json("calls", "--store", store, "--state", "failed")] == ["failed"]
    limited = run("calls", "--store", store, "--limit", 1)
    assert "and more" in limited.stderr
    assert len(as_json("calls", "--store", store, "--limit", 1)) == 1


def test_show_tells_all_about_a_call(store):
    key = half.key(10)
    found = as_json("show", key[:10], "--store", store, "--value")
    assert (found["key"], found["value"], found["attempts"]) == (key, "5.0", found["attempts"])
    text = run("show", key[:10], "--store", store).stdout
    assert key in text
    assert "half (in " in text


def test_show_lists_the_calls_that_a_call_is_an_argument_of_where_that_is_asked_for(store):
    with jumar.Session(store, "inline"):
        user = half.spawn(half.spawn(10), by=4)
        half.spawn(user)  # a user of the user
        user.result()
    assert as_json("show", half.key(10), "--store", store, "--users")["users"] == [user.key]
    assert f"used by {user.key[:12]}" in run("show", half.key(10), "--store", store, "--users").stdout
    assert "no call that has a result" in run("show", big.key(1_000_000), "--store", store, "--users").stdout
    assert "users" not in as_json("show", half.key(10), "--store", store)


def test_show_tells_why_a_call_failed(store):
    shown = run("show", half.key(-1), "--store", store).stdout
    assert "ValueError: negative" in shown
    assert "Traceback" in shown
    assert as_json("show", half.key(-1), "--store", store)["attempts"] == 2


def test_show_refuses_what_names_no_call_or_several(store):
    for key, message in (("zz", "not the beginning of a key"), ("0" * 64, "no call in")):
        result = run("show", key, "--store", store)
        assert result.exit_code == 1
        assert message in result.stderr


def test_store_tells_where_it_is_and_what_it_holds(store):
    found = as_json("store", "--store", store)
    assert (found["path"], found["calls"], found["failures"], found["blobs"]) == (str(store), 2, 1, 1)
    assert "2 done, 1 failed, of 2 tasks" in run("store", "--store", store).stdout


def test_a_reader_makes_no_store(tmp_path):
    result = run("calls", "--store", tmp_path / "none")
    assert result.exit_code == 1
    assert "there is no store at" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_config_shows_each_value_with_its_origin(monkeypatch):
    monkeypatch.setenv("JUMAR_WORKERS", "3")
    found = as_json("config")
    assert found["workers"] == {"value": 3, "origin": "JUMAR_WORKERS"}
    assert found["durability"]["origin"] == "default"
    assert "JUMAR_WORKERS" in run("config").stdout


def test_into_a_pipe_each_row_is_one_whole_line(tmp_path):
    texts = ["a long text of some forty letters, so it is", "another one, and the two need a wide line"]
    with jumar.Session(tmp_path / "store", "inline"):
        jumar.task(name="joined_by_some_long_name")(lambda first, second: first + second)(*texts)
    shown = CliRunner().invoke(cli, ["calls", "--store", str(tmp_path / "store")], env={"COLUMNS": None}).stdout
    [line] = [line for line in shown.splitlines() if "joined_by_some_long_name" in line]
    assert all(text in line for text in texts)
    assert "…" not in shown
    assert all(line == line.rstrip() for line in shown.splitlines())


def test_show_says_that_a_name_is_neither_run_nor_key(store):
    result = run("show", "order-17", "--store", store)
    assert result.exit_code == 1
    assert "'order-17' is no run in" in result.stderr
    assert "not the beginning of a key" in result.stderr
