"""Leases by a clock that moves when it is told to: who gets one, when it lapses, what becomes of a call meanwhile."""

from concurrent.futures import ThreadPoolExecutor

import pytest

import jumar
from jumar.clock import ManualClock
from jumar.engine import Engine
from jumar.executors import InlineExecutor, ThreadsExecutor
from jumar.flights import ELSEWHERE as ELSEWHERE_RUNS
from jumar.flights import Flights
from jumar.graph.call import Call
from jumar.graph.scheduler import Scheduler
from jumar.record import Recorder
from jumar.runs.takeover import take_over
from jumar.store import holder as holders
from jumar.store.holder import Holder
from jumar.store.lease import LEASE_S, Leases, leases_on
from jumar.store.records import Entry
from jumar.store.store import Store
from jumar.testing.contracts_index import TASK, key_of
from jumar.testing.faults import Faults, database_locked

ME = holders.me("me")
ELSEWHERE = Holder("another-machine/boot/1", 1, "7")


@pytest.fixture
def clock():
    return ManualClock(now_s=1000.0)


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "store") as opened:
        yield opened


@pytest.fixture
def leases(store, clock):
    def leases(holder, clock=clock):
        return Leases(store.index, clock, holder)

    return leases


def test_one_of_several_gets_a_lease_until_it_is_given_back(leases):
    mine, theirs = leases(ME), leases(ELSEWHERE)
    assert mine.take(key_of(1))
    assert mine.take(key_of(1))
    assert not theirs.take(key_of(1))
    assert theirs.take(key_of(2))
    assert theirs.free([key_of(1), key_of(2), key_of(3)]) == [key_of(2), key_of(3)]
    theirs.give_back([key_of(1)])  # not its own
    assert not theirs.take(key_of(1))
    mine.give_back([key_of(1)])
    assert theirs.take(key_of(1))


def test_a_lease_that_nobody_renews_lapses_after_as_long_as_it_lasts(leases, clock):
    mine, theirs = leases(ME), leases(ELSEWHERE)
    theirs.take(key_of(1))
    assert not mine.take(key_of(1))
    clock.advance(LEASE_S - 0.001)
    assert not mine.take(key_of(1))
    assert mine.free([key_of(1)]) == []
    clock.advance(0.001)
    assert mine.free([key_of(1)]) == [key_of(1)]
    assert mine.take(key_of(1))
    assert theirs.renew([key_of(1)]) == set()
    assert mine.renew([key_of(1)]) == {key_of(1)}


def test_a_lease_that_is_renewed_never_lapses(leases, clock):
    mine, theirs = leases(ME), leases(ELSEWHERE)
    theirs.take(key_of(1))
    for _ in range(10):
        assert not mine.take(key_of(1))
        clock.advance(LEASE_S - 1)
        theirs.renew([key_of(1)])
    assert not mine.take(key_of(1))


@pytest.mark.parametrize("wrong_s", [-1e9, -60.0, 60.0, 1e9])
def test_a_clock_that_is_wrong_or_jumps_makes_no_lease_longer_or_shorter(leases, wrong_s):
    """Two machines: their clocks for the time of day have nothing to do with each other."""
    here, there = ManualClock(now_s=1e9), ManualClock(now_s=1e9 + wrong_s)
    mine, theirs = leases(ME, here), leases(ELSEWHERE, there)
    theirs.take(key_of(1))
    assert not mine.take(key_of(1))
    here.advance(LEASE_S - 1)
    assert not mine.take(key_of(1))
    here.advance(1)
    assert mine.take(key_of(1))


@pytest.mark.parametrize(
    "holder",
    [
        ME._replace(started="1"),  # the number of this process, which was another one's before
        ME._replace(process=2**22 + 1),  # no such process
    ],
)
def test_the_lease_of_a_dead_process_of_this_machine_is_free_at_once(leases, holder):
    leases(holder).take(key_of(1))
    mine = leases(ME)
    assert mine.free([key_of(1)]) == [key_of(1)]
    assert mine.take(key_of(1))


def test_another_session_of_a_living_process_is_another_holder(leases):
    leases(ME._replace(session="other")).take(key_of(1))
    assert not leases(ME).take(key_of(1))


@pytest.mark.parametrize("text", ["", "somebody", "a b c d", "a 1 2", "a 1 2 3 4"])
def test_a_holder_that_makes_no_sense_is_as_one_of_another_machine(text):
    assert holders.read(text) is None
    assert holders.life(holders.read(text)) == "unknown"


def test_there_are_no_leases_where_nobody_else_can_be(tmp_path, store, clock):
    assert leases_on(store, clock, "s") is not None
    assert leases_on(Store.in_memory(), clock, "s") is None
    with Store.open(store.path, read_only=True) as only_read:
        assert leases_on(only_read, clock, "s") is None


# -- calls -------------------------------------------------------------------------------------------------------------


class Work:
    """A task, as far as it matters here."""

    name, names, ttl_s, fn, hooks, retains = "f", (), None, None, None, None


