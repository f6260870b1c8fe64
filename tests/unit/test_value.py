"""Tokens of values: identities given by users, references, errors, depth, cycles."""

import datetime as dt
import enum
import io
import pickle
import random
import re
import threading
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import attrs
import pydantic
import pytest

from jumar.errors import DeclarationError, FingerprintError
from jumar.keys.value import describe, fingerprint, parts, register_reference, token
from jumar.keys.value_form import MAX_SUMMARY, MAX_TOKEN, record, text
from jumar.keys.value_object import class_by_name
from jumar.keys.value_registry import MAX_KNOWN, REGISTRY


@dataclass
class Model:
    weights: list[Any]
    name: str = "m"


class Handle:
    """Something that says itself what it is."""

    def __init__(self, url):
        self.url = url
        self.lock = threading.Lock()

    def __jumar_key__(self):
        return self.url


class SpecialHandle(Handle):
    """Inherits the identity and is still another class."""


class Connection:
    def __init__(self, url):
        self.url = url
        self.lock = threading.Lock()


class PooledConnection(Connection):
    pass


@fingerprint(Connection)
def connection_identity(connection):
    return {"url": connection.url}


class Awaited:
    """Stands for the result of another call."""

    def __init__(self, key):
        self.key = key


register_reference(Awaited, lambda awaited: awaited.key)


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self, a, b):
        self.a, self.b = a, b


class SlottedChild(Slotted):
    def __init__(self, a, b, c):
        super().__init__(a, b)
        self.c = c


class Rebuilt:
    """Does its own pickling, faithfully."""

    def __init__(self, x):
        self.x = x

    def __reduce__(self):
        return Rebuilt, (self.x,)


class Counting:
    """Does its own pickling, differently each time."""

    made = 0

    def __init__(self, serial=0):
        self.serial = serial

    def __reduce__(self):
        Counting.made += 1
        return Counting, (Counting.made,)


class Unpicklable:
    def __reduce__(self):
        raise TypeError("not this one")


class WithoutLock:
    """Leaves out of its state what has no identity."""

    def __init__(self, x):
        self.x = x
        self.lock = threading.Lock()

    def __getstate__(self):
        return {"x": self.x}


class Tags(set):
    pass


class Names(list):
    pass


class Table(dict):
    pass


class Metres(float):
    pass


class Level(enum.IntEnum):
    LOW = 1


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Base(pydantic.BaseModel):
    a: int = 1
    b: list[int] = []


@attrs.define
class Frozen:
    a: int
    b: list[int]


@dataclass(frozen=True, slots=True)
class Tight:
    a: int
    b: list[int] = field(default_factory=list)


class Pair(NamedTuple):
    x: Any
    y: Any


class OtherPair(NamedTuple):
    x: Any
    y: Any


