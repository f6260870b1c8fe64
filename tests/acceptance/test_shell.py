"""Commands as tasks: run once, their files whole or not there, put back when they are missing."""

import functools
import os
import pickle
import select
import shlex
import stat
import sys
import threading
import tracemalloc
from pathlib import Path

import pytest

import jumar
from jumar.shell import ShellOptions, ShellTimeoutError

LINGERING = "sleep 1000 & echo $! > {pids}; echo ready"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A working directory of the test's own."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


@pytest.fixture
def log(tmp_path):
    return Log(tmp_path / "runs")


class Log:
    """Commands note their runs in a file; tasks close over it, so it says itself that it is no part of them."""

    def __init__(self, path):
        self.path = path

    def __jumar_key__(self):
        return "log"

    def note(self, what="ran"):
        """A command that notes a run."""
        return f"echo {shlex.quote(str(what))} >> {shlex.quote(str(self.path))}"

    @property
    def runs(self):
        return self.path.read_text().split() if self.path.exists() else []


def kept(tmp_path, executor="inline"):
    """A session with the one store of the test in a folder."""
    return jumar.Session(tmp_path / "store", executor)


def names(folder):
    """What is in a folder."""
    return sorted(path.name for path in folder.iterdir())


def wait_until_gone(pid):
    """Return when a process has ended, whether or not its parent has asked for its status."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    with os.fdopen(descriptor) as _:
        assert select.select([descriptor], [], [], 20)[0], f"process {pid} goes on"


@pytest.fixture
def upper(log):
    @jumar.shell(outputs={"text": "{name}.txt"})
    def upper(name, source):
        return f"{log.note(name)}; tr a-z A-Z < {shlex.quote(source.path)} > {name}.txt"

    return upper


@pytest.fixture
def source(folder):
    (folder / "in.txt").write_text("hello")
    return jumar.File("in.txt")


# -- running -----------------------------------------------------------------------------------------------------------


def test_a_text_is_read_by_a_shell_and_a_list_is_not(session):
    @jumar.shell
    def text(word):
        return f"echo {word} | tr a b"

    @jumar.shell
    def parts(word):
        return ["printf", "%s", word]

    assert text("aha").stdout == "bhb\n"
    assert parts("$HOME; *").stdout == "$HOME; *"
    assert parts("$HOME; *").command == ("printf", "%s", "$HOME; *")


def test_a_command_runs_once_for_equal_arguments_in_all_sessions(tmp_path, log):
    @jumar.shell
    def hello(name, greeting="hello"):
        return f"{log.note()}; echo {greeting} {name}; echo warning >&2"

    for _ in range(2):
        with kept(tmp_path):
            result = hello("world")
            assert (result.stdout, result.stderr, result.exit_code) == ("hello world\n", "warning\n", 0)
            assert hello.spawn(name="world", greeting="hello").result() == result
            assert jumar.collect(hello.lazy("world")) == result
    assert log.runs == ["ran"]


def test_an_input_counts_by_its_content(session, upper, log, folder):
    (folder / "in.txt").write_text("one")
    assert Path(upper("a", jumar.File("in.txt")).outputs["text"]).read_text() == "ONE"
    (folder / "moved.txt").write_text("one")
    upper("a", jumar.File("moved.txt"))
    assert log.runs == ["a"]
    (folder / "in.txt").write_text("two")
    assert Path(upper("a", jumar.File("in.txt")).outputs["text"]).read_text() == "TWO"
    assert log.runs == ["a", "a"]


def test_files_anywhere_among_the_arguments_are_found_from_the_folder_where_the_command_runs(session, folder):
    (folder / "a").write_text("1")
    (folder / "tree").mkdir()
    (folder / "tree" / "b").write_text("2")

    @jumar.shell
    def joined(files, by_name):
        return ["cat", *files, f"{by_name['tree'].path}/b"]

    assert joined([jumar.File("a")], {"tree": jumar.Dir("tree")}).stdout == "12"


def test_text_that_is_no_text_is_shown_and_bytes_are_given_where_asked_for(session):
    @jumar.shell
    def printed(octal):
        return ["printf", octal]

    assert printed("\\303\\244\\377").stdout == "ä\\xff"
    assert printed.options(encoding=None)("\\303\\244\\377\\000").stdout == b"\xc3\xa4\xff\0"
    assert printed.options(encoding="latin-1")("\\344").stdout == "ä"


def test_nobody_answers_a_command_that_reads_its_stdin(session):
    @jumar.shell
    def asks():
        return ["cat"]

    assert asks().stdout == ""


def test_variables_are_added_to_the_environment(session, monkeypatch):
    monkeypatch.setenv("FROM_OUTSIDE", "o")

    @jumar.shell(env={"DECLARED": "d"})
    def printed():
        return 'printf "$FROM_OUTSIDE$DECLARED$JUMAR_GATE"'

    assert printed().stdout == "od"


def test_much_is_printed_to_both_streams_without_anybody_waiting(session):
    @jumar.shell
    def talks():
        return "head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2"

    result = talks()
    assert (len(result.stdout), len(result.stderr)) == (1_000_000, 1_000_000)


def test_many_commands_run_at_a_time(tmp_path, log):
    @jumar.shell(outputs={"out": "part/{i}"})
    def part(i):
        return f"{log.note(i)}; echo {i} > part/{i}"

    with jumar.Session(tmp_path / "store", "threads", workers=4):
        results = jumar.gather(part.spawn(i) for i in range(40))
    assert [Path(result.outputs["out"]).read_text() for result in results] == [f"{i}\n" for i in range(40)]
    assert sorted(map(int, log.runs)) == list(range(40))


def test_a_method_can_give_the_command(session):
    class Greeter:
        def __init__(self, greeting):
            self.greeting = greeting

        @jumar.shell(outputs={"out": "{self.greeting}-{name}"})
        def greet(self, name):
            return f"echo {self.greeting} {name} > {self.greeting}-{name}"

    assert Path(Greeter("hi").greet("you").outputs["out"]).read_text() == "hi you\n"
    assert Greeter("hi").greet.spawn("you").result().files[0].path == "hi-you"


def test_the_command_can_be_seen_and_run_without_the_store(log):
    @jumar.shell
    def hello(name):
        return f"{log.note()}; echo {name}"

    assert hello.command("you").endswith("; echo you")
    assert log.runs == []
    assert [hello.fn("you").stdout for _ in range(2)] == ["you\n", "you\n"]
    assert log.runs == ["ran", "ran"]


# -- success and failure -----------------------------------------------------------------------------------------------


def exits(code):
    return ["sh", "-c", f"echo out; seq 100 >&2; exit {code}"]


def test_an_exit_code_other_than_zero_fails_the_call_each_time(session, log):
    @jumar.shell
    def fails():
        return f"{log.note()}; seq 100 >&2; exit 3"

    for _ in range(2):
        with pytest.raises(
            jumar.ShellError, match=r"task '.*fails': the command ended with exit code 3\.\ncommand:"
        ) as caught:
            fails()
    assert log.runs == ["ran", "ran"]
    assert caught.value.exit_code == 3
    assert caught.value.stderr.splitlines() == [str(i) for i in range(81, 101)]
    assert "echo ran" in caught.value.command


@pytest.mark.parametrize("codes", [3, [0, 3], range(4), lambda code: code == 3])
def test_the_task_says_which_exit_codes_are_success(session, codes):
    @jumar.shell(ok_codes=codes)
    def runs(code):
        return exits(code)

    assert (runs(3).exit_code, runs(3).stdout) == (3, "out\n")
    with pytest.raises(jumar.ShellError, match="exit code 4"):
        runs(4)


def test_a_program_that_does_not_exist_and_one_that_is_killed_are_told_as_what_they_are(session):
    @jumar.shell
    def missing():
        return ["no-such-program-here"]

    @jumar.shell
    def killed():
        return "kill -9 $$"

    with pytest.raises(jumar.ShellError, match=r"127 \(the program was not found\).*\n.*\n.*\n.*no-such-program-here"):
        missing()
    with pytest.raises(jumar.ShellError, match="ended by signal 9") as caught:
        killed()
    assert caught.value.exit_code == -9


def test_an_error_survives_pickling():
    error = ShellTimeoutError("task", "it broke", ("a", "b c"), -15, "last words", ["log"])
    copy = pickle.loads(pickle.dumps(error))
    assert str(copy) == str(error)
    assert "command: a 'b c'" in str(copy)
    assert (copy.command, copy.exit_code, copy.stderr, copy.files) == (("a", "b c"), -15, "last words", ("log",))


def test_what_a_failed_command_printed_to_files_is_there_to_be_read(session, folder):
    @jumar.shell(stdout="logs/{i}.out", stderr="logs/{i}.err", outputs={"out": "{i}.dat"})
    def fails(i):
        return f"echo 1 > {i}.dat; echo hello; echo broken >&2; exit 1"

    with pytest.raises(jumar.ShellError, match=r"see also: logs/7\.out, logs/7\.err") as caught:
        fails(7)
    assert (folder / "logs/7.out").read_text() == "hello\n"
    assert caught.value.stderr == "broken"
    assert names(folder) == ["logs"]


def test_a_command_that_takes_too_long_ends_with_all_it_has_started(session, tmp_path):
    pids = tmp_path / "pids"

    @jumar.shell(timeout_s=1)
    def lingers():
        return f"{LINGERING.format(pids=pids)}; wait"

    with pytest.raises(ShellTimeoutError, match=r"did not end within 1 s"):
        lingers()
    wait_until_gone(int(pids.read_text()))


def test_a_command_that_does_not_listen_to_sigterm_is_killed(session):
    @jumar.shell(timeout_s=1, grace_s=0.1)
    def stubborn():
        return "trap '' TERM; while :; do sleep 1000; done"

    with pytest.raises(TimeoutError) as caught:
        stubborn()
    assert caught.value.exit_code == -9


def test_what_a_command_leaves_running_ends_with_it(session, tmp_path):
    pids = tmp_path / "pids"

    @jumar.shell
    def leaves():
        return LINGERING.format(pids=pids)

    assert leaves().stdout == "ready\n"
    wait_until_gone(int(pids.read_text()))


def test_closing_a_session_at_once_ends_its_commands(tmp_path):
    started = tmp_path / "started"
    os.mkfifo(started)

    @jumar.shell
    def endless():
        return f"echo $$ > {started}; exec sleep 1000"

    def interrupted():
        with jumar.Session(jumar.Store.in_memory(), "threads", workers=1):
            endless.spawn()
            pids.append(int(started.read_text()))
            raise KeyboardInterrupt

    pids = []
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    wait_until_gone(pids[0])


# -- outputs -----------------------------------------------------------------------------------------------------------


def test_outputs_have_their_places_and_nothing_else_stays(session, folder):
    @jumar.shell(outputs={"a": "{x}/a.txt", "b": "b-{x:02d}"}, folder="results/{x}", stdout="log")
    def two(x):
        return f"pwd; echo a > {x}/a.txt; echo b > b-0{x}; echo c > undeclared"

    result = two(7)
    assert {name: Path(file).read_text() for name, file in result.outputs.items()} == {"a": "a\n", "b": "b\n"}
    assert result.outputs["a"].path == str(folder / "results/7/7/a.txt")
    assert ".jumar-shell-" in Path(result.stdout).read_text()
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert found == ["results/7/7/a.txt", "results/7/b-07", "results/7/log"]


def test_a_function_may_give_the_outputs(session, log, source):
    @jumar.shell(outputs=lambda names, source: {name: Path(f"{name}.txt") for name in names})
    def copies(names, source):
        return "; ".join(f"cp {source.path} {name}.txt" for name in names)

    assert {name: Path(each).read_text() for name, each in copies(["a", "b"], source).outputs.items()} == {
        "a": "hello",
        "b": "hello",
    }


def test_an_output_that_was_not_written_fails_the_call_and_old_files_stay(session, folder):
    @jumar.shell(outputs={"a": "a", "b": "b"})
    def half():
        return "echo new > a"

    (folder / "a").write_text("old")
    with pytest.raises(jumar.ShellError, match="did not write 'b', which outputs= declares"):
        half()
    assert [(path.name, path.read_text()) for path in folder.iterdir()] == [("a", "old")]


def test_a_folder_is_no_output(session):
    @jumar.shell(outputs={"a": "a"})
    def makes():
        return "mkdir a"

    with pytest.raises(jumar.ShellError, match=r"output 'a' is no file\. Declare files only"):
        makes()


def test_a_link_becomes_the_file_that_it_leads_to(session, folder):
    @jumar.shell(outputs={"a": "a"})
    def links():
        return "echo 1 > b; ln -s b a"

    assert Path(links().outputs["a"]).read_text() == "1\n"
    assert not (folder / "a").is_symlink()


def delete(path):
    path.unlink()


def edit(path):
    path.write_text("edited")


def replace_by_a_shorter_one(path):
    path.unlink()
    path.touch()


@pytest.mark.parametrize("harm", [delete, edit, replace_by_a_shorter_one])
@pytest.mark.parametrize("size_bytes", [0, 10, 100_000, 1_000_000])
def test_a_missing_or_changed_output_is_put_back_without_running(tmp_path, folder, log, harm, size_bytes):
    @jumar.shell(outputs={"out": "sub/out"}, stdout="log")
    def makes():
        return f"{log.note()}; head -c {size_bytes} /dev/zero > sub/out; chmod 750 sub/out; echo said"

    with kept(tmp_path):
        makes()
    harm(folder / "sub/out")
    harm(folder / "log")
    with kept(tmp_path):
        makes()
    assert (folder / "sub/out").read_bytes() == bytes(size_bytes)
    if harm is delete:
        assert stat.S_IMODE((folder / "sub/out").stat().st_mode) == 0o750
    assert (folder / "log").read_text() == "said\n"
    assert log.runs == ["ran"]
    assert names(folder) == ["log", "sub"]
    assert names(folder / "sub") == ["out"]


def test_outputs_are_put_back_in_the_folder_where_the_program_works_now(tmp_path, upper, source, log, monkeypatch):
    with kept(tmp_path):
        upper("a", source)
    other = tmp_path / "other"
    other.mkdir()
    copy = jumar.File(Path("in.txt").resolve())
    monkeypatch.chdir(other)
    with kept(tmp_path):
        assert upper("a", copy).outputs["text"].path == str(other / "a.txt")
    assert (other / "a.txt").read_text() == "HELLO"
    assert log.runs == ["a"]


def test_an_untouched_output_is_not_written_again(tmp_path, upper, source, folder):
    with kept(tmp_path):
        upper("a", source)
    before = (folder / "a.txt").stat()
    with kept(tmp_path):
        upper("a", source)
    assert (folder / "a.txt").stat().st_ino == before.st_ino


def test_a_fresh_result_whose_file_vanished_before_it_was_asked_for_is_put_back(session, upper, source, folder):
    future = upper.spawn("a", source)
    jumar.wait([future])
    (folder / "a.txt").unlink()
    assert Path(future.result().outputs["text"]).read_text() == "HELLO"


def test_what_needs_an_output_finds_it(tmp_path, upper, source, folder, log):
    @jumar.task(checkpoint=False)
    def length(made):
        return (folder / "a.txt").stat().st_size

    for _ in range(2):
        with kept(tmp_path, "threads"):
            assert length.spawn(upper.spawn("a", source)).result() == 5
        (folder / "a.txt").unlink()
    assert log.runs == ["a"]


def test_results_inside_another_value_are_put_back_when_their_files_are_asked_for(tmp_path, upper, source, folder, log):
    @jumar.task
    def both(source):
        return [upper("a", source), upper("b", source)]

    with kept(tmp_path):
        both(source)
    (folder / "a.txt").unlink()
    with kept(tmp_path):
        first, _ = both(source)
    assert not (folder / "a.txt").exists()
    assert Path(first.outputs["text"]).read_text() == "HELLO"
    assert log.runs == ["a", "b"]


def test_an_output_that_cannot_be_put_back_is_told(tmp_path, upper, source, folder):
    with kept(tmp_path):
        upper("a", source)
    (folder / "a.txt").unlink()
    (folder / "a.txt").mkdir()
    with kept(tmp_path), pytest.raises(jumar.StoreError, match=r"output 'text' could not be put back at 'a\.txt'"):
        upper("a", source)


def test_a_kept_output_that_is_damaged_in_the_store_costs_one_more_run(tmp_path, folder, log):
    @jumar.shell(outputs={"out": "out"})
    def makes():
        return f"{log.note()}; seq 100000 > out"

    with kept(tmp_path):
        makes()
    whole = (folder / "out").read_bytes()
    [blob] = [path for path in (tmp_path / "store/blobs").glob("??/*") if path.stat().st_size > len(whole)]
    torn = bytearray(blob.read_bytes())
    torn[-100] ^= 1
    blob.chmod(0o600)
    blob.write_bytes(torn)
    (folder / "out").unlink()
    with kept(tmp_path), pytest.warns(jumar.StoreWarning, match="damaged"):
        makes()
    assert (folder / "out").read_bytes() == whole
    assert log.runs == ["ran", "ran"]


def test_a_large_output_is_kept_and_put_back_without_being_read_into_memory(tmp_path, folder, log):
    size_bytes = 64 * 1024 * 1024

    @jumar.shell(outputs={"out": "out"})
    def makes():
        return f"{log.note()}; head -c {size_bytes} /dev/urandom > out"

    tracemalloc.start()
    try:
        with kept(tmp_path):
            digest = makes().outputs["out"].digest()
        (folder / "out").unlink()
        with kept(tmp_path):
            assert makes().outputs["out"].digest() == digest
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < size_bytes / 2
    assert log.runs == ["ran"]


# -- what depends on them ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["result", "file"])
def test_what_depends_on_an_output_is_identified_by_its_content(session, tally, part, source):
    @jumar.shell(outputs={"out": "out"})
    def first_letters(source, count):
        return ["sh", "-c", 'head -c "$COUNT" "$0" > out', source.path]

    @jumar.task
    def read(made):
        tally.add("read")
        return Path(made if isinstance(made, jumar.File) else made.outputs["out"]).read_text()

    for count, content in [("4", "hell"), ("4", "hell"), ("5", "hello"), ("5", "hello")]:
        task = first_letters.options(env={"COUNT": count}, version=str(tally.total))
        made = task(source, 1)
        assert read(made.outputs["out"] if part == "file" else made) == content
    assert tally["read"] == 2


def test_an_equal_result_of_an_edited_task_stops_the_recomputation(session, tally, source):
    @jumar.shell(outputs={"out": "out"})
    def copied(source):
        return ["cp", source.path, "out"]

    @jumar.task
    def read(made):
        tally.add("read")
        return Path(made.outputs["out"]).read_text()

    for version in "12":
        assert read.spawn(copied.options(version=version).spawn(source)).result() == "hello"
    assert session.counts().restored == 1
    assert tally["read"] == 1


def test_an_output_that_the_user_edits_and_passes_on_counts_as_edited(session, upper, source, folder):
    @jumar.task
    def read(made):
        return Path(made.outputs["text"]).read_text()

    made = upper("a", source)
    assert read(made) == "HELLO"
    (folder / "a.txt").write_text("mine")
    assert read(made) == "mine"
    assert (folder / "a.txt").read_text() == "mine"


def test_a_result_that_comes_out_differently_in_an_audit_is_told_and_the_kept_one_stands(tmp_path, folder):
    counter = tmp_path / "counter"

    @jumar.shell(outputs={"out": "out"})
    def unsteady():
        return f"echo >> {counter}; wc -l < {counter} > out"

    with kept(tmp_path):
        unsteady()
    with (
        jumar.Session(tmp_path / "store", "inline", audit=1.0),
        pytest.warns(jumar.StoreWarning, match="another result"),
    ):
        unsteady()
    assert (folder / "out").read_text() == "1\n"
    assert counter.read_text() == "\n\n"


@pytest.mark.parametrize(
    "change",
    [
        {"outputs": {"a": "a"}},
        {"outputs": lambda x: {"a": "a"}},
        {"stdout": "log"},
        {"stderr": "log"},
        {"folder": "there"},
        {"cwd": "."},
        {"ok_codes": [0, 1]},
        {"ok_codes": lambda code: code < 2},
        {"env": {"A": "1"}},
        {"shell": "/bin/bash"},
        {"encoding": None},
        {"version": "2"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_options_that_change_what_is_computed_join_the_key_and_that_of_tasks_that_use_it(session, change):
    def keys(**options):
        @jumar.shell(**options)
        def inner(x):
            return f"echo {x}"

        @jumar.task
        def outer(x):
            return inner(x).stdout

        return inner.key(1), outer.key(1)

    inner, outer = keys()
    changed_inner, changed_outer = keys(**change)
    assert keys(**change) == (changed_inner, changed_outer)
    assert changed_inner != inner
    assert changed_outer != outer


def test_how_long_to_wait_is_no_part_of_the_key(session):
    @jumar.shell
    def waits(x):
        return f"echo {x}"

    assert waits.options(timeout_s=3, grace_s=1, name="other").key(1) == waits.key(1)


def test_the_code_of_the_function_is_part_of_the_key(session):
    def key_of(text):
        def helper():
            return text

        @jumar.shell
        def echo():
            return helper()

        return echo.key()

    assert key_of("echo 1") == key_of("echo 1")
    assert key_of("echo 1") != key_of("echo 2")


def test_two_tasks_known_by_their_version_only_are_two(session):
    @jumar.shell(code="version", version="1")
    def one():
        return "echo 1"

    @jumar.shell(code="version", version="1")
    def two():
        return "echo 2"

    assert (one().stdout, two().stdout) == ("1\n", "2\n")


# -- in a folder of the user's own -------------------------------------------------------------------------------------


def test_a_command_can_run_in_a_folder_of_the_users_and_nothing_is_doubled(tmp_path, folder, log):
    (folder / "there").mkdir()
    (folder / "there/beside").write_text("mine")
    (folder / "there/out").write_text("half of an earlier run\n")

    @jumar.shell(cwd="there", outputs={"out": "out"}, stdout="log")
    def appends():
        return f"{log.note()}; cat beside >> out; pwd"

    for _ in range(2):
        with kept(tmp_path):
            result = appends()
        assert (folder / "there/out").read_text() == "mine"
        assert (folder / "there/log").read_text() == f"{folder}/there\n"
        assert result.outputs["out"].path == str(folder / "there/out")
        (folder / "there/out").write_text("edited")
    assert log.runs == ["ran"]
    assert names(folder / "there") == ["beside", "log", "out"]


def test_a_folder_to_run_in_that_does_not_exist_is_told_and_not_made(session, folder):
    @jumar.shell(cwd="nowhere", outputs={"out": "out"})
    def makes():
        return "echo > out"

    with pytest.raises(FileNotFoundError, match="the folder that cwd= names does not exist: 'nowhere'"):
        makes()
    assert names(folder) == []


def test_a_command_without_files_needs_no_folder_to_write_to(session, folder):
    @jumar.shell
    def printed():
        return "pwd"

    folder.chmod(0o500)
    try:
        assert printed().stdout.startswith(("/tmp", "/"))
        assert names(folder) == []
    finally:
        folder.chmod(0o700)


# -- declarations ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"output": {}}, r"a shell task has no option output=\. Did you mean outputs="),
        (
            {"outputs": {"a": "{sampel}.bam"}},
            r"output 'a': '\{sampel\}\.bam' names 'sampel'; the parameters are sample",
        ),
        ({"outputs": {"a": "{sample:{width}}.bam"}}, "names 'width'"),
        ({"outputs": {"a": "{}.bam"}}, "names ''"),
        ({"outputs": {"a": "{sample"}}, "is no pattern"),
        ({"outputs": {"a": "/tmp/x"}}, r"'/tmp/x' is not the name of a file inside a folder.*folder= says"),
        ({"outputs": {"a": "../x"}}, "not the name of a file inside a folder"),
        ({"outputs": ["a"]}, r"option outputs= .* takes a dict of names and patterns"),
        ({"outputs": {"a": 3}}, "takes a dict of names and patterns"),
        ({"stdout": "{x}"}, "stdout=: '{x}' names 'x'"),
        ({"folder": "{x}"}, "folder=: '{x}' names 'x'"),
        ({"stderr": 3}, "takes the pattern of a file name"),
        ({"cwd": ".", "folder": "x"}, "cwd= and folder= .* exclude each other"),
        ({"ok_codes": []}, "takes a list of whole numbers"),
        ({"ok_codes": [True]}, "takes a list of whole numbers"),
        ({"env": ["numpy"]}, "takes a dict of names and texts"),
        ({"env": {"A=B": "c"}}, "takes a dict of names and texts"),
        ({"shell": ""}, "takes a path or a list"),
        ({"encoding": "no-such"}, "takes the name of an encoding"),
        ({"timeout_s": 0}, "takes a number of seconds above 0"),
        ({"grace_s": -1}, "takes a number of seconds that is not negative"),
        ({"reuse": "sometimes"}, "option reuse="),
    ],
)
def test_what_cannot_work_is_refused_where_it_is_declared(options, says):
    with pytest.raises(jumar.DeclarationError, match=says):

        @jumar.shell(**options)
        def made(sample):
            return ["true"]


@pytest.mark.parametrize("option", ["outputs", "ok_codes"])
def test_a_function_that_has_no_identity_cannot_be_an_option(option):
    with pytest.raises(jumar.FingerprintError, match="lock"):

        @jumar.shell(**{option: functools.partial(print, threading.Lock())})
        def made():
            return ["true"]


def test_a_function_that_cannot_be_a_task_is_refused():
    with pytest.raises(jumar.DeclarationError, match="is asynchronous"):

        @jumar.shell
        async def command():
            return ["true"]


@pytest.mark.parametrize("line", ["", "  ", [], ["ls", 3], None, [b"ls"], "a\0b"])
def test_what_is_no_command_is_refused(session, line):
    @jumar.shell
    def gives():
        return line

    with pytest.raises(jumar.DeclarationError, match="which is no command"):
        gives()


@pytest.mark.parametrize(
    ("name", "says"),
    [("../x", "inside a folder"), ("", "inside a folder"), ("/x", "inside a folder"), ("log", "two files")],
)
def test_an_argument_that_makes_a_bad_path_is_refused_before_the_command_runs(session, log, name, says):
    @jumar.shell(outputs={"out": "{name}"}, stdout="log")
    def makes(name):
        return log.note()

    with pytest.raises(jumar.DeclarationError, match=says):
        makes(name)
    assert log.runs == []


def test_a_pattern_that_does_not_fit_an_argument_says_so(session):
    @jumar.shell(outputs={"out": "{i:03d}"})
    def makes(i):
        return ["true"]

    with pytest.raises(jumar.DeclarationError, match=r"output 'out': '\{i:03d\}' cannot be filled in: ValueError"):
        makes("a")


def test_unknown_options_are_refused_on_an_existing_task():
    @jumar.shell
    def makes():
        return ["true"]

    with pytest.raises(jumar.DeclarationError, match="Did you mean timeout_s="):
        makes.options(timeout=3)
    assert makes.options(timeout_s=3)._shell_options == ShellOptions(timeout_s=3)


def test_python_is_a_program_like_any_other(session):
    @jumar.shell(outputs={"ä": "ä {n}.txt"})
    def unicode(n):
        return [sys.executable, "-c", f"open('ä {n}.txt', 'w', encoding='utf-8').write('ß'); print('ü')"]

    result = unicode(1)
    assert (result.stdout, Path(result.outputs["ä"]).read_text(encoding="utf-8")) == ("ü\n", "ß")
