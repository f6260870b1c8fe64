"""Calls that return other calls: they end as those do, never run again, and cost no level of anything."""

import random
import signal
from collections import Counter

import pytest
from tests.acceptance.test_interruption import Program

import jumar


class Log:
    """Counts runs; says itself that it is no part of what tasks compute."""

    def __init__(self):
        self.runs = []

    def __jumar_key__(self):
        return "log"

    def __reduce__(self):
        return _the_log, ()


log = Log()


def _the_log():
    return log


@pytest.fixture(autouse=True)
def empty_log():
    log.runs = []


@jumar.task
def add(x, y):
    log.runs.append(("add", x, y))
    return x + y


@jumar.task
def fib(n):
    log.runs.append(("fib", n))
    return n if n < 2 else add.lazy(fib.lazy(n - 1), fib.lazy(n - 2))


@jumar.task
def eager_fib(n):
    log.runs.append(("fib", n))
    return n if n < 2 else add.spawn(eager_fib.spawn(n - 1), eager_fib.spawn(n - 2))


@jumar.task
def down(n):
    log.runs.append(n)
    return down.lazy(n - 1) if n else "bottom"


def runs(what):
    return [run for run in log.runs if run[0] == what]


@pytest.mark.parametrize("task", [fib, eager_fib])
def test_a_call_that_returns_a_call_has_its_value(session, task):
    assert task.spawn(10).result() == 55
    assert len(runs("fib")) == 11
    assert task(10) == 55


def test_structures_of_calls_are_filled_in(session):
    @jumar.task
    def parts(n):
        return {"sums": [add.lazy(i, i) for i in range(n)], "last": (add.spawn(n, 0), "plain")}

    assert parts.spawn(3).result() == {"sums": [0, 2, 4], "last": (3, "plain")}


def test_a_value_that_only_looks_like_a_future_is_a_value(session):
    @jumar.task
    def names():
        return ["Future", {"_call": 1}, range(3)]

    assert names.spawn().result() == ["Future", {"_call": 1}, range(3)]


def test_what_depends_on_a_continued_call_waits_for_its_end(session):
    assert add.spawn(fib.spawn(5), down.spawn(0).result() == "bottom").result() == 6


def test_a_chain_of_continued_calls_runs_each_link_once(session):
    assert down.spawn(500).result() == "bottom"
    assert sorted(log.runs) == list(range(501))
    assert session.counts().unfinished == 0


def test_links_of_a_chain_are_known_afterwards(tmp_path):
    with jumar.Session(tmp_path, "inline"):
        down(50)
    with jumar.Session(tmp_path, "inline") as session:
        assert [down(50), down(25), down(1)] == ["bottom"] * 3
        assert session.counts()[:2] == (0, 3)
    assert len(log.runs) == 51


def test_an_error_at_the_end_reaches_whoever_asked(session):
    @jumar.task
    def fail(n):
        if n:
            return fail.lazy(n - 1)
        raise ValueError("at the bottom")

    future = fail.spawn(5)
    with pytest.raises(ValueError, match="at the bottom"):
        future.result()
    after = add.spawn(future, 1)
    with pytest.raises(ValueError, match="at the bottom"):
        after.result()


def test_a_call_that_returns_itself_is_told(session):
    @jumar.task
    def again(n):
        return again.lazy(n)

    with pytest.raises(jumar.DeadlockError, match=r"'.*again'.* returned a call of .* cannot finish before it"):
        again.spawn(1).result()


def test_two_calls_that_return_each_other_are_told(session):
    @jumar.task
    def ping(n):
        return pong.lazy(n)

    @jumar.task
    def pong(n):
        return ping.lazy(n)

    with pytest.raises(jumar.DeadlockError):
        ping.spawn(1).result()


def test_a_graph_that_cannot_be_kept_is_computed_and_told():
    @jumar.task
    def lazy_of_a_lock():
        lock = jumar.task(lambda: __import__("threading").Lock, key=lambda: "lock")
        return add.options(name="sum").lazy(1, lock.lazy())

    with jumar.Session(jumar.Store.in_memory(), "inline") as session:
        with pytest.raises(TypeError):
            lazy_of_a_lock.spawn().result()
        assert session.counts().failed > 0


