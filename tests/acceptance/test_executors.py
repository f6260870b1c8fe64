"""Several executors in one session: each call runs where it is to, waits do not stop the others, and all are closed."""

import threading

import pytest

import jumar
from jumar.executors import InlineExecutor, ThreadsExecutor


class Noted(ThreadsExecutor):
    """Threads that are known by their executor, which notes how many pieces of work it had at most at a time."""

    def __init__(self, workers, name):
        super().__init__(workers)
        self.name, self.most, self._now, self._counting = name, 0, 0, threading.Lock()
        self.closed = []

    def submit(self, work, item):
        def named(item):
            with self._counting:
                self._now += 1
                self.most = max(self.most, self._now)
            threading.current_thread().name = self.name
            try:
                work(item)
            finally:
                with self._counting:
                    self._now -= 1

        super().submit(named, item)

    def close(self, *, wait):
        self.closed.append(wait)
        super().close(wait=wait)


@pytest.fixture
def three():
    """A session with a store in memory and three executors, and those."""
    own, io, cpu = Noted(2, "own"), Noted(3, "io"), Noted(1, "cpu")
    with jumar.Session(jumar.Store.in_memory(), own, executors={"io": io, "cpu": cpu}) as session:
        session.by_name = {"own": own, "io": io, "cpu": cpu}
        yield session


@jumar.task(reuse="never")
def where(_=None):
    return threading.current_thread().name


@jumar.task
def nested(path):
    """Where this runs and where those run that the rest of the path names, each inside the one before."""
    here = threading.current_thread().name
    if not path:
        return [here]
    return [here, *nested.options(executor=path[0]).spawn(path[1:]).result()]


# -- where calls run ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["spawn", "call", "lazy"])
def test_a_call_runs_on_the_executor_that_it_names(three, form):
    forms = {
        "spawn": lambda task: task.spawn().result(),
        "call": lambda task: task(),
        "lazy": lambda task: jumar.collect(task.lazy()),
    }
    for name in ("io", "cpu"):
        assert forms[form](where.options(executor=name)) == name
    assert where.options(executor=None).spawn().result() == "own"


def test_a_call_that_names_none_is_made_directly_in_the_callers_thread(three):
    assert where() == threading.current_thread().name

    @jumar.task(executor="io")
    def outer():
        return where(), where.options(executor="io")(), where.options(executor="cpu")()

    assert outer() == ("io", "io", "cpu")


def test_a_block_and_a_session_may_name_the_executor():
    store, io, cpu = jumar.Store.in_memory(), Noted(1, "io"), Noted(1, "cpu")
    with jumar.Session(store, executors={"io": io, "cpu": cpu}, options={"executor": "io"}):
        assert where.spawn().result() == "io"
        with jumar.options(executor="cpu"):
            assert where.spawn().result() == "cpu"
            assert nested.spawn(("io", "cpu")).result() == ["cpu", "io", "cpu"]


def test_calls_go_to_their_executors_whoever_makes_them_ready(three):
    on_io, on_cpu = where.options(executor="io"), where.options(executor="cpu")
    first = on_io.spawn()
    futures = [task.spawn([first, i]) for i in range(5) for task in (on_cpu, on_io, where)]
    assert [future.result() for future in futures] == ["cpu", "io", "own"] * 5


def test_what_a_call_returns_runs_where_it_names(three):
    @jumar.task(executor="io")
    def chain(names, so_far=()):
        so_far = (*so_far, threading.current_thread().name)
        return chain.options(executor=names[0]).lazy(names[1:], so_far) if names else so_far

    assert chain.spawn(("cpu", None, "io", "cpu")).result() == ("io", "cpu", "own", "io", "cpu")


# -- how many, and waiting ---------------------------------------------------------------------------------------------


def test_each_executor_has_its_own_workers(three, gate):
    @jumar.task
    def hold(name, i):
        gate.pass_through()

    futures = [hold.options(executor=name).spawn(name, i) for name in (None, "io", "cpu") for i in range(6)]
    for _ in range(2 + 3 + 1):
        gate.wait_for_arrival()
    gate.open()
    jumar.gather(futures)
    assert {name: each.most for name, each in three.by_name.items()} == {"own": 2, "io": 3, "cpu": 1}


