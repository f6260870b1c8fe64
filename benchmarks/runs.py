"""Durable runs: what a run, a step, a wait and a continuation cost beside the same in plain tasks that are kept."""

import itertools
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import jumar
from benchmarks.row import Measurement, Row, compare
from benchmarks.size import Size
from jumar.here import PLACE

RAY_TASK_US, RAY_CONTINUATION_US = 10_800.0, 19_000.0
"""Ray Workflows on such a machine, as measured elsewhere; they were removed from Ray, and are not run here."""
OTHER_RUNS = 1_000
"""How many other runs are in the store in which a step is measured again."""

_numbers = itertools.count()


@jumar.task
def plain(n):
    return n


@jumar.step
def step(n):
    return n


@jumar.task(reuse="run")
def link(n, value):
    return link.lazy(n - 1, value) if n else value


def rows(size: Size) -> Iterator[Row]:
    count, rounds = size.slow_calls, size.rounds
    amounts = {"pieces": count, "rounds": rounds}
    plainly = repeated(plain, count)
    steps = inside(repeated(step, count))
    with tempfile.TemporaryDirectory() as folder:
        with jumar.Session(Path(folder, "store"), "inline"):
            row = compare("a step", steps, "a plain call that is kept", plainly, **amounts)
            yield row
            yield against_ray(row, RAY_TASK_US)
            yield compare("a plain call in a run", inside(plainly), "outside of runs", plainly, **amounts)
            yield compare("a sleep whose time has come", inside(repeated(sleep, count)), "a step", steps, **amounts)
            yield compare("an event: sent, and waited for", inside(repeated(event, count)), "a step", steps, **amounts)
            links = lambda: timed(lambda: link.start(count, next(_numbers)).result())  # noqa: E731
            plain_links = lambda: timed(lambda: link(count, next(_numbers)))  # noqa: E731
            row = compare("a link of a continuation in a run", links, "outside of runs", plain_links, **amounts)
            yield row
            yield against_ray(row, RAY_CONTINUATION_US)
            few = max(5, count // 10)
            runs = lambda: timed(lambda: [plain.start(next(_numbers)).result() for _ in range(few)])  # noqa: E731
            what = "a run: stored, driven, ended"
            yield compare(
                what, runs, "a plain call that is kept", plainly, pieces=few, peer_pieces=count, rounds=rounds
            )
        others = min(OTHER_RUNS, 2 * count)
        with jumar.Session(Path(folder, "others"), "inline"):
            for _ in range(others):
                plain.start(next(_numbers))
            what = f"a step, with {others:,} other runs in the store"
            yield compare(what, steps, "a plain call that is kept", plainly, **amounts)


def repeated(call: Callable[[int], object], count: int) -> Measurement:
    """So many different calls, one after the other."""
    return lambda: timed(lambda: [call(next(_numbers)) for _ in range(count)])


def inside(measurement: Measurement) -> Measurement:
    """The same in a run of its own, whose beginning and end are not counted."""

    def within() -> float:
        with jumar.run(f"run {next(_numbers)}"):
            return measurement()

    return within


def sleep(_: int) -> None:
    jumar.sleep(0)


def event(number: int) -> None:
    jumar.send_event(PLACE.get().run.id, "paid", number)
    jumar.wait_event("paid")


def timed(work: Callable[[], object]) -> float:
    start_s = time.perf_counter()
    work()
    return time.perf_counter() - start_s


def against_ray(row: Row, ray_us: float) -> Row:
    """The row beside a figure that was measured elsewhere."""
    return replace(row, peer="Ray Workflows, elsewhere", of_peer=ray_us, ratio=row.jumar / ray_us)
