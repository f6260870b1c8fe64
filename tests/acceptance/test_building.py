"""Blocks and functions in which calls are described: what they give, and where that ends."""

import asyncio
import threading

import pytest

import jumar


@jumar.task
def load(n):
    return list(range(n))


@jumar.task
def total(parts, extra=0):
    return sum(map(sum, parts)) + extra


@jumar.task
def split(values):
    return {"low": min(values), "high": max(values)}


@jumar.graph
def report(sizes):
    return total([load(n) for n in sizes])


def test_any_function_can_be_described(session):
    lazy = jumar.delayed(sum)([jumar.delayed(abs)(-3), jumar.delayed(load)(3)[2]])
    assert session.counts().computed == 0
    assert (jumar.collect(lazy), session.counts().computed) == (5, 3)
    assert lazy.key == jumar.delayed(sum)([jumar.delayed(abs)(-3), jumar.delayed(load)(3)[2]]).key


def test_options_come_with_the_task_that_is_described(session):
    jumar.collect(jumar.delayed(load.options(checkpoint=False))(3))
    assert jumar.collect(jumar.delayed(load)(3)) == [0, 1, 2]
    assert session.counts()[:2] == (2, 0)


def test_calls_in_a_block_are_described_and_nothing_runs(session):
    with jumar.lazily():
        z = total([load(3), load(4)], extra=1)
    session.engine.drain()
    assert isinstance(z, jumar.Lazy)
    assert session.counts().computed == 0
    assert (jumar.collect(z), total([load(3), load(4)], extra=1)) == (10, 10)


def test_a_described_call_is_the_same_call(session):
    assert report([3, 4]).key == total.lazy([load.lazy(3), load.lazy(4)]).key
    assert jumar.collect(report([3, 4])) == 9
    assert total([load.spawn(3), load.spawn(4)]) == 9
    assert session.counts().computed == 3


def test_a_block_may_stand_in_another_and_ends_with_its_last_line(session):
    with jumar.lazily():
        with jumar.lazily():
            inner = load(2)
        outer = load(3)
        with pytest.raises(ZeroDivisionError), jumar.lazily():
            raise ZeroDivisionError
        after = load(4)
    assert [type(each) for each in (inner, outer, after)] == [jumar.Lazy] * 3
    assert load(2) == [0, 1]


def test_a_graph_may_be_built_of_graphs_and_of_results_to_come(session):
    @jumar.graph
    def both(extra):
        return total([[report([2]), report([3])]], extra=extra)

    assert jumar.collect(both(load.lazy(3)[1])) == 1 + 3 + 1
    assert jumar.collect(both(load.spawn(3)[2])) == 1 + 3 + 2
    assert jumar.collect(both(0)) == 4


def test_a_structure_of_lazies_is_collected_as_it_is(session):
    @jumar.graph
    def parts(sizes):
        return {"all": [load(n) for n in sizes], "high": split(load(sizes[0]))["high"], "count": len(sizes)}

    built = parts([3, 4])
    assert jumar.collect(built["high"]) == 2
    assert session.counts().computed == 2
    assert jumar.collect(built) == {"all": [[0, 1, 2], [0, 1, 2, 3]], "high": 2, "count": 2}
    assert jumar.collect([1, (load.spawn(2), "a")]) == [1, ([0, 1], "a")]


def test_calls_inside_of_tasks_that_run_meanwhile_are_real(session):
    @jumar.task
    def nested(n):
        return load(n)[-1]

    with jumar.lazily():
        assert nested.spawn(3).result() == 2
        assert jumar.collect(nested(4)) == 3


def test_a_task_may_build_a_graph_and_collect_it(session):
    @jumar.task
    def study(sizes):
        with jumar.lazily():
            z = total([load(n) for n in sizes])
        return jumar.collect(z) + jumar.collect(report(sizes))

    assert study([2, 3]) == 8
    assert session.counts().computed == 4


def test_another_thread_is_not_in_the_block(threads):
    seen = []
    with jumar.lazily():
        other = threading.Thread(target=lambda: seen.append(load(2)))
        other.start()
        other.join()
    assert seen == [[0, 1]]


def test_another_asyncio_task_is_not_in_the_block(threads):
    async def builds(entered, seen):
        with jumar.lazily():
            entered.set()
            await seen.wait()
            return load(2)

    async def runs(entered, seen):
        await entered.wait()
        value = load(2)
        seen.set()
        return value

    async def both():
        entered, seen = asyncio.Event(), asyncio.Event()
        return await asyncio.gather(builds(entered, seen), runs(entered, seen))

    built, ran = asyncio.run(both())
    assert isinstance(built, jumar.Lazy)
    assert ran == [0, 1]


def test_a_method_is_described_like_a_function(session):
    class Model:
        def __jumar_key__(self):
            return "model"

        @jumar.task
        def predict(self, x):
            return x + 1

        @jumar.graph
        def twice(self, x):
            return self.predict(self.predict(x))

    assert jumar.collect(Model().predict.lazy(1)) == 2
    assert jumar.collect(Model().twice(1)) == 3


def test_an_edit_in_a_graph_function_changes_the_keys_of_tasks_that_use_it(session):
    def study_with(step):
        @jumar.graph
        def build(n):
            return total([load(n + step)])

        @jumar.task
        def study(n):
            return jumar.collect(build(n))

        return study

    assert (study_with(1)(2), study_with(2)(2)) == (3, 6)


def test_a_decision_on_a_value_that_is_not_there_is_refused(session):
    @jumar.graph
    def decides(n):
        return load(1) if load(n) else load(2)

    with pytest.raises(TypeError, match=r"load .* is not computed yet, so it is neither true nor false"):
        decides(3)


@pytest.mark.parametrize(
    ("fn", "text"),
    [(load, "is a task"), (3, "cannot be called"), (lambda: (yield), "a generator"), (asyncio.sleep, "coroutine")],
)
def test_what_builds_no_graph_is_refused(fn, text):
    with pytest.raises(jumar.DeclarationError, match=text):
        jumar.graph(fn)
