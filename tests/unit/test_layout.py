"""The directory of a store: made, recognised, mended, refused."""

import stat
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from jumar.errors import StoreError, StoreFormatError
from jumar.store.file_system import mounted, network_type
from jumar.store.layout import FORMAT_VERSION, open_directory
from jumar.store.store import Store


@pytest.fixture
def troubles():
    return []


@pytest.fixture
def opened(troubles):
    def open_it(path, **how):
        return open_directory(path, report=troubles.append, **how)

    return open_it


def test_a_new_store_is_closed_to_others_and_no_source_to_git_and_backups(tmp_path, opened, troubles):
    layout = opened(tmp_path / "a" / "store")
    assert stat.S_IMODE(layout.root.stat().st_mode) == 0o700
    assert (layout.root / "format").read_text() == f"jumar store, format {FORMAT_VERSION}\n"
    assert (layout.root / ".gitignore").read_text().endswith("\n*\n")
    # What backup programs look for: https://bford.info/cachedir/
    assert (layout.root / "CACHEDIR.TAG").read_bytes().startswith(b"Signature: 8a477f597d28d172789f06886806bc55")
    assert troubles == []
    assert not layout.read_only


def test_git_sees_nothing_of_a_store(tmp_path):
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    Store.open(tmp_path / ".jumar").close()
    seen = subprocess.run(["git", "status", "--porcelain"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert seen.stdout == ""


def test_opening_it_again_changes_nothing(tmp_path, opened, troubles):
    root = opened(tmp_path / "store").root
    root.chmod(0o755)  # as its owner chose
    before = {path: path.stat().st_mtime_ns for path in root.iterdir()}
    opened(root)
    assert {path: path.stat().st_mtime_ns for path in root.iterdir()} == before
    assert stat.S_IMODE(root.stat().st_mode) == 0o755
    assert troubles == []


def test_an_empty_directory_becomes_a_store(tmp_path, opened):
    opened(tmp_path)
    assert (tmp_path / "format").exists()


@pytest.mark.parametrize("name", ["format", ".gitignore", "CACHEDIR.TAG"])
def test_a_small_file_that_is_missing_is_written_anew_and_that_is_told(tmp_path, opened, troubles, name):
    root = tmp_path / "store"
    Store.open(root).close()
    text = (root / name).read_text()
    (root / name).unlink()
    opened(root)
    assert (root / name).read_text() == text
    assert [trouble.kind for trouble in troubles] == ["repaired"]
    assert name in troubles[0].text


@pytest.mark.parametrize("text", ["", "jumar store, format", "jumar store, format one\n", "\x00\xff", "7\n"])
def test_a_format_that_cannot_be_read_is_written_anew(tmp_path, opened, troubles, text):
    root = opened(tmp_path / "store").root
    (root / "format").write_bytes(text.encode("latin1"))
    opened(root)
    assert (root / "format").read_text() == f"jumar store, format {FORMAT_VERSION}\n"
    assert [trouble.kind for trouble in troubles] == ["repaired"]


@pytest.mark.parametrize("read_only", [False, True])
def test_a_newer_format_is_refused_and_left_alone(tmp_path, opened, read_only):
    root = opened(tmp_path / "store").root
    (root / "format").write_text("jumar store, format 2\n")
    with pytest.raises(StoreFormatError, match=r"has format 2; this jumar reads formats up to 1.*upgrade"):
        opened(root, read_only=read_only)
    assert (root / "format").read_text() == "jumar store, format 2\n"


@pytest.mark.parametrize("round_", range(4))
def test_a_new_store_may_be_opened_by_many_at_once(tmp_path, troubles, round_):
    together = threading.Barrier(6)

    def open_one():
        together.wait(60)
        Store.open(tmp_path / "store", report=troubles.append).close()

    with ThreadPoolExecutor(6) as pool:
        for opened in [pool.submit(open_one) for _ in range(6)]:
            opened.result()
    assert troubles == []


@pytest.mark.parametrize("there", [[], [".gitignore"], [".gitignore", "CACHEDIR.TAG", ".format.4711"]], ids=str)
def test_a_store_that_another_process_is_just_making_is_no_trouble(tmp_path, opened, troubles, there):
    whole = opened(tmp_path / "whole").root
    (tmp_path / "begun").mkdir()
    for name in there:
        text = (whole / name).read_text() if (whole / name).exists() else ""
        (tmp_path / "begun" / name).write_text(text)
    opened(tmp_path / "begun")
    assert {path.name for path in whole.iterdir()} <= {path.name for path in (tmp_path / "begun").iterdir()}
    assert troubles == []


@pytest.mark.parametrize("left", [lambda _: "", lambda text: "\0" * len(text), lambda text: text[:9]])
def test_a_store_whose_making_was_cut_short_by_a_power_loss_is_made_whole(tmp_path, opened, troubles, left):
    whole = opened(tmp_path / "whole").root
    names = (".gitignore", "CACHEDIR.TAG", "format")
    (tmp_path / "begun").mkdir()
    for name in names:
        (tmp_path / "begun" / name).write_text(left((whole / name).read_text()))
    opened(tmp_path / "begun")
    assert all((tmp_path / "begun" / name).read_text() == (whole / name).read_text() for name in names)
    assert [trouble.kind for trouble in troubles] == ["repaired"]


def test_a_directory_with_a_gitignore_of_its_own_is_refused_and_left_alone(tmp_path, opened):
    (tmp_path / ".gitignore").write_text("*.pyc\n")
    with pytest.raises(StoreFormatError, match="directory with other things in it"):
        opened(tmp_path)
    assert (tmp_path / ".gitignore").read_text() == "*.pyc\n"


def test_a_directory_with_other_things_in_it_is_refused_and_left_alone(tmp_path, opened):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(StoreFormatError, match=r"directory with other things in it.*Give an empty or a new"):
        opened(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("inside", ["", "store", "a/b"])
def test_a_path_that_is_a_file_or_below_one_is_refused(tmp_path, opened, inside):
    (tmp_path / "file").write_text("precious")
    with pytest.raises(StoreError, match=r"is a file\. Give a directory"):
        opened(tmp_path / "file" / inside)
    assert (tmp_path / "file").read_text() == "precious"


def test_a_read_only_store_must_be_there(tmp_path, opened):
    with pytest.raises(StoreError, match="No such file"):
        opened(tmp_path / "none", read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_is_opened_read_only_is_not_changed(tmp_path):
    with Store.open(tmp_path / "store") as store:
        payload = store.encode(bytes(5000))
    (tmp_path / "store" / "CACHEDIR.TAG").unlink()
    (tmp_path / "store" / "blobs" / "tmp" / "left").mkdir()

    def state():
        return {path: path.stat().st_mtime_ns for path in [tmp_path / "store", *(tmp_path / "store").rglob("*")]}

    before = state()
    with Store.open(tmp_path / "store", read_only=True) as store:
        assert store.find(bytes(32)) is None
        assert list(store.calls()) == []
        assert store.totals().blobs == 1
        assert store.encode(bytes(6000)).blob is None
        store.record_failure(None)
        store.flush()
    after = state()
    for companion in ("index.sqlite-shm", "index.sqlite-wal"):  # SQLite makes them to read, and takes them away
        after.pop(tmp_path / "store" / companion, None)
    after[tmp_path / "store"] = before[tmp_path / "store"]
    assert after == before
    assert payload.blob is not None


MOUNTS = r"""
22 1 0:20 / / rw,relatime - ext4 /dev/sda1 rw
30 22 0:32 / /data rw - nfs4 server:/data rw,vers=4.2
31 30 0:33 / /data/local rw shared:1 - xfs /dev/sdb rw
32 22 0:34 / /with\040space rw - cifs //server/share rw
33 22 0:35 / /over rw - nfs server:/a rw
34 22 0:36 / /over rw - tmpfs tmpfs rw
35 22 0:37 / /home rw - fuse.sshfs me@server: rw
36 22 0:38 / /scratch rw - lustre 10.0.0.1@tcp:/fs rw
""".strip()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/tmp/store", None),
        ("/data", "nfs4"),
        ("/data/deep/er/store", "nfs4"),
        ("/database/store", None),
        ("/data/local/store", None),
        ("/with space/store", "cifs"),
        ("/over/store", None),
        ("/home/me/.jumar", "fuse.sshfs"),
        ("/scratch/me", "lustre"),
    ],
)
def test_a_network_file_system_is_told_from_the_mounts(path, kind):
    assert network_type(Path(path), MOUNTS) == kind


def test_a_store_on_a_network_file_system_is_refused_unless_one_insists(tmp_path, opened):
    mounts = f"22 1 0:20 / / rw - ext4 /dev/a rw\n30 22 0:32 / {tmp_path} rw - nfs4 s:/ rw\n"
    with pytest.raises(StoreError, match=r"network file system \(nfs4\).*local disk.*allow_network=True"):
        opened(tmp_path / "store", mounts=mounts)
    assert not (tmp_path / "store").exists()
    assert opened(tmp_path / "store", mounts=mounts, allow_network=True).root.is_dir()


def test_what_is_mounted_is_what_the_kernel_says(tmp_path):
    (tmp_path / "mountinfo").write_text(MOUNTS)
    assert mounted(tmp_path / "mountinfo") == MOUNTS


def test_where_the_kernel_does_not_say_what_is_mounted_nothing_is_refused(tmp_path):
    assert mounted(tmp_path / "none") == ""
    assert network_type(tmp_path, "") is None