def test_a_continued_call_is_listed_as_such_until_it_has_ended(tmp_path):
    with pytest.raises(RuntimeError), jumar.Session(tmp_path, "inline"):
        jumar.spawn(returns_a_failure).result()
    with jumar.Store.open(tmp_path) as store:
        states = {record.task.name: record.state for record in store.calls()}
    assert states == {"returns_a_failure": "continued", "fails": "failed"}


@jumar.task
def fails():
    log.runs.append(("fails", 0))
    raise RuntimeError("not yet")


def returns_a_failure():
    log.runs.append(("parent", 0))
    return fails.lazy()


def test_a_call_whose_continuation_failed_does_not_run_again_when_it_is_tried_again(tmp_path):
    for _ in range(2):
        with pytest.raises(RuntimeError), jumar.Session(tmp_path, "inline"):
            jumar.spawn(returns_a_failure).result()
    assert (len(runs("parent")), len(runs("fails"))) == (1, 2)


def returns_what_has_failed():
    log.runs.append(("parent", 0))
    failed = fails.spawn()
    after = add.spawn(failed, 1)
    assert isinstance(failed.exception(), RuntimeError)
    assert isinstance(after.exception(), RuntimeError)
    return [failed, after]


@pytest.mark.parametrize("executor", ["inline", "threads"])
def test_a_call_that_returned_what_had_failed_already_does_not_run_again_either(tmp_path, executor):
    for _ in range(3):
        with pytest.raises(RuntimeError, match="not yet"), jumar.Session(tmp_path, executor):
            jumar.spawn(returns_what_has_failed).result()
    assert (len(runs("parent")), len(runs("fails"))) == (1, 3)
    with jumar.Session(tmp_path) as session:
        attempts = {record.task.name: record.attempt for record in session.store.calls() if record.state == "failed"}
    assert attempts["fails"] == 3


def test_large_results_are_kept_once_for_all_that_end_with_them(tmp_path):
    @jumar.task
    def zeros(n):
        return bytes(50_000) if n == 0 else zeros.lazy(n - 1)

    with jumar.Session(tmp_path, "inline"):
        assert zeros.spawn(5).result() == bytes(50_000)
        assert zeros.spawn(3).result() == bytes(50_000)
    assert len(list((tmp_path / "blobs").glob("??/*"))) == 1


@pytest.mark.parametrize("keep", [True, False])
def test_children_made_by_a_call_that_keeps_nothing_keep_nothing(tmp_path, keep):
    with jumar.Session(tmp_path, "inline") as session:
        fib.options(checkpoint=keep).spawn(3).result()
        assert (len(list(session.store.calls())) > 0) == keep


LOGGED = """
import os
import jumar

runs = os.open("runs", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

class Log:
    def __jumar_key__(self):
        return "log"
    def __reduce__(self):
        return get_log, ()
    def write(self, i):
        os.write(runs, b"%d\\n" % i)
        os.write(1, b"%d\\n" % i)

log = Log()

def get_log():
    return log
"""

DEEP = (
    LOGGED
    + """
@jumar.task
def add(x, y):
    return x + y

@jumar.task
def tree(low, high):
    log.write(low * 1000 + high)
    if high - low == 1:
        return low
    middle = (low + high) // 2
    return add.lazy(tree.lazy(low, middle), tree.lazy(middle, high))

@jumar.task
def chain(n):
    log.write(10_000_000 + n)
    return chain.lazy(n - 1) if n else 7

@jumar.task
def nested(n):
    return tree(0, n) + chain.spawn(n).result()

with jumar.Session(store="store", workers=2) as session:
    wide = tree.spawn(0, 400).result()
    session.checkpoint()
    log.write(KEPT)
    print("answer", add.spawn(nested.spawn(300), wide).result(), flush=True)
"""
).replace("KEPT", "99_999_999")

ANSWER = f"answer {sum(range(300)) + 7 + sum(range(400))}"


KEPT = 99_999_999
"""Logged when all that ran before is on the disk, whatever the machine was doing."""


def intervals(low, high):
    """What calls of the tree log."""
    middle = (low + high) // 2
    inside = intervals(low, middle) + intervals(middle, high) if high - low > 1 else []
    return [low * 1000 + high, *inside]


