"""Diagrams of calls: nodes, edges, and the texts that are made of them. No engine, no store."""

import json
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from jumar.graph.call import Call
from jumar.graph.diagram import Diagram, Edge, Node, nodes_and_edges
from jumar.graph.places import places
from jumar.graph.sketch import sketch_of
from jumar.keys.value import token


class Task:
    """What diagrams ask of a task."""

    names = ("x", "y")

    def __init__(self, name="f"):
        self.name = name

    def by_name(self, args, kwargs):
        return [*zip(self.names, args, strict=False), *kwargs.items()]


def call(key, *args, task=None):
    made = Call(key.encode().ljust(32), task or Task(key), None, args)
    made.needs = tuple(need for _, need in places(made))
    made.arguments = b"".join(token(arg, []) for arg in args)
    return made


def diagram(root, /, **states):
    by_key = {key.encode().ljust(32): state for key, state in states.items()}
    return Diagram(*nodes_and_edges(sketched(root), lambda sketch: by_key.get(sketch.key, "to_compute")))


def sketched(root):
    """The sketch of a call as lazy calls get them: what it needs first."""
    order, stack = [], [root]
    while stack:
        order.append(stack.pop())
        stack.extend(order[-1].needs)
    for each in reversed(order):
        sketch_of(each)
    return sketch_of(root)


def test_every_place_of_a_call_among_arguments_is_found():
    @dataclass
    class Box:
        inside: object
        label: str = ""
        missing: object = field(init=False)

    a, b = call("a"), call("b")
    loop = [a]
    loop.append(loop)
    args = ([a, {"k": (1, b)}], {"s": frozenset([b]), "box": Box(a), "loop": loop})
    assert [(path, need.task.name) for path, need in places(call("c", *args))] == [
        ("x[0]", "a"),
        ("x[1]['k'][1]", "b"),
        ("y['s']{}", "b"),
        ("y['box'].inside", "a"),
        ("y['loop'][0]", "a"),
    ]


def test_equal_calls_are_one_node_and_each_place_is_an_edge():
    shared = call("shared", 1)
    again = call("shared", 1)
    root = call("root", [shared, shared], call("middle", again))
    made = diagram(root)
    assert [node.task for node in made.nodes] == ["root", "shared", "middle"]
    assert [edge.path for edge in made.edges] == ["x[0]", "x[1]", "y", "x"]
    assert made.nodes[1].arguments == "x=1"


def test_what_is_kept_hides_what_it_was_made_from_unless_something_else_needs_it():
    low = call("low")
    made = diagram(call("root", call("kept", low, call("hidden")), call("other", low)), kept="kept")
    assert {node.task for node in made.nodes if not node.needed} == {"hidden"}
    assert made.counts() == {"to_compute": 4, "kept": 1}


@pytest.mark.parametrize(
    ("state", "hides"), [("waiting", False), ("unknown", False), ("running", True), ("done", True)]
)
def test_only_a_call_that_may_still_ask_for_its_inputs_needs_them(state, hides):
    made = diagram(call("root", call("low")), root=state)
    assert made.nodes[1].needed is not hides


def test_arguments_are_shortened_and_those_that_edges_show_are_left_out():
    root, low = diagram(call("root", [call("low", "a" * 40, "b" * 40), 5], 7)).nodes
    assert root.arguments == "y=7"
    assert low.arguments == "x='" + "a" * 40 + "', y='" + "b" * 10 + "…"
    assert len(low.arguments) == 60


def test_a_tree_opens_a_shared_call_once():
    shared = call("shared", call("low"))
    text = str(diagram(call("root", shared, [call("other", shared)]), low="kept"))
    assert text.splitlines() == [
        "4 calls: 3 to compute, 1 kept",
        "root() to compute [726f6f74]",
        "├─ x: shared() to compute [73686172]",
        "│  └─ x: low() kept [6c6f7720]",
        "└─ y[0]: other() to compute [6f746865]",
        "   └─ x: shared() to compute [73686172] (above)",
    ]


def test_a_large_tree_is_cut_and_says_by_how_much():
    wide = str(diagram(call("root", [call(f"n{number}") for number in range(250)])))
    assert wide.count("\n") == 101
    assert wide.endswith("… and 151 more")
    deep = call("n0")
    for number in range(1, 50):
        deep = call(f"n{number}", deep)
    assert str(diagram(deep)).splitlines()[-2].endswith(" …")
    assert str(diagram(deep)).endswith("… and 19 more")


NASTY = 'a "b" \\ <i>&amp;</i> #1; `c`\n|*~'


def nasty():
    return Diagram(
        (Node("k1", NASTY, "x='é'", "failed", True), Node("k2", "g", "", "kept", False)), (Edge("k2", "k1", 'p["q"]'),)
    )


def test_labels_cannot_break_out_of_dot():
    lines = nasty().to_dot().splitlines()
    assert 'label="a \\"b\\" \\\\ <i>&amp;</i> #1; `c` |*~\\nx=\'é\'\\nfailed"' in lines[3]
    assert 'label="g\\nkept, not needed"' in lines[4]
    assert "dashed" in lines[4]
    assert lines[5] == '  n1 -> n0 [label="p[\\"q\\"]"];'
    assert len(lines) == 7


def test_labels_cannot_break_out_of_mermaid():
    lines = nasty().to_mermaid().splitlines()
    label = lines[1].removeprefix('  n0["').removesuffix('"]:::failed')
    assert label == (
        "a #34;b#34; #92; #60;i#62;#38;amp#59;#60;/i#62; #35;1#59; #96;c#96; #124;#42;#126;<br/>x='é'<br/>failed"
    )
    assert lines[2] == '  n1["g<br/>kept, not needed"]:::not_needed'
    assert lines[3] == '  n1 -->|"p[#34;q#34;]"| n0'
    assert [line.split()[1] for line in lines[4:]] == ["failed", "not_needed"]


def test_json_has_every_field():
    assert json.loads(json.dumps(nasty().to_json())) == {
        "nodes": [
            {"key": "k1", "task": NASTY, "arguments": "x='é'", "state": "failed", "needed": True},
            {"key": "k2", "task": "g", "arguments": "", "state": "kept", "needed": False},
        ],
        "edges": [{"need": "k2", "user": "k1", "path": 'p["q"]'}],
    }


def test_a_graph_of_any_depth_needs_no_deep_stack():
    root = call("n0")
    sketch_of(root)
    for number in range(1, 20_000):
        root = call(f"n{number}", root)
        sketch_of(root)
    made = Diagram(*nodes_and_edges(root.sketch, lambda sketch: "to_compute"))
    assert (len(made.nodes), len(made.edges)) == (20_000, 19_999)
    assert made.to_dot().count("->") == made.to_mermaid().count("-->") == 19_999
    assert made.nodes[-1].needed
    assert "more" in str(made)


def test_a_task_whose_key_is_a_function_shows_what_that_gave():
    made = diagram(call("root", 7, task=SimpleNamespace(name="root", names=("key",), by_name=Task().by_name)))
    assert made.nodes[0].arguments == "key=7"
