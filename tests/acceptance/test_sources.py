"""Sessions on several stores: what a colleague computed is found, explained, planned with, and kept."""

import json
import os
import subprocess
import sys
import textwrap

import pytest
from click.testing import CliRunner

import jumar
from jumar.cli import cli
from jumar.store.archive import export


@pytest.fixture
def make(tally):
    """Two tasks, of which one needs the other's result."""

    @jumar.task
    def load(n):
        tally.add("load")
        return list(range(n))

    @jumar.task
    def total(values):
        tally.add("total")
        return sum(values)

    return load, total


@pytest.fixture
def theirs(tmp_path, make):
    load, total = make
    with jumar.Session(tmp_path / "theirs", "inline"):
        assert total.spawn(load.spawn(3000)).result() == 4_498_500
    return tmp_path / "theirs"


@pytest.mark.parametrize("executor", ["inline", "threads"])
def test_what_a_colleague_computed_does_not_run(theirs, tmp_path, make, tally, executor):
    load, total = make
    with jumar.Session([tmp_path / "mine", theirs], executor) as session:
        assert total.spawn(load.spawn(3000)).result() == 4_498_500
        assert total.spawn(load.spawn(4)).result() == 6
        assert session.counts()[:2] == (2, 2)
    with jumar.Session(tmp_path / "mine", executor):  # the root was read; what it was made from was not needed
        assert total.spawn(load.spawn(3000)).result() == 4_498_500
    assert tally["total"] == 2


def test_early_cutoff_works_over_stores(theirs, tmp_path, make, tally):
    _, total = make

    @jumar.task
    def load_otherwise(n):
        tally.add("otherwise")
        return [*range(n)]

    with jumar.Session([tmp_path / "mine", theirs], "inline"):
        assert total.spawn(load_otherwise.spawn(3000)).result() == 4_498_500
    assert (tally["otherwise"], tally["total"]) == (1, 1)
    with jumar.Session(tmp_path / "mine", "inline"):  # recorded under the new call's key
        assert total.spawn(load_otherwise.spawn(3000)).result() == 4_498_500
    assert (tally["otherwise"], tally["total"]) == (1, 1)


def test_why_tells_of_calls_that_only_the_colleague_made(theirs, tmp_path, make):
    load, _ = make
    with jumar.Session([tmp_path / "mine", theirs], "inline"):
        explanation = load.spawn(3001).why()
    assert "argument 'n'" in str(explanation)
    assert "3000" in str(explanation)


@pytest.mark.parametrize(("options", "kept"), [({}, 1), ({"adopt": False}, 0), ({"reuse": "read-only"}, 0)])
def test_what_is_kept_of_it_can_be_chosen(theirs, tmp_path, make, options, kept):
    load, _ = make
    with jumar.Session([tmp_path / "mine", theirs], "inline", **options) as session:
        assert len(load(3000)) == 3000
        assert session.counts()[:2] == (0, 1)
    with jumar.Store.open(tmp_path / "mine") as mine:
        assert mine.totals().calls == kept


def test_a_session_on_chosen_runs_and_on_a_file(theirs, tmp_path, make, tally):
    load, _ = make
    with jumar.Session(theirs, "inline"):
        load(5)
    with jumar.Store.open(theirs) as store:
        export(store, tmp_path / "first.jumar", run=1)
    last = jumar.Store.open(theirs, read_only=True, runs="last")
    for source, restored in (last, (5,)), (tmp_path / "first.jumar", (3000,)):
        with jumar.Session([jumar.Store.in_memory(), source], "inline") as session:
            load(5), load(3000)
            assert session.counts()[:2] == (1, 1)
            assert all(len(load(n)) == n for n in restored)
    last.close()


def test_the_most_recent_can_be_preferred(tmp_path):
    @jumar.task(refresh=True)
    def now(tick):
        return os.urandom(8)

    @jumar.task
    def then(tick):
        return os.urandom(8)

    results = []
    for name in ("old", "new"):
        with jumar.Session(tmp_path / name, "inline"):
            results.append(then(1))
    stores = [jumar.Store.in_memory(), tmp_path / "old", tmp_path / "new"]
    for prefer, expected in zip(["order", "recent"], results, strict=True):
        with jumar.Session([jumar.Store.in_memory(), *stores[1:]], "inline", prefer=prefer):
            assert then(1) == expected


@pytest.mark.parametrize("declared", ["theirs", f"mine{os.pathsep}theirs"])
def test_an_accepted_edit_finds_what_the_colleague_computed_with_the_old_code(tmp_path, declared):
    """Whether the colleague declared it, or I did in my own store."""
    old = "import jumar\n@jumar.task\ndef f(x):\n    return x + 1\nprint(f(1))\n"
    (tmp_path / "script.py").write_text(old)
    run(tmp_path, "script.py", store="theirs")
    (tmp_path / "script.py").write_text(old.replace("x + 1", "1 + x"))
    run(tmp_path, "-c", "import jumar; jumar.Store.open('mine').close()", store="mine")
    run(tmp_path, "-m", "jumar", "accept", "script.py:f", store=declared)
    counting = "\nprint(jumar.session.current().counts().restored)\n"
    (tmp_path / "script.py").write_text(old.replace("x + 1", "1 + x") + counting)
    assert run(tmp_path, "script.py", store=f"mine{os.pathsep}theirs").split() == ["2", "1"]
    assert run(tmp_path, "script.py", store="mine").split() == ["2", "1"]


def run(folder, *args, store):
    environment = {**os.environ, "JUMAR_STORE": store}
    return subprocess.check_output([sys.executable, "-W", "error", *args], cwd=folder, env=environment, text=True)


