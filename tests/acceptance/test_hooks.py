"""Results that the user's own functions keep, and rules by which the store keeps them."""

import numpy as np
import pandas as pd
import pytest

import jumar


class Shelf:
    """Where the user's functions keep things; says itself that it is no part of what tasks compute."""

    def __init__(self):
        self.kept, self.asked, self.saved = {}, [], []

    def __jumar_key__(self):
        return "shelf"

    def restore(self, call):
        self.asked.append(call)
        return self.kept.get(call.key)

    def checkpoint(self, call, value):
        self.saved.append(call)
        self.kept[call.key] = value

    def exists(self, call):
        return call.key in self.kept


@pytest.fixture
def shelf():
    return Shelf()


@pytest.fixture
def parts(tally):
    @jumar.task(name="part")
    def part(i):
        tally.add("part", i)
        return i * 10

    return part


@pytest.fixture
def total(tally, shelf):
    @jumar.task(name="total", checkpoint=shelf.checkpoint, restore=shelf.restore)
    def total(parts, by=1):
        tally.add("total")
        return sum(parts) * by

    return total


def in_memory(**settings):
    return jumar.Session(jumar.Store.in_memory(), "inline", **settings)


@pytest.mark.parametrize("form", ["eager", "lazy", "call"])
def test_what_was_kept_by_the_user_is_restored_in_another_session(form, parts, total, shelf, tally):
    def ask():
        if form == "eager":
            return total.spawn([parts.spawn(1), parts.spawn(2)]).result()
        if form == "lazy":
            return jumar.collect(total.lazy([parts.lazy(1), parts.lazy(2)]))
        return total([parts.spawn(1), parts.spawn(2)])

    for _ in range(2):
        with in_memory() as session:
            assert ask() == 30
            assert list(session.store.calls(task="total")) == []
    assert tally["total"] == 1
    assert len(shelf.saved) == 1


def test_restore_is_asked_before_anything_upstream_is_computed(parts, total, shelf, tally):
    with in_memory():
        described = total.lazy([parts.lazy(1), parts.lazy(2)])
        shelf.kept[described.key] = 77
        assert jumar.collect(described) == 77
    assert tally.total == 0


def test_none_means_that_nothing_is_there(total, shelf, tally):
    with in_memory():
        assert total([1, 2]) == 3
    assert [call.task for call in shelf.asked] == ["total"]
    assert tally["total"] == 1


def test_hooks_see_the_key_the_arguments_by_name_and_other_calls_as_calls(parts, total, shelf):
    with in_memory():
        part = parts.spawn(1)
        total.spawn([part, 5], by=2).result()
    [before], [after] = shelf.asked, shelf.saved
    assert before.arguments == {"parts": [jumar.CallInfo(part.key, "part", {}), 5], "by": 2}
    assert (before.key, before.seconds) == (after.key, 0.0)
    assert after.seconds > 0


def failing(*_):
    raise OSError("the tape is jammed")


def test_an_error_in_restore_is_told_and_the_call_is_computed(tally):
    @jumar.task(name="square", restore=failing, checkpoint=False)
    def square(x):
        tally.add(x)
        return x * x

    with in_memory(on_store_error="warn") as session:
        with pytest.warns(jumar.StoreWarning, match=r"restore= or exists= .*'square'.*the tape is jammed"):
            assert square(3) == 9
        assert [trouble.kind for trouble in session.troubles] == ["hook"]
    assert tally[3] == 1


def test_an_error_in_checkpoint_is_told_and_the_value_goes_on(shelf):
    @jumar.task(name="square", restore=shelf.restore, checkpoint=failing)
    def square(x):
        return x * x

    @jumar.task
    def plus(x, y):
        return x + y

    with in_memory():
        with pytest.warns(jumar.StoreWarning, match=r"checkpoint= function of task 'square'.*the tape is jammed"):
            future = square.spawn(3)
        assert plus.spawn(future, 1).result() == 10
        assert "the tape is jammed" in str(future.store_error)


def test_an_error_in_checkpoint_is_raised_where_that_was_asked_for(shelf):
    square = jumar.task(name="square", restore=shelf.restore, checkpoint=failing)(abs)
    with pytest.raises(jumar.StoreError, match="the tape is jammed"), in_memory(on_store_error="raise"):
        square.spawn(-3).result()


