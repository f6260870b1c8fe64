"""Sessions: which one a call uses, how they end, what they tell."""

import signal
import threading
from concurrent.futures import CancelledError

import pytest

import jumar
from jumar.events import CallEnded


@jumar.task
def square(x):
    return x * x


def in_memory(**settings):
    return jumar.Session(jumar.Store.in_memory(), **settings)


def test_calls_use_the_innermost_session():
    with in_memory() as outer, in_memory() as inner:
        square(1)
        assert (outer.counts().computed, inner.counts().computed) == (0, 1)


def test_a_thread_of_the_users_uses_the_session_that_is_open():
    with in_memory() as session:
        thread = threading.Thread(target=square, args=(2,))
        thread.start()
        thread.join()
        assert session.counts().computed == 1


def test_calls_inside_a_task_use_its_session():
    def outer(x):
        return square.spawn(x).result() + square(x + 1)

    with in_memory(workers=2) as session:
        future = jumar.spawn(outer, 3)
        with in_memory() as other:
            assert future.result() == 25
            assert other.counts().computed == 0
        assert session.counts().computed == 3


def test_results_outlive_the_session(tmp_path):
    for computed, restored in ((1, 0), (0, 1)):
        with jumar.Session(tmp_path / "store") as session:
            assert square.spawn(12).result() == 144
            assert session.counts()[:2] == (computed, restored)


def test_an_open_store_can_serve_many_sessions():
    store = jumar.Store.in_memory()
    with jumar.Session(store) as first:
        square(5)
    with jumar.Session(store) as second:
        square(5)
    assert (first.counts().computed, second.counts().restored) == (1, 1)


def test_a_clean_exit_waits_for_every_call(tally):
    def count(x):
        tally.add(x)

    with in_memory(workers=2):
        for i in range(100):
            jumar.spawn(count, i)
    assert tally.total == 100


def test_an_exception_takes_back_what_has_not_started_and_keeps_what_runs(gate, tally):
    def held(x):
        tally.add(x)
        gate.pass_through()
        return x

    store = jumar.Store.in_memory()
    futures = []

    def fail_inside():
        with jumar.Session(store, workers=2):
            futures.extend(jumar.spawn(held, i) for i in range(10))
            gate.wait_for_arrival()
            gate.wait_for_arrival()
            gate.open()
            raise LookupError

    with pytest.raises(LookupError):
        fail_inside()
    kept = [future for future in futures if not future.cancelled()]
    assert [future.result() for future in kept[:2]] == [0, 1]
    assert tally.total == len(kept) < 10
    with jumar.Session(store) as later:
        jumar.spawn(held, 0).result()
        assert later.counts().restored == 1


def test_a_session_that_is_stopped_at_once_leaves_nobody_waiting(gate, tally):
    def held(x):
        gate.pass_through()
        return x

    def after(x):
        tally.add("after")

    session = in_memory(workers=1)
    running = session.engine.spawn(jumar.Task(held).make(session.engine, (1,), {}))
    dependant = session.engine.spawn(jumar.Task(after).make(session.engine, (running,), {}))
    gate.wait_for_arrival()
    session.close("now")
    for future in (running, dependant):
        with pytest.raises(CancelledError):
            future.result()
    gate.open()
    assert session.counts().cancelled == 2
    assert session.store.totals().calls == 0


def test_listeners_hear_how_each_call_ended(threads):
    heard = []
    threads.listen(heard.append)

    def bad():
        raise ValueError("no")

    square.spawn(3).result()
    square.spawn(3).result()
    lost = square.spawn(jumar.spawn(bad))
    jumar.wait([lost])
    threads.engine.drain()
    assert all(isinstance(event, CallEnded) for event in heard)
    assert [(event.task, event.how) for event in heard[:2]] == [("square", "computed"), ("square", "restored")]
    assert sorted(e.how for e in heard[2:]) == ["failed", "failed"]


def test_a_listener_that_fails_stops_nothing(session, caplog):
    session.listen(lambda event: 1 / 0)
    assert square.spawn(4).result() == 16
    session.close()
    assert "a listener of" in caplog.text


def test_configure_renews_the_default_session(tmp_path, monkeypatch):
    monkeypatch.setattr("jumar.session._open", [])
    jumar.configure(store=tmp_path / "one")
    try:
        assert square.spawn(6).result() == 36
        jumar.configure(store=tmp_path / "two")
        assert square.spawn(6).result() == 36
    finally:
        jumar.configure(store=None)
    for name in ("one", "two"):
        store = jumar.Store.open(tmp_path / name)
        assert store.totals().calls == 1
        store.close()


def test_a_second_close_does_nothing():
    session = in_memory()
    session.close()
    session.close()


def test_ctrl_c_in_a_call_leaves_the_session_usable(session, tally):
    @jumar.task
    def interrupted_once(x):
        tally.add("run")
        if tally["run"] == 1:
            signal.raise_signal(signal.SIGINT)
        return x

    with pytest.raises(KeyboardInterrupt):
        interrupted_once(1)
    assert interrupted_once(1) == 1
    assert square.spawn(5).result() == 25
    session.engine.drain()
    assert session.counts().unfinished == 0
