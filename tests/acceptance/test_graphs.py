"""Graphs of lazy calls: what they say before, while and after something runs, and what notebooks are given."""

import concurrent.futures as cf
import gc
import os
import stat
import weakref

import pytest

import jumar


@jumar.task
def load(n):
    return list(range(n))


@jumar.task
def clean(rows):
    return rows[1:]


@jumar.task
def total(parts, extra=0):
    return sum(map(sum, parts)) + extra


def build():
    return total.lazy([clean.lazy(load.lazy(n)) for n in (3, 4)], extra=load.lazy(3)[2])


def states(lazy):
    return {(node.task, node.arguments): node.state for node in lazy.graph().nodes}


def test_a_graph_is_seen_without_running_anything(session):
    graph = build().graph()
    assert session.counts()[:5] == (0, 0, 0, 0, 0)
    assert [node.task for node in graph.nodes] == ["total", "clean", "load", "clean", "load", "jumar.item"]
    assert {edge.path for edge in graph.edges} == {"parts[0]", "parts[1]", "rows", "extra", "of"}
    assert graph.counts() == {"to_compute": 6}
    assert repr(graph) == "<jumar.Graph 6 calls: 6 to compute>"
    assert str(graph).splitlines()[1] == f"total() to compute [{graph.nodes[0].key[:8]}]"


def test_what_is_kept_is_known_and_hides_what_is_below_it(session):
    clean.spawn(load.spawn(3)).result()
    graph = build().graph()
    assert states(build())["load", "n=3"] == "kept"
    assert [node.needed for node in graph.nodes if node.arguments == "n=3"] == [True]  # the item needs it
    assert graph.counts() == {"to_compute": 4, "kept": 2}


def test_the_picture_stays_whole_when_the_calls_have_ended_and_for_one_that_was_found():
    store = jumar.Store.in_memory()
    for _ in range(2):
        with jumar.Session(store):
            lazy = build()
            assert jumar.collect(lazy) == 3 + 6 + 2
            graph = lazy.graph()
            assert len(graph.nodes) == 6
            assert {node.task for node in graph.nodes if node.state == "kept"} == {"total", "clean", "load"}
            assert [node.task for node in graph.nodes if node.needed] == ["total"]


def test_a_picture_keeps_no_value_alive(session):
    class Big:
        pass

    @jumar.task(checkpoint=False)
    def make():
        return Big()

    @jumar.task
    def use(big):
        refs.append(weakref.ref(big))
        return 1

    refs = []
    lazy = use.options(checkpoint=False, key=lambda big: 1).lazy(make.lazy())
    assert jumar.collect(lazy) == 1
    gc.collect()
    assert refs[0]() is None
    assert [node.task.rpartition(".")[2] for node in lazy.graph().nodes] == ["use", "make"]


def test_running_and_waiting_calls_are_shown_as_they_are(threads, gate):
    @jumar.task
    def held():
        gate.pass_through()
        return [1]

    lazy = total.lazy([clean.lazy(held.lazy())])
    waiting = total.spawn([clean.lazy(held.lazy())])
    gate.wait_for_arrival()
    shown = {node.task.rpartition(".")[2]: node.state for node in lazy.graph().nodes}
    assert shown == {"total": "waiting", "clean": "waiting", "held": "running"}
    gate.open()
    waiting.result()
    assert set(lazy.graph().counts()) == {"kept"}


def test_failed_cancelled_done_and_unfindable_calls_are_told_apart(session):
    @jumar.task
    def bad():
        raise ZeroDivisionError

    @jumar.task(checkpoint=False)
    def loose():
        return [1]

    @jumar.task(reuse="never")
    def roll():
        return [2]

    lazy = total.lazy([bad.lazy()])
    with pytest.raises(ZeroDivisionError):
        jumar.collect(lazy)
    assert lazy.graph().counts() == {"failed": 2}
    part, die = loose.lazy(), roll.lazy()
    top = total.lazy([part, die])
    jumar.collect(top)
    assert [node.state for node in top.graph().nodes] == ["done", "done", "done"]
    assert loose.lazy().graph().counts() == {"to_compute": 1}


def test_an_old_result_of_a_task_with_an_age_limit_is_to_be_computed(session):
    jumar.collect(load.lazy(3))
    assert load.lazy(3).graph().nodes[0].state == "kept"
    assert load.options(ttl_s=0.0).lazy(3).graph().nodes[0].state == "to_compute"
    assert load.options(refresh=True).lazy(3).graph().nodes[0].state == "to_compute"


def test_a_restore_function_is_not_asked(session):
    asked = []
    task = jumar.task(restore=asked.append, name="mine")(lambda: 1)
    assert task.lazy().graph().nodes[0].state == "unknown"
    assert asked == []


