"""Large graphs: deep, wide, nested and growing. What a call costs must not depend on how many there are."""

import importlib.util
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import jumar
from benchmarks.child import run
from benchmarks.row import Row, compare, measure
from benchmarks.size import Size
from benchmarks.spawn import WORKERS, nothing

LINEAR = 1.5
"""By how much a piece of a ten times larger graph may cost more: larger graphs fit less well into the caches."""


@jumar.task(checkpoint=False)
def successor(x):
    return x + 1


@jumar.task(checkpoint=False)
def total(parts):
    return sum(parts)


@jumar.task(checkpoint=False)
def pair(x, y):
    return x, y


def rows(size: Size) -> Iterator[Row]:
    yield from nesting(size.nesting)
    yield from growing(size)
    many, few = size.pending, size.pending // 10
    yield compare(
        f"spawned and left pending, {many:,} calls",
        lambda: run("pending", str(many), "time"),
        f"the same with {few:,}",
        lambda: run("pending", str(few), "time"),
        pieces=many,
        peer_pieces=few,
        rounds=1,
        warm=False,
        max_ratio=LINEAR,
    )
    yield from streaming(size.pending)
    shapes: list[tuple[str, Callable[[int], float], Callable[[int], float]]] = [
        ("fan-in", fan_in, pool_fan_in),
        ("fan-out", fan_out, pool_fan_out),
        ("lazy chain", lazy_chain, pool_chain),
    ]
    for name, ours, theirs in shapes:
        yield from shape(size, name, ours, theirs)


def nesting(depth: int) -> Iterator[Row]:
    """Calls that wait for calls that wait for calls, on two workers."""
    for form in ("spawned", "called"):
        what = f"nested {depth:,} deep, {form} and waited for"
        yield measure(what, lambda form=form: run("nested", form, str(depth), "time"), pieces=depth, rounds=1)
        threads = run("nested", form, str(depth), "threads")
        yield Row(f"{what}: threads", threads, "")


def growing(size: Size) -> Iterator[Row]:
    """A chain of calls of which each returns the next one."""
    for few, unit, budget in ((size.graph // 10, "µs", {"max_ratio": LINEAR}), (0, "B", {"max_jumar": 500})):
        what = "time" if unit == "µs" else "growth of peak memory"
        name = f"chain of {size.graph:,} returned calls, {what} a link"
        ours = lambda what=what: run("continued", what, str(size.graph))  # noqa: E731  (one expression)
        if few:
            peer = f"a chain of {few:,}"
            fewer = lambda few=few: run("continued", "time", str(few))  # noqa: E731
            yield compare(
                name, ours, peer, fewer, pieces=size.graph, peer_pieces=few, rounds=1, warm=False, unit=unit, **budget
            )
        else:
            yield measure(name, ours, pieces=size.graph, rounds=1, warm=False, unit=unit, **budget)


def streaming(calls: int) -> Iterator[Row]:
    """Calls of an endless input, few of them at a time."""
    name = f"mapped over a generator, {calls:,} calls"
    yield measure(name, lambda: run("streamed", str(calls), "time"), pieces=calls, rounds=1, warm=False)
    grown = lambda: run("streamed", str(calls), "bytes")  # noqa: E731  (one expression)
    yield measure(
        f"{name}: growth of peak memory a call", grown, pieces=calls, rounds=1, warm=False, unit="B", max_jumar=10
    )


def shape(size: Size, name: str, ours: Callable[[int], float], theirs: Callable[[int], float]) -> Iterator[Row]:
    """One shape against a tenth of it, and against what others do for it."""
    many, few = size.graph, size.graph // 10
    amounts = {"pieces": many, "rounds": min(size.rounds, 3)}
    what = f"{name}, {many:,} calls"
    yield compare(
        what,
        lambda: ours(many),
        f"the same with {few:,}",
        lambda: ours(few),
        peer_pieces=few,
        max_ratio=LINEAR,
        **amounts,
    )
    pool = f"ThreadPoolExecutor, {WORKERS} workers"
    yield compare(what, lambda: ours(many), pool, lambda: theirs(many), **amounts)
    if importlib.util.find_spec("dask") is not None:
        yield compare(what, lambda: ours(many), "Dask, threads", lambda: dask(name, many), **amounts)


def session() -> jumar.Session:
    return jumar.Session(store=jumar.Store.in_memory(), workers=WORKERS)


def fan_in(width: int) -> float:
    """One call that needs all others."""
    number = nothing.options(checkpoint=False)
    with session():
        start_s = time.perf_counter()
        assert total.spawn([number.spawn(i) for i in range(width)]).result() == sum(range(width))
        return time.perf_counter() - start_s


def pool_fan_in(width: int) -> float:
    with ThreadPoolExecutor(WORKERS) as pool:
        start_s = time.perf_counter()
        assert sum(future.result() for future in [pool.submit(nothing.fn, i) for i in range(width)]) == sum(
            range(width)
        )
        return time.perf_counter() - start_s


def fan_out(width: int) -> float:
    """All others need one call, which ends when they are all there."""
    source, sink = os.pipe()
    read = jumar.task(checkpoint=False)(os.read)
    with session():
        start_s = time.perf_counter()
        root = read.spawn(source, 1)
        futures = [pair.spawn(root, i) for i in range(width)]
        os.write(sink, b".")
        for future in futures:
            future.result()
        return time.perf_counter() - start_s


def pool_fan_out(width: int) -> float:
    """A pool knows no dependencies: the others are submitted when the first has ended."""
    with ThreadPoolExecutor(WORKERS) as pool:
        start_s = time.perf_counter()
        root = pool.submit(nothing.fn, b".").result()
        for future in [pool.submit(pair.fn, root, i) for i in range(width)]:
            future.result()
        return time.perf_counter() - start_s


def lazy_chain(depth: int) -> float:
    """Described first, then run from the deepest call upwards."""
    with session():
        start_s = time.perf_counter()
        last = successor.lazy(0)
        for _ in range(depth - 1):
            last = successor.lazy(last)
        assert jumar.collect(last) == depth
        return time.perf_counter() - start_s


def pool_chain(depth: int) -> float:
    with ThreadPoolExecutor(WORKERS) as pool:
        start_s = time.perf_counter()
        value = 0
        for _ in range(depth):
            value = pool.submit(successor.fn, value).result()
        assert value == depth
        return time.perf_counter() - start_s


def dask(name: str, calls: int) -> float:
    from dask.threaded import get

    start_s = time.perf_counter()
    graph: dict[object, object] = {"root": (nothing.fn, 0)}
    if name == "lazy chain":
        graph |= {("c", i): (successor.fn, ("c", i - 1) if i else "root") for i in range(calls)}
        get(graph, ("c", calls - 1), num_workers=WORKERS)
    elif name == "fan-in":
        graph = {("i", i): (nothing.fn, i) for i in range(calls)}
        get(graph | {"total": (total.fn, list(graph))}, "total", num_workers=WORKERS)
    else:
        graph |= {("o", i): (pair.fn, "root", i) for i in range(calls)}
        get(graph, [key for key in graph if key != "root"], num_workers=WORKERS)
    return time.perf_counter() - start_s
