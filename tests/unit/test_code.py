"""The digest of a function's code: what it covers, what it leaves out, when it is made anew."""

import functools
import gc
import logging
import threading
import types
import weakref
from dataclasses import dataclass

import pytest

from jumar.errors import DeclarationError, FingerprintError
from jumar.keys.code import fingerprint_code
from jumar.keys.value import token

ALPHA = 1
SEEN = []
COUNTS = {}
LOCK = threading.Lock()
LOG = logging.getLogger(__name__)
STREAM = (item for item in "ab")


def digest(fn, **options):
    return fingerprint_code(fn, **options).digest


def made(text, **namespace):
    """A function ``f`` as if it stood in a notebook's cell of its own: no file, but its names."""
    exec(compile(text, "<made>", "exec"), namespace)
    return namespace["f"]


def scale(x):
    return x * ALPHA


def use_scale(x):
    return scale(x)


def is_even(n):
    return n == 0 or is_odd(n - 1)


def is_odd(n):
    return n != 0 and is_even(n - 1)


def adder(n):
    def add(x):
        return x + n

    return add


def record(x):
    SEEN.append(x)
    COUNTS[x] = 1
    return x


def look(x):
    return SEEN


def guarded(x):
    with LOCK:
        LOG.info("x")
        return x


def streaming():
    return next(STREAM)


class Model:
    rate = 0.5

    def __init__(self, width):
        self.width = width

    def __call__(self, x):
        return x * self.width

    def fit(self, x):
        return self(x) * self.rate


@dataclass(frozen=True)
class Pair:
    one: object
    two: object


def test_a_digest_is_32_bytes_and_the_same_each_time():
    assert len(digest(scale)) == 32
    assert digest(scale) == digest(scale)
    assert fingerprint_code(scale) is fingerprint_code(scale)


def test_two_lambdas_on_one_line_differ():
    one, two = (lambda x: x + 1), (lambda x: x + 2)
    assert digest(one) != digest(two)


def test_equal_lambdas_on_one_line_are_equal():
    one, two = (lambda x: x + 1), (lambda x: x + 1)
    assert digest(one) == digest(two)


def test_a_lambda_inside_a_lambda_is_told_from_the_outer_one():
    outer = lambda: lambda: 1  # noqa: E731
    assert len({digest(outer), digest(outer()), digest(lambda: 1)}) == 2


def test_closures_of_one_line_differ_by_what_they_hold():
    assert digest(adder(1)) != digest(adder(2))
    assert digest(adder(1)) == digest(adder(1))


def test_functions_in_a_closure_count_by_their_code():
    def apply(fn):
        return lambda x: fn(x) + 1

    assert digest(apply(scale)) != digest(apply(use_scale))
    assert digest(apply(adder(1))) == digest(apply(adder(1)))


def test_members_of_a_circle_have_digests_of_their_own_whichever_is_asked_first():
    fresh = {"is_odd": None, "is_even": None}
    for function in (is_even, is_odd):
        fresh[function.__name__] = types.FunctionType(function.__code__, fresh)
    assert digest(is_even) != digest(is_odd)
    assert digest(fresh["is_odd"]) == digest(is_odd)
    assert digest(fresh["is_even"]) == digest(is_even)


def test_a_recursive_function_keeps_its_digest_when_it_is_renamed():
    def one(n):
        return n and one(n - 1)

    def two(n):
        return n and two(n - 1)

    assert digest(one) == digest(two)


def test_a_partial_counts_its_function_and_its_arguments():
    assert digest(functools.partial(scale, 1)) != digest(functools.partial(scale, 2))
    assert digest(functools.partial(scale, 1)) != digest(functools.partial(use_scale, 1))
    assert digest(functools.partial(scale, 1)) == digest(functools.partial(scale, 1))


def test_a_bound_method_counts_its_object():
    assert digest(Model(1).fit) != digest(Model(2).fit)
    assert digest(Model(1).fit) == digest(Model(1).fit)


MODELS = [Model(1), Model(2)]


def test_a_method_that_its_module_offers_as_a_function_counts_its_object(monkeypatch):
    """As the module random does with those of an instance that it has: that is a library's, whose version tells."""
    digests = set()
    for model in MODELS:
        monkeypatch.setitem(globals(), "fit", model.fit)
        digests.add(digest(eval("lambda x: fit(x)", globals())))
        digests.add(digest(model.fit))
    assert len(digests) == 4


def test_a_callable_object_counts_its_class_and_state():
    assert digest(Model(1)) != digest(Model(2))
    assert digest(Model(1)) == digest(Model(1))


def test_a_cached_function_is_the_function():
    assert digest(functools.lru_cache(scale)) == digest(scale)


def test_a_wrapper_is_code_of_its_own_and_holds_what_it_wraps():
    def decorate(fn):
        @functools.wraps(fn)
        def wrapper(x):
            return fn(x)

        return wrapper

    assert digest(decorate(scale)) != digest(scale)
    assert digest(decorate(scale)) != digest(decorate(use_scale))
    assert digest(decorate(scale)) == digest(decorate(scale))


def test_builtins_and_classes_of_libraries_go_by_name():
    assert len({digest(each) for each in (len, sum, dict, str.upper, logging.Logger, functools.reduce)}) == 6
    assert digest(len) == digest(len)


def test_bound_builtin_methods_count_what_they_are_bound_to():
    assert digest("a".join) != digest("b".join)


def test_a_list_that_is_only_written_is_no_input():
    before = digest(record)
    record(1)
    assert fingerprint_code(record).is_current()
    assert digest(record) == before


