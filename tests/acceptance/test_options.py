"""Options said for a block, a session, a task and a call: which counts, and for what."""

import asyncio
import pickle
import threading

import pytest

import jumar
from jumar.graph.layer import SharedOptions
from jumar.graph.options import NAMES
from jumar.part import ITEM


class Attempts:
    """Counts attempts of a task that always fails; says itself that it is no part of what tasks compute."""

    def __init__(self):
        self.count = 0

    def __jumar_key__(self):
        return "attempts"

    def __reduce__(self):
        return _the_attempts, ()


attempts = Attempts()


def _the_attempts():
    return attempts


def tries(future):
    """How often a call was tried."""
    attempts.count = 0
    future().exception()
    return attempts.count


@jumar.task
def fail(n):
    attempts.count += 1
    raise OSError(n)


@jumar.task(retries=1)
def fail_twice(n):
    attempts.count += 1
    raise OSError(n)


@jumar.task
def add(x, y):
    return x + y


# -- which counts ------------------------------------------------------------------------------------------------------


def test_what_is_more_specific_counts(tmp_path):
    with jumar.Session(tmp_path, "inline", options={"retries": 4}):
        assert tries(lambda: fail.spawn(1)) == 5
        with jumar.options(retries=3):
            assert tries(lambda: fail.spawn(2)) == 4
            with jumar.options(retries=2):
                assert tries(lambda: fail.spawn(3)) == 3
                assert tries(lambda: fail_twice.spawn(4)) == 2
                assert tries(lambda: fail_twice.options(retries=0).spawn(5)) == 1
                assert tries(lambda: fail.options(retries=0).spawn(6)) == 1
            assert tries(lambda: fail.spawn(7)) == 4
        assert tries(lambda: fail.spawn(8)) == 5


def test_a_default_that_is_said_counts_like_anything_that_is_said(session):
    declared = jumar.task(retries=0, timeout_s=None)(fail.fn)
    with jumar.options(retries=3):
        assert tries(lambda: declared.spawn(1)) == 1


def test_inner_blocks_add_to_outer_ones(session):
    with jumar.options(retries=1), jumar.options(priority=5):
        future = fail.options(retry_on=OSError).spawn(1)
        assert (future._call.priority, future._call.task.policy.retries) == (5, 1)


def test_a_checkpoint_of_none_says_nothing(session):
    with jumar.options(checkpoint=False):
        assert not add.options(checkpoint=None).spawn(1, 2)._call.keep
        assert add.options(checkpoint=True).spawn(1, 3)._call.keep
        with jumar.options(checkpoint=None):
            assert not add.spawn(1, 4)._call.keep


@pytest.mark.parametrize("form", ["spawn", "lazy", "call", "method", "bound", "map", "mapped method", "submit"])
def test_a_block_holds_for_every_form_of_call(session, form):
    class Model:
        @jumar.task
        def work(self, n):
            attempts.count += 1
            raise OSError(n)

        def __jumar_key__(self):
            return "model"

    def work(n):
        attempts.count += 1
        raise OSError(n)

    forms = {
        "spawn": lambda: fail.spawn(1),
        "lazy": lambda: jumar.spawn(lambda value: value, fail.lazy(1)),
        "call": lambda: jumar.spawn(work, 1),
        "method": lambda: Model().work.spawn(1),
        "bound": lambda: jumar.spawn(Model().work, 1),
        "map": lambda: next(fail.map([1])),
        "mapped method": lambda: next(Model().work.map([1])),
        "submit": lambda: session.executor().submit(fail, 1),
    }
    with jumar.options(retries=2):
        assert tries(forms[form]) == 3
        attempts.count = 0
        with pytest.raises(OSError, match="77"):
            fail(77)
        assert attempts.count == 3


def test_a_map_has_what_held_where_it_was_made(session):
    with jumar.options(priority=2):
        futures = add.map([1, 2, 3], [1, 2, 3], window=1)
    with jumar.options(priority=3, timeout_s=60):
        assert [(future._call.priority, future._call.task.policy) for future in futures] == [(2, None)] * 3


