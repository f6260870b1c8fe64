"""What nobody needs any more is not run: calls that have not begun when all that they were made for is found."""

import asyncio
import concurrent.futures as cf
import threading
import warnings
from contextlib import contextmanager

import pytest

import jumar


@pytest.fixture
def store():
    return jumar.Store.in_memory()


@contextmanager
def one_busy_worker(store, gate, **options):
    """A session whose only worker is held up, so that nothing else begins before the gate is opened."""

    @jumar.task(reuse="never")
    def hold():
        gate.pass_through()

    with jumar.Session(store, workers=1, **options) as session:
        hold.spawn()
        gate.wait_for_arrival()
        try:
            yield session
        finally:
            gate.open()


def chain(tally, **options):
    """Tasks whose results are not kept, and one that is: the same as if those of the others had been swept."""

    @jumar.task(checkpoint=False, **options)
    def step(x):
        tally.add("step", x)
        return x + 1

    @jumar.task
    def root(x):
        tally.add("root")
        return 10 * x

    return step, root


def spawned(step, root, depth=3):
    futures = [step.spawn(0)]
    while len(futures) < depth:
        futures.append(step.spawn(futures[-1]))
    return futures, root.spawn(futures[-1])


def run_before(store, step, root, depth=3):
    with jumar.Session(store):
        return spawned(step, root, depth)[1].result()


def test_a_chain_whose_root_is_found_runs_none_of_its_links(store, gate, tally):
    step, root = chain(tally)
    assert run_before(store, step, root, depth=500) == 5000
    assert tally.total == 501
    with one_busy_worker(store, gate) as session:
        futures, last = spawned(step, root, depth=500)
        assert last.result() == 5000
        assert session.counts().skipped == 500
        assert repr(futures[0]).endswith("skipped>")
    assert session.counts() == (1, 1, 0, 0, 0, 500)
    assert tally.total == 501


class LateExecutor:
    """Has one worker, who comes when the test says so."""

    name, workers = "late", 1

    def __init__(self):
        self.sent = []

    def submit(self, work, item):
        self.sent.append((work, item))

    def arrive(self):
        while self.sent:
            work, item = self.sent.pop(0)
            work(item)

    def close(self, *, wait):
        assert not self.sent


def test_what_was_given_to_a_worker_that_has_not_begun_is_skipped_too(store, tally):
    step, root = chain(tally)
    run_before(store, step, root)
    executor = LateExecutor()
    with jumar.Session(store, executor) as session:
        futures, last = spawned(step, root)
        assert len(executor.sent) == 1
        assert last.result() == 30
        assert session.counts() == (0, 1, 0, 0, 0, 3)
        executor.arrive()  # and finds nothing to do
        assert not futures[0].done()  # which asks for it
        executor.arrive()
        assert futures[0].result() == 1
    assert [tally["step", n] for n in range(3)] == [2, 1, 1]


def test_a_link_that_has_begun_goes_on_and_those_after_it_do_not(store, gate, tally):
    @jumar.task(checkpoint=False)
    def first():
        tally.add("first")
        if tally["first"] > 1:
            gate.pass_through()
        return 0

    step, root = chain(tally)
    with jumar.Session(store):
        root.spawn(step.spawn(first.spawn())).result()
    with jumar.Session(store, workers=1) as session:
        begun = first.spawn()
        gate.wait_for_arrival()
        last = root.spawn(step.spawn(begun))
        assert last.result() == 10
        gate.open()
        assert begun.result() == 0
    assert session.counts() == (1, 1, 0, 0, 0, 1)
    assert tally["first"] == 2
    assert tally["step", 0] == 1


def _until(is_so):
    while not is_so():
        threading.Event().wait(0.001)


async def _awaited(future):
    return await future


async def _wrapped(future):
    return await asyncio.wrap_future(future)


def _called_back(future):
    called = threading.Event()
    future.add_done_callback(lambda _: called.set())
    assert called.wait(60)


def _returned(future):
    class Held:
        def __jumar_key__(self):
            return "held"

    held = Held()
    held.future = future
    return jumar.task(checkpoint=False)(_give).spawn(held).result()


