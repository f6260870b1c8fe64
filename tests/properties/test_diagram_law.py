"""Diagrams of generated graphs: every call once, every place an arrow, and needed is what a ten-line walk says."""

import re

from hypothesis import given
from hypothesis import strategies as st

from jumar.graph.call import Call
from jumar.graph.diagram import Diagram, nodes_and_edges
from jumar.graph.places import places
from jumar.graph.sketch import sketch_of

STATES = ("kept", "continued", "to_compute", "waiting", "running", "done", "failed", "cancelled", "unknown")
OPEN = {"to_compute", "waiting", "unknown"}


class Task:
    names = ("x",)

    def __init__(self, name):
        self.name = name

    def by_name(self, args, kwargs):
        return [("x", args[0])]


@st.composite
def graphs(draw):
    """Calls by number, each with the numbers of those that it needs (smaller ones, perhaps twice), and their states."""
    size = draw(st.integers(1, 12))
    needs = [draw(st.lists(st.integers(0, number - 1), max_size=4)) if number else [] for number in range(size)]
    return needs, draw(st.lists(st.sampled_from(STATES), min_size=size, max_size=size))


def drawn(needs, states):
    calls = []
    for number, wanted in enumerate(needs):
        call = Call(bytes([number]) * 32, Task(f"t{number}"), None, ([calls[each] for each in wanted],))
        call.needs = tuple(need for _, need in places(call))
        calls.append(call)
        sketch_of(call)
    return Diagram(*nodes_and_edges(calls[-1].sketch, lambda sketch: states[sketch.key[0]]))


def reachable(needs, top, goes_on):
    found, todo = set(), [top]
    while todo:
        number = todo.pop()
        if number not in found:
            found.add(number)
            todo += needs[number] if goes_on(number) else []
    return found


@given(graphs())
def test_a_diagram_has_each_call_once_each_place_and_the_needed_ones(graph):
    needs, states = graph
    top = len(needs) - 1
    diagram = drawn(needs, states)
    below = reachable(needs, top, lambda number: True)
    numbers = [int(node.task[1:]) for node in diagram.nodes]
    assert numbers[0] == top
    assert sorted(numbers) == sorted(below)
    arrows = [(edge.need, edge.user, edge.path) for edge in diagram.edges]
    expected = [
        (bytes([need] * 32).hex(), bytes([user] * 32).hex(), f"x[{place}]")
        for user in below
        for place, need in enumerate(needs[user])
    ]
    assert sorted(arrows) == sorted(expected)
    needed = reachable(needs, top, lambda number: states[number] in OPEN)
    assert {int(node.task[1:]) for node in diagram.nodes if node.needed} == needed


@given(graphs())
def test_every_text_has_every_call_and_every_arrow(graph):
    diagram = drawn(*graph)
    dot, mermaid = diagram.to_dot(), diagram.to_mermaid()
    assert len(re.findall(r"^  n\d+ \[label=", dot, re.MULTILINE)) == len(diagram.nodes)
    assert len(re.findall(r"^  n\d+ -> n\d+ ", dot, re.MULTILINE)) == len(diagram.edges)
    assert len(re.findall(r'^  n\d+\["', mermaid, re.MULTILINE)) == len(diagram.nodes)
    assert len(re.findall(r"^  n\d+ -->", mermaid, re.MULTILINE)) == len(diagram.edges)
    tree = str(diagram).splitlines()[1:]
    if len(tree) < 100:
        assert {name for line in tree for name in re.findall(r"t\d+", line)} == {node.task for node in diagram.nodes}
