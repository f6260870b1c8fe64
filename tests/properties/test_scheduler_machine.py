"""The scheduler against a model that looks at everything anew after each step: whatever is asked of it, in any order."""

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from jumar.graph.call import CANCELLED, DONE, FAILED, NEW, READY, RUNNING, SKIPPED, WAITING, Call
from jumar.graph.scheduler import Scheduler

CAPACITY = {"gpu": 2, "licence": 1}
DEMANDS = [None, None, {"gpu": 1}, {"gpu": 2}, {"licence": 1}, {"gpu": 1, "licence": 1}]
LOST = (FAILED, CANCELLED)


@dataclass(eq=False)
class Node:
    """What the model knows of a call. ``off`` means that it waits for `resume`, ``rank`` when and how it became ready."""

    call: Call
    needs: list["Node"]
    state: int = WAITING
    tail: object = None
    is_continued: bool = False
    error: BaseException | None = None
    caught: BaseException | None = None
    is_off: bool = False
    is_lent: bool = False
    was_lent: bool = False
    is_out_of_turn: bool = False
    has_begun: bool = False
    is_wanted: bool = False
    rank: tuple = field(default=())

    def would_answer(self, lost):
        catches = self.call.catches
        return lost.state == FAILED and catches is not None and isinstance(lost.error, catches)

    def answers(self, state, error):
        catches = self.call.catches
        return self.is_continued and state == FAILED and catches is not None and isinstance(error, catches)


def some_are(*states):
    """The rule is only tried where some call stands so."""
    return precondition(lambda machine: any(node.state in states and not node.is_off for node in machine.nodes))


