"""Tasks inside of tasks, a thousand deep: neither two workers nor Python's stack set the bound."""

import threading

import pytest

import jumar

DEPTH = 1000


@jumar.task
def waits(n):
    return waits.spawn(n - 1).result() + 1 if n else 0


@jumar.task
def calls(n):
    return calls(n - 1) + 1 if n else 0


@jumar.task
def gathers(n):
    return sum(jumar.gather(gathers.spawn(n - 1), leaf.spawn(n))) if n else 0


@jumar.task
def completes(n):
    return sum(each.result() for each in jumar.as_completed([completes.spawn(n - 1), leaf.spawn(n)])) if n else 0


@jumar.task
def awaits(n):
    if not n:
        return 0
    (done,), _ = jumar.wait([awaits.spawn(n - 1)])
    return done.result() + 1


@jumar.task
def maps(n):
    return sum(each.result() for each in maps.map([n - 1], window=1)) + 1 if n else 0


@jumar.task
def leaf(n):
    return n * 0 + 1


@pytest.mark.parametrize("task", [waits, calls, gathers, completes, awaits, maps], ids=lambda task: task.name)
@pytest.mark.parametrize("form", ["spawn", "call"])
def test_a_thousand_levels_end_on_two_workers(threads, task, form):
    assert (task.spawn(DEPTH).result() if form == "spawn" else task(DEPTH)) == DEPTH


@pytest.mark.parametrize("task", [calls, waits, gathers, completes, awaits, maps], ids=lambda task: task.name)
def test_a_level_takes_no_thread_of_its_own(threads, task):
    before = threading.active_count()
    assert task(DEPTH) == DEPTH
    assert threading.active_count() - before <= DEPTH / 8


def test_tasks_that_use_much_of_the_stack_themselves_still_find_it_at_each_level(threads):
    def descend(depth, then):
        return descend(depth - 1, then) if depth else then()

    @jumar.task(uses=[descend])
    def hungry(n):
        return descend(150, lambda: hungry.spawn(n - 1).result() + 1) if n else 0

    assert hungry(50) == 50


@pytest.mark.parametrize("task", [waits, calls], ids=["waits", "calls"])
def test_inline_the_stack_is_the_bound_and_the_error_says_so(task):
    with jumar.Session(jumar.Store.in_memory(), "inline") as session:
        for attempt in (task.spawn(DEPTH).result, lambda: task(DEPTH)):
            with pytest.raises(RecursionError, match=r"calls deep on the inline executor, .* Run it on threads"):
                attempt()
        assert session.counts().unfinished == 0
        assert task(30) == 30  # nothing was broken by it


@jumar.task
def early():
    late.spawn()
    return leaf.spawn([leaf.spawn(1), leaf.spawn(2)][0]).result()


@jumar.task
def late():
    return early() + 1


def test_while_a_call_waits_nothing_is_run_on_top_of_it_that_waits_for_it(session):
    assert early() == 1
    assert late.spawn().result() == 2


def test_a_call_waited_for_inside_of_another_runs_after_what_it_needs_and_what_it_returns(session):
    @jumar.task
    def grows(n):
        return leaf.lazy(grows.lazy(n - 1) if n else 0)

    @jumar.task
    def asks(n):
        return leaf.spawn([grows.spawn(n), leaf.lazy(leaf.lazy(n))][0]).result()

    assert jumar.gather(asks.spawn(n) for n in range(20)) == [1] * 20


FORMS = {
    "result": lambda future: future.result(),
    "wait": lambda future: jumar.wait([future]).done.pop().result(),
    "first": lambda future: jumar.wait([future], return_when="FIRST_COMPLETED").done.pop().result(),
    "as_completed": lambda future: next(jumar.as_completed([future])).result(),
}


@pytest.mark.parametrize("form", FORMS)
def test_inline_nothing_but_what_is_waited_for_runs_on_top_of_a_wait(form):
    ran = []

    @jumar.task(checkpoint=False, uses=[FORMS])
    def other():
        ran.append("other")

    @jumar.task(checkpoint=False, uses=[FORMS])
    def wanted():
        ran.append("wanted")

    @jumar.task(checkpoint=False, uses=[FORMS])
    def waiting():
        other.spawn()
        FORMS[form](wanted.spawn())
        ran.append("waited")

    with jumar.Session(jumar.Store.in_memory(), "inline"):
        waiting()
    assert ran == ["wanted", "waited", "other"]


def test_inline_a_map_whose_window_is_full_runs_its_own_calls_and_no_others():
    ran = []

    @jumar.task(checkpoint=False)
    def note(text):
        ran.append(text)

    @jumar.task(checkpoint=False)
    def mapping():
        note.spawn("other")
        futures = list(note.map("abc", window=1))
        ran.append("mapped")
        return jumar.gather(futures)

    with jumar.Session(jumar.Store.in_memory(), "inline"):
        mapping()
    assert ran == ["a", "b", "c", "mapped", "other"]


