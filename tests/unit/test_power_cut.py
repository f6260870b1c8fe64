"""The model of power losses: what was synced is on every image, and each way of losing the rest is on some."""

from hypothesis import given
from hypothesis import strategies as st

from jumar.testing.disk_log import Enter, Leave, Move, Promise, Sync, Truncate, Write
from jumar.testing.power_cut import content_after, images, unsynced

NEW_FILE = [Enter(0, "a", 1, False), Write(1, 0, b"data")]


def contents(log, **settings):
    return [dict(image.files) for image in images(log, **settings)]


def test_a_name_may_be_on_the_disk_without_its_bytes_and_bytes_without_their_name():
    found = contents([*NEW_FILE, Sync(0)])
    assert {"a": b""} in found
    assert {"a": b"da"} in found
    assert {"a": b"dat"} in found
    assert {"a": bytes(4)} in found
    assert {"a": b"data"} in found
    assert contents([*NEW_FILE, Sync(1)], cuts=[3]) == [{}, {"a": b"data"}]


def test_what_was_synced_with_its_name_is_on_every_image_from_then_on():
    log = [*NEW_FILE, Sync(1), Sync(0), Promise(1), Write(1, 4, b"more"), Leave(0, "b"), Promise(2)]
    kept = [image.files for image in images(log) if image.promised]
    assert len(kept) > 4
    assert all(files["a"].startswith(b"data") for files in kept)


def test_a_moved_file_has_one_of_its_two_names():
    log = [*NEW_FILE, Sync(1), Sync(0), Enter(0, "d", 2, True), Sync(0), Move(0, "a", 2, "b", 1)]
    found = [files for files in contents(log) if "d" in files]
    assert {"a": b"data", "d": None} in found
    assert {"d": None, "d/b": b"data"} in found
    assert all(("a" in files) != ("d/b" in files) for files in found)


def test_later_operations_may_reach_the_disk_before_earlier_ones():
    log = [*NEW_FILE, Sync(1), Sync(0), Write(1, 0, b"D"), Write(1, 3, b"A"), Truncate(1, 6), Sync(1)]
    found = [files["a"] for files in contents(log) if "a" in files]
    assert {b"Data", b"datA", b"data\0\0", b"DatA\0\0", b"data"} <= set(found)


WRITES = st.builds(Write, st.integers(1, 2), st.integers(0, 6), st.binary(min_size=1, max_size=4))
STEPS = st.one_of(
    WRITES,
    st.builds(Truncate, st.integers(1, 2), st.integers(0, 6)),
    st.builds(Sync, st.integers(0, 2)),
    st.builds(Enter, st.just(0), st.sampled_from("ab"), st.integers(1, 2), st.just(False)),
    st.builds(Leave, st.just(0), st.sampled_from("ab")),
)


@given(st.lists(STEPS, max_size=12))
def test_a_disk_that_was_synced_wholly_has_one_image(steps):
    log = [*steps, Sync(0), Sync(1), Sync(2)]
    assert unsynced(log) == []
    assert [image.files for image in images(log, cuts=[len(log)])] == [content_after(log)]
