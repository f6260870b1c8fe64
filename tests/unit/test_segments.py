"""Values in files that all processes of a session map: where they lie, who sees what, and what is left of them."""

import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jumar.chunks.scratch import Holding, SegmentScratch, private_directory
from jumar.chunks.segment import Grounds, SegmentWriter, has_room
from jumar.errors import DamagedError, StoreError

LARGE = 1_000_000


@pytest.fixture
def scratch(tmp_path):
    (tmp_path / "shm").mkdir()
    opened = SegmentScratch(tmp_path / "disk", tmp_path / "shm")
    yield opened
    opened.close()
    assert files_below(tmp_path) == []


def files_below(root):
    """All files but the locks of the roots, which stay."""
    return [path for path in root.rglob("*") if path.is_file() and path.name != "lock"]


@pytest.mark.parametrize("tier", ["memory", "disk"])
@pytest.mark.parametrize("value", [None, [1, "a"], b"x" * LARGE, {"a": np.arange(LARGE), "b": np.zeros(3)}])
def test_a_value_is_mapped_as_it_was_written_from_either_tier(scratch, value, tier):
    segment = scratch.write(value, tier)
    assert segment.tier == tier
    assert segment.size_bytes == Path(segment.grounds.path(tier, segment.name)).stat().st_size
    np.testing.assert_equal(pickle.loads(pickle.dumps(segment)).map(), value)


@given(value=st.recursive(st.none() | st.integers() | st.binary(max_size=40_000) | st.text(), st.lists, max_leaves=5))
def test_what_is_written_is_what_is_mapped(tmp_path_factory, value):
    grounds = Grounds(None, str(tmp_path_factory.mktemp("disk")))
    assert SegmentWriter(grounds, "w").write(value).map() == value


def test_what_a_reader_writes_into_its_map_reaches_nobody(scratch):
    segment = scratch.write(np.zeros(LARGE))
    mine, theirs = segment.map(), segment.map()
    mine += 1
    assert (mine.sum(), theirs.sum(), segment.map().sum()) == (LARGE, 0, 0)


def test_arrays_in_a_map_start_where_processors_like_it(scratch):
    for value in (np.arange(LARGE), {"inside": np.arange(LARGE)}):
        found = scratch.write(value).map()
        array = found if isinstance(found, np.ndarray) else found["inside"]
        assert array.ctypes.data % 64 == 0


def test_a_spilled_segment_is_found_under_the_same_reference_and_maps_stay(scratch):
    segment = scratch.write(np.arange(LARGE))
    before = segment.map()
    scratch.spill(segment)
    scratch.spill(segment)
    assert segment.tier == "disk"
    assert np.array_equal(segment.map(), before)
    scratch.free(segment)
    scratch.free(segment)
    assert segment.tier is None
    assert before[-1] == LARGE - 1


def test_a_segment_that_is_spilled_again_and_again_is_always_there_for_its_readers(scratch):
    segments = [scratch.write(np.full(40_000, number)) for number in range(100)]
    spilling = threading.Thread(target=lambda: [scratch.spill(each) for each in segments])
    spilling.start()
    while spilling.is_alive():
        assert [int(each.map()[0]) for each in segments] == list(range(100))
    spilling.join()
    assert {each.tier for each in segments} == {"disk"}


def test_a_freed_segment_and_a_cut_one_are_told_apart_from_values(scratch):
    freed, cut = scratch.write([1]), scratch.write(b"x" * LARGE, "disk")
    scratch.free(freed)
    os.truncate(cut.grounds.path("disk", cut.name), 10)
    with pytest.raises(DamagedError, match=r"segment driver-0 .* cannot be read from .*shm.* or .*disk.*freed"):
        freed.map()
    with pytest.raises(DamagedError, match=r"disk/.*/driver-1 has 10 bytes instead of"):
        cut.map()