@pytest.fixture
def cheap(tally, shelf):
    @jumar.task(checkpoint=shelf.checkpoint, restore=shelf.restore, exists=shelf.exists)
    def cheap(x):
        tally.add(x)
        return x + 1

    return cheap


def test_where_exists_answers_restore_is_called_only_for_a_value_that_is_needed(cheap, total, shelf):
    with in_memory():
        cheap(1)
        asked = len(shelf.asked)
        future = cheap.spawn(1)
        assert future.done()
        assert len(shelf.asked) == asked
        assert future.result() == 2
        assert cheap.spawn(2).result() == 3
        assert len(shelf.asked) == asked + 1


def test_a_value_that_exists_and_then_does_not_is_computed(shelf, tally):
    @jumar.task(checkpoint=shelf.checkpoint, restore=shelf.restore, exists=lambda call: True)
    def square(x):
        tally.add(x)
        return x * x

    with in_memory() as session:
        assert square.spawn(4).result() == 16
        assert session.counts()[:2] == (1, 0)
    assert tally[4] == 1


@pytest.mark.parametrize(("settings", "asked", "saved"), [("refresh", 0, 2), ("read-only", 2, 0), ("off", 0, 0)])
def test_hooks_follow_the_sessions_reuse(total, shelf, settings, asked, saved):
    for _ in range(2):
        with in_memory(reuse=settings):
            total([1])
    assert (len(shelf.asked), len(shelf.saved)) == (asked, saved)


def test_a_restore_without_a_checkpoint_is_asked_before_the_store(shelf, tally):
    @jumar.task(restore=shelf.restore)
    def square(x):
        tally.add(x)
        return x * x

    store = jumar.Store.in_memory()
    for _ in range(2):
        with jumar.Session(store, "inline"):
            assert square(3) == 9
    assert (tally[3], len(shelf.asked)) == (1, 2)


def test_a_changed_argument_is_not_kept_by_hooks_either(shelf):
    class Box:
        def __init__(self):
            self.items = [1, 2]

    @jumar.task(checkpoint=shelf.checkpoint, restore=shelf.restore)
    def take(box):
        return box.items.pop()

    with in_memory(), pytest.warns(jumar.StoreWarning, match="an argument was changed"):
        assert take(Box()) == 2
    assert shelf.saved == []


# -- decisions -----------------------------------------------------------------------------------------------------


def zeros(n):
    return bytes(n)


def kept_of(task, arguments):
    with in_memory() as session:
        for argument in arguments:
            task.spawn(argument).result()
        return sorted(record.size_bytes for record in session.store.calls())


def test_a_function_decides_case_by_case(tally):
    @jumar.task(checkpoint=lambda call, value: call.arguments["x"] > 2 and value % 2 == 0)
    def square(x):
        return x * x

    assert len(kept_of(square, range(6))) == 1


def test_a_function_that_cannot_decide_loses_nothing():
    square = jumar.task(name="square", checkpoint=lambda call, value: None)(abs)
    with pytest.warns(jumar.StoreWarning, match=r"could not decide.*True or False, not None"):
        assert len(kept_of(square, [-3])) == 1