def test_a_lazy_call_has_what_held_where_it_was_described(session):
    with jumar.options(retries=2):
        inside = fail.lazy(1)
    outside = fail.lazy(2)
    assert tries(lambda: jumar.spawn(lambda value: value, inside)) == 3
    with jumar.options(retries=2):
        assert tries(lambda: jumar.spawn(lambda value: value, outside)) == 1


# -- for what ----------------------------------------------------------------------------------------------------------


@jumar.task
def parent(n):
    return fail.spawn(n).exception() is not None


@jumar.task
def parent_with_a_block(n):
    with jumar.options(retries=1):
        return fail.spawn(n).exception() is not None


def test_calls_that_tasks_make_do_not_see_the_block(session):
    with jumar.options(retries=2):
        assert tries(lambda: parent.spawn(1)) == 1
        attempts.count = 0
        assert parent(2) is True
        assert attempts.count == 1


def test_a_block_inside_of_a_task_holds_there_without_those_around_its_call(session):
    with jumar.options(retries=5, priority=3):
        assert tries(lambda: parent_with_a_block.spawn(1)) == 2
        attempts.count = 0
        assert parent_with_a_block(2) is True
        assert attempts.count == 2
        assert add.spawn(1, 2)._call.priority == 3


def test_a_block_holds_in_its_thread_only(session):
    seen = []
    with jumar.options(priority=3):
        thread = threading.Thread(target=lambda: seen.append(add.spawn(1, 2)._call.priority))
        thread.start()
        thread.join()
    assert seen == [0]


def test_asyncio_tasks_have_blocks_of_their_own(session):
    async def ask(priority, mine, theirs):
        with jumar.options(priority=priority):
            theirs.set()
            await mine.wait()
            return add.spawn(priority, 0)._call.priority

    async def main():
        one, other = asyncio.Event(), asyncio.Event()
        return await asyncio.gather(ask(1, one, other), ask(2, other, one))

    assert asyncio.run(main()) == [1, 2]


def test_a_block_ends_with_an_error_and_may_be_opened_again(session):
    block = jumar.options(priority=3)
    with pytest.raises(KeyError), block:
        raise KeyError
    assert add.spawn(1, 1)._call.priority == 0
    with block, block:
        assert add.spawn(1, 2)._call.priority == 3
    assert add.spawn(1, 3)._call.priority == 0
    assert repr(block) == "<jumar.options priority=3>"


def test_the_session_says_the_same_of_calls_that_tasks_make():
    with jumar.Session(jumar.Store.in_memory(), "inline", options={"retries": 2}):
        assert tries(lambda: parent.spawn(1)) == 3


def test_parts_of_results_take_nothing_from_sessions():
    with jumar.Session(jumar.Store.in_memory(), "inline", options={"retries": 2}):
        part = jumar.spawn(divmod, 7, 2)[1]
        assert part.result() == 1
        assert part._call.task.policy is None
        assert pickle.dumps(part._call.task) == pickle.dumps(ITEM)


# -- keys and stores ---------------------------------------------------------------------------------------------------

HARMLESS = {
    "checkpoint": True,
    "checkpoint_errors": True,
    "retries": 2,
    "retry_on": ValueError,
    "backoff": 0.5,
    "timeout_s": 60.0,
    "priority": 2,
    "resources": {"gpu": 1},
    "executor": "io",
    "refresh": True,
    "ttl_s": 60.0,
    "persist": True,
}
"""A value other than the default for each option that a block may say; ``cache`` does not go together with ``persist``."""


def test_what_a_block_says_changes_no_key():
    executors = {"io": "inline"}
    with jumar.Session(jumar.Store.in_memory(), "inline", resources={"gpu": 1}, executors=executors):
        outside = add.key(1, 2)
        with jumar.options(**HARMLESS):
            assert add.key(1, 2) == add.lazy(1, 2).key == outside