def _give(held):
    return held.future


def _adopted(future):
    with jumar.Session(jumar.Store.in_memory()):
        return jumar.spawn(abs, future).result()


USES = {
    "result": lambda future: future.result(),
    "exception": lambda future: future.exception(),
    "done": lambda future: _until(future.done),
    "running": lambda future: _until(lambda: not future.running() and future.done()),
    "wait": lambda future: jumar.wait([future]),
    "wait for one": lambda future: jumar.wait([future], num_returns=1),
    "the library's wait": lambda future: cf.wait([future]),
    "as_completed": lambda future: list(jumar.as_completed([future])),
    "the library's as_completed": lambda future: list(cf.as_completed([future])),
    "gather": jumar.gather,
    "await": lambda future: asyncio.run(_awaited(future)),
    "asyncio.wrap_future": lambda future: asyncio.run(_wrapped(future)),
    "a callback": _called_back,
    "a part": lambda future: jumar.attr(future, "real").result(),
    "an argument": lambda future: jumar.spawn(abs, future).result(),
    "an argument of a direct call": jumar.task(abs),
    "an argument of a lazy call": lambda future: jumar.collect(jumar.task(abs).lazy(future)),
    "returned by a task": _returned,
    "another session": _adopted,
}


@pytest.mark.parametrize("use", USES)
def test_whatever_is_done_with_its_future_lets_a_skipped_call_run(use, store, gate, tally):
    step, root = chain(tally)
    run_before(store, step, root)
    with one_busy_worker(store, gate) as session:
        futures, last = spawned(step, root)
        last.result()
        assert session.counts().skipped == 3
        gate.open()
        USES[use](futures[2])
        assert futures[2].result() == 3
        assert session.counts().skipped == 0
    assert [tally["step", n] for n in range(3)] == [2, 2, 2]
    assert tally["root"] == 1


@pytest.mark.parametrize(
    "use", sorted(USES.keys() - {"a part"})
)  # which would be a call of a session that takes no more
def test_so_it_does_when_the_session_has_ended(use, store, gate, tally):
    step, root = chain(tally)
    run_before(store, step, root)
    with one_busy_worker(store, gate) as session:
        futures, last = spawned(step, root)
        last.result()
    assert session.counts() == (1, 1, 0, 0, 0, 3)
    assert tally.total == 4
    USES["result"](last)
    with jumar.Session(store):
        USES[use](futures[2])
    assert futures[2].result() == 3
    assert all(future.done() for future in futures)


def test_a_part_of_what_nobody_needs_is_skipped_with_it(store, gate, tally):
    @jumar.task(checkpoint=False)
    def pair():
        tally.add("pair")
        return {"low": 1, "high": 2}

    _, root = chain(tally)
    with jumar.Session(store):
        root.spawn(pair.spawn()["high"]).result()
    with one_busy_worker(store, gate) as session:
        assert root.spawn(pair.spawn()["high"]).result() == 20
    assert session.counts() == (1, 1, 0, 0, 0, 1)
    assert tally["pair"] == 1


def test_what_is_asked_for_is_put_back_with_what_it_needs_and_nothing_else(store, gate, tally):
    step, root = chain(tally)
    run_before(store, step, root)
    with one_busy_worker(store, gate) as session:
        futures, last = spawned(step, root)
        last.result()
        assert not futures[1].done()
        assert session.counts().skipped == 1
        gate.open()
        assert futures[1].result() == 2
    assert [tally["step", n] for n in range(3)] == [2, 2, 1]
    assert session.counts() == (3, 1, 0, 0, 0, 1)


def test_what_was_asked_for_before_is_not_skipped(store, gate, tally):
    step, root = chain(tally)
    run_before(store, step, root)
    heard = threading.Event()
    with one_busy_worker(store, gate) as session:
        futures = [step.spawn(0)]
        futures.append(step.spawn(futures[0]))
        futures[1].add_done_callback(lambda _: heard.set())
        futures.append(step.spawn(futures[1]))
        root.spawn(futures[2]).result()
        assert session.counts().skipped == 1
    assert heard.is_set()
    assert [tally["step", n] for n in range(3)] == [2, 2, 1]