class Machine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.scheduler = Scheduler(CAPACITY)
        self.nodes = []
        self.clock = 0

    # -- the reference: look at every call until nothing changes ------------------------------------------------------

    def look_at_all(self, fresh=None):
        """What follows from the states of the calls; the nodes that it ended."""
        ended, changed = [], True
        while changed:
            changed = False
            for node in self.nodes:
                if node.state not in (WAITING, SKIPPED) or node.is_off:
                    continue
                lost = next((need for need in node.needs if need.state in LOST), None)
                if lost is not None and node.answers(lost.state, lost.error):
                    node.caught = lost.error
                elif lost is not None:
                    node.state, node.error = lost.state, lost.error
                    ended.append(node)
                    changed = True
                    continue
                elif node.state == SKIPPED or any(need.state != DONE for need in node.needs):
                    continue
                self.make_ready(node, is_released=node is not fresh or node.caught is not None)
        return ended

    def make_ready(self, node, *, is_released):
        self.clock += 1
        node.state, node.is_off = READY, False
        node.rank = (node.call.priority, is_released, self.clock if is_released else -self.clock)

    def take_up(self, node):
        """What becomes of a skipped node, and of all that it needs, when a node needs it after all."""
        if node.state != SKIPPED:
            return
        node.state = WAITING
        for need in node.needs:
            self.take_up(need)
        if all(need.state == DONE for need in node.needs):
            self.make_ready(node, is_released=False)
            node.is_out_of_turn = True  # where it stood before, or at the end

    def want_needs(self, needs):
        for need in needs:
            if need.state in LOST:
                break
            self.take_up(need)

    def lose(self, node, state, error):
        node.state, node.error, node.is_lent = state, error, False
        return {node, *self.look_at_all()}

    def fits(self, node):
        used = dict.fromkeys(CAPACITY, 0)
        for each in self.nodes:
            if each.state == RUNNING and not each.is_lent:
                for name, amount in (each.call.demand or {}).items():
                    used[name] += amount
        return all(used[name] + amount <= CAPACITY[name] for name, amount in (node.call.demand or {}).items())

    def reaches(self, start, goal):
        seen, stack = set(), [start]
        while stack:
            node = stack.pop()
            if node is goal:
                return True
            if node not in seen:
                seen.add(node)
                stack.extend(node.needs)
        return False

    def may_be_returned(self, node):
        """The calls that a running one may return: those that do not wait for it."""
        if node.state != RUNNING or node.is_continued:
            return []
        others = [each for each in self.nodes if each.state in (WAITING, READY, RUNNING, SKIPPED)]
        return [each for each in others if not self.reaches(each, node)] or [
            each for each in self.nodes if each.state in (DONE, *LOST)
        ]

    # -- what may be asked ---------------------------------------------------------------------------------------------

    def some_running(self, data):
        """One that has begun by now at the latest."""
        node = self.some(data, RUNNING)
        node.has_begun = True
        return node

    def some(self, data, state):
        return data.draw(st.sampled_from([node for node in self.nodes if node.state == state and not node.is_off]))

    def calls(self, nodes):
        return {node.call for node in nodes}

    @rule(
        data=st.data(),
        priority=st.integers(-1, 1),
        demand=st.sampled_from(DEMANDS),
        catches=st.sampled_from([None, None, Exception, KeyError]),
    )
    def add(self, data, priority, demand, catches):
        known = [node for node in self.nodes if node.state != NEW]
        needs = data.draw(st.lists(st.sampled_from(known), max_size=3, unique=True)) if known else []
        call = Call(str(len(self.nodes)).encode(), needs=tuple(node.call for node in needs))
        call.priority, call.demand, call.catches = priority, demand, catches
        node = Node(call, needs)
        self.want_needs(needs)
        self.nodes.append(node)
        assert set(self.scheduler.add(call)) == self.calls(self.look_at_all(fresh=node))

    @some_are(READY)
    @rule(count=st.integers(1, 3), begins=st.booleans())
    def take(self, count, begins):
        for _ in range(count):
            self.take_one(begins)

    def take_one(self, begins):
        ready = [node for node in self.nodes if node.state == READY]
        fitting = [node for node in ready if self.fits(node)]
        taken = self.scheduler.take()
        assert (taken is None) == (not fitting)  # nobody is left standing where there is room
        if taken is None:
            return
        node = next(node for node in fitting if node.call is taken)
        assert taken.priority == max(node.call.priority for node in fitting)
        if not any(node.call.demand or node.is_out_of_turn for node in ready):
            assert node.rank == max(node.rank for node in ready)
        node.state, node.has_begun = RUNNING, begins

    @some_are(READY)
    @rule(data=st.data())
    def start_out_of_turn(self, data):
        node = self.some(data, READY)
        started = self.fits(node)
        assert self.scheduler.start(node.call) == started
        assert not self.scheduler.start(node.call)
        if started:
            node.state, node.is_out_of_turn, node.has_begun = RUNNING, True, True

    @some_are(RUNNING)
    @rule(data=st.data())
    def finish(self, data):
        node = self.some_running(data)
        self.scheduler.finish(node.call)
        node.state, node.is_lent = DONE, False
        self.look_at_all()

    @some_are(RUNNING)
    @rule(data=st.data(), error=st.sampled_from([KeyError, ValueError, SystemExit]))
    def fail(self, data, error):
        node, error = self.some_running(data), error()
        assert set(self.scheduler.fail(node.call, error)) == self.calls(self.lose(node, FAILED, error))

    @precondition(lambda self: self.nodes)
    @rule(data=st.data(), even_if_it_runs=st.booleans())
    def cancel(self, data, even_if_it_runs):
        node, error = data.draw(st.sampled_from(self.nodes)), RuntimeError("cancelled")
        cancel = self.scheduler.abandon if even_if_it_runs else self.scheduler.cancel
        may = node.state in (NEW, WAITING, READY, SKIPPED) or (even_if_it_runs and node.state == RUNNING)
        cancelled = cancel(node.call, error)
        assert set(cancelled) == (self.calls(self.lose(node, CANCELLED, error)) if may else set())

    @precondition(lambda self: any(self.may_be_returned(node) for node in self.nodes))
    @rule(data=st.data())
    def return_calls(self, data):
        """Continue a running call with calls that do not wait for it."""
        found = [node for node in self.nodes if self.may_be_returned(node)]
        links = [node for node in found if any(each.state == WAITING and each.tail is node for each in self.nodes)]
        node = data.draw(st.sampled_from(links or found))
        others = self.may_be_returned(node)
        needs = data.draw(st.lists(st.sampled_from(others), min_size=1, max_size=3, unique=True))
        call = node.call
        node.has_begun = True
        is_single = len(needs) == 1 and data.draw(st.booleans())
        call.tail = needs[0].call if is_single else [need.call for need in needs]
        if is_single and needs[0].state not in (DONE, *LOST):
            handed = set(self.scheduler.hand_over(call, call.tail))
            heirs = [each for each in self.nodes if each.state == WAITING and each.tail is node and not call.catches]
            assert handed == self.calls(heirs)
            if handed:
                self.take_up(needs[0])
            for heir in heirs:
                heir.tail, heir.needs = needs[0], needs
                assert heir.call.tail is call.tail
            if handed and not call.dependants and data.draw(st.booleans()):
                self.scheduler.put_aside(call)
                node.state, node.needs, node.is_lent = NEW, [], False
                return
        doomed = self.scheduler.carry_on(call, tuple(need.call for need in needs))
        lost = next((need for need in needs if need.state in LOST), None)
        if lost is None or not node.would_answer(lost):
            self.want_needs(needs)
        node.is_continued, node.needs, node.tail = True, needs, needs[0] if is_single else None
        node.state, node.is_lent = WAITING, False
        assert set(doomed) == self.calls(self.look_at_all(fresh=node))

    @some_are(RUNNING)
    @rule(data=st.data())
    def put_off(self, data):
        node = self.some_running(data)
        self.scheduler.put_off(node.call)
        node.state, node.is_off, node.is_lent = WAITING, True, False

    @precondition(lambda self: any(node.is_off for node in self.nodes))
    @rule(data=st.data())
    def resume(self, data):
        node = data.draw(st.sampled_from([node for node in self.nodes if node.is_off]))
        self.scheduler.resume(node.call)
        node.is_off = False
        if node.state == WAITING:
            self.make_ready(node, is_released=False)

    @some_are(RUNNING)
    @rule(data=st.data())
    def lend(self, data):
        node = self.some_running(data)
        self.scheduler.lend(node.call)
        node.is_lent = node.was_lent = True

    @precondition(lambda self: any(node.was_lent for node in self.nodes))
    @rule(data=st.data())
    def take_back(self, data):
        """Also of a call that was given up meanwhile: its thread knows nothing of that."""
        node = data.draw(st.sampled_from([node for node in self.nodes if node.was_lent]))
        node.was_lent = False
        self.scheduler.take_back(node.call)
        node.is_lent = False

    @precondition(lambda self: self.nodes)
    @rule(data=st.data(), share=st.integers(0, 3))
    def skip(self, data, share):
        """A call that needs some others was found; of those that have not begun, also if taken, some may not be left out."""
        needs = data.draw(st.lists(st.sampled_from(self.nodes), min_size=1, max_size=3, unique=True))
        kept = set() if share else set(data.draw(st.lists(st.sampled_from(self.nodes), max_size=3)))
        may = {node.call: not node.has_begun and node not in kept for node in self.nodes}
        begun = {node.call: node.has_begun for node in self.nodes}
        skipped = self.scheduler.skip([need.call for need in needs], may.get, lambda call: not begun[call])
        left_out, reached, changed = set(), set(needs), True
        while changed:
            changed = False
            for node in reached.copy():
                if (
                    node.state not in (WAITING, READY, RUNNING)
                    or node.is_wanted
                    or node.is_continued
                    or not may[node.call]
                ):
                    continue
                if any(node in each.needs for each in self.nodes if each.state == WAITING):
                    continue
                node.state, changed = SKIPPED, True
                left_out.add(node)
                reached |= set(node.needs)
        assert set(skipped) == self.calls(left_out)
        assert len(skipped) == len(left_out)

    @precondition(lambda self: self.nodes)
    @rule(data=st.data())
    def somebody_asks(self, data):
        node = data.draw(st.sampled_from([node for node in self.nodes if node.state == SKIPPED] or self.nodes))
        self.scheduler.want(node.call)
        node.is_wanted |= node.state == SKIPPED
        self.take_up(node)

    # -- what holds after each step ------------------------------------------------------------------------------------

    @invariant()
    def every_call_stands_where_the_model_says(self):
        for node in self.nodes:
            assert node.call.state == node.state
            assert node.call.error is node.error
            assert node.call.caught is node.caught

    @invariant()
    def nobody_waits_for_what_is_skipped(self):
        waiting = [node for node in self.nodes if node.state == WAITING and not node.is_off]
        assert not any(need.state == SKIPPED for node in waiting for need in node.needs)
        assert self.scheduler.skipped == {node.call for node in self.nodes if node.state == SKIPPED}

    @invariant()
    def the_number_of_ready_calls_is_known(self):
        assert len(self.scheduler) == sum(node.state == READY for node in self.nodes)

    @invariant()
    def as_much_is_free_as_nobody_holds(self):
        for name, capacity in CAPACITY.items():
            holders = [each for each in self.nodes if each.state == RUNNING and not each.is_lent]
            free = capacity - sum((each.call.demand or {}).get(name, 0) for each in holders)
            assert self.scheduler.pool.fits({name: free})
            assert not self.scheduler.pool.fits({name: free + 0.5})

    def teardown(self):
        """Run what is left: nobody may wait for ever."""
        for node in self.nodes:
            self.scheduler.want(node.call)
            if node.is_off and node.state == WAITING:
                self.scheduler.resume(node.call)
            if node.state == RUNNING:
                self.scheduler.finish(node.call)
        while (call := self.scheduler.take()) is not None:
            self.scheduler.finish(call)
        assert all(node.call.state in (NEW, DONE, *LOST) for node in self.nodes)
        assert len(self.scheduler) == 0


TestScheduler = Machine.TestCase
TestScheduler.settings = settings(max_examples=200, stateful_step_count=60, deadline=None)