@pytest.fixture
def project(tmp_path):
    """A project whose file names two stores, of which the second has results."""
    (tmp_path / "script.py").write_text(
        textwrap.dedent(
            """
            import jumar

            @jumar.task
            def square(n):
                return n * n

            if __name__ == "__main__":
                print(square(7), square(8))
            """
        )
    )
    run(tmp_path, "script.py", store="theirs")
    (tmp_path / "pyproject.toml").write_text("[tool.jumar]\nstore = ['mine', 'theirs']\n")
    return tmp_path


def test_a_list_in_the_project_file_is_planned_with_and_shown(project, monkeypatch):
    monkeypatch.delenv("JUMAR_STORE")
    monkeypatch.chdir(project)

    def jumar_command(*args):
        environment = {name: value for name, value in os.environ.items() if name != "JUMAR_STORE"}
        return subprocess.check_output([sys.executable, "-m", "jumar", *args], cwd=project, env=environment, text=True)

    plan = json.loads(jumar_command("plan", "script.py", "--json"))
    assert (plan["restored"], plan["steps"]) == (2, [])
    with jumar.Store.open(project / "mine") as mine:
        assert mine.totals()[:3] == (0, 0, 0)  # a plan keeps nothing
    config = json.loads(jumar_command("config", "--json"))
    assert config["store"]["value"] == [str(project / "mine"), str(project / "theirs")]
    assert json.loads(jumar_command("store", "--json"))["calls"] == 0
    with jumar.Store.open(project / "theirs") as theirs:
        key = next(theirs.calls()).key.hex()
    assert json.loads(jumar_command("show", key[:8], "--json", "--value"))["value"] == "64"
    assert "square(n=8)" in jumar_command("why", key[:8])


# -- the command -------------------------------------------------------------------------------------------------------


def command(*args):
    return CliRunner().invoke(cli, [str(arg) for arg in args])


def test_export_and_import_tell_what_they_did(theirs, tmp_path, make, tally):
    load, total = make
    file, mine = tmp_path / "results.jumar", tmp_path / "mine"
    done = command("export", file, "--store", theirs)
    assert (done.exit_code, done.output.partition(",")[0]) == (0, f"{file}: 2 results")
    assert command("import", file, "--store", mine).output == f"{mine}: 2 results from {file}\n"
    again = command("import", file, "--store", mine)
    assert "0 results from" in again.output
    assert "2 results were there and were left as they are" in again.output
    with jumar.Session(mine, "inline") as session:
        assert total.spawn(load.spawn(3000)).result() == 4_498_500
        assert session.counts()[:2] == (0, 2)


def test_the_command_exports_what_was_chosen(theirs, tmp_path, make):
    load, _ = make
    name = load.name
    file = tmp_path / "x.jumar"
    for chosen in (["--task", name], ["--key", load.key(3000)[:8]]):
        done = json.loads(command("export", file, *chosen, "--store", theirs, "--json").output)
        assert (done["calls"], done["blobs"], done["damaged"]) == (1, 1, 0)
        assert done["file_bytes"] == file.stat().st_size
    for chosen in (["--run", "last"], ["--run", "1"]):
        assert json.loads(command("export", file, *chosen, "--store", theirs, "--json").output)["calls"] == 2
    assert "is not the beginning of a key" in command("export", file, "--key", "xyz", "--store", theirs).output
    for run, said in (("7", "nothing to export"), ("nightly", "no run with the id 'nightly'")):
        with pytest.raises(jumar.StoreError, match=said):
            cli.main(["export", str(file), "--run", run, "--store", str(theirs)], standalone_mode=False)


def test_what_was_made_from_the_chosen_results_is_exported_too_where_that_is_asked_for(theirs, tmp_path, make, tally):
    load, total = make
    with jumar.Session(theirs, "inline"):
        load(5)  # nothing was made from it
    for chosen, calls in ((["--key", load.key(3000)[:8]], 2), (["--task", total.name], 1)):
        told = command("export", tmp_path / "x.jumar", *chosen, "--downstream", "--store", theirs, "--json")
        assert json.loads(told.output)["calls"] == calls


def test_what_a_run_with_an_id_asked_for_is_exported_also_where_another_run_had_computed_it(theirs, tmp_path, make):
    load, total = make
    with jumar.Session(theirs, "inline"), jumar.run("nightly"):
        total.spawn(load.spawn(4)).result()
        load(3000)
    told = command("export", tmp_path / "x.jumar", "--run", "nightly", "--store", theirs, "--json")
    assert json.loads(told.output)["calls"] == 3
    with jumar.Session([tmp_path / "mine", tmp_path / "x.jumar"], "inline") as session:
        total.spawn(load.spawn(4)).result()
        load(3000)
        assert session.counts()[:2] == (0, 3)


def test_the_command_looks_into_a_file_as_into_a_store(theirs, tmp_path):
    file = tmp_path / "x.jumar"
    command("export", file, "--store", theirs)
    assert len(json.loads(command("calls", "--store", file, "--json").output)) == 2
    assert json.loads(command("store", "--store", file, "--json").output)["calls"] == 2


def test_a_shared_session_must_write_its_results_at_once(tmp_path):
    for store in (tmp_path / "store", jumar.Store.open(tmp_path / "other", deferred=True)):
        with pytest.raises(jumar.SettingsError, match="as soon as they are there"):
            jumar.Session(store, single_flight="store", checkpoint_mode="exit")
    store.close()
    assert not (tmp_path / "store").exists()
