"""The scheduler against a ten-line reference, on generated graphs with failures and cancellations."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from jumar.graph.call import CANCELLED, DONE, FAILED, READY, Call
from jumar.graph.scheduler import Scheduler


@st.composite
def graphs(draw):
    """For each node the earlier nodes it needs, and what becomes of it when it runs."""
    size = draw(st.integers(1, 12))
    needs = [draw(st.sets(st.integers(0, node - 1), max_size=4)) if node else set() for node in range(size)]
    fates = draw(st.lists(st.sampled_from(["finish", "finish", "fail", "cancel"]), min_size=size, max_size=size))
    return needs, fates


def reference(needs, fates):
    """What must become of each node: its own fate, unless something it needs went wrong first."""
    ends = []
    for node, wanted in enumerate(needs):
        wrong = sorted(ends[need] for need in wanted if ends[need] != "finish")
        ends.append(wrong or fates[node])
        ends[-1] = "lost" if wrong else fates[node]
    return ends


EXECUTORS = (None, "io", "cpu")


@given(graphs(), st.integers(0, 2**32))
def test_every_call_ends_as_the_reference_says_and_runs_at_most_once(graph, seed):
    needs, fates = graph
    random = Random(seed)
    scheduler = Scheduler()
    queues = {name: scheduler.queue(name) for name in EXECUTORS}
    calls: list[Call] = []
    runs = [0] * len(needs)
    pending = list(range(len(needs)))
    running: list[int] = []
    while pending or running or any(call.state is READY for call in calls):
        step = random.choice(["add", "take", "end"])
        if step == "add" and pending:
            node = pending.pop(0)
            call = Call(str(node).encode(), needs=tuple(calls[need] for need in sorted(needs[node])))
            call.executor = random.choice(EXECUTORS)
            calls.append(call)
            scheduler.add(call)
            if fates[node] == "cancel":
                scheduler.cancel(call, RuntimeError("cancelled"))
        elif step == "take" and (call := scheduler.take(queues[executor := random.choice(EXECUTORS)])):
            assert call.executor == executor
            node = calls.index(call)
            runs[node] += 1
            running.append(node)
        elif step == "end" and running:
            node = running.pop(random.randrange(len(running)))
            assert all(calls[need].state is DONE for need in needs[node])
            if fates[node] == "fail":
                scheduler.fail(calls[node], ValueError(node))
            else:
                scheduler.finish(calls[node])
    expected = reference(needs, fates)
    for node, call in enumerate(calls):
        if expected[node] == "finish":
            assert call.state is DONE
        else:
            assert call.state in (FAILED, CANCELLED)
        assert runs[node] == (1 if expected[node] in ("finish", "fail") else 0)
    assert len(scheduler) == 0
    assert [queue.waiting for queue in queues.values()] == [0, 0, 0]


def needed(needs, found):
    """Which calls run if all are made in this order before any runs: not what was found, nor what only that needs."""
    runs = [True] * len(needs)
    for node in reversed(range(len(needs))):
        users = [each for each in range(len(needs)) if node in needs[each]]
        runs[node] = node not in found and (not users or any(runs[each] for each in users))
    return {node for node in range(len(needs)) if runs[node]}


@given(graphs(), st.data())
def test_what_only_found_calls_need_is_skipped_and_runs_once_it_is_wanted(graph, data):
    needs, _ = graph
    nodes = range(len(needs))
    found = data.draw(st.sets(st.sampled_from(nodes)))
    scheduler = Scheduler()
    calls: list[Call] = []
    for node in nodes:
        call = Call(str(node).encode(), needs=tuple(calls[need] for need in sorted(needs[node])))
        calls.append(call)
        if node in found:
            call.state = DONE
            scheduler.skip(call.needs, may=lambda _: True, reclaim=lambda _: False)
        else:
            scheduler.add(call)
    expected = needed(needs, found)
    assert {calls.index(call) for call in scheduler.skipped} == set(nodes) - found - expected
    assert {calls.index(call) for call in all_taken(scheduler)} == expected
    skipped = sorted(set(nodes) - found - expected)
    if skipped:
        asked_for = data.draw(st.sampled_from(skipped))
        scheduler.want(calls[asked_for])
        upstream = {asked_for}
        for node in reversed(nodes):
            if node in upstream:
                upstream |= needs[node] & set(skipped)
        assert {calls.index(call) for call in all_taken(scheduler)} == upstream


def all_taken(scheduler):
    """The calls that run until nothing is left to run."""
    taken = []
    while (call := scheduler.take()) is not None:
        taken.append(call)
        scheduler.finish(call)
    return taken