def test_of_a_closed_session_only_what_is_in_memory_is_known(tmp_path):
    with jumar.Session(tmp_path / "store"):
        lazy, other = clean.lazy(load.lazy(3)), load.lazy(4)
        jumar.collect(lazy)
    assert {node.task: node.state for node in lazy.graph().nodes}["clean"] == "done"
    assert other.graph().counts() == {"unknown": 1}


def test_a_future_among_the_arguments_is_a_leaf(threads, gate):
    @jumar.task
    def held(x):
        gate.pass_through()
        return [x]

    foreign = cf.Future()
    lazy = total.lazy([held.spawn(load.spawn(2)[1]), [foreign]])
    gate.wait_for_arrival()
    shown = [(node.task.rpartition(".")[2], node.state) for node in lazy.graph().nodes]
    assert shown == [("total", "to_compute"), ("held", "running"), ("Future", "running")]
    gate.open()
    foreign.set_result(1)
    assert jumar.collect(lazy) == 2


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A PATH of its own, to have or not to have the program ``dot`` on."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def install_dot(path, script):
    program = path / "dot"
    program.write_text(f"#!{os.path.realpath('/bin/sh')}\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


def test_a_notebook_is_given_mermaid_where_graphviz_is_not_installed(session, path):
    graph = build().graph()
    bundle = graph._repr_mimebundle_()
    assert bundle == {"text/plain": str(graph), "text/vnd.mermaid": graph.to_mermaid()}
    assert graph._repr_mimebundle_(include={"text/plain"}, exclude=()) == {"text/plain": str(graph)}
    assert set(graph._repr_mimebundle_(exclude={"text/plain"})) == {"text/vnd.mermaid"}
    with pytest.raises(jumar.JumarError, match="Install Graphviz"):
        graph.to_svg()


def test_a_notebook_is_given_the_picture_that_graphviz_draws(session, path):
    install_dot(path, 'read -r first; echo "<svg>$1 $first</svg>"')
    graph = build().graph()
    assert graph._repr_mimebundle_()["image/svg+xml"] == "<svg>-Tsvg digraph jumar {</svg>\n"


def test_a_graphviz_that_fails_is_told_and_replaced(session, path, caplog):
    install_dot(path, 'echo "no fonts" >&2; exit 3')
    graph = build().graph()
    assert set(graph._repr_mimebundle_()) == {"text/plain", "text/vnd.mermaid"}
    assert "no fonts" in caplog.text


def test_a_notebook_is_given_the_tree_of_a_graph_too_large_to_draw(session, path):
    install_dot(path, "echo drawn")
    graph = total.lazy([load.lazy(number) for number in range(600)]).graph()
    assert graph._repr_mimebundle_() == {"text/plain": str(graph)}


def test_a_call_that_returned_calls_which_failed_is_continued(session):
    @jumar.task
    def bad():
        raise ZeroDivisionError

    @jumar.task
    def first(rows):
        return clean.lazy(bad.lazy())

    with pytest.raises(ZeroDivisionError):
        jumar.collect(first.lazy(load.lazy(2)))
    assert [node.state for node in first.lazy(load.lazy(2)).graph().nodes] == ["continued", "kept"]


RAN = []
"""What ran of the tasks below, which must be importable: they stand in a graph that is kept."""


@jumar.task(code="own")
def fragile(x):
    RAN.append("fragile")
    if RAN.count("fragile") == 1:
        raise ZeroDivisionError
    return [x]


@jumar.graph
def two_parts(n):
    return total([load(load(n)[2]), fragile(load(n)[1])])


@jumar.task(code="own")
def study(n):
    RAN.append("study")
    return two_parts(n)


@jumar.task(code="own")
def with_work_of_others():
    RAN.append("with_work_of_others")
    foreign = cf.Future()
    foreign.set_result(2)
    return fragile.lazy(foreign)


def test_a_returned_graph_with_a_foreign_future_in_it_is_asked_for_again_in_another_session():
    RAN.clear()
    store = jumar.Store.in_memory()
    with jumar.Session(store), pytest.raises(ZeroDivisionError):
        with_work_of_others()
    with jumar.Session(store):
        assert with_work_of_others.spawn().result() == [2]
    assert RAN == ["with_work_of_others", "fragile"] * 2


def test_a_task_may_return_a_graph_with_parts_in_it_and_another_session_goes_on_with_it():
    RAN.clear()
    store = jumar.Store.in_memory()
    with jumar.Session(store), pytest.raises(ZeroDivisionError):
        study(3)
    with jumar.Session(store) as session:
        assert study(3) == 1 + 1
        assert session.counts()[:2] == (2, 3)
    assert RAN == ["study", "fragile", "fragile"]