@pytest.mark.parametrize("executor", ["threads", "inline"])
@pytest.mark.parametrize("form", FORMS)
def test_waiting_for_oneself_is_refused_however_one_waits(executor, form):
    @jumar.task(uses=[FORMS])
    def ouroboros():
        return FORMS[form](ouroboros.spawn())

    with jumar.Session(jumar.Store.in_memory(), executor), pytest.raises(jumar.DeadlockError, match="never end"):
        ouroboros()


@jumar.task
def calls_directly():
    return asks_for_its_caller()


@jumar.task
def asks_for_its_caller():
    return calls_directly.spawn().result()


@pytest.mark.parametrize("form", ["spawn", "call"])
def test_a_ring_of_waits_through_a_direct_call_is_refused(session, form):
    with pytest.raises(jumar.DeadlockError, match="never end"):
        calls_directly.spawn().result() if form == "spawn" else calls_directly()


@pytest.mark.parametrize("executor", ["threads", "inline"])
def test_a_task_that_calls_another_directly_lends_what_it_holds_meanwhile(executor):
    @jumar.task(resources={"gpu": 1}, checkpoint=False)
    def inner(n):
        return n + 1

    @jumar.task(checkpoint=False)
    def middle(n):
        return inner.spawn(n).result()

    @jumar.task(resources={"gpu": 1}, checkpoint=False)
    def outer(n):
        return middle(n)

    with jumar.Session(jumar.Store.in_memory(), executor, resources={"gpu": 1}) as session:
        assert jumar.gather(outer.spawn(n) for n in range(4)) == [1, 2, 3, 4]
        assert session.counts().unfinished == 0


def test_of_several_that_are_waited_for_one_that_can_end_is_enough(session):
    @jumar.task(checkpoint=False)
    def cautious():
        own = cautious.spawn()
        return next(jumar.as_completed([own, leaf.spawn(1)])).result()

    assert cautious() == 1


class Late:
    """An executor with two workers, of whom the second is late: it begins when it is told to."""

    name = "late"
    workers = 2

    def __init__(self):
        self.late = []
        self.threads = []
        self.was_asked = threading.Event()

    def submit(self, work, item):
        if self.threads:
            self.late.append((work, item))
            self.was_asked.set()
        else:
            self._start(work, item)

    def begin(self):
        late, self.late = self.late, []
        for work, item in late:
            self._start(work, item)

    def close(self, *, wait):
        self.begin()
        for thread in self.threads if wait else ():
            thread.join()

    def _start(self, work, item):
        self.threads.append(threading.Thread(target=work, args=(item,)))
        self.threads[-1].start()


def test_a_call_that_was_given_to_a_worker_which_has_not_begun_is_run_by_whoever_waits_for_it():
    ran = []

    @jumar.task(checkpoint=False)
    def child():
        ran.append(threading.get_ident())

    @jumar.task(checkpoint=False)
    def parent():
        ran.append(threading.get_ident())
        child.spawn().result()

    executor = Late()
    with jumar.Session(jumar.Store.in_memory(), executor):
        parent.spawn().result()
        assert len(executor.late) == 1
        executor.begin()  # it finds nothing to do, and is free for the next one
        future = child.spawn()
        executor.begin()
        future.result()
    assert len(ran) == 3
    assert ran[0] == ran[1]


def test_a_call_that_is_cancelled_on_its_way_to_a_worker_is_never_begun():
    ran = []

    @jumar.task(checkpoint=False)
    def child():
        ran.append("child")

    @jumar.task(checkpoint=False)
    def parent(told):
        child.spawn()
        told.wait()

    told = threading.Event()
    executor = Late()
    session = jumar.Session(jumar.Store.in_memory(), executor)
    with session:
        future = parent.options(key=lambda told: 0).spawn(told)
        executor.was_asked.wait()
        session.close("now")
        told.set()
        executor.begin()
    assert future.cancelled()
    assert ran == []


def test_a_call_of_a_higher_priority_comes_before_the_one_that_is_waited_for():
    ran = []

    @jumar.task(checkpoint=False)
    def note(text):
        ran.append(text)

    @jumar.task(checkpoint=False)
    def parent():
        note.options(priority=-1).spawn("later")
        child = note.spawn("wanted")
        note.options(priority=1).spawn("urgent")
        child.result()

    with jumar.Session(jumar.Store.in_memory(), workers=1):
        parent.spawn().result()
    assert ran == ["urgent", "wanted", "later"]


def test_what_a_wanted_call_needs_is_run_by_whoever_waits_for_it():
    threads = set()

    @jumar.task(checkpoint=False)
    def link(before):
        threads.add(threading.get_ident())
        return before + 1

    @jumar.task(checkpoint=False)
    def parent():
        threads.add(threading.get_ident())
        last = link.lazy(0)
        for _ in range(9):
            last = link.lazy(last)
        return link.spawn(last).result()

    with jumar.Session(jumar.Store.in_memory(), Late()):
        assert parent.spawn().result() == 11
    assert len(threads) == 1
