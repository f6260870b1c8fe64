"""What the kernel says of processes that it killed for lack of memory."""

import pytest

from jumar.processes.shortage import Shortage

PLACES = {
    "0::/box": "sys/fs/cgroup/box/memory.events",
    "4:cpu,memory:/a/b": "sys/fs/cgroup/memory/a/b/memory.oom_control",
    "9:name=systemd:/": "proc/vmstat",
}


def write(root, place, count):
    (root / place).parent.mkdir(parents=True, exist_ok=True)
    (root / place).write_text(f"oom 9\noom_kill_disable 0\noom_kill {count}\n")


@pytest.mark.parametrize(("group", "place"), PLACES.items())
def test_a_count_that_has_risen_since_the_last_look_is_a_kill(tmp_path, group, place):
    write(tmp_path, place, 3)
    (tmp_path / "proc").mkdir(exist_ok=True)
    (tmp_path / "proc/self").mkdir()
    (tmp_path / "proc/self/cgroup").write_text(f"{group}\n")
    shortage = Shortage(tmp_path)
    assert not shortage.has_killed()
    write(tmp_path, place, 5)
    assert shortage.has_killed()
    assert not shortage.has_killed()


def test_the_group_of_the_process_counts_before_the_machine(tmp_path):
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("0::/box\n")
    for place in ("proc/vmstat", "sys/fs/cgroup/box/memory.events"):
        write(tmp_path, place, 0)
    shortage = Shortage(tmp_path)
    write(tmp_path, "proc/vmstat", 7)
    assert not shortage.has_killed()


def test_where_nothing_is_said_nothing_is_claimed(tmp_path):
    assert not Shortage(tmp_path).has_killed()