def test_a_list_that_is_read_is_an_input():
    before, kept = fingerprint_code(look), list(SEEN)
    SEEN.append("more")
    try:
        assert not before.is_current()
        assert digest(look) != before.digest
    finally:
        SEEN[:] = kept
    assert digest(look) == before.digest


def test_locks_and_loggers_are_no_inputs():
    kinds = {part.name.rpartition(" ")[2]: part.kind for part in fingerprint_code(guarded).parts}
    assert kinds["LOCK"] == "opaque"
    assert kinds["LOG"] == "opaque"


def test_a_global_without_identity_is_an_error_that_names_it_and_the_ways_out():
    with pytest.raises(FingerprintError, match=r"global 'STREAM'.*generator.*code=\"own\""):
        fingerprint_code(streaming)
    assert digest(streaming, follow="own")


def test_rebinding_a_global_makes_the_fingerprint_stale(monkeypatch):
    before = fingerprint_code(use_scale)
    assert before.is_current()
    monkeypatch.setitem(globals(), "ALPHA", 2)
    assert not before.is_current()
    assert digest(use_scale) != before.digest
    monkeypatch.undo()
    assert digest(use_scale) == before.digest


def test_redefining_a_helper_makes_the_fingerprint_stale(monkeypatch):
    before = fingerprint_code(use_scale)
    monkeypatch.setitem(globals(), "scale", adder(3))
    assert not before.is_current()
    assert digest(use_scale) != before.digest


def test_replacing_a_functions_code_in_place_makes_the_fingerprint_stale():
    def one(x):
        return x

    before = fingerprint_code(one)
    one.__code__ = (lambda x: -x).__code__
    assert not before.is_current()
    assert digest(one) != before.digest


def test_replacing_a_method_makes_the_fingerprint_stale(monkeypatch):
    before = fingerprint_code(Model(1).fit)
    monkeypatch.setattr(Model, "__call__", lambda self, x: x)
    assert not before.is_current()
    assert digest(Model(1).fit) != before.digest


def test_assigning_a_class_attribute_changes_the_digest(monkeypatch):
    before = digest(Model)
    monkeypatch.setattr(Model, "rate", 0.25)
    assert digest(Model) != before


def test_assigning_a_closures_variable_makes_the_fingerprint_stale():
    n = 1

    def add(x):
        return x + n

    before = fingerprint_code(add)
    n = 2
    assert not before.is_current()
    assert digest(add) != before.digest


def test_a_mutable_default_is_looked_at_again():
    def collect(x, into=[]):  # noqa: B006
        return [*into, x]

    before = fingerprint_code(collect)
    collect.__defaults__[0].append(1)
    assert not before.is_current()
    assert digest(collect) != before.digest


def test_a_name_that_is_defined_later_makes_the_fingerprint_stale():
    f = made("def f(x):\n    return later(x)")
    before = fingerprint_code(f)
    assert before.is_current()
    f.__globals__["later"] = scale
    assert not before.is_current()
    assert digest(f) != before.digest


def test_it_counts_which_parameter_has_a_default():
    assert digest(lambda x, *, y, z=1: x) != digest(lambda x, *, y=1, z: x)


def test_own_stays_with_the_functions_own_text(monkeypatch):
    before, deep = digest(use_scale, follow="own"), digest(use_scale)
    monkeypatch.setitem(globals(), "scale", adder(3))
    assert digest(use_scale, follow="own") == before
    assert digest(use_scale) != deep


def test_version_alone_leaves_the_code_out():
    assert digest(scale, follow="version", version="1") != digest(scale, follow="version", version="2")
    assert digest(scale, follow="version", version="1") != digest(use_scale, follow="version", version="1")


def test_a_version_joins_the_digest():
    assert len({digest(scale), digest(scale, version="1"), digest(scale, version="2")}) == 3


def test_uses_declares_what_cannot_be_seen():
    assert len({digest(scale), digest(scale, uses=[use_scale]), digest(scale, uses=["table 3"])}) == 3


@pytest.mark.parametrize("options", [{"follow": "shallow"}, {"follow": "version"}, {"version": 3}])
def test_options_that_cannot_work_are_refused(options):
    with pytest.raises(DeclarationError):
        fingerprint_code(scale, **options)


def test_functions_and_classes_inside_arguments_count_by_their_code(monkeypatch):
    before = [token(value) for value in (use_scale, {"a": use_scale}, Pair(use_scale, Model))]
    assert len(set(before)) == 3
    monkeypatch.setitem(globals(), "ALPHA", 2)
    after = [token(value) for value in (use_scale, {"a": use_scale}, Pair(use_scale, Model))]
    assert all(one != other for one, other in zip(before, after, strict=True))


def test_an_equal_strategy_made_anew_has_the_same_token():
    assert token(Model(2)) == token(Model(2))
    assert token(functools.partial(adder(1), 2)) == token(functools.partial(adder(1), 2))
    assert token(Model(2).fit) == token(Model(2).fit)


def test_parts_name_what_was_found_with_its_source():
    parts = {part.name.rpartition(".")[2]: part for part in fingerprint_code(use_scale).parts}
    assert parts["scale"].source == "def scale(x):\n    return x * ALPHA\n"
    assert parts["scale"].file == __file__
    assert parts["scale: ALPHA"].source == "1"


def test_fingerprints_do_not_keep_functions_alive():
    def short_lived(x):
        return x

    fingerprint_code(short_lived)
    gone = weakref.ref(short_lived)
    del short_lived
    gc.collect()
    assert gone() is None