def test_a_busy_executor_holds_up_no_other(three, gate):
    @jumar.task(executor="cpu")
    def hold():
        gate.pass_through()
        return "held"

    held = hold.spawn()
    gate.wait_for_arrival()
    waiting = where.options(executor="cpu").spawn()
    assert where.options(executor="io").spawn().result() == "io"
    assert not waiting.done()
    gate.open()
    assert (held.result(), waiting.result()) == ("held", "cpu")


@pytest.mark.parametrize("executors", ["threads", "inline"])
@pytest.mark.parametrize("path", [("io",) * 40, ("cpu", "io", None) * 20, ("cpu", "cpu", "io", "io", None, None) * 10])
def test_waits_from_executor_to_executor_do_not_deadlock(path, executors):
    named = {"io": "threads", "cpu": "threads"}
    with jumar.Session(
        jumar.Store.in_memory(), executors, workers=None if executors == "inline" else 1, executors=named
    ):
        assert len(nested.spawn(path).result(60)) == len(path) + 1


def test_a_wait_runs_nothing_in_place_that_is_for_another_executor(three):
    assert nested.spawn(("io", "cpu", "io", "io", None, "cpu")).result() == [
        "own",
        "io",
        "cpu",
        "io",
        "io",
        "own",
        "cpu",
    ]


def test_a_call_made_on_one_executor_waits_without_taking_a_place_of_it(three, gate):
    """One worker: while its call waits for one of another executor, it can do something else."""

    @jumar.task(executor="io")
    def slow():
        gate.pass_through()
        return "slow"

    @jumar.task(executor="cpu")
    def waits():
        return slow.spawn().result()

    waiting = waits.spawn()
    gate.wait_for_arrival()
    assert where.options(executor="cpu").spawn().result() == "cpu"
    gate.open()
    assert waiting.result() == "slow"


# -- with everything else that is said of calls ------------------------------------------------------------------------


def test_an_executor_joins_no_key(three):
    assert nested.options(executor="io").key(()) == nested.key(())


def test_a_call_is_tried_again_where_it_was_tried(three):
    seen = []

    class Flaky:
        def __jumar_key__(self):
            return "flaky"

        def __call__(self):
            seen.append(threading.current_thread().name)
            if len(seen) < 3:
                raise OSError(len(seen))
            return "done"

    task = jumar.task(name="flaky", executor="io", retries=3, backoff=0.001)(Flaky())
    assert task.spawn().result() == "done"
    assert seen == ["io"] * 3


def test_a_call_that_was_given_up_lets_another_worker_of_its_executor_in(three, gate):
    @jumar.task(executor="cpu", timeout_s=0.05)
    def stuck():
        gate.pass_through()

    assert isinstance(stuck.spawn().exception(), TimeoutError)
    assert where.options(executor="cpu").spawn().result() == "cpu"
    gate.open()
    for _ in range(3):
        assert where.options(executor="cpu").spawn().result() == "cpu"


def test_resources_are_shared_by_executors_and_nobody_waits_for_a_busy_one(gate):
    executors = {"io": Noted(1, "io"), "cpu": Noted(1, "cpu")}
    with jumar.Session(jumar.Store.in_memory(), "threads", 2, executors=executors, resources={"gpu": 1}):

        @jumar.task(executor="io")
        def hold():
            gate.pass_through()

        @jumar.task
        def first():
            gate.pass_through()
            return "first"

        holding = hold.spawn()
        gate.wait_for_arrival()
        inner = where.options(resources={"gpu": 1})
        on_io, on_cpu = inner.options(executor="io"), inner.options(executor="cpu")
        late, early = on_io.spawn(), on_cpu.spawn()
        assert early.result() == "cpu"
        assert not late.done()
        gate.open()
        holding.result()
        assert late.result() == "io"


def test_higher_priorities_go_first_in_each_queue(three, gate):
    order = []

    class Order:
        def __jumar_key__(self):
            return "order"

        def __call__(self, n):
            order.append(n)

    @jumar.task(executor="cpu")
    def hold():
        gate.pass_through()

    holding = hold.spawn()
    gate.wait_for_arrival()
    note = jumar.task(name="note", executor="cpu")(Order())
    futures = [note.options(priority=n).spawn(n) for n in (1, 3, 2)]
    gate.open()
    jumar.gather([holding, *futures])
    assert order == [3, 2, 1]


