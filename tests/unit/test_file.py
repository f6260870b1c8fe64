"""Files and directories as arguments known by their content."""

import os
from pathlib import Path

import pytest

from jumar.clock import ManualClock
from jumar.errors import FingerprintError
from jumar.keys.file import ContentDigests, Dir, File
from jumar.keys.value import token

WRITTEN_S = 1_000_000


def _write(path, text, *, at_s=WRITTEN_S):
    path.write_text(text)
    os.utime(path, (at_s, at_s))
    return path


def test_a_file_is_its_content(tmp_path):
    first = _write(tmp_path / "a.csv", "1,2")
    same = _write(tmp_path / "b.txt", "1,2", at_s=WRITTEN_S + 99)
    other = _write(tmp_path / "c.csv", "1,3")
    assert token(File(first)) == token(File(str(same)))
    assert token(File(first)) != token(File(other))
    assert token(File(first)) != token(str(first))


def test_a_large_file_is_read_to_its_end(tmp_path):
    first = tmp_path / "a"
    first.write_bytes(bytes(9 << 20))
    second = tmp_path / "b"
    second.write_bytes(bytes((9 << 20) - 1) + b"\1")
    assert File(first).digest() != File(second).digest()


def test_an_edited_file_is_another_argument(tmp_path):
    path = _write(tmp_path / "a", "before")
    before = token(File(path))
    _write(path, "after", at_s=WRITTEN_S + 1)
    assert token(File(path)) != before


def test_a_file_can_be_opened(tmp_path):
    file = File(_write(tmp_path / "a", "text"))
    with Path(file).open() as opened:
        assert opened.read() == "text"
    assert file == File(str(tmp_path / "a"))


def test_a_file_left_alone_is_read_once(tmp_path):
    path = _write(tmp_path / "a", "one")
    digests = ContentDigests(ManualClock(now_s=WRITTEN_S + 3.0))
    before = digests.digest_of(str(path))
    # A change that hides from the stamp shows that the content was not read again.
    with path.open("r+") as opened:
        opened.write("two")
    os.utime(path, (WRITTEN_S, WRITTEN_S))
    assert digests.digest_of(str(path)) == before


def test_a_file_changed_just_before_it_was_read_is_read_again(tmp_path):
    path = _write(tmp_path / "a", "one")
    digests = ContentDigests(ManualClock(now_s=WRITTEN_S + 1.5))
    before = digests.digest_of(str(path))
    with path.open("r+") as opened:
        opened.write("two")
    os.utime(path, (WRITTEN_S, WRITTEN_S))
    assert digests.digest_of(str(path)) != before


def test_a_file_from_the_future_is_read_again(tmp_path):
    path = _write(tmp_path / "a", "one")
    digests = ContentDigests(ManualClock(now_s=WRITTEN_S - 100.0))
    before = digests.digest_of(str(path))
    with path.open("r+") as opened:
        opened.write("two")
    os.utime(path, (WRITTEN_S, WRITTEN_S))
    assert digests.digest_of(str(path)) != before


class _ClockThatEdits(ManualClock):
    """Changes a file whenever the time is asked for, which is between the stamp and the reading."""

    def __init__(self, path, times):
        super().__init__(now_s=WRITTEN_S + 10.0)
        self.path, self.times = path, times

    def now_s(self):
        if self.times:
            self.times -= 1
            with self.path.open("a") as opened:
                opened.write("more")
        return super().now_s()


def test_a_file_that_changes_while_it_is_read_is_read_again(tmp_path):
    path = _write(tmp_path / "a", "one")
    found = ContentDigests(_ClockThatEdits(path, 1)).digest_of(str(path))
    assert found == ContentDigests(ManualClock()).digest_of(str(path))


def test_a_file_that_is_being_written_is_an_error(tmp_path):
    path = _write(tmp_path / "a", "one")
    with pytest.raises(FingerprintError, match="something writes to it"):
        ContentDigests(_ClockThatEdits(path, 99)).digest_of(str(path))


def test_a_missing_file_is_an_error_that_names_it(tmp_path):
    with pytest.raises(FingerprintError, match="absent") as caught:
        token([File(tmp_path / "absent")])
    assert caught.value.path == "[0]"
    assert "does not exist" in str(caught.value)


def test_a_directory_is_no_file_and_a_file_no_directory(tmp_path):
    with pytest.raises(FingerprintError, match="not a regular file"):
        token(File(tmp_path))
    with pytest.raises(FingerprintError, match="cannot be read"):
        token(Dir(_write(tmp_path / "a", "text")))


def _tree(root):
    (root / "deep" / "er").mkdir(parents=True)
    _write(root / "a", "1")
    _write(root / "deep" / "b", "2")
    _write(root / "deep" / "er" / "c", "3")
    return root


def test_a_directory_is_its_names_and_contents(tmp_path):
    assert token(Dir(_tree(tmp_path / "one"))) == token(Dir(_tree(tmp_path / "two")))


@pytest.mark.parametrize(
    "change",
    [
        lambda root: _write(root / "deep" / "er" / "c", "other"),
        lambda root: (root / "a").rename(root / "z"),
        lambda root: (root / "a").unlink(),
        lambda root: _write(root / "new", ""),
        lambda root: (root / "empty").mkdir(),
        lambda root: (root / "deep" / "b").rename(root / "b"),
    ],
    ids=["content", "renamed", "removed", "added", "empty directory", "moved"],
)
def test_a_changed_directory_is_another_argument(tmp_path, change):
    root = _tree(tmp_path / "one")
    before = token(Dir(root))
    change(root)
    assert token(Dir(root)) != before


def test_links_in_a_directory_are_followed(tmp_path):
    root = _tree(tmp_path / "one")
    twin = _tree(tmp_path / "two")
    (twin / "a").unlink()
    (twin / "a").symlink_to(root / "a")
    assert token(Dir(root)) == token(Dir(twin))


def test_a_link_to_the_directory_that_holds_it_is_an_error(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path)
    with pytest.raises(FingerprintError, match="link to a directory that holds it"):
        token(Dir(tmp_path))


def test_a_missing_directory_is_an_error_that_names_it(tmp_path):
    with pytest.raises(FingerprintError, match="absent"):
        Dir(tmp_path / "absent").digest()
