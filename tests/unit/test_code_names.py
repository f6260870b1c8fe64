"""Which names a piece of source reads from outside itself, and which it only writes."""

import ast

import pytest

from jumar.keys.code_names import Import, outside


def of(text):
    return outside(ast.parse(text).body[0])


def reads(text):
    return {".".join(chain) for chain in of(text).reads}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("def f(x): return x + y", "y"),
        ("def f(x): return a.b.c(x).d", "a.b.c"),
        ("def f(x): return (lambda y: x + y + z)(1)", "z"),
        ("def f(x): return [y for y in x if y > w]", "w"),
        ("def f(x): return [y for y in y]", "y"),
        ("def f(x): return [z for y in x for z in y]", ""),
        ("def f(x): return any((last := y) for y in x) and last", "any"),
        ("def f(x):\n y = x\n def g(): return y + z\n return g", "z"),
        ("def f(x):\n global y\n y = x\n return y", "y"),
        ("def f(x):\n y = 1\n def g():\n  nonlocal y\n  y = 2\n return y", ""),
        ("def f(x):\n def g():\n  global x\n  return x\n return g", "x"),
        ("def f(x):\n class C:\n  a = 1\n  def g(self): return a\n return C", "a"),
        ("def f(x):\n import os.path as p, sys\n return p, sys", ""),
        ("def f(x):\n try: pass\n except E as e: return e", "E"),
        ("def f(x):\n for i, (j, *k) in x: pass\n return i, j, k", ""),
        ("def f(x):\n with x as (a, b): return a + b", ""),
        ("def f(x):\n match x:\n  case C(a=b) if d: return b\n  case {'k': v, **r}: return v, r", "C d"),
        ("def f(x):\n match x:\n  case [s, *t] | s as t: return s, t", ""),
        ("def f(x):\n y += 1", ""),
        ("def f(x: A, y=B) -> D: return x", ""),
        ("def f(x):\n y: A = x\n return y", ""),
        ("def f(x):\n def g(y=B): return y\n return g", "B"),
        ("@d(e)\ndef f(x): return x", "d e"),
        ("class C(B, metaclass=M):\n x: int = y\n @d\n def f(self, a=z): return w", "B M int y d z w"),
        ("def f(x): return f'{x:{w}} {v!r}'", "w v"),
    ],
)  # fmt: skip
def test_names_are_read_from_outside_as_the_language_says(text, names):
    assert reads(text) == set(names.split())


@pytest.mark.parametrize(
    "text",
    ["SEEN.append(x)", "SEEN[x] = 1", "SEEN[x] += 1", "module.SEEN.add(x)", "global SEEN\n SEEN += 1"],
)
def test_a_container_that_is_only_written_is_told_apart(text):
    found = of(f"def f(x):\n {text}")
    assert {chain[-1] for chain in found.writes} == {"SEEN"}
    assert not found.reads


@pytest.mark.parametrize(
    "text",
    ["return SEEN.append(x)", "SEEN.pop()", "SEEN[0][x] = 1", "SEEN.append(SEEN)", "SEEN.append(x)\n return SEEN",
     "del SEEN[x]"],
)  # fmt: skip
def test_a_container_that_is_read_as_well_is_an_input(text):
    found = of(f"def f(x):\n {text}")
    assert {chain[0] for chain in found.reads} == {"SEEN"}
    assert ("SEEN",) not in found.writes


def test_what_is_written_into_a_container_is_read():
    assert reads("def f(x):\n SEEN[KEY] = VALUE\n SEEN.append(ITEM)") == {"KEY", "VALUE", "ITEM"}


def test_imports_inside_are_found_with_their_level():
    found = of("def f():\n import a.b\n from ..c import d, e as g\n from . import h")
    assert found.imports == {Import("a.b", 0, ()), Import("c", 2, ("d", "e")), Import("", 1, ("h",))}
