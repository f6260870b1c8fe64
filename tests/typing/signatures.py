"""What type checkers must know of tasks: checked by mypy, run by nobody.

A wrong belief here is an error of `make check`: each ignored error must occur (``warn_unused_ignores``).
"""

import concurrent.futures as cf
from collections.abc import Iterator
from typing import Any, assert_type

import jumar
from jumar import Future, Lazy, ShellResult, Task
from jumar.executors import ThreadsExecutor


@jumar.task
def plain(x: int, y: str = "") -> float:
    return x + len(y)


@jumar.task(name="other", checkpoint=False)
def with_options(x: int) -> list[int]:
    return [x]


@jumar.task
async def asynchronous(x: int) -> str:
    return str(x)


@jumar.task(retries=2)
async def asynchronous_with_options(x: int) -> bytes:
    return bytes(x)


@jumar.task(catch=True)
def catching(x: int) -> float:
    return 1 / x


@jumar.task(catch=(KeyError, OSError), retries=2)
async def asynchronous_catching(x: int) -> str:
    return str(x)


@jumar.step(catch=True)
def effect(x: int) -> str:
    return str(x)


Answer = tuple[float, None] | tuple[None, Exception]


def answers(model: "Model", catches: type[OSError]) -> None:
    assert_type(catching(1), Answer)
    assert_type(catching.spawn(1), Future[Answer])
    value, error = catching.spawn(1).result()
    assert_type(value, float | None)
    assert_type(error, Exception | None)
    assert_type(asynchronous_catching.spawn(1).result(), tuple[str, None] | tuple[None, Exception])
    assert_type(effect(1), tuple[str, None] | tuple[None, Exception])
    assert_type(plain.options(catch=True)(1), Answer)
    assert_type(plain.options(catch=catches, retries=1).spawn(1).result(), Answer)
    assert_type(plain.options(catch=False)(1), float)
    assert_type(catching.options(retries=2)(1), Answer)
    assert_type(catching.options(catch=ZeroDivisionError)(1), Answer)
    assert_type(catching.options(catch=False)(1), float)
    assert_type(model.predict.options(catch=True)(1), tuple[str, None] | tuple[None, Exception])
    plain.options(chekpoint=True)  # type: ignore[call-overload]
    plain.options(retries="2")  # type: ignore[call-overload]


class Model:
    @jumar.task
    def predict(self, x: int) -> str:
        return str(x)


def forms() -> None:
    assert_type(plain(1), float)
    assert_type(plain(1, y="a"), float)
    assert_type(plain.spawn(1), Future[float])
    assert_type(plain.spawn(1).result(), float)
    assert_type(plain.fn(1), float)
    assert_type(plain.options(version="2").spawn(1).result(), float)
    assert_type(with_options(1), list[int])
    assert_type(jumar.spawn(len, "abc").result(), int)
    assert_type(jumar.spawn(plain, 1).result(), float)
    assert_type(asynchronous(1), Future[str])
    assert_type(asynchronous.spawn(1).result(), str)
    assert_type(asynchronous_with_options(1).result(), bytes)
    assert_type(jumar.spawn(asynchronous.fn, 1).result(), str)
    assert_type(Model().predict(1), str)
    assert_type(Model().predict.spawn(1).result(), str)
    plain("wrong")  # type: ignore[arg-type]
    plain()  # type: ignore[call-arg]
    Model().predict("wrong")  # type: ignore[arg-type]
    jumar.task(chekpoint=True)  # type: ignore[call-overload]


@jumar.shell
def listed(folder: str) -> list[str]:
    return ["ls", folder]


@jumar.shell(outputs={"sorted": "{n}.txt"}, ok_codes=[0, 1], timeout_s=3)
def sorted_lines(n: int, source: jumar.File) -> str:
    return f"sort {source.path} > {n}.txt"


def commands() -> None:
    assert_type(listed("."), ShellResult)
    assert_type(sorted_lines.spawn(1, jumar.File("a")).result(), ShellResult)
    assert_type(sorted_lines.options(timeout_s=4).spawn(1, jumar.File("a")), Future[ShellResult])
    assert_type(listed(".").outputs, dict[str, jumar.File])
    as_task: Task[[str], ShellResult] = listed
    as_task("a")
    listed(1)  # type: ignore[arg-type]
    jumar.shell(output={})  # type: ignore[call-overload]

    @jumar.shell  # type: ignore[arg-type]
    def no_command(n: int) -> int:
        return n


def futures_as_arguments() -> None:
    # A future stands where its value is expected: the second overload of spawn.
    part = plain.spawn(1)
    assert_type(with_options.spawn(part).result(), list[int])


def lazily() -> None:
    part = plain.lazy(1)
    assert_type(part, jumar.Lazy[float])
    assert_type(jumar.collect(part), float)
    assert_type(jumar.collect(with_options.lazy(part)), list[int])


@jumar.graph
def build(n: int) -> list[int]:
    part = plain(n)
    assert_type(part, float)  # what it will be; while the graph is built it is a Lazy
    return with_options(n)


@jumar.graph
def build_by_hand(n: int) -> jumar.Lazy[float]:
    return plain.lazy(n)


