"""The canonical text of source: what is one, and what is not."""

import ast

import pytest

from jumar.keys.code_names import outside
from jumar.keys.code_text import canonical


def text(source, neutral=()):
    node = ast.parse(source).body[0]
    return canonical(node, outside(node).free, lambda decorator: ast.unparse(decorator) in neutral)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def f(x): return x", "def g(x):\n  # comment\n  return (x)"),
        ("def f(x): pass", "def f(x): 'doc'"),
        ("def f(x): ...", "def f(x): pass"),
        ("def f(x):\n  'doc'\n  return 1", "def f(x):\n  return 1"),
        ("def f(x: int, *a: str) -> int: return x", "def f(x, *a): return x"),
        ("def f(x):\n y: int = x\n return y", "def f(x):\n y = x\n return y"),
        ("def f(x=1): return x", "def f(x=2): return x"),
        ("def f(x): return f'a' 'b' f'{x}' ''", "def f(x): return f'ab{x}'"),
        ("def f(x): return 1_000 + 0x10 + 1e3", "def f(x): return 1000 + 16 + 1000.0"),
        ("class C:\n  'doc'\n  x = 1", "class C:\n  x = 1"),
        ("class C:\n @lru_cache\n def g(y: int): return y", "class C:\n @lru_cache\n def g(y): return y"),
    ],
)  # fmt: skip
def test_what_cannot_matter_is_out(one, other):
    assert text(one) == text(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def f(x): return 1", "def f(x): return 1.0"),
        ("def f(x): return 1", "def f(x): return True"),
        ("def f(x): return 'a'", "def f(x): return b'a'"),
        ("def f(x): return 0.0", "def f(x): return -0.0"),
        ("def f(x): return None", "def f(x): return"),
        ("def f(x): return x, y", "def f(x): return [x, y]"),
        ("def f(x): return {**x, 'a': 1}", "def f(x): return {'a': 1, **x}"),
        ("def f(x, y): return x", "def f(x, *, y): return x"),
        ("def f(x, y): return x", "def f(x, y, /): return x"),
        ("def f(x): return f'{x}'", "def f(x): return f'{x!s}'"),
        ("def f(x): return x", "async def f(x): return x"),
        ("def f(x): return y", "def f(x):\n y = 1\n return y"),
        ("def f(x): return '\\x01y\\x02'", "def f(x): return y"),
        ('def f(x): return "\'x"', "def f(x): return x"),
        ("class C:\n x: int = 1", "class C:\n x: float = 1"),
        ("class C:\n if y:\n  x: int", "class C:\n if y:\n  x: str"),
        ("class C: pass", "class D: pass"),
        ("@validate\ndef f(x: int): return x", "@validate\ndef f(x: str): return x"),
        ("@d(1)\ndef f(x): return x", "@d(2)\ndef f(x): return x"),
        ("def f(x):\n def g(y=1): return y\n return g", "def f(x):\n def g(y=2): return y\n return g"),
        ("def f(x):\n def g(): pass\n return x", "def f(x):\n def h(): pass\n return x"),
        ("def f(x):\n try: x()\n finally: y()", "def f(x):\n try: x()\n except: y()"),
    ],
)
def test_what_can_matter_is_in(one, other):
    assert text(one) != text(other)


def test_decorators_said_to_be_neutral_are_out_with_all_that_they_name():
    assert text("@task(retries=N)\ndef f(x: int): return x", {"task(retries=N)"}) == text("def f(x): return x")
    node = ast.parse("@task(retries=N)\ndef f(x): return x").body[0]
    assert outside(node, lambda _: True).reads == set()


def test_a_sum_of_ten_thousand_terms_is_written_without_deep_recursion():
    tree = ast.Name("x", ast.Load())
    for _ in range(10_000):
        tree = ast.BinOp(tree, ast.Add(), ast.Name("x", ast.Load()))
    written = canonical(tree, set(), lambda _: False)
    assert written.count("BinOp(") == 10_000