def test_where_shared_memory_is_missing_or_full_values_go_to_disk(tmp_path, scratch):
    writer = SegmentWriter(scratch.grounds._replace(memory=str(tmp_path / "nowhere")), "w")
    assert scratch.adopt(writer.write([1])).tier == "disk"
    assert not has_room(str(tmp_path), 1 << 60)
    assert has_room(str(tmp_path), 1)
    with SegmentScratchWithoutMemory(tmp_path / "other") as other:
        assert other.grounds.memory is None
        assert other.write([1]).tier == "disk"


class SegmentScratchWithoutMemory(SegmentScratch):
    def __init__(self, disk):
        super().__init__(disk, None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def test_nothing_is_left_of_a_segment_that_could_not_be_written(tmp_path, scratch):
    class Torn:
        def __len__(self):
            return 10

    with pytest.raises(TypeError):
        scratch.writer("w").write_frames("pickle", [b"begin", Torn()])
    assert [path.name for path in files_below(tmp_path)] == ["owner", "owner"]
    with pytest.raises(OSError, match="No such file"):
        SegmentWriter(Grounds(None, str(tmp_path / "nowhere")), "w").write([1])


def test_what_a_lost_worker_wrote_is_removed_unless_it_was_adopted(scratch):
    lost, other = scratch.writer("worker7"), scratch.writer("worker70")
    adopted, dropped, theirs = scratch.adopt(lost.write([1])), lost.write([2], "disk"), other.write([3])
    scratch.clear("worker7")
    assert (adopted.map(), dropped.tier, theirs.map()) == ([1], None, [3])
    scratch.close()
    scratch.clear("worker7")


def test_a_segment_is_freed_with_the_last_reference_to_who_holds_it(scratch):
    holding = Holding(scratch, scratch.writer("w").write([1]))
    others, segment = [holding], holding.segment
    del holding
    assert segment.map() == [1]
    others.clear()
    assert segment.tier is None


def test_a_forked_child_frees_nothing(scratch):
    segment = scratch.write([1])
    child = os.fork()
    if not child:
        scratch.free(segment)
        scratch.close()
        os._exit(0)
    os.waitpid(child, 0)
    assert segment.map() == [1]


SESSION = """
import sys
from pathlib import Path
from jumar.chunks.scratch import SegmentScratch
scratch = SegmentScratch(Path(sys.argv[1]), Path(sys.argv[2]))
print(len([scratch.write(b"x" * 1000), scratch.write(b"y" * 1000, "disk")]), flush=True)
sys.stdin.read()
"""


def test_what_a_killed_session_left_is_cleared_by_the_next_and_what_a_living_one_has_is_not(tmp_path):
    disk, shm = tmp_path / "disk", tmp_path / "shm"
    shm.mkdir()
    command = [sys.executable, "-c", SESSION, str(disk), str(shm)]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as killed,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as living,
    ):
        for each in (killed, living):
            assert each.stdout.readline() == b"2\n"
        killed.kill()
        killed.wait()
        assert len(files_below(tmp_path)) == 8  # for each of the two a value and the owner's file, in both places
        SegmentScratch(disk, shm).close()
        left = files_below(tmp_path)
        assert len(left) == 4
        assert all(path.parent.name.startswith(f"{living.pid}-") for path in left)
        living.stdin.close()
        living.wait()


def test_a_directory_that_others_can_reach_is_not_used(tmp_path):
    mine = tmp_path / f"jumar-{os.getuid()}"
    assert private_directory(tmp_path) == mine
    assert mine.stat().st_mode & 0o777 == 0o700
    mine.chmod(0o755)
    assert private_directory(tmp_path) is None
    mine.rmdir()
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    mine.symlink_to(tmp_path / "elsewhere")
    assert private_directory(tmp_path) is None
    assert private_directory(tmp_path / "nowhere") is None


def test_without_a_store_on_disk_the_folder_for_temporary_files_is_used_if_it_is_safe(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    scratch = SegmentScratch(None, None)
    assert scratch.write([1]).grounds.disk.startswith(f"{tmp_path}/jumar-{os.getuid()}/")
    scratch.close()
    (tmp_path / f"jumar-{os.getuid()}").chmod(0o777)
    with pytest.raises(StoreError, match="belongs to somebody else or is open to others"):
        SegmentScratch(None, None)
