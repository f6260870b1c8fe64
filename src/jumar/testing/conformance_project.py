"""The small project that the edits of `jumar.testing.conformance_edits` are made to."""

from __future__ import annotations

from collections.abc import Mapping

PROJECT: Mapping[str, str] = {
    "lab/__init__.py": '''\
"""The package."""
from lab.helpers import scale


def norm(x):
    return scale(x) / 10
''',
    "lab/consts.py": """\
FACTOR = 3
UNUSED = 4
""",
    "lab/helpers.py": """\
import functools

BASE = 2


def scale(x):
    return shift(x) * BASE


def shift(x):
    return x + 1


def clean(x):
    return str(x).strip()


def fast(x):
    return x


def slow(x):
    return x + 0


@functools.lru_cache(maxsize=None)
def cached(x):
    return x * 5


def is_even(n):
    return n == 0 or is_odd(n - 1)


def is_odd(n):
    return n != 0 and is_even(n - 1)


def countdown(n):
    while n:
        yield n
        n -= 1


async def fetch(x):
    return x * 7


def adder(n):
    def add(x):
        return x + n
    return add


def nobody(x):
    return x
""",
    "lab/late.py": """\
from lab.later import polish


def finish(x):
    return polish(x) + 1
""",
    "lab/later.py": """\
def polish(x):
    return x * 11
""",
    "lab/deco.py": """\
import functools


def scaled(by):
    def decorate(fn):
        @functools.wraps(fn)
        def wrapper(x):
            return fn(x) * by
        return wrapper
    return decorate
""",
    "lab/models.py": '''\
import dataclasses
import enum


class Base:
    offset = 1

    def prepare(self, x):
        return x - self.offset


class Gaussian(Base):
    """A model."""

    rate = 0.5

    def __init__(self, width):
        self.width = width

    def fit(self, x):
        return self.prepare(x) * self.width * self.rate + self.area + self.corner(2)

    @property
    def area(self):
        return self.width * 2

    @staticmethod
    def corner(x):
        return x * x


class Other:
    def fit(self, x):
        return x


@dataclasses.dataclass
class Settings:
    alpha: float = 0.1
    beta: int = 2


class Mode(enum.Enum):
    FAST = 1
    EXACT = 2
''',
    "lab/tasks.py": '''\
"""What is computed."""
import functools
import math

from lab import helpers, norm
from lab.consts import *
from lab.deco import scaled
from lab.helpers import clean as tidy
from lab.models import Gaussian, Mode, Settings

THRESHOLD = 3
WEIGHTS = (1, 2, 3)
TABLE = {"a": 1, "b": 2}
STAGES = ["load", "fit"]
CHOICES = {"fast": helpers.fast, "slow": helpers.slow}
SEEN = []
unrelated = 1


def plain(x: int) -> int:
    """Add one."""
    total: int = x + 1  # the sum
    return total


def default(x, rate=0.1, *, power=2):
    return x * rate**power


def constant(x):
    return x > THRESHOLD


def helper(x):
    return helpers.scale(x)


def alias(x):
    return tidy(x)


def package(x):
    return norm(x)


def star(x):
    return x * FACTOR


def late(x):
    from lab import late as module

    return module.finish(x)


def method(x):
    return Gaussian(2).fit(x)


def settings(x):
    return Settings(alpha=x)


def mode(x):
    return Mode.FAST if x else Mode.EXACT


@scaled(2)
def decorated(x):
    return x + 3


def cached(x):
    return helpers.cached(x)


def parity(n):
    return helpers.is_even(n)


def generator(n):
    return sum(helpers.countdown(n))


async def coroutine(x):
    return await helpers.fetch(x)


def weights(x):
    return [x * w for w in WEIGHTS]


def table(x):
    return TABLE[x]


def stages():
    return len(STAGES)


def choice(x):
    return CHOICES["fast"](x)


def counted(x):
    SEEN.append(x)
    return x


def nested(x):
    def inner(y):
        return y * 2

    return inner(x)


def comprehension(xs):
    return {x: x**2 for x in xs if x > 1}


def walrus(x):
    if (y := x * 2) > 4:
        return y
    return None


def matched(x):
    match x:
        case {"kind": "a", **rest}:
            return rest
        case [first, *_]:
            return first
    return None


def formatted(x):
    return f"value: {x:>10.3f}"


def text(x):
    return x + "one two"


def operators(x, y):
    return x + y * 2


def keywords(x):
    return dict(a=x, b=2)


def library(x):
    return math.sqrt(x)


def recursive(n):
    return 1 if n < 2 else n * recursive(n - 1)


square = lambda x: x * x
cube, fourth = lambda x: x**3, lambda x: x**4
closure = helpers.adder(10)
partial = functools.partial(helpers.scale, 4)
''',
}
"""File texts by path."""

FUNCTIONS = [
    "plain",
    "default",
    "constant",
    "helper",
    "alias",
    "package",
    "star",
    "late",
    "method",
    "settings",
    "mode",
    "decorated",
    "cached",
    "parity",
    "generator",
    "coroutine",
    "weights",
    "table",
    "stages",
    "choice",
    "counted",
    "nested",
    "comprehension",
    "walrus",
    "matched",
    "formatted",
    "text",
    "operators",
    "keywords",
    "library",
    "recursive",
    "square",
    "cube",
    "fourth",
    "closure",
    "partial",
]
"""Names in ``lab.tasks`` whose keys are taken."""