def test_results_are_kept_by_size():
    sized = jumar.task(checkpoint=jumar.Keep(min_size_bytes=1000, max_size_bytes=100_000))(zeros)
    assert [size // 1000 for size in kept_of(sized, [10, 2000, 90_000, 200_000])] == [2, 90]


def test_results_are_kept_by_seconds():
    assert kept_of(jumar.task(checkpoint=jumar.Keep(min_seconds=3600))(abs), [-1, -2]) == []
    assert len(kept_of(jumar.task(checkpoint=jumar.Keep(min_seconds=0))(abs), [-1, -2])) == 2


def test_every_nth_result_is_kept():
    assert len(kept_of(jumar.task(checkpoint=jumar.Keep(every=3))(abs), range(10))) == 3


def test_a_result_that_is_too_large_is_never_written(tmp_path):
    with jumar.Session(tmp_path, "inline"):
        jumar.task(checkpoint=jumar.Keep(max_size_bytes=1000))(zeros)(50_000)
    assert list((tmp_path / "blobs").glob("??")) == []


@pytest.mark.parametrize("rule", [{"min_seconds": -1}, {"every": 0}, {"min_size_bytes": 10, "max_size_bytes": 5}])
def test_a_rule_that_keeps_nothing_is_refused(rule):
    with pytest.raises(jumar.DeclarationError, match="Keep"):
        jumar.Keep(**rule)


def test_exists_without_restore_is_refused():
    with pytest.raises(jumar.DeclarationError, match="exists= needs a restore="):
        jumar.task(exists=lambda call: True)(abs)


# -- files ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ending", "value"),
    [
        (".npy", np.arange(6.0).reshape(2, 3)),
        (".json", {"a": [1, None]}),
        (".txt", "one\r\ntwo\n"),
        (".pkl", {1, 2}),
        (".parquet", pd.DataFrame({"x": [1.5, 2.5]})),
    ],
)
def test_files_hold_results_in_their_own_format(tmp_path, tally, ending, value):
    @jumar.task(name="made", **jumar.hooks.to_file(f"{tmp_path}/{{task}}/{{size}}-{{key:.12}}{ending}"))
    def made(size):
        tally.add("made")
        return value

    for _ in range(2):
        with in_memory():
            found = made.spawn(3).result()
            assert type(found) is type(value)
            assert np.array_equal(found, value) if ending in (".npy", ".parquet") else found == value
    assert tally["made"] == 1
    [file] = (tmp_path / "made").iterdir()
    assert file.name.startswith("3-")


def test_a_file_that_could_not_be_written_whole_is_not_there(tmp_path):
    def save(value, path):
        path.write_bytes(value[:3])
        raise OSError("No space left on device")

    hooks = jumar.hooks.to_file(f"{tmp_path}/{{key}}.bin", save, lambda path: path.read_bytes())
    with in_memory(), pytest.warns(jumar.StoreWarning, match="No space left"):
        assert jumar.task(**hooks)(zeros)(10) == bytes(10)
    assert list(tmp_path.iterdir()) == []


def test_a_result_that_is_none_is_said_not_to_be_kept(tmp_path):
    nothing = jumar.task(**jumar.hooks.to_file(f"{tmp_path}/{{key}}.json"))(print)
    with in_memory(), pytest.warns(jumar.StoreWarning, match="None means that nothing is there"):
        nothing()


def test_arguments_cannot_lead_a_file_out_of_its_folder(tmp_path):
    @jumar.task(**jumar.hooks.to_file(f"{tmp_path}/in/{{name}}-{{key:.8}}.txt"))
    def text(name):
        return name

    with in_memory():
        text("../../etc/passwd\0")
    [file] = (tmp_path / "in").iterdir()
    assert file.name.startswith(".._.._etc_passwd_-")


@pytest.mark.parametrize(
    ("pattern", "says"),
    [("sum.npy", r"needs \{key\}"), ("{key}.xyz", r"no format for '\.xyz'"), ("{key}", "no format for ''")],
)
def test_a_pattern_that_cannot_work_is_refused_when_it_is_declared(pattern, says):
    with pytest.raises(jumar.DeclarationError, match=says):
        jumar.hooks.to_file(pattern)


def test_a_pattern_with_a_parameter_that_is_none_is_told(tmp_path):
    square = jumar.task(name="square", **jumar.hooks.to_file(f"{tmp_path}/{{seed}}-{{key}}.json"))(abs)
    with in_memory(), pytest.warns(jumar.StoreWarning, match="has no parameter 'seed'; there are: x, task, key"):
        assert square(-2) == 2


# -- whole graphs --------------------------------------------------------------------------------------------------


def test_a_whole_graph_is_restored_by_the_users_function(parts, tally):
    mine = {}

    def save(call, value):
        mine[call.key] = value

    @jumar.task(name="add", checkpoint=False)
    def add(x, y):
        return x + y

    for _ in range(2):
        with in_memory():
            whole = add.lazy(parts.lazy(1), parts.lazy(2))
            assert jumar.collect(whole, checkpoint=save, restore=lambda call: mine.get(call.key)) == 30
    assert tally.total == 2
    assert list(mine.values()) == [30]


def test_an_error_in_a_whole_graphs_functions_is_told(parts):
    with in_memory(), pytest.warns(jumar.StoreWarning, match="the tape is jammed") as told:
        assert jumar.collect(parts.lazy(1), checkpoint=failing, restore=failing) == 10
    assert len(told) == 2