def test_what_was_computed_inside_is_found_outside(tmp_path, tally):
    @jumar.task
    def work(n):
        tally.add(n)
        return n

    with jumar.Session(tmp_path, "inline"), jumar.options(retries=2, timeout_s=60, priority=1):
        work(1)
    with jumar.Session(tmp_path, "inline"):
        work(1)
        with jumar.options(refresh=True):
            work(1)
    assert tally.total == 2


@jumar.task
def returns_more(n):
    with jumar.options(retries=2):
        return fail.lazy(n)


def test_a_kept_graph_has_what_its_block_said_and_nothing_of_the_session(tmp_path):
    """Whoever goes on with it later is not in that block, and not in that session."""
    with jumar.Session(tmp_path, "inline", executors={"io": "inline"}, options={"executor": "io"}):
        assert tries(lambda: returns_more.spawn(1)) == 3
    with jumar.Session(tmp_path, "inline", options={"retries": 5}) as session:
        assert tries(lambda: returns_more.spawn(1)) == 3
        assert session.counts().computed == 0


def test_a_task_is_pickled_with_what_was_said_of_it():
    for task in (fail_twice, fail_twice.options(retries=3), fail_twice.options(retries=0), fail_twice.options()):
        again = pickle.loads(pickle.dumps(task))
        assert again._options == task._options
    assert pickle.loads(pickle.dumps(fail_twice)) is fail_twice


def test_a_command_is_ended_when_the_time_of_the_block_is_over(session):
    @jumar.shell
    def wait(n):
        return ["sleep", "100"]

    with jumar.options(timeout_s=0.05):
        error = wait.spawn(1).exception()
    assert isinstance(error, jumar.ShellError)
    assert wait.key(1) == wait.options(timeout_s=3).key(1)
    with jumar.options(timeout_s=0.05):
        assert wait.key(1) == wait.key(1)

    @jumar.shell(timeout_s=None)
    def quick(n):
        return ["true"]

    with jumar.options(timeout_s=0.000001):
        assert quick.spawn(1).result().exit_code == 0


def test_a_command_is_ended_when_the_time_of_the_session_is_over():
    @jumar.shell
    def wait(n):
        return ["sleep", "100"]

    with jumar.Session(jumar.Store.in_memory(), "inline", options={"timeout_s": 0.05}):
        assert isinstance(wait.spawn(1).exception(), jumar.ShellError)


# -- the user's own keeping --------------------------------------------------------------------------------------------


def test_a_block_decides_what_the_store_keeps_and_saves_for_nobody(session):
    saved = {}

    def only_small(call, value):
        return value < 10

    own = jumar.task(restore=lambda call: saved.get(call.key), checkpoint=None)(add.fn)
    with jumar.options(checkpoint=only_small):
        assert add.spawn(1, 2)._call.task.decides is only_small
        assert own.spawn(1, 2)._call.task.saves is None


# -- what is known, and what is refused -------------------------------------------------------------------------------


def test_type_checkers_know_every_option_that_a_block_may_say():
    assert SharedOptions.__annotations__.keys() == HARMLESS.keys() | {"cache"}


@pytest.mark.parametrize("where", ["block", "session"])
@pytest.mark.parametrize("name", sorted(set(NAMES) - HARMLESS.keys() - {"cache"}))
def test_what_belongs_to_one_task_is_refused_with_the_reason(name, where):
    said = {name: getattr(fail._options, name)}
    say = {"block": lambda: jumar.options(**said), "session": lambda: jumar.Session(options=said)}
    with pytest.raises(jumar.DeclarationError, match=f"option {name}= cannot be said for a {where}: .*f.options"):
        say[where]()


def test_a_wrong_name_is_refused_at_once_with_the_nearest_one():
    with pytest.raises(jumar.DeclarationError, match="Did you mean retries="):
        jumar.options(retrys=3)
    with pytest.raises(jumar.DeclarationError, match="Did you mean timeout_s="):
        jumar.Session(jumar.Store.in_memory(), options={"timeout": 3})


def test_a_wrong_value_is_refused_at_once():
    with pytest.raises(jumar.DeclarationError, match="retries= takes a whole number"):
        jumar.options(retries="3")