def test_what_another_call_needs_is_not_skipped(store, gate, tally):
    step, root = chain(tally)
    run_before(store, step, root)
    with one_busy_worker(store, gate) as session:
        futures = [step.spawn(0)]
        futures.append(step.spawn(futures[0]))
        other = root.spawn(futures[0])
        futures.append(step.spawn(futures[1]))
        root.spawn(futures[2]).result()
        assert session.counts().skipped == 2
        gate.open()
        assert other.result() == 10
    assert [tally["step", n] for n in range(3)] == [2, 1, 1]


def test_a_call_that_needs_it_later_puts_it_back(store, gate, tally):
    step, root = chain(tally)
    run_before(store, step, root)
    with one_busy_worker(store, gate) as session:
        futures, _ = spawned(step, root)
        assert session.counts().skipped == 3
        other = root.spawn(futures[1])
        assert session.counts().skipped == 1
        gate.open()
        assert other.result() == 20


def test_a_direct_call_that_is_equal_asks_for_it(store, gate, tally):
    step, root = chain(tally)
    run_before(store, step, root)
    with one_busy_worker(store, gate):
        futures, _ = spawned(step, root)
        gate.open()
        assert step(futures[1]) == 3
    assert [tally["step", n] for n in range(3)] == [2, 2, 2]


def test_an_equal_call_is_as_little_needed(store, gate, tally):
    """A script that makes its inputs anew for each of its outputs runs none of them either."""
    step, root = chain(tally)
    run_before(store, step, root)
    with one_busy_worker(store, gate) as session:
        for _ in range(2):
            assert spawned(step, root)[1].result() == 30
        assert session.counts().skipped == 3
    assert tally.total == 4


@pytest.mark.parametrize("options", [{"reuse": "run"}, {"refresh": True}, {"restore": lambda call: None}])
def test_what_is_meant_to_run_is_not_skipped(options, store, gate, tally):
    step, root = chain(tally, **options)
    run_before(store, step, root)
    with one_busy_worker(store, gate) as session:
        begun = step.spawn(0)
        if "reuse" not in options:
            root.spawn(step.spawn(step.spawn(begun))).result()
        assert session.counts().skipped == 0
    assert tally["step", 0] == 2


def test_a_step_is_not_skipped(tmp_path, gate, tally):
    store = tmp_path / "store"

    @jumar.step
    def send():
        tally.add("send")
        return 1

    @jumar.task(checkpoint=False)
    def between(x):
        tally.add("between")
        return x

    @jumar.task
    def root(x):
        return x

    with jumar.Session(store), jumar.run("nightly"):
        root.spawn(between.spawn(send.spawn())).result()
    with one_busy_worker(store, gate) as session, jumar.run("other"):
        root.spawn(between.spawn(send.spawn()))
        gate.open()
    assert tally["send"] == 2
    assert session.counts().skipped == 0


def test_what_shares_an_argument_with_the_caller_is_not_skipped(store, gate, tally):
    """The caller may think that the array is its own again, once what was made of it is there."""
    numpy = pytest.importorskip("numpy")

    @jumar.task(checkpoint=False)
    def total(array):
        tally.add("total")
        return int(array.sum())

    @jumar.task
    def root(x):
        return x

    array = numpy.arange(4)
    with jumar.Session(store):
        assert root.spawn(total.spawn(array)).result() == 6
    with one_busy_worker(store, gate) as session:
        root.spawn(total.spawn(array)).result()
        assert session.counts().skipped == 0
    assert tally["total"] == 2


def test_a_direct_call_that_is_found_waits_for_nothing_that_it_needs(store, gate, tally):
    step, root = chain(tally)
    run_before(store, step, root)
    with one_busy_worker(store, gate) as session:
        futures = [step.spawn(0)]
        for _ in range(2):
            futures.append(step.spawn(futures[-1]))
        assert root(futures[-1]) == 30
        assert session.counts().skipped == 3
    assert tally.total == 4


BROKEN = threading.Event()


@jumar.task(checkpoint=False)
def inner(x):
    if BROKEN.is_set():
        raise KeyError("not yet")
    return x + 100