EQUAL_TWINS = {
    "dataclass": (lambda: Model([1, {"a": 2}]), lambda: Model([2, {"a": 2}])),
    "frozen dataclass with slots": (lambda: Tight(1, [2]), lambda: Tight(1, [3])),
    "attrs": (lambda: Frozen(1, [2]), lambda: Frozen(1, [3])),
    "pydantic": (lambda: Base(a=1, b=[2]), lambda: Base(a=1, b=[3])),
    "slots": (lambda: Slotted(1, [2]), lambda: Slotted(1, [3])),
    "slots and attributes": (lambda: SlottedChild(1, 2, 3), lambda: SlottedChild(1, 2, 4)),
    "own state": (lambda: WithoutLock(1), lambda: WithoutLock(2)),
    "own pickling": (lambda: Rebuilt([1]), lambda: Rebuilt([2])),
    "own pickling, nested": (lambda: Rebuilt([Rebuilt({1})]), lambda: Rebuilt([Rebuilt({2})])),
    "named tuple": (lambda: Pair(1, 2), lambda: OtherPair(1, 2)),
    "subclass of set": (lambda: Tags("abcdef"), lambda: Tags("abcde")),
    "subclass of list": (lambda: Names("ab"), lambda: list("ab")),
    "subclass of dict": (lambda: Table(a=1), lambda: {"a": 1}),
    "subclass of float": (lambda: Metres(1.5), lambda: 1.5),
    "int enum": (lambda: Level.LOW, lambda: 1),
    "flags together": (lambda: Access.READ | Access.WRITE, lambda: Access.READ),
    "exception": (lambda: ValueError("a", 1), lambda: ValueError("a", 2)),
    "exception with a file": (lambda: OSError(2, "x", "f"), lambda: OSError(2, "x", "g")),
    "in-memory file": (lambda: io.BytesIO(b"abc"), lambda: io.BytesIO(b"abd")),
    "time": (lambda: dt.time(1, 2, fold=1), lambda: dt.time(1, 2)),
    "time span": (lambda: dt.timedelta(1), lambda: dt.timedelta(seconds=1)),
    "fixed zone": (lambda: dt.timezone(dt.timedelta(hours=1)), lambda: dt.timezone(dt.timedelta(hours=1), "CET")),
    "singleton": (lambda: NotImplemented, lambda: Ellipsis),
    "slice": (lambda: slice(1, [2]), lambda: slice(1, [3])),
    "memory view": (lambda: memoryview(b"abcdef")[::2], lambda: memoryview(b"abcdef")),
    "complex": (lambda: complex(0.0, float("nan")), lambda: complex(-0.0, float("nan"))),
    "long bytes": (lambda: b"x" * 100, lambda: b"x" * 101),
    "lone surrogate": (lambda: "\ud800", lambda: "?"),
}


@pytest.mark.parametrize(("make", "make_other"), EQUAL_TWINS.values(), ids=EQUAL_TWINS)
def test_a_value_equals_its_twin_and_differs_from_its_neighbour(make, make_other):
    assert token(make()) == token(make())
    assert token(make()) != token(make_other())
    assert describe(token(make()))


@pytest.mark.parametrize("value", [Model([1]), Tight(1), Frozen(1, []), Base(), Slotted(1, 2), {"a": Pair(1, 2)}])
def test_a_pickled_copy_has_the_same_token(value):
    for protocol in (2, 3, 4, 5):
        assert token(pickle.loads(pickle.dumps(value, protocol))) == token(value)


def test_short_values_stand_as_themselves_and_long_ones_are_bounded():
    assert token("abc") == b"s\x03abc"
    assert token([1, None]) == b"[i1;N]"
    longest = 2 + MAX_SUMMARY + 32
    for value in ("x" * 10_000, [1] * 10_000, {n: n for n in range(100)}, Model(["x" * 1000]), Pair("y" * 70, 1)):
        assert len(token(value)) <= longest
    assert len(token("x" * MAX_TOKEN)) == MAX_TOKEN + 2


def test_a_summary_in_wide_letters_is_cut_within_bounds():
    made = record("kind", [text("ab" * 30), text("c")], "ü" * 100)
    assert len(made) == 2 + MAX_SUMMARY + 32
    assert describe(made).startswith("kind ü")


def test_ints_of_any_size_are_told_apart():
    sizes = [0, 1, 2**63 - 1, 2**63, 2**64, 10**5000, 10**5000 + 1]
    values = sizes + [-value for value in sizes[1:]]
    assert len({token(value) for value in values}) == len(values)


def test_nesting_of_any_depth_works():
    def nested(depth, innermost):
        value = innermost
        for _ in range(depth):
            value = [value]
        return value

    assert token(nested(100_000, 1)) != token(nested(99_999, 1))
    assert token(nested(5_000, 1)) == token(nested(5_000, 1))
    assert token(nested(5_000, 1)) != token(nested(5_000, 2))


def test_deeply_nested_instances_work():
    chain = None
    for _ in range(5_000):
        chain = Model([chain])
    assert token(chain) != token(chain.weights[0])


def test_a_structure_of_shared_parts_costs_its_size_and_not_its_unfolding():
    value = [0]
    for _ in range(1500):
        value = [value, value]
    unshared = [0]
    for _ in range(4):
        unshared = [list(unshared), list(unshared)]
    assert token(value) == token(value)
    inner = value
    for _ in range(1496):
        inner = inner[0]
    assert token(inner) == token(unshared)


