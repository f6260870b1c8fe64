"""Large values of worker processes: written once where they are made, mapped by whoever needs them, left by nobody."""

import mmap
import os
import signal
from pathlib import Path

import numpy as np
import pytest

import jumar
from jumar.chunks import LENT_MIN_BYTES
from jumar.chunks.reference import Reference
from jumar.chunks.scratch import SegmentScratch
from jumar.chunks.segment import SegmentWriter
from jumar.keys.value import token
from jumar.processes.kinds import DONE, ENCODED
from jumar.processes.outfit import Form, Outfit
from jumar.processes.report import Reporter
from jumar.store.elsewhere import BlobPlace, place_of, take_over
from jumar.store.records import Payload
from jumar.worker import Ran

LENGTH = 200_000  # 1.6 MB of float64


def is_mapped(array):
    """Whether an array's memory is a map, and not a copy of one."""
    base = array
    while base is not None and not isinstance(base, mmap.mmap):
        base = base.obj if isinstance(base, memoryview) else base.base
    return base is not None


def segments(session):
    """The files of values in the directories of a session."""
    grounds = session.engine._executor._furniture.scratch.grounds
    return [path for root in filter(None, grounds) for path in Path(root).iterdir() if path.name != "owner"]


@jumar.task
def made(length, start=0.0):
    return np.arange(start, start + length)


@jumar.task
def looked_at(array):
    return is_mapped(array), float(array.sum()), os.getpid()


@jumar.task
def raised(array):
    array += 1
    return array


@pytest.fixture
def session(tmp_path):
    with jumar.Session(tmp_path / "store", "processes", 2) as opened:
        yield opened
        # The map of a result may outlive its segment; nothing else does.
    assert not (tmp_path / "store" / "scratch").exists() or not list((tmp_path / "store" / "scratch").glob("*/*"))


@pytest.mark.parametrize("keep", [True, False])
def test_the_next_task_maps_what_the_one_before_has_written(session, keep):
    with jumar.options(checkpoint=keep):
        array = made.spawn(LENGTH)
        mapped, total, pid = looked_at.spawn(array).result()
    assert mapped
    assert total == sum(range(LENGTH))
    assert pid != os.getpid()
    assert is_mapped(array.result())
    blobs = list((session.store.path / "blobs").glob("??/*"))
    assert len(blobs) == keep
    assert len(segments(session)) == (not keep)


def test_a_segment_goes_when_nobody_can_ask_for_its_value_any_more(session):
    loose = made.options(checkpoint=False)
    first = loose(LENGTH)  # in this thread, so that no other one still has it in its hands
    assert segments(session) == []
    assert first[-1] == LENGTH - 1
    future = loose.spawn(LENGTH, 1.0)
    assert future.result()[0] == 1
    assert len(segments(session)) == 1


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("is_restored", [False, True])
def test_nobody_sees_what_others_do_to_a_value(tmp_path, keep, is_restored):
    if is_restored:
        with jumar.Session(tmp_path, "processes", 1):
            made.options(checkpoint=keep)(LENGTH)
    with jumar.Session(tmp_path, "processes", 2), jumar.options(checkpoint=keep):
        array = made.spawn(LENGTH)
        first, second = raised.spawn(array), raised.options(version="2").spawn(array)
        assert float(first.result()[0]) == 1
        assert float(second.result()[0]) == 1
        mine = array.result()
        mine[:] = 7
        assert looked_at.spawn(array).result()[1] == sum(range(LENGTH))
        result = first.result()
        result[:] = 9
        assert looked_at.spawn(first).result()[1] == sum(range(LENGTH)) + LENGTH


@pytest.mark.parametrize("keep", [True, False])
def test_a_task_that_waits_for_a_large_value_maps_it_where_it_is(session, keep):
    @jumar.task
    def nested(keep):
        array = made.options(checkpoint=keep).spawn(LENGTH).result()
        array += 1
        return is_mapped(array), float(array.sum())

    assert nested(keep) == (True, sum(range(LENGTH)) + LENGTH)
    for process in session.engine._executor._pool._idle:
        assert repr(process.channel.writer._numbers) == "count(0)"  # the driver has written nothing for it


def test_a_large_argument_is_mapped_too_and_stays_the_callers(session):
    array = np.zeros(LENGTH)
    assert looked_at.spawn(array).result()[0]
    assert float(raised.spawn(array).result()[0]) == 1
    assert float(array[0]) == 0
    assert segments(session) == []


