"""One normal form for every way of writing a call."""

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jumar.errors import ArgumentError, FingerprintError
from jumar.keys.call import Signature, call_key


def keys(fn, *calls):
    signature = Signature(fn, "task")
    found = set()
    for args, kwargs in calls:
        bound = signature.bind(args, kwargs)
        found.add(call_key(b"c" * 32, b"".join(signature.tokens(*bound))))
    return found


def plain(x, y=2):
    pass


def rich(x, /, y=2, *rest, z=3, **more):
    pass


def test_position_keyword_and_default_are_one_call():
    assert len(keys(plain, ((1, 2), {}), ((1,), {}), ((1,), {"y": 2}), ((), {"x": 1}), ((), {"y": 2, "x": 1}))) == 1


def test_the_same_holds_for_every_kind_of_parameter():
    calls = [((1,), {}), ((1, 2), {}), ((1,), {"z": 3}), ((1,), {"y": 2, "z": 3})]
    assert len(keys(rich, *calls)) == 1


def test_the_order_of_extra_keywords_does_not_matter():
    assert len(keys(rich, ((1,), {"a": 1, "b": 2}), ((1,), {"b": 2, "a": 1}))) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (((1, 2), {}), ((2, 1), {})),
        (((1, 2, 3), {}), ((1, 2, (3,)), {})),
        (((1, 2, 3, 4), {}), ((1, 2, (3, 4)), {})),
        (((1,), {"a": 2}), ((1,), {"b": 2})),
        (((1,), {"z": 4}), ((1,), {"more": 4})),
    ],
)
def test_different_calls_have_different_keys(one, other):
    assert len(keys(rich, one, other)) == 2


def test_another_code_is_another_key():
    assert call_key(b"a" * 32, b"") != call_key(b"b" * 32, b"")


@pytest.mark.parametrize("call", [((), {}), ((1, 2, 3), {}), ((1,), {"w": 1}), ((1,), {"x": 1})])
def test_arguments_that_do_not_fit_are_refused_with_the_signature(call):
    with pytest.raises(ArgumentError, match=r"task 'task': .*It is declared as task\(x, y=2\)"):
        Signature(plain, "task").bind(*call)


def test_an_argument_without_identity_is_named_with_its_place():
    signature = Signature(rich, "fit")
    args, kwargs = signature.bind((1, [{"k": (i for i in range(3))}]), {})
    with pytest.raises(FingerprintError, match=r"task 'fit', argument y\[0\]\[.k.\]"):
        signature.tokens(args, kwargs)


def test_a_callable_that_hides_its_parameters_is_refused_with_a_way_out():
    with pytest.raises(ArgumentError, match="Wrap it in a function"):
        Signature(max, "max")


@st.composite
def signatures(draw):
    """A function with up to four parameters, in an order that Python accepts."""
    kinds = sorted(draw(st.lists(st.sampled_from(["only by position", "either way"]), max_size=4)), reverse=True)
    required = draw(st.integers(0, len(kinds)))
    names = [name if at < required else f"{name}={at}" for at, name in enumerate("abcd"[: len(kinds)])]
    only = kinds.count("only by position")
    head = [*names[:only], *(["/"] if only else []), *names[only:]]
    namespace = {}
    exec(f"def made({', '.join(head)}): pass", namespace)
    return namespace["made"]


@given(
    signatures(),
    st.lists(st.integers(10, 99), max_size=5),
    st.dictionaries(st.sampled_from("abcde"), st.integers(10, 99)),
)
def test_arguments_are_bound_as_python_binds_them(fn, args, kwargs):
    signature = Signature(fn, "made")
    try:
        bound = inspect.signature(fn).bind(*args, **kwargs)
    except TypeError:
        with pytest.raises(ArgumentError, match="It is declared as made"):
            signature.bind(tuple(args), kwargs)
        return
    bound.apply_defaults()
    assert signature.bind(tuple(args), kwargs) == (bound.args, {})
