"""Digests of graphs of code: whatever the order in which the graph is found, and whatever its nodes are called."""

from hypothesis import given
from hypothesis import strategies as st

from jumar.keys.code_graph import Live, Node, digest_all_nodes


def graph(labels, edges, order):
    """Nodes made in the given order; edge (i, name, j) is entered where both exist."""
    nodes = {}
    for number in order:
        nodes[number] = Node(f"node {number} of {order}", "function", label=b"%d" % labels[number])
    for i, name, j in edges:
        nodes[i].add(f"{name}", "global", nodes[j])
    return nodes


@st.composite
def graphs(draw):
    count = draw(st.integers(1, 7))
    labels = draw(st.lists(st.integers(0, 2), min_size=count, max_size=count))
    index = st.integers(0, count - 1)
    edges = draw(
        st.lists(st.tuples(index, st.sampled_from("abc"), index), max_size=14, unique_by=lambda edge: edge[:2])
    )
    return labels, edges, draw(st.permutations(range(count)))


@given(graphs())
def test_digests_depend_on_neither_order_nor_first_asked(drawn):
    labels, edges, order = drawn
    one = graph(labels, edges, range(len(labels)))
    digest_all_nodes(one.values())
    other = graph(labels, list(reversed(edges)), order)
    for number in order:  # one after the other, each walk beginning somewhere else
        digest_all_nodes([other[number]])
    assert [one[number].digest for number in one] == [other[number].digest for number in one]


def behaviour(labels, edges, number, depth):
    """What a node is, unrolled to a depth at which different nodes of so small a graph have shown that they differ."""
    reached = sorted((name, j) for i, name, j in edges if i == number)
    below = tuple((name, behaviour(labels, edges, j, depth - 1)) for name, j in reached) if depth else ()
    return labels[number], below


@given(graphs())
def test_nodes_with_equal_digests_unroll_to_the_same(drawn):
    labels, edges, _ = drawn
    nodes = graph(labels, edges, range(len(labels)))
    digest_all_nodes(nodes.values())
    for i in nodes:
        for j in nodes:
            if nodes[i].digest == nodes[j].digest:
                assert behaviour(labels, edges, i, 6) == behaviour(labels, edges, j, 6)


def test_an_edit_in_a_circle_changes_all_of_it_and_nothing_below():
    edges = [(0, "a", 1), (1, "a", 0), (1, "b", 2)]
    before, after = graph([0, 1, 2], edges, range(3)), graph([5, 1, 2], edges, range(3))
    digest_all_nodes([before[0]])
    digest_all_nodes([after[0]])
    assert [before[i].digest == after[i].digest for i in range(3)] == [False, False, True]


def test_a_value_that_holds_nodes_gets_its_token_when_they_have_digests():
    leaf, root = Node("leaf", "function", label=b"leaf"), Node("root", "function", label=b"root")
    root.add("table", "global", Live({"a": leaf}, [leaf], lambda value, of_node: of_node(value["a"])))
    digest_all_nodes([root])
    assert leaf.digest
    before, leaf.label = root.digest, b"edited"
    digest_all_nodes([root])
    assert root.digest != before


def test_a_chain_of_ten_thousand_nodes_is_digested_without_deep_recursion():
    nodes = graph([0] * 10_000, [(i, "a", i + 1) for i in range(9_999)], range(10_000))
    digest_all_nodes([nodes[0]])
    assert len({node.digest for node in nodes.values()}) == 10_000