def test_values_that_are_not_kept_can_be_read_after_the_session(tmp_path):
    with jumar.Session(tmp_path, "processes", 1) as session:
        future = made.options(checkpoint=False).spawn(LENGTH)
        jumar.wait([future])
        assert len(segments(session)) == 1
    value = future.result()
    value[0] = 5
    assert (float(value[0]), float(value[-1])) == (5, LENGTH - 1)


def test_what_is_inside_large_containers_and_texts_comes_back_as_it_was(session):
    parts = jumar.task(name="parts")(lambda: {"a": np.arange(LENGTH), "b": "x" * LENT_MIN_BYTES, "c": [1, (2,)]})
    joined = jumar.task(name="joined")(lambda part, text: (is_mapped(part["a"]), part["b"] == text, part["c"]))
    text = jumar.task(name="text")(lambda: "x" * LENT_MIN_BYTES)
    assert joined.spawn(parts.spawn(), text.spawn()).result() == (True, True, [1, (2,)])


class Local:
    """Of a module that workers import; the one made in a test below is not."""

    def __init__(self, array):
        self.array = array


def test_classes_that_workers_cannot_import_come_back_as_the_drivers_own(session):
    class Inner(Local):
        pass

    made_here = jumar.task(name="made_here", key=lambda: 1)(lambda: Inner(np.arange(LENGTH)))
    assert type(made_here()) is Inner
    assert type(made_here.spawn().result()).__name__ == "Inner"


def test_a_large_value_with_calls_in_it_is_still_continued(session):
    both = jumar.task(name="both")(lambda: [np.arange(LENGTH), made.spawn(10)])
    large, small = both.spawn().result()
    assert (len(large), len(small)) == (LENGTH, 10)


@pytest.mark.parametrize(
    "options",
    [{"catch": True}, {"checkpoint": jumar.Keep(min_seconds=3600)}, {"checkpoint": lambda call, value: len(value) > 5}],
    ids=["catch", "rule", "decides"],
)
def test_options_that_look_at_values_see_them(session, options):
    found = made.options(**options).spawn(LENGTH).result()
    array = found[0] if isinstance(found, tuple) else found
    assert len(array) == LENGTH
    assert (session.store.find(bytes.fromhex(made.options(**options).key(LENGTH))) is None) == (
        isinstance(options.get("checkpoint"), jumar.Keep)
    )


def test_the_users_own_key_function_sees_the_values_of_calls(session):
    seen = []
    keyed = jumar.task(name="keyed", key=lambda array: seen.append(type(array)) or 1)(lambda array: array.size)
    assert keyed.spawn(made.spawn(LENGTH)).result() == LENGTH
    assert set(seen) == {np.ndarray, jumar.Future}


def test_equal_values_from_an_edited_task_need_no_new_call_downstream(tmp_path):
    with jumar.Session(tmp_path, "processes", 1) as session:
        first = looked_at.spawn(made.spawn(LENGTH)).result()
        assert session.counts().computed == 2
    with jumar.Session(tmp_path, "processes", 1) as session:
        edited = jumar.task(name="edited")(lambda length: np.arange(float(length)))
        assert looked_at.spawn(edited.spawn(LENGTH)).result() == first
        assert session.counts()[:2] == (1, 1)


IDENTIFIED = []


class Counted:
    """Says how often it is identified in this process."""

    def __jumar_key__(self):
        IDENTIFIED.append(1)
        return "counted"


def test_values_are_not_identified_to_look_for_what_was_never_kept(threads):
    source, after = jumar.task(name="source")(Counted), jumar.task(name="after")(lambda value: 1)
    IDENTIFIED.clear()
    loose = after.options(checkpoint=False)
    assert loose.spawn(source.spawn()).result() == 1
    assert len(IDENTIFIED) == 0
    assert after.spawn(source.spawn()).result() == 1
    assert len(IDENTIFIED) == 1
    other = jumar.task(name="other")(lambda: Counted())  # noqa: PLW0108  (another call with an equal value)
    assert loose.spawn(other.spawn()).result() == 1  # now something of its code is kept: it is looked for, and found
    assert len(IDENTIFIED) == 2
    assert threads.counts()[:2] == (4, 2)


def test_a_reference_has_the_token_of_its_value(tmp_path):
    scratch = SegmentScratch(tmp_path, None)
    for value in (np.arange(LENGTH), {"a": [np.zeros(10)]}, "text"):
        reference = Reference(scratch.write(value))
        assert token(reference) == token(value)
        assert token([1, reference, reference]) == token([1, value, value])
    scratch.close()


# -- what a worker tells -----------------------------------------------------------------------------------------------