# -- closing -----------------------------------------------------------------------------------------------------------


def test_a_session_closes_all_its_executors():
    executors = [Noted(1, name) for name in ("own", "io", "cpu")]
    with jumar.Session(
        jumar.Store.in_memory(), executors[0], executors={"io": executors[1], "cpu": executors[2]}
    ) as session:
        futures = [where.options(executor=name).spawn() for name in (None, "io", "cpu") for _ in range(20)]
    assert [each.closed for each in executors] == [[True]] * 3
    assert all(future.done() for future in futures)
    session.close()
    assert [each.closed for each in executors] == [[True]] * 3


def test_an_executor_that_fails_to_close_keeps_no_other_from_it():
    class Stubborn(Noted):
        def close(self, *, wait):
            super().close(wait=wait)
            raise OSError("no")

    last = Noted(1, "last")
    session = jumar.Session(jumar.Store.in_memory(), executors={"io": Stubborn(1, "io"), "last": last})
    with pytest.raises(OSError, match="no"):
        session.close()
    assert last.closed == [True]


def test_a_session_that_cannot_be_made_closes_what_it_was_given(tmp_path):
    own, io = Noted(1, "own"), Noted(1, "io")
    (tmp_path / "store").write_text("no folder")
    with pytest.raises(jumar.StoreError):
        jumar.Session(tmp_path / "store", own, executors={"io": io})
    assert (own.closed, io.closed) == ([False], [False])


# -- what is refused ---------------------------------------------------------------------------------------------------


def test_an_unknown_executor_is_refused_when_the_call_is_made(three):
    for make in (
        where.options(executor="gpu").spawn,
        where.options(executor="gpu"),
        where.options(executor="gpu").lazy,
    ):
        with pytest.raises(jumar.ArgumentError, match=r"'where'.*'gpu'.*there are: 'io', 'cpu'.*executors="):
            make()
    assert three.counts().unfinished == 0


def test_a_session_without_executors_says_that_it_has_none(threads):
    with pytest.raises(jumar.ArgumentError, match="there are: none"):
        where.options(executor="io").spawn()


@pytest.mark.parametrize(
    ("executors", "says"),
    [
        ({"io": "process"}, r"executors takes, by name, .* \(see 'io'\), not {'io': 'process'}"),
        ({"io": None}, r"see 'io'.* not {'io': None}"),
        ({"io": {"kind": "threads", "worker": 2}}, r"see 'io'.*'worker': 2"),
        ({"io": {"workers": 2}}, r"see 'io'"),
        ({"io": {"kind": "threads", "workers": 0}}, "executors takes a whole number of at least 1 as workers of 'io'"),
        ({"": "threads"}, "takes a table of values by name"),
        (["io"], "takes a table of values by name"),
        ({"io": "inline"}, r"executors\['io'\] is inline and executor= is not"),
        ({"io": InlineExecutor()}, r"executors\['io'\] is inline and executor= is not"),
    ],
)
def test_executors_that_cannot_be_used_are_refused(executors, says):
    with pytest.raises(jumar.SettingsError, match=says):
        jumar.Session(jumar.Store.in_memory(), "threads", executors=executors)


def test_one_executor_under_two_names_is_refused():
    one = ThreadsExecutor(1)
    with pytest.raises(jumar.SettingsError, match=r"executors\['b'\] is the same object as executors\['a'\]"):
        jumar.Session(jumar.Store.in_memory(), executors={"a": one, "b": one})
    with pytest.raises(jumar.SettingsError, match=r"executors\['a'\] is the same object as the session's own"):
        jumar.Session(jumar.Store.in_memory(), one, executors={"a": one})


def test_a_named_executor_may_be_said_by_kind_and_workers():
    with jumar.Session(
        jumar.Store.in_memory(), executors={"io": {"kind": "threads", "workers": 7}}, workers=1
    ) as session:
        assert session.engine.workers == 8