@jumar.task(checkpoint=True)
def outer(x):
    return inner.spawn(x)


def test_what_a_found_graph_replaces_is_skipped(store, gate, tally):
    """A call that had returned other calls needs those now, and no more what it was made of."""
    step, _ = chain(tally)
    BROKEN.set()
    with jumar.Session(store), pytest.raises(KeyError):
        outer.spawn(step.spawn(0)).result()
    BROKEN.clear()
    with one_busy_worker(store, gate) as session:
        future = outer.spawn(step.spawn(0))
        assert session.counts().skipped == 1
        gate.open()
        assert future.result() == 101
    assert tally["step", 0] == 1


def test_those_who_listen_hear_at_the_end_what_was_skipped(store, gate, tally):
    step, root = chain(tally)
    run_before(store, step, root)
    ended = []
    with one_busy_worker(store, gate) as session:
        session.listen(lambda event: ended.append((event.task.rpartition(".")[2], event.how)))
        spawned(step, root)
        assert ended == [("root", "restored")]
    assert sorted(ended[1:]) == [("hold", "computed"), *[("step", "skipped")] * 3]


def test_an_error_of_what_is_asked_for_after_the_end_is_the_tasks_own(store, gate, tally):
    @jumar.task(checkpoint=False, retries=1)
    def broken(x):
        tally.add("broken")
        if tally["broken"] > 1:
            raise ZeroDivisionError("as always")
        return x

    step, root = chain(tally)
    with jumar.Session(store):
        root.spawn(step.spawn(broken.spawn(1))).result()
    with one_busy_worker(store, gate):
        first = broken.spawn(1)
        second = step.spawn(first)
        root.spawn(second).result()
    for _ in range(2):
        with pytest.raises(ZeroDivisionError, match="as always"):
            second.result()
    assert isinstance(first.exception(), ZeroDivisionError)
    assert tally["broken"] == 3  # once before, and as often as the task says


def test_of_many_who_ask_after_the_end_one_runs_it(store, gate, tally):
    step, root = chain(tally)
    run_before(store, step, root)
    with one_busy_worker(store, gate):
        futures, _ = spawned(step, root)
    with cf.ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda future: future.result(), [*futures, *futures])) == [1, 2, 3] * 2
    assert [tally["step", n] for n in range(3)] == [2, 2, 2]


def test_a_skipped_call_can_be_cancelled(store, gate, tally):
    step, root = chain(tally)
    run_before(store, step, root)
    with one_busy_worker(store, gate) as session:
        futures, _ = spawned(step, root)
        assert futures[0].cancel()
        assert all(future.cancelled() for future in futures)
        assert session.counts().cancelled == 3
    assert tally.total == 4


def test_a_run_ends_without_what_was_skipped_in_it(tmp_path, gate, tally):
    store = tmp_path / "store"
    step, root = chain(tally)
    run_before(store, step, root)
    with one_busy_worker(store, gate) as session:
        with jumar.run("nightly") as handle:
            spawned(step, root)
            gate.open()
        assert handle.status() == "succeeded"
        assert session.counts().skipped == 3
    assert tally.total == 4


def test_a_damaged_result_brings_back_what_was_skipped_for_it(tmp_path, gate, tally):
    @jumar.task(checkpoint=False)
    def count():
        tally.add("count")
        return 50_000

    @jumar.task
    def fill(n):
        tally.add("fill")
        return b"x" * n

    with jumar.Session(tmp_path / "store"):
        fill.spawn(count.spawn()).result()
    for blob in (tmp_path / "store" / "blobs").rglob("*"):
        if blob.is_file():
            blob.chmod(0o600)
            blob.write_bytes(blob.read_bytes().replace(b"xxxx", b"xyyx", 1))
    with warnings.catch_warnings(record=True) as told, one_busy_worker(tmp_path / "store", gate) as session:
        warnings.simplefilter("always")
        future = fill.spawn(count.spawn())
        assert session.counts().skipped == 1
        gate.open()
        assert len(future.result()) == 50_000
    assert [warning.category for warning in told] == [jumar.StoreWarning]
    assert (tally["count"], tally["fill"]) == (2, 2)