@pytest.fixture
def reporter(tmp_path):
    scratch = SegmentScratch(tmp_path / "scratch", None)
    with jumar.Store.open(tmp_path / "store") as store:
        reporter = Reporter(lambda obj: NotImplemented)
        reporter.furnish(Outfit(scratch.grounds, "w", place_of(store)), SegmentWriter(scratch.grounds, "w"))
        reporter.store = store
        yield reporter
        reporter.close()
    scratch.close()


@pytest.mark.parametrize(
    ("value", "form", "kind"),
    [
        (1, Form.KEPT, DONE),
        ("x" * 1000, Form.LOOSE, DONE),
        ([1, 2], Form.KEPT, ENCODED),
        ([1, 2], Form.LOOSE, DONE),
        (np.zeros(1000), Form.LOOSE, DONE),
        (np.zeros(LENGTH), Form.LOOSE, ENCODED),
        (np.zeros(LENGTH), Form.KEPT, ENCODED),
        ("x" * LENGTH * 2, Form.LOOSE, ENCODED),
        (b"x" * LENGTH * 2, Form.KEPT, ENCODED),
        (np.zeros(LENGTH), Form.VALUE, DONE),
    ],
    ids=str,
)
def test_large_values_are_told_by_where_they_are(reporter, value, form, kind):
    told, frames = reporter.of(Ran(value, None, 0.5), form)
    assert told == kind
    if kind == ENCODED:
        assert sum(map(len, frames)) < 1000


def test_without_the_codecs_of_the_program_values_are_encoded_by_the_driver(reporter):
    reporter.need(frozenset({"of the program"}))
    assert reporter.of(Ran(np.zeros(LENGTH), None, 0.5), Form.KEPT)[0] == DONE


def test_a_blob_that_a_sweep_has_taken_meanwhile_is_not_taken_over(reporter):
    _, (body,) = reporter.of(Ran(np.zeros(LENGTH), None, 0.5), Form.KEPT)
    fields, _, _ = __import__("pickle").loads(body)
    payload = Payload(*fields)
    assert take_over(reporter.store, payload)
    reporter.store.blobs.remove(payload.blob)
    assert not take_over(reporter.store, payload)


def test_where_the_workers_cannot_write_the_value_arrives_and_the_trouble_is_told(tmp_path):
    with jumar.Session(tmp_path / "store", "processes", 1):
        assert made(3).tolist() == [0, 1, 2]
        blobs = tmp_path / "store" / "blobs"
        blobs.write_text("no directory")
        with pytest.warns(jumar.StoreWarning, match="could not be kept"):
            assert made.spawn(LENGTH).result()[-1] == LENGTH - 1
        blobs.unlink()


def test_only_stores_whose_blobs_are_files_of_this_process_are_written_by_workers(tmp_path):
    with jumar.Store.open(tmp_path / "a") as store, jumar.Store.in_memory() as memory:
        assert place_of(store) == BlobPlace(str(tmp_path / "a" / "blobs"), "process", "none")
        assert place_of(memory) is None
    with (
        jumar.Store.open(tmp_path / "a", deferred=True) as deferred,
        jumar.Store.open(tmp_path / "a", read_only=True) as only,
    ):
        assert place_of(deferred) is None
        assert place_of(only) is None


@pytest.mark.parametrize(
    "how", [{}, {"durability": "power"}, {"compression": "zstd"}, {"checkpoint_mode": "exit"}], ids=str
)
def test_large_results_are_found_again_in_every_mode(tmp_path, how):
    for computed in (2, 0):
        with jumar.Session(tmp_path, "processes", 2, **how) as session:
            assert looked_at.spawn(made.spawn(LENGTH)).result()[1] == sum(range(LENGTH))
            assert np.array_equal(made(LENGTH), np.arange(LENGTH))
            assert session.counts().computed == computed


# -- workers that are lost ---------------------------------------------------------------------------------------------


@jumar.task
def large_or_dead(folder, number):
    try:
        Path(folder, str(number)).touch(exist_ok=False)
    except FileExistsError:
        return np.full(LENGTH, number)
    return os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("keep", [True, False])
def test_lost_workers_leave_no_segments_and_lose_no_values(tmp_path, keep):
    with jumar.Session(tmp_path / "store", "processes", 2) as session, jumar.options(checkpoint=keep):
        futures = [large_or_dead.spawn(str(tmp_path), number) for number in range(6)]
        assert [int(future.result()[0]) for future in futures] == list(range(6))
        assert len(segments(session)) == (0 if keep else 6)
        roots = session.engine._executor._furniture.scratch.grounds
    assert not any(Path(root).exists() for root in filter(None, roots))
