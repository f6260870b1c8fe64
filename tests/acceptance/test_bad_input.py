"""Bad input is refused at the earliest moment, with a text that says what to do; nothing is lost, nothing hangs."""

import threading

import pytest

import jumar


@pytest.mark.parametrize("thing", [3, "name", None, [len]])
def test_what_cannot_be_called_cannot_be_a_task(thing):
    with pytest.raises(jumar.DeclarationError, match="cannot be called"):
        jumar.task()(thing)
    with pytest.raises(jumar.DeclarationError, match="cannot be called"):
        jumar.spawn(thing)


def test_generators_cannot_be_declared():
    def yields():
        yield 1

    with pytest.raises(jumar.DeclarationError, match="return a list"):
        jumar.task(yields)


def test_an_option_that_does_not_exist_is_refused_with_the_nearest_one():
    with pytest.raises(jumar.DeclarationError, match=r"Did you mean checkpoint=\?"):
        jumar.task(chekpoint=True)
    with pytest.raises(jumar.DeclarationError, match="Write version='2'"):
        jumar.task(version=2)
    with pytest.raises(jumar.DeclarationError, match=r"checkpoint= takes True, False, None, a jumar\.Keep"):
        jumar.task(checkpoint="yes")


def test_a_task_of_a_task_is_refused():
    with pytest.raises(jumar.DeclarationError, match="is a task already"):
        jumar.task(jumar.task(len))


def test_arguments_that_do_not_fit_are_refused_when_the_call_is_made(session):
    @jumar.task
    def f(x, y=2):
        return x

    with pytest.raises(jumar.ArgumentError, match=r"missing a required argument: 'x'.*f\(x, y=2\)"):
        f.spawn()
    with pytest.raises(jumar.ArgumentError, match="unexpected keyword argument 'z'"):
        f(1, z=3)
    assert session.counts().unfinished == 0


def test_an_argument_without_identity_is_refused_by_name(session):
    @jumar.task
    def f(config):
        return 1

    with pytest.raises(jumar.FingerprintError, match=r"argument config\['lock'\]"):
        f.spawn({"lock": threading.Lock()})
    assert session.counts().unfinished == 0


def test_a_generator_returned_by_mistake_is_an_error_that_says_so(session):
    def make():
        return (i for i in range(3))

    future = jumar.spawn(make)
    with pytest.raises(jumar.ResultError, match="returned a"):
        future.result()


def test_a_result_that_cannot_be_pickled_reaches_who_needs_it_and_is_reported(tally):
    @jumar.task
    def make():
        tally.add("make")
        return threading.Lock()

    @jumar.task
    def use(lock):
        return lock.acquire() and 42

    with jumar.Session(jumar.Store.in_memory(), "threads", 2) as session:
        future = make.spawn()
        with pytest.warns(jumar.StoreWarning, match="could not be kept"):
            assert use.spawn(future).result() == 42
        assert isinstance(future.store_error, jumar.StoreError)
        assert [trouble.kind for trouble in session.troubles] == ["unsaved"]
    assert tally["make"] == 1


def test_a_result_that_cannot_be_pickled_is_an_error_where_that_was_asked_for():
    def make():
        return threading.Lock()

    def use(lock):
        return lock.acquire() and 42

    with jumar.Session(jumar.Store.in_memory(), "threads", 2, on_store_error="raise") as session:
        future = jumar.spawn(make)
        assert jumar.spawn(use, future).result() == 42
        with pytest.raises(jumar.StoreError, match="could not be kept"):
            future.result()
        with pytest.raises(jumar.StoreError, match="could not be kept"):
            session.checkpoint()


@pytest.mark.parametrize("workers", [0, -1, 1.5, True, "many"])
def test_a_number_of_workers_that_makes_no_sense_is_refused(workers):
    with pytest.raises(
        jumar.SettingsError, match=f"Session: workers takes a whole number of at least 1, not {workers!r}"
    ):
        jumar.Session(jumar.Store.in_memory(), workers=workers)


def test_an_executor_that_is_none_is_refused():
    with pytest.raises(jumar.SettingsError, match="executor takes 'threads' or 'inline' or 'processes', not 'thread'"):
        jumar.Session(jumar.Store.in_memory(), "thread")
    with pytest.raises(jumar.SettingsError, match="an object with workers, submit and close"):
        jumar.Session(jumar.Store.in_memory(), 7)


def test_a_closed_session_takes_no_more_calls():
    @jumar.task
    def f():
        return 1

    with jumar.Session(jumar.Store.in_memory()) as session:
        pass
    with pytest.raises(jumar.JumarError, match="the session is closed"):
        session.engine.spawn(f.make(session.engine, (), {}))


def test_a_future_in_a_place_where_it_cannot_be_replaced_is_refused(session):
    @jumar.task
    def f(x):
        return x

    with pytest.raises(jumar.ArgumentError, match="stands where it cannot be replaced"):
        f.spawn({f.spawn(1): 2})


def test_a_future_cannot_be_pickled_and_says_why(session):
    import pickle

    with pytest.raises(TypeError, match="lives in this process"):
        pickle.dumps(jumar.spawn(abs, 1))


def test_a_function_without_a_signature_is_refused_in_the_same_words_each_time(session):
    for _ in range(2):
        with pytest.raises(jumar.ArgumentError, match="does not tell its parameters"):
            jumar.spawn(bytes, 3)


def test_what_is_no_future_is_not_waited_for(session):
    @jumar.task
    def double(x):
        return 2 * x

    with session:
        for thing in (3, double, double.lazy(1)):
            with pytest.raises(TypeError, match="gather takes futures, not"):
                jumar.gather([double.spawn(1), thing])
            with pytest.raises(TypeError, match="gather takes futures, not"):
                jumar.gather(thing)
            with pytest.raises(TypeError, match="wait takes futures, not"):
                jumar.wait([double.spawn(1), thing])
            with pytest.raises(TypeError, match="as_completed takes futures, not"):
                next(jumar.as_completed([double.spawn(1), thing]))
        assert jumar.gather(double.spawn(1), [double.spawn(2)]) == [2, 4]


def test_a_command_is_no_decorator():
    with pytest.raises(jumar.DeclarationError, match=r"@jumar\.shell goes above a function"):
        jumar.shell("ls")


def test_of_a_file_that_is_not_there_nothing_is_said_about_identities(session, tmp_path):
    with session, pytest.raises(jumar.FingerprintError) as caught:
        jumar.task(name="size")(len)([jumar.File(tmp_path / "none")])
    assert "does not exist" in str(caught.value)
    assert "It has to be there" in str(caught.value)
    assert "__jumar_key__" not in str(caught.value)
