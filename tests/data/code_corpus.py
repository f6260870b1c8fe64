# ruff: noqa
# fmt: off
"""Functions whose digests are pinned in code_digests.json: every form of the language that Python 3.11 has.

An edit of anything but comments changes digests, and the pinned file with it. Formatting is not kept: ruff leaves this be.
"""

import contextlib
import dataclasses
import enum
import functools
import json as j
import math

ALPHA = 3
TABLE = {"a": 1, "b": [2.5, None, True], 3: {4, 5}}


def arithmetic(x, y):
    return -x + y * 2**3 // 4 % 5 - (x @ y) / ~y << 1 >> 2 & 3 | 4 ^ 5


def numbers():
    return 0, 1, -1, 10**30, 123456789012345678901234567890, 1.5, 1e300, 1e-7, 0.1, 2j, 0x1F, 1_000, True, None, ...


def strings():
    return "a" "b", 'it"s', "\n\x00\x01\x02\x7f", "é☃", b"a\xff", r"\d", """multi
line"""


def formatted(x, w):
    return f"a{x}b{x!r:>{w}}c{{}}", f"{x:{w}.{w}}", f"{x = }", "a" f"{x}" "b", f"", f"{x!s}{x!a}", f"{'q' + x}", f"{x:%Y-%m}"


def comparisons(x, y):
    return x < y <= 3 != 4 == y is None is not x in y not in x and not (x or y)


def parameters(a, b=1, /, c=2, *args, d, e=3, **kwargs):
    return a, b, c, args, d, e, kwargs


def annotated(a: int, *args: str, b: "list[int]" = (), **kwargs: dict) -> None:
    """Doc."""
    total: int = a
    unused: float
    return total


def unpacking(xs):
    a, *b = xs
    (c, [d, e]), f = xs
    return [*a, *b], {**c, "k": d}, {*e, f}, print(*xs, **c, sep="")


def comprehensions(xs):
    return [x for x in xs if x if x > 1], {x: y for x, y in xs}, {x for y in xs for x in y}, (x async for x in xs), [
        [y * x for y in xs] for x in xs
    ]


def walrus(xs):
    if (n := len(xs)) > 1 and any((last := x) for x in xs):
        return n, last


def control(xs):
    for x in xs:
        if x:
            continue
        elif x is None:
            break
    else:
        x = 1
    while x:
        x -= 1
    else:
        pass
    return x if xs else None


def exceptions(x):
    try:
        raise ValueError(x) from None
    except (ValueError, TypeError) as error:
        return error
    except Exception:
        raise
    else:
        assert x, "no"
    finally:
        del x


def groups(x):
    try:
        return x
    except* OSError as errors:
        print(errors)


def contexts(x):
    with open(x) as f, contextlib.suppress(OSError):
        return f
    with (open(x) as g, open(x) as h):
        return g, h


def matching(x):
    match x:
        case 0 | -1 | 1.5 | "a" | None | True:
            return 0
        case [1, *rest] | (2, rest):
            return rest
        case {"k": v, **others} if v:
            return others
        case Point(x=0, y=[_, 1 as one]):
            return one
        case math.pi:
            return 3
        case _:
            return x


def slices(x):
    x[1:2], x[::2], x[1:2, ...], x[:], x[-1] = x
    return x[1][2].a.b[3:]


def nesting(x):
    y = 1

    def inner(z, *, k=y):
        nonlocal y
        y += z
        return lambda q=k: (q, y, z)

    class Inner:
        attribute: int = x

        def method(self):
            return inner(self.attribute), Inner

    return Inner


def generating(x):
    got = yield x
    yield from got
    return got


async def awaiting(x):
    async with x as y:
        async for z in y:
            await z
    return [await z async for z in x]


def declaring(x):
    global ALPHA
    ALPHA = x
    del x
    return ALPHA


def starred_index(x, y):
    return x[*y], x[(*y, 1)]


def recursive(n):
    return n and recursive(n - 1)


def even(n):
    return n == 0 or odd(n - 1)


def odd(n):
    return n != 0 and even(n - 1)


def reaching(x):
    return ALPHA, TABLE[x], math.sqrt(x), j.dumps(x), even(x)


class Base:
    rate = 0.5

    def one(self):
        return self.rate


@dataclasses.dataclass(order=True)
class Point(Base):
    """Doc."""

    x: int
    y: float = 2.0
    z: list = dataclasses.field(default_factory=list)

    @property
    def area(self):
        return self.x * self.y

    @staticmethod
    def corner(x: int):
        return x

    @classmethod
    def make(cls, *args):
        return cls(*args)

    @functools.cached_property
    def cached(self):
        return super().one()


class Mode(enum.Enum):
    FAST = 1
    SLOW = "slow"


def decorate(by):
    def outer(fn):
        @functools.wraps(fn)
        def wrapper(*args):
            return fn(*args) * by

        return wrapper

    return outer


@decorate(3)
def decorated(x: int):
    return Point(x), Mode.FAST


double, triple = lambda x: x * 2, lambda x: x * 3
adding = functools.partial(math.fsum, [1, 2])
