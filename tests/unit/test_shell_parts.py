"""The parts of shell tasks: folders for unfinished files, the watchdog, kept files, and what is in keys."""

import copy
import io
import os
import pickle
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import jumar
from jumar.errors import DamagedError, StoreError
from jumar.shell.execution import Declared
from jumar.shell.kept_file import KeptFile
from jumar.shell.pattern import relative_path
from jumar.shell.process import run
from jumar.shell.result import ShellResult
from jumar.shell.watchdog import Watchdog
from jumar.shell.workplace import PREFIX, workplace

HOLDER = """
import sys
from pathlib import Path
from jumar.shell.workplace import workplace
with workplace(Path(sys.argv[1])) as folder:
    (folder / "half").write_text("half")
    print(folder, flush=True)
    sys.stdin.read()
"""


def holder(folder):
    """A process that works in a folder, and that folder's path."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    return process, Path(process.stdout.readline().strip())


def test_what_a_dead_process_left_is_cleared_and_what_a_living_one_has_is_not(tmp_path):
    dead, left = holder(tmp_path)
    living, held = holder(tmp_path)
    with dead, living:
        dead.kill()
        dead.wait()
        (tmp_path / f"{PREFIX}file").touch()
        (tmp_path / f"{PREFIX}link").symlink_to(tmp_path / f"{PREFIX}link")
        with workplace(tmp_path) as folder:
            assert not left.exists()
            assert (held / "half").read_text() == "half"
            assert folder.parent == tmp_path
        assert not folder.exists()
        living.communicate("")
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{PREFIX}file", f"{PREFIX}link"]


def test_a_folder_that_forbids_removing_what_is_in_it_goes_as_well(tmp_path):
    with workplace(tmp_path) as folder:
        (folder / "shut").mkdir()
        (folder / "shut" / "file").touch()
        (folder / "shut").chmod(0o500)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def sleeper():
    process = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


def test_the_watchdog_kills_what_it_watches_when_its_pipe_ends(sleeper):
    watchdog = Watchdog()
    watchdog.add(sleeper.pid)
    watchdog.forget()
    assert sleeper.wait(60) == -9


def test_the_watchdog_leaves_alone_what_has_ended(sleeper):
    other = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    watchdog = Watchdog()
    for process in (sleeper, other):
        watchdog.add(process.pid)
    watchdog.drop(sleeper.pid)
    watchdog.forget()
    assert other.wait(60) == -9
    assert sleeper.poll() is None


def test_a_watchdog_that_was_killed_is_replaced(sleeper):
    watchdog = Watchdog()
    reader, writer = os.pipe()
    os.close(reader)
    watchdog._pipe = io.FileIO(writer, "w")
    watchdog.add(sleeper.pid)
    watchdog.forget()
    assert sleeper.wait(60) == -9


def test_what_interrupts_the_wait_ends_the_command(tmp_path):
    pid = tmp_path / "pid"

    def interrupt():
        if pid.exists() and pid.read_text():
            raise KeyboardInterrupt
        return True

    with (tmp_path / "out").open("wb") as out, pytest.raises(KeyboardInterrupt):
        run(
            ["sh", "-c", f"echo $$ > {pid}; exec sleep 1000"],
            folder=tmp_path,
            env=dict(os.environ),
            stdout=out,
            stderr=out,
            timeout_s=None,
            grace_s=1,
            is_wanted=interrupt,
        )
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


@pytest.fixture
def published(tmp_path):
    source = tmp_path / "source"
    source.write_bytes(b"content" * 10_000)
    return KeptFile.published("out", source, str(tmp_path / "place"))


def restored(file):
    """The file as it comes from a store."""
    buffers = []
    stream = pickle.dumps(file, 5, buffer_callback=buffers.append)
    return pickle.loads(stream, buffers=[bytes(buffer.raw()) for buffer in buffers])


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_kept_file_survives_every_pickling(published, protocol, tmp_path):
    again = pickle.loads(pickle.dumps(published, protocol))
    (tmp_path / "place").unlink()
    assert again == published
    assert again.put_back()
    assert not again.put_back()
    assert (tmp_path / "place").read_bytes() == b"content" * 10_000


def test_its_content_stays_beside_the_stream(published):
    buffers = []
    stream = pickle.dumps(published, 5, buffer_callback=buffers.append)
    assert len(stream) < 1000
    assert [buffer.raw().nbytes for buffer in buffers] == [70_000]


def test_a_file_that_was_changed_since_cannot_be_pickled_any_more(published, tmp_path):
    (tmp_path / "place").write_bytes(b"other")
    with pytest.raises(pickle.PicklingError, match="changed after its command wrote it"):
        pickle.dumps(published, 5)
    with pytest.raises(StoreError, match="does not hold its content"):
        published.put_back()


def test_content_that_is_not_what_was_written_is_never_put_back(published, tmp_path):
    wrong = KeptFile("out", str(tmp_path / "place"), published.digest, 0o644, b"wrong")
    (tmp_path / "place").unlink()
    with pytest.raises(DamagedError, match="is not what its command wrote"):
        wrong.put_back()
    assert list(tmp_path.iterdir()) == []


def test_a_copied_result_has_the_same_files_and_looks_after_them_no_second_time(published, tmp_path):
    result = ShellResult("true", 0, ("", b""), (restored(published),), 0.0)
    assert result.outputs["out"].path == str(tmp_path / "place")
    (tmp_path / "place").write_bytes(b"mine")
    for each in (copy.copy(result), copy.deepcopy(result.files[0])):
        assert each in (result, published)
    assert copy.copy(result).outputs == result.outputs
    assert (tmp_path / "place").read_bytes() == b"mine"
    assert result.put_back() == [str(tmp_path / "place")]
    assert (tmp_path / "place").read_bytes() == b"content" * 10_000


def test_a_key_is_made_without_putting_anything_back(published, tmp_path):
    whole = ShellResult("true", 0, ("", published), (published,), 1.5)
    kept = ShellResult("true", 0, ("", restored(published)), (restored(published),), 2.5)
    before = jumar.task(repr).key(whole)
    (tmp_path / "place").unlink()
    assert jumar.task(repr).key(kept) == before
    assert kept == whole
    assert not (tmp_path / "place").exists()


@given(st.text(st.sampled_from("./a\0\n"), max_size=8) | st.text())
def test_no_text_leads_out_of_the_folder(text):
    try:
        path = relative_path(text, "a test")
    except jumar.DeclarationError:
        return
    found = os.path.normpath(f"/folder/{path}")
    assert found.startswith("/folder/")
    assert "\0" not in found


@given(st.binary(max_size=100) | st.integers(0, 1 << 18).map(bytes), st.sampled_from([0o644, 0o755, 0o600, 0o440]))
def test_any_content_comes_back(content, mode):
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        source.write_bytes(content)
        source.chmod(mode)
        kept = restored(KeptFile.published("out", source, f"{folder}/sub/place"))
        place = Path(folder) / "sub/place"
        place.unlink()
        assert kept.put_back()
        assert (place.read_bytes(), stat.S_IMODE(place.stat().st_mode)) == (content, mode)


def test_places_are_those_of_the_folder():
    assert Declared("", {}, (None, None)).place("a/b") == "a/b"
    assert Declared("there", {}, (None, None)).place("a/b") == "there/a/b"


@jumar.shell(outputs={"out": "{x}.txt"}, env={"A": "b"}, timeout_s=3)
def pinned(x):
    return f"echo $A > {x}.txt"


def test_the_code_of_a_shell_task_has_the_digest_that_it_always_had():
    # If this fails, nobody's kept results of shell tasks are found any more.
    assert pinned.info.code.hex()[:16] == "b8a80b9c0419f449"


def exported():
    return ["true"]


def test_a_shell_task_that_can_be_imported_is_pickled_by_its_name(monkeypatch):
    module = type(sys)("shell_tasks_of_a_test")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(exported, "__module__", module.__name__)
    module.exported = jumar.shell(exported)
    assert pickle.loads(pickle.dumps(module.exported)) is module.exported
    changed = pickle.loads(pickle.dumps(module.exported.options(cwd="/", version="2")))
    with jumar.Session(jumar.Store.in_memory(), "inline"):
        assert changed.key() == module.exported.options(cwd="/", version="2").key() != module.exported.key()