@pytest.mark.parametrize("moment", sorted(random.Random(5).sample(range(1, 1600), 20)))
def test_killed_at_any_moment_no_call_of_a_growing_graph_runs_a_third_time(tmp_path, moment):
    program = Program(tmp_path, DEEP)
    program.stop_after(moment, signal.SIGKILL)
    before = program.runs()
    assert max(before.values()) == 1
    output, errors, status = program.run()
    assert (status, errors) == (0, "")
    assert output.rstrip().endswith(ANSWER)
    after = program.runs()
    assert max(after.values()) <= 2
    assert not before[KEPT] or all(after[interval] == 1 for interval in intervals(0, 400))
    program.run()
    assert program.runs() == after + Counter([KEPT])


NESTED = (
    LOGGED
    + """
tried = set()

@jumar.task
def waits(n):
    log.write(n)
    return waits.spawn(n - 1).result() + 1 if n else 0

@jumar.task
def calls(n):
    log.write(1000 + n)
    return calls(n - 1) + 1 if n else 0

@jumar.task(catch=ValueError)
def refuses(n):
    log.write(2000 + n)
    raise ValueError(f"no {n}")

@jumar.task(catch=ValueError)
def returns_a_refusal(n):
    log.write(3000 + n)
    return [fails.lazy(n)]

@jumar.task(checkpoint_errors=True)
def fails(n):
    log.write(4000 + n)
    raise ValueError(f"lazily no {n}")

@jumar.task(retries=2, backoff=0.0001)
def third_time(n):
    if log and len([t for t in tried if t[0] == n]) < 2:
        tried.add((n, len(tried)))
        raise OSError(f"not yet {n}")
    log.write(5000 + n)
    return n

@jumar.task
def all_of_it(n):
    parts = [third_time.spawn(i) for i in range(n)]
    errors = [f(i) for i in range(n) for f in (refuses, returns_a_refusal)]
    return sum(jumar.gather(parts)) + sum(len(str(e)) for _, e in errors)

@jumar.task
def both(n):
    return waits.spawn(n).result() + calls(n)

with jumar.Session(store="store", workers=2) as session:
    answer = all_of_it.spawn(30).result()
    session.checkpoint()
    log.write(9999)
    print("answer", answer + both.spawn(40).result(), flush=True)
"""
)

NESTED_ANSWER = f"answer {sum(range(30)) + sum(len(f'no {i}') + len(f'lazily no {i}') for i in range(30)) + 40 + 40}"


MOMENTS = random.Random(6).sample(range(1, 190), 20)


@pytest.mark.parametrize(
    "moment", [*MOMENTS[:3], *(pytest.param(each, marks=pytest.mark.slow) for each in MOMENTS[3:])]
)
def test_killed_at_any_moment_nested_caught_and_repeated_calls_run_no_third_time(tmp_path, moment):
    program = Program(tmp_path, NESTED)
    program.stop_after(moment, signal.SIGKILL)
    before = program.runs()
    assert max(before.values()) == 1
    output, errors, status = program.run()
    assert (status, errors) == (0, "")
    assert output.rstrip().endswith(NESTED_ANSWER)
    after = program.runs()
    assert max(after.values()) <= 2
    # A call that waits has not ended: it runs again, once for each level, and asks for what had.
    assert before[9999] == 0 or all(count == 1 for what, count in after.items() if 2000 <= what < 9999)
    program.run()
    assert program.runs() == after + Counter([9999])


@pytest.mark.slow
def test_a_chain_of_a_hundred_thousand_calls_takes_constant_memory(tmp_path, record_property):
    script = """
import resource, sys
import jumar

@jumar.task
def down(n):
    return down.lazy(n - 1) if n else "bottom"

jumar.configure(store="store", workers=2)
down.spawn(1000).result()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert down.spawn(100_000).result() == "bottom"
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    output, errors, status = Program(tmp_path, script).run()
    assert (status, errors) == (0, "")
    grown_kib = int(output)
    record_property("tried", (grown_kib, "KiB that 99,000 further links of a chain took"))
    assert grown_kib < 50_000