def graphs() -> None:
    assert_type(build(1), jumar.Lazy[list[int]])
    assert_type(build_by_hand(1), jumar.Lazy[float])
    assert_type(jumar.collect(build(1)), list[int])
    assert_type(build(1).graph(), jumar.Graph)
    assert_type(jumar.delayed(len)("abc"), jumar.Lazy[int])
    assert_type(jumar.collect(jumar.delayed(plain)(1)), float)
    assert_type(jumar.delayed(with_options)(plain.lazy(1)), jumar.Lazy[list[int]])
    with jumar.lazily():
        plain("wrong")  # type: ignore[arg-type]
    build("wrong")  # type: ignore[arg-type]


def parts(future: Future[dict[str, int]], lazy: jumar.Lazy[list[float]], pair: Future[tuple[int, str]]) -> None:
    assert_type(future["a"], Future[int])
    assert_type(lazy[0], jumar.Lazy[float])
    assert_type(pair[0], Future[Any])
    assert_type(jumar.item(future, "a"), Future[Any])
    assert_type(jumar.item(lazy, 0), jumar.Lazy[Any])
    assert_type(jumar.attr(pair, "count"), Future[Any])
    future.resutl()  # type: ignore[attr-defined]
    for _ in future:  # type: ignore[misc]
        pass


def mapped(model: Model) -> None:
    assert_type(plain.map([1, 2]), Iterator[Future[float]])
    assert_type(plain.map(range(3), "abc", window=4, strict=True), Iterator[Future[float]])
    assert_type(plain.map([plain.spawn(1)]), Iterator[Future[float]])  # as for spawn: futures stand for values
    assert_type(model.predict.map([1]), Iterator[Future[str]])
    assert_type(jumar.gather(with_options.map([1])), list[list[int]])
    plain.map(3)  # type: ignore[arg-type]
    plain.map([1], windows=4)  # type: ignore[call-arg]


def executors(session: jumar.Session) -> None:
    executor = session.executor()
    as_standard: cf.Executor = executor
    assert_type(as_standard.submit(len, "a"), cf.Future[int])
    assert_type(executor.submit(len, "abc"), Future[int])
    assert_type(executor.submit(plain, 1, y="a").result(), float)
    assert_type(executor.map(len, ["a"], timeout=1), Iterator[int])
    assert_type(executor.submit(asynchronous.fn, 1), Future[str])


def options_of_many_calls() -> None:
    with jumar.options(retries=3, retry_on=OSError, executor="io", checkpoint=jumar.Keep(min_seconds=1)):
        assert_type(plain.spawn(1), Future[float])
    jumar.options(retrys=3)  # type: ignore[call-arg]
    jumar.options(retries="3")  # type: ignore[arg-type]
    jumar.options(version="2")  # type: ignore[call-arg]
    jumar.task(executor="io")(plain.fn)
    jumar.task(executor=3)  # type: ignore[call-overload]
    jumar.Session(executors={"io": ThreadsExecutor(32), "cpu": "threads"}, options={"retries": 2})
    jumar.Session(executors={"io": "process"})  # type: ignore[dict-item]
    jumar.Session(options={"retrys": 2})  # type: ignore[arg-type]


def collections_of_futures(futures: list[Future[int]]) -> None:
    assert_type(jumar.gather(futures), list[int])
    assert_type(jumar.gather(*futures), list[int])
    assert_type(jumar.as_completed(futures), Iterator[Future[int]])
    for future in jumar.wait(futures).done:
        future.result()


async def awaited() -> None:
    assert_type(await plain.spawn(1), float)


def passes_on(task: Task[[int], str]) -> str:
    return task(1)


@jumar.actor
class Counter:
    def __init__(self, start: int = 0) -> None:
        self.count = start

    def add(self, n: int) -> int:
        self.count += n
        return self.count

    @jumar.actor.readonly
    def get(self) -> int:
        return self.count


def actors() -> None:
    counter = jumar.actors.get_or_create(Counter, "c", 5)
    assert_type(counter.add(1), int)
    assert_type(counter.get(), int)
    assert_type(jumar.actors.get(Counter, "c").get(), int)
    jumar.actors.get_or_create(Counter, "c", "5")  # type: ignore[arg-type]
    counter.add("1")  # type: ignore[arg-type]


async def runs() -> None:
    run = plain.start(1, id="r")
    assert_type(run.result(), float)
    assert_type(await run, float)
    assert_type(await run.result_async(), float)
    assert_type(run.result(call="plain_1"), Any)


def chunks() -> None:
    assert_type(plain.spawn(1).chunk(), jumar.Chunk[float])
    assert_type(plain.spawn(1).chunk().fetch(), float)
    assert_type(jumar.compute(plain.lazy(1)), jumar.Chunk[float])
    assert_type(jumar.compute(plain.spawn(1)), jumar.Chunk[float])
    assert_type(jumar.put([1]), jumar.Chunk[list[int]])
    assert_type(plain.spawn(jumar.put(1)), Future[float])
    jumar.compute(1)  # type: ignore[arg-type]
    jumar.task(persist=True, cache=False, meta=True)(len)
    jumar.task(persist=1)(len)  # type: ignore[call-overload]
    jumar.Session(memory="4GiB")
    jumar.Session(memory=1.5)  # type: ignore[arg-type]


async def waits() -> None:
    assert_type(jumar.sleep.spawn(1.0), Future[None])
    assert_type(await jumar.sleep.spawn(1.0), None)
    assert_type(jumar.wait_event.lazy("paid", timeout_s=60), Lazy[Any])
    assert_type(jumar.send_event("order-17", "paid", {"by": "Ann"}), int)
    jumar.sleep("1")  # type: ignore[arg-type]
    jumar.wait_event(17)  # type: ignore[arg-type]