def call(number=1):
    return Call(key_of(number), Work(), TASK)


@pytest.fixture
def troubles():
    return []


@pytest.fixture
def flights(store, leases, clock, troubles):
    """Flights of a process; `resumed` has the calls that were handed back."""

    def flights(holder, taken=None, **options):
        resumed = []
        recorder = Recorder(store, clock, troubles.append)
        made = Flights(
            taken or leases(holder),
            store,
            recorder,
            resumed.extend,
            troubles.append,
            clock=clock,
            **{"has_thread": False} | options,
        )
        made.resumed = resumed
        return made

    return flights


def record(store, number, value):
    payload = store.encode(value)
    kept = (payload.size_bytes, payload.codec, payload.inline, payload.blob)
    store.record(Entry(key_of(number), store.task(TASK), 1.0, 0.5, *kept, b"args"))


def test_a_call_that_another_process_runs_is_handed_back_when_it_has_failed_there(flights):
    mine, theirs = flights(ME), flights(ELSEWHERE)
    assert theirs.enter(call()) is None
    wanted = call()
    assert mine.enter(wanted) is ELSEWHERE_RUNS
    mine.watch(wanted)
    mine.tend()
    assert mine.resumed == []
    theirs.leave(call())
    mine.tend()
    assert mine.resumed == []  # until it is known that no result is on its way
    theirs.tend()
    mine.tend()
    mine.tend()
    assert mine.resumed == [wanted]
    assert mine.enter(wanted) is None


def test_when_the_lease_goes_the_result_is_there_for_all(flights, store, clock, leases, troubles):
    theirs = flights(ELSEWHERE)
    theirs.enter(call())
    record(store, 1, "theirs")
    theirs.leave(call())
    theirs.tend()
    with Store.open(store.path) as another:
        assert another.find(key_of(1)) is not None
        mine = Flights(
            Leases(another.index, clock, ME),
            another,
            Recorder(another, clock, troubles.append),
            [].extend,
            troubles.append,
            clock=clock,
            has_thread=False,
        )
        assert mine.enter(call()).take() == "theirs"
        mine.close()
    assert leases(ELSEWHERE).take(key_of(1))
    assert troubles == []


def test_the_call_of_a_holder_that_stands_still_is_taken_over_and_its_result_does_not_count(flights, clock):
    mine, theirs = flights(ME), flights(ELSEWHERE)
    theirs.enter(call())
    mine.watch(call())
    mine.tend()
    clock.advance(LEASE_S)
    mine.tend()
    assert mine.enter(mine.resumed[0]) is None
    assert mine.is_ours(call())
    assert not theirs.is_ours(call())


def test_a_lease_that_nobody_took_over_is_ones_own_however_late_it_is(flights, clock):
    mine = flights(ME)
    mine.enter(call())
    clock.advance(100 * LEASE_S)
    assert mine.is_ours(call())
    assert mine.is_ours(call(2))  # which runs without a lease


def test_leases_are_renewed_while_calls_run(flights, clock):
    mine, theirs = flights(ME), flights(ELSEWHERE)
    theirs.enter(call())
    mine.watch(call())
    for _ in range(10):
        clock.advance(LEASE_S / 2)
        theirs.tend()
        mine.tend()
    assert mine.resumed == []
    assert theirs.is_ours(call())


def changed(**values):
    made = call()
    for name, value in values.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize("how", [{"keep": False}, {"look": False}, {"unrepeatable": True}, {"suspect": "an entry"}])
def test_a_call_whose_result_nobody_else_could_use_takes_no_lease(flights, leases, how):
    assert flights(ME).enter(changed(**how)) is None
    assert leases(ELSEWHERE).take(key_of(1))


def test_where_there_are_no_workers_it_is_waited_for_in_place_with_bounded_pauses(flights):
    theirs = flights(ELSEWHERE)
    theirs.enter(call())
    pauses = []

    def pause(seconds):
        pauses.append(seconds)
        if len(pauses) == 10:
            theirs.leave(call())
            theirs.tend()

    assert flights(ME, in_place=True, pause=pause).enter(call()) is None
    assert pauses[:3] == [0.001, 0.002, 0.004]
    assert (len(pauses), max(pauses)) == (10, 0.05)


def test_all_leases_are_given_back_at_the_end(flights, leases):
    mine = flights(ME)
    mine.enter(call(1))
    mine.enter(call(2))
    mine.leave(call(1))
    mine.close()
    mine.close()
    theirs = leases(ELSEWHERE)
    assert theirs.take(key_of(1))
    assert theirs.take(key_of(2))
    assert mine.enter(call(3)) is None


class Locked:
    """A database that another program holds, from some operation on."""

    def __init__(self, database, faults):
        self._database, self._faults = database, faults

    def transact(self, work):
        with self._faults.operation("transact"):
            return self._database.transact(work)

    def forget(self, keys):
        self._database.forget(keys)

    def reading(self):
        with self._faults.operation("reading"):
            return self._database.reading()