def test_parts_remembered_in_a_long_walk_have_the_token_they_have_alone():
    part = {"a": [1, [2]]}
    many = [[index] for index in range(3000)]
    assert token([many, part, part]) == token([many, {"a": [1, [2]]}, {"a": [1, [2]]}])


def test_a_container_that_holds_itself_is_known_by_its_shape():
    def ring(length):
        first = []
        value = first
        for _ in range(length - 1):
            value = [value]
        first.append(value)
        return first

    assert token(ring(1)) == b"[^1;]"
    assert token(ring(3)) == token(ring(3))
    assert token(ring(2)) != token(ring(3))


def test_an_instance_that_holds_itself_is_known_by_its_shape():
    def loop(name):
        model = Model([], name)
        model.weights.append({"back": model})
        return model

    assert token(loop("a")) == token(loop("a"))
    assert token(loop("a")) != token(loop("b"))


def test_a_back_reference_in_a_shared_part_counts_from_where_it_stands():
    holder = []
    part = [holder]
    holder.extend([part, [part]])
    many = [[index] for index in range(3000)]
    twin = []
    twin.extend([[twin], [[twin]]])
    assert token([many, holder]) == token([many, twin])


def test_own_pickling_that_leads_back_to_itself_is_stable():
    value = Names()
    value.append(Rebuilt(1))
    value.append(value)
    again = Names()
    again.append(Rebuilt(1))
    again.append(again)
    assert token(value) == token(again)


def test_references_are_found_at_any_depth_in_the_order_met():
    first, second = Awaited(b"1" * 32), Awaited(b"2" * 32)
    met = []
    made = token({"x": [first], "y": (Model([second]), {1: first})}, met)
    assert met == [first, second, first]
    assert made != token({"x": [second], "y": (Model([second]), {1: first})}, [])
    assert token(first, []) == b"@" + b"1" * 32


def test_references_in_remembered_parts_are_met_each_time():
    awaited = Awaited(b"1" * 32)
    part = [[awaited]]
    met = []
    token([[[index, []] for index in range(3000)], part, part], met)
    assert met == [awaited, awaited]


def test_a_reference_inside_something_that_does_its_own_pickling_is_met_once():
    awaited = Awaited(b"1" * 32)
    met = []
    token(Rebuilt([awaited]), met)
    assert met == [awaited]


def test_a_reference_where_only_values_can_stand_is_an_error():
    with pytest.raises(FingerprintError, match="only a finished value") as caught:
        token([Awaited(b"1" * 32)])
    assert caught.value.path == "[0]"


def test_a_reference_needs_a_key_of_full_length():
    with pytest.raises(FingerprintError, match="3 bytes instead of 32"):
        token(Awaited(b"abc"), [])


@pytest.mark.parametrize(
    ("value", "path", "says"),
    [
        ({"model": Model([0, 1, threading.Lock()])}, "['model'].weights[2]", "lock"),
        ([1, (2, iter([]))], "[1][1]", "iterator is used up"),
        ({"a": {3: (n for n in ())}}, "['a'][3]", "generator"),
        ([[], [Pair(1, object())]], "[1][0]", "object()"),
        ({Model: 1, "x": [threading.Event()]}, "['x'][0]", "threads of this process"),
        ([Rebuilt([threading.Lock()])], "[0][0][0]", "lock"),
        ([{"x": pytest}], "[0]['x']", "module"),
        ([random.SystemRandom()], "[0]", "outside of the program"),
        (Base.model_construct(a=threading.Lock()), ".a", "lock"),
        ({"f": [slice(0, threading.Lock())]}, "['f'][0].stop", "lock"),
    ],
)
def test_what_has_no_identity_is_an_error_that_says_where_it_is(value, path, says):
    with pytest.raises(FingerprintError) as caught:
        token(value)
    assert caught.value.path == path
    assert says in str(caught.value)


def test_a_walk_that_failed_leaves_nothing_behind():
    bad = [1]
    holder = [bad, threading.Lock()]
    for _ in range(2):
        with pytest.raises(FingerprintError):
            token(holder)
    holder.pop()
    assert token(holder) == b"[[i1;]]"


