"""The examples of the pages from which jumar began that no other test has: Dagger's usage page, and Parsl's checkpoints.

Dagger's matrix is ``examples/matrix.py``, its graph of four calls and its lazy form are on the page for those who come from
it. The three examples of Ray Workflows' page on checkpoints are in ``test_inheritance``.
"""

import numpy as np
import pytest

import jumar


@jumar.task
def product(x, y):
    return x @ y


@jumar.task
def one_plus_two():
    return 1 + 2


@jumar.task
def spawns_on_a_worker():
    return jumar.gather(one_plus_two.spawn())


@jumar.task
def slow_double(x):
    done.append(x)
    return 2 * x


class Done(list):
    def __jumar_key__(self):
        return "done"


done = Done()


@pytest.fixture(autouse=True)
def nothing_done():
    done.clear()


def test_arrays_are_multiplied_on_a_worker(threads):
    x, y = np.random.default_rng(1).random((2, 40, 40))
    assert np.allclose(product.spawn(x, y).result(), x @ y)


def test_a_task_is_asked_whether_it_is_ready_and_waited_for(threads, gate):
    @jumar.task
    def sleeps():
        gate.pass_through()

    x = sleeps.spawn()
    gate.wait_for_arrival()
    assert not x.done()
    gate.open()
    jumar.wait([x])
    assert x.done()


def test_a_task_spawns_others_from_where_it_runs(session):
    assert spawns_on_a_worker.spawn().result() == [3]


def test_a_chunk_is_computed_and_collected(session):
    chunk = jumar.compute(one_plus_two.lazy())
    assert isinstance(chunk, jumar.Chunk)
    assert (chunk.fetch(), jumar.collect(one_plus_two.lazy())) == (3, 3)


def run_the_script(tmp_path, **options):
    """Parsl's script: five calls, and then their results; what a session does at its end is left to it."""
    with jumar.Session(tmp_path / "store", workers=2, **options) as session:
        d = [slow_double.spawn(x) for x in range(5)]
        found = [i.result() for i in d]
        if options.get("checkpoint_mode") == "manual":
            session.checkpoint()
    return found


@pytest.mark.parametrize("mode", ["task_exit", "periodic", "exit", "manual"])
def test_in_every_mode_the_script_that_is_run_again_computes_nothing(tmp_path, mode):
    for _ in range(2):
        assert run_the_script(tmp_path, checkpoint_mode=mode) == [0, 2, 4, 6, 8]
    assert sorted(done) == list(range(5))


def test_all_that_earlier_runs_left_is_found_the_latest_first(tmp_path):
    folders = [tmp_path / name for name in ("first", "second")]
    for folder in folders:
        with jumar.Session(folder):
            slow_double(7)
    with jumar.Session([tmp_path / "new", *folders], prefer="recent"):
        assert slow_double(7) == 14
    assert done == [7, 7]