def test_where_leases_cannot_be_had_calls_run_without_and_that_is_told(flights, store, clock, troubles):
    locked = Locked(store.index, Faults(1, database_locked, onwards=True))
    mine = flights(ME, Leases(locked, clock, ME))
    assert mine.enter(call()) is None
    assert mine.is_ours(call())
    wanted = call(2)
    mine.watch(wanted)
    mine.tend()
    assert mine.resumed == [wanted]
    assert [trouble.kind for trouble in troubles] == ["unsaved", "unsaved"]
    assert "leases cannot be taken or read" in troubles[0].text


def test_a_lease_that_cannot_be_renewed_for_a_moment_is_not_given_up(flights, store, clock, troubles):
    locked = Locked(store.index, Faults(2, database_locked))
    mine = flights(ME, Leases(locked, clock, ME))
    mine.enter(call())
    clock.advance(LEASE_S)
    assert mine.is_ours(call())
    assert [trouble.kind for trouble in troubles] == ["unsaved"]


# -- engines -----------------------------------------------------------------------------------------------------------


def test_two_sessions_run_a_call_once_and_the_only_worker_of_the_second_does_other_work(tmp_path, gate):
    @jumar.task
    def gated(n):
        gate.pass_through()
        return n

    @jumar.task
    def other(n):
        return n

    def compute(also):
        with jumar.Session(tmp_path / "store", workers=1, single_flight="store") as session:
            wanted = gated.spawn(1)
            if also:
                assert other.spawn(5).result() == 5
                assert not wanted.done()
                gate.open()
            return wanted.result(), session.counts()[:2]

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(compute, False)
        gate.wait_for_arrival()
        second = pool.submit(compute, True)
        assert (first.result(), second.result()) == ((1, (1, 0)), (1, (1, 1)))


@pytest.mark.parametrize("executor", [InlineExecutor, lambda: ThreadsExecutor(1)])
def test_a_process_that_stood_still_takes_the_result_of_the_one_that_took_over(tmp_path, store, executor):
    """The law that a recorded result is final: what was computed here, too late, is seen by nobody."""
    clock = ManualClock()
    with Store.open(store.path) as another:
        theirs = Leases(another.index, clock, ELSEWHERE)

        @jumar.task(code="version", version="1")
        def late():
            assert not theirs.take(wanted.key)
            clock.advance(LEASE_S)
            assert theirs.take(wanted.key)
            payload = another.encode("theirs")
            kept = (payload.size_bytes, payload.codec, payload.inline, payload.blob)
            another.record(Entry(wanted.key, another.task(late.info), 1.0, 0.5, *kept, b""))
            another.flush()
            theirs.give_back([wanted.key])
            return "mine"

        engine = Engine(store, executor(), print, clock=clock, leases=Leases(store.index, clock, ME))
        wanted = late.make(engine, (), {})
        assert engine.spawn(wanted).result() == "theirs"
        engine.close("drain")
        assert store.load(store.find(wanted.key)) == "theirs"


@pytest.mark.parametrize("how", ["finish", "now"])
def test_a_session_that_ends_does_not_wait_for_what_other_processes_run(tmp_path, store, clock, how):
    theirs = Leases(store.index, clock, ELSEWHERE)

    @jumar.task
    def wanted(n):
        return n

    engine = Engine(store, ThreadsExecutor(1), print, leases=Leases(store.index, clock, ME))
    made = wanted.make(engine, (1,), {})
    theirs.take(made.key)
    future = engine.spawn(made)
    engine.close(how)
    assert future.cancelled()


# -- the scheduler -----------------------------------------------------------------------------------------------------


def test_a_call_that_was_put_off_runs_when_it_is_resumed_unless_it_was_cancelled():
    scheduler, one, other = Scheduler(), Call(b"1"), Call(b"2")
    for each in (one, other):
        scheduler.add(each)
        assert scheduler.take() is each
        scheduler.put_off(each)
    assert (scheduler.take(), len(scheduler)) == (None, 0)
    assert scheduler.cancel(other, ValueError()) == [other]
    scheduler.resume(one)
    scheduler.resume(one)
    scheduler.resume(other)
    assert (scheduler.take(), scheduler.take()) == (one, None)
    scheduler.resume(one)
    assert scheduler.take() is None


def test_a_holder_that_cannot_be_asked_for_is_waited_for_until_it_is_clear_whether_it_lives(leases, clock):
    mine, theirs = leases(ME), leases(ELSEWHERE)

    def ticks(while_waiting):
        for _ in range(40):
            clock.advance(1)
            while_waiting()
            yield

    theirs.take(key_of(1))
    assert not take_over(mine, key_of(1), ticks(lambda: theirs.renew([key_of(1)])))
    assert take_over(mine, key_of(1), ticks(lambda: None))
    assert mine.renew([key_of(1)]) == {key_of(1)}
    theirs.take(key_of(2))
    assert take_over(mine, key_of(2), ticks(lambda: theirs.give_back([key_of(2)])))
    living = leases(holders.me("other session"))
    living.take(key_of(3))
    assert not take_over(mine, key_of(3), iter(()))  # at once