def test_pickling_that_differs_each_time_is_refused():
    with pytest.raises(FingerprintError, match="no stable identity"):
        token(Counting())


def test_what_cannot_be_pickled_is_refused_with_the_reason():
    with pytest.raises(FingerprintError, match="not this one"):
        token(Unpicklable())


def test_a_registered_identity_stands_for_the_value_and_its_class():
    assert token(Connection("a")) == token(Connection("a"))
    assert token(Connection("a")) != token(Connection("b"))
    assert token(PooledConnection("a")) == token(PooledConnection("a"))
    assert token(PooledConnection("a")) != token(Connection("a"))
    assert token(Connection("a")) != token({"url": "a"})


def test_a_value_can_say_itself_what_identifies_it():
    assert token([Handle("a")]) == token([Handle("a")])
    assert token(Handle("a")) != token(Handle("b"))
    assert token(SpecialHandle("a")) != token(Handle("a"))
    assert token(SpecialHandle("a")) == token(SpecialHandle("a"))


def test_an_identity_without_identity_says_where_it_came_from():
    bad = Handle(threading.Lock())
    with pytest.raises(FingerprintError) as caught:
        token([bad])
    assert caught.value.path == "[0].__jumar_key__()"


def test_the_identity_of_scalars_is_fixed():
    with pytest.raises(DeclarationError, match="int is a built-in scalar"):
        fingerprint(int)
    with pytest.raises(DeclarationError, match="takes a class"):
        fingerprint("Connection")


def test_classes_without_end_do_not_fill_the_memory():
    for serial in range(MAX_KNOWN + 10):
        token(enum.Enum, None)
        REGISTRY.find(type(f"Made{serial}", (), {}))
    assert len(REGISTRY.known) <= MAX_KNOWN + 1
    assert token(Connection("a")) == token(Connection("a"))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (42, "42"),
        ("abc", "'abc'"),
        (-0.5, "-0.5"),
        (2j, "2j"),
        (b"ab", "b'ab'"),
        (None, "None"),
        ([1, (2,), set(), {3}, ...], "[1, (2,), set(), {3}, ...]"),
        ({"a": True}, "{'a': True}"),
        (dt.date(2024, 1, 2), "date('2024-01-02')"),
        (dict, "dict"),
    ],
)
def test_a_token_reads_as_the_value(value, shown):
    assert describe(token(value)) == shown


def test_instances_of_a_project_read_as_their_code_and_state():
    assert re.fullmatch(r"code #[0-9a-f]{6}\(a=1, b=2\)", describe(token(Slotted(1, 2))))
    assert re.fullmatch(r"code #[0-9a-f]{6}\.LOW", describe(token(Level.LOW)))


def test_instances_of_a_library_read_as_in_python():
    state = token({"a": 1})
    assert describe(record("object", [class_by_name(dict), state])) == "dict(a=1)"
    assert describe(record("enum", [class_by_name(dict), token("LOW")])) == "dict.LOW"


def test_a_long_value_reads_as_its_kind_and_the_start_of_its_digest():
    shown = describe(token("x" * 1000))
    assert shown.startswith("str 1000 #")
    assert len(shown) == len("str 1000 #") + 6
    assert describe(token(Awaited(b"\xab" * 32), [])) == "@ababab…"


def test_the_places_in_a_token_can_be_compared_one_by_one():
    before = dict(parts(token({"alpha": 0.1, "sizes": [1, 2]})))
    after = dict(parts(token({"alpha": 0.2, "sizes": [1, 2]})))
    changed = [path for path in before if before[path] != after[path]]
    assert changed == ["", "['alpha']"]
    assert describe(after["['alpha']"]) == "0.2"


@pytest.mark.parametrize("data", [b"", b"x", b"[i1;", b"i1;i2;", b"s\xff", b"f123", b"i1"])
def test_bytes_that_are_no_token_are_refused(data):
    with pytest.raises(ValueError, match="not a token"):
        describe(data)
