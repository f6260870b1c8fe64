"""Edits to a small project: which functions' results may be reused after which edit.

Neutral data: nothing here knows jumar. Write the files of `jumar.testing.conformance_project` into a directory, take
the key of every function named there in a new process, apply an `Edit`, take the keys again in another new
process. The keys that differ should be those in ``Edit.changes``: one more is a needless miss, one less is a wrong hit.
"""

from __future__ import annotations

from dataclasses import dataclass

from jumar.testing.conformance_project import PROJECT

MOVED = "lab/moved.py"


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit.

    Args:
        name: What is done, as a person would say it.
        file: Which file.
        old: Text that stands in it exactly once.
        new: What takes its place.
        changes: The functions whose results may not be reused.
        more: Further replacements ``(file, old, new)``; an empty ``old`` writes a new file.
    """

    name: str
    file: str
    old: str
    new: str
    changes: tuple[str, ...] = ()
    more: tuple[tuple[str, str, str], ...] = ()

    def applied(self) -> dict[str, str]:
        """The project's files after the edit.

        Raises:
            ValueError: ``old`` is not in the file exactly once.
        """
        files = dict(PROJECT)
        for file, old, new in ((self.file, self.old, self.new), *self.more):
            if not old:
                files[file] = new
                continue
            if files[file].count(old) != 1:
                raise ValueError(f"edit {self.name!r}: {old!r} stands {files[file].count(old)} times in {file}")
            files[file] = files[file].replace(old, new)
        return files


_TASKS, _HELPERS, _MODELS, _DECO = "lab/tasks.py", "lab/helpers.py", "lab/models.py", "lab/deco.py"
_SCALE = ("helper", "package", "partial")

HARMLESS = (
    Edit("change a comment", _TASKS, "# the sum", "# the total"),
    Edit("remove a comment", _TASKS, "  # the sum", ""),
    Edit("change a docstring", _TASKS, "Add one.", "Add 1 to x."),
    Edit("remove a docstring", _TASKS, '    """Add one."""\n', ""),
    Edit("add a docstring", _TASKS, "def constant(x):\n", 'def constant(x):\n    """Doc."""\n'),
    Edit("change a class's docstring", _MODELS, "A model.", "A Gaussian model."),
    Edit("change the module's docstring", _TASKS, "What is computed.", "Tasks."),
    Edit("add blank lines at the top", _TASKS, "import functools\n", "\n\n\nimport functools\n"),
    Edit("add blank lines inside", _TASKS, "def nested(x):\n", "def nested(x):\n\n\n"),
    Edit("reformat an expression", _TASKS, "x * rate**power", "(x\n        * (rate ** power))"),
    Edit("reformat a call", _TASKS, "dict(a=x, b=2)", "dict(\n        a=x,\n        b=2,\n    )"),
    Edit("change quotes", _TASKS, '"one two"', "'one two'"),
    Edit("write an escape", _TASKS, '"one two"', '"one\\x20two"'),
    Edit("split a string literal", _TASKS, '"one two"', '"one " "two"'),
    Edit("write a number otherwise", _TASKS, "x + 1  #", "x + 0x1  #"),
    Edit("change parameter annotations", _TASKS, "plain(x: int) -> int", "plain(x: float) -> float"),
    Edit("remove annotations", _TASKS, "plain(x: int) -> int", "plain(x)"),
    Edit("change a local annotation", _TASKS, "total: int =", "total: float ="),
    Edit("remove a local annotation", _TASKS, "total: int =", "total ="),
    Edit("add pass", _TASKS, "    SEEN.append(x)\n", "    SEEN.append(x)\n    pass\n"),
    Edit("edit an unrelated constant", _TASKS, "unrelated = 1", "unrelated = 2"),
    Edit("add an unrelated function", _TASKS, "unrelated = 1", "def unrelated():\n    return 9"),
    Edit("edit an unrelated helper", _HELPERS, "def nobody(x):\n    return x", "def nobody(x):\n    return -x"),
    Edit(
        "edit an unrelated class",
        _MODELS,
        "class Other:\n    def fit(self, x):\n        return x",
        "class Other:\n    def fit(self, x):\n        return -x",
    ),
    Edit("edit an unused constant behind a star import", "lab/consts.py", "UNUSED = 4", "UNUSED = 5"),
    Edit("import another library", _TASKS, "import math\n", "import math\nimport json\n"),
    Edit(
        "import a library under another statement",
        _TASKS,
        "import functools\nimport math\n",
        "import math, functools\n",
    ),
    Edit("change what a written list holds at first", _TASKS, "SEEN = []", "SEEN = [0]"),
    Edit("reorder a global dict", _TASKS, '{"a": 1, "b": 2}', '{"b": 2, "a": 1}'),
    Edit("compute a constant with the same value", _TASKS, "THRESHOLD = 3", "THRESHOLD = 1 + 2"),
    Edit("compute a default with the same value", _TASKS, "power=2)", "power=1 + 1)"),
    Edit(
        "move a function to another module",
        _TASKS,
        'def plain(x: int) -> int:\n    """Add one."""\n    total: int = x + 1  # the sum\n    return total\n',
        "from lab.moved import plain\n",
        more=((MOVED, "", "def plain(x):\n    total = x + 1\n    return total\n"),),
    ),
    Edit(
        "move a helper to another module",
        _HELPERS,
        "def shift(x):\n    return x + 1\n",
        "from lab.moved import shift\n",
        more=((MOVED, "", "def shift(x):\n    return x + 1\n"),),
    ),
    Edit(
        "move a constant to another module",
        _HELPERS,
        "BASE = 2\n",
        "from lab.moved import BASE\n",
        more=((MOVED, "", "BASE = 2\n"),),
    ),
    Edit(
        "rename a recursive function",
        _TASKS,
        "def recursive(n):\n    return 1 if n < 2 else n * recursive(n - 1)",
        "def factorial(n):\n    return 1 if n < 2 else n * factorial(n - 1)\n\n\nrecursive = factorial",
    ),
    Edit("change the size of a cache", _HELPERS, "maxsize=None", "maxsize=100", changes=("cached",)),
)
"""Edits after which results are reused; except one, where the text of a library's decorator is taken at its word."""

HARMFUL = (
    Edit("change an operator", _TASKS, "x + 1  #", "x - 1  #", ("plain",)),
    Edit("change precedence with parentheses", _TASKS, "x + y * 2", "(x + y) * 2", ("operators",)),
    Edit("swap operands", _TASKS, "x + y * 2", "y * 2 + x", ("operators",)),
    Edit("change a default", _TASKS, "rate=0.1", "rate=0.2", ("default",)),
    Edit("change a default's type", _TASKS, "power=2)", "power=2.0)", ("default",)),
    Edit("add a default", _TASKS, "def constant(x):", "def constant(x=1):", ("constant",)),
    Edit(
        "rename a parameter",
        _TASKS,
        "def constant(x):\n    return x >",
        "def constant(y):\n    return y >",
        ("constant",),
    ),
    Edit("make a parameter keyword-only", _TASKS, "operators(x, y)", "operators(x, *, y)", ("operators",)),
    Edit("change a global constant", _TASKS, "THRESHOLD = 3", "THRESHOLD = 4", ("constant",)),
    Edit("change a constant's type", _TASKS, "THRESHOLD = 3", "THRESHOLD = 3.0", ("constant",)),
    Edit("change a helper", _HELPERS, "return shift(x) * BASE", "return shift(x) + BASE", _SCALE),
    Edit(
        "change a helper of a helper",
        _HELPERS,
        "def shift(x):\n    return x + 1",
        "def shift(x):\n    return x + 2",
        _SCALE,
    ),
    Edit("change a helper's constant", _HELPERS, "BASE = 2", "BASE = 20", _SCALE),
    Edit("change an aliased helper", _HELPERS, ".strip()", ".rstrip()", ("alias",)),
    Edit(
        "import another helper under the same alias",
        _TASKS,
        "import clean as tidy",
        "import nobody as tidy",
        ("alias",),
    ),
    Edit("change a function in a package's __init__", "lab/__init__.py", "/ 10", "/ 11", ("package",)),
    Edit("change a constant behind a star import", "lab/consts.py", "FACTOR = 3", "FACTOR = 5", ("star",)),
    Edit("change a function of a module imported inside", "lab/late.py", "+ 1", "+ 2", ("late",)),
    Edit("change what a module imported inside imports", "lab/later.py", "x * 11", "x * 12", ("late",)),
    Edit("change a method", _MODELS, "+ self.area", "- self.area", ("method",)),
    Edit("change a property", _MODELS, "self.width * 2", "self.width * 3", ("method",)),
    Edit("change a static method", _MODELS, "return x * x", "return x + x", ("method",)),
    Edit("change a base class's method", _MODELS, "x - self.offset", "x + self.offset", ("method",)),
    Edit("change a class attribute", _MODELS, "rate = 0.5", "rate = 0.25", ("method",)),
    Edit("change a base class's attribute", _MODELS, "offset = 1", "offset = 2", ("method",)),
    Edit("change a class's base", _MODELS, "class Gaussian(Base)", "class Gaussian(Base, dict)", ("method",)),
    Edit("change a dataclass field's default", _MODELS, "alpha: float = 0.1", "alpha: float = 0.2", ("settings",)),
    Edit(
        "add a dataclass field",
        _MODELS,
        "    beta: int = 2\n",
        "    beta: int = 2\n    gamma: int = 3\n",
        ("settings",),
    ),
    Edit("change a dataclass field's type", _MODELS, "beta: int", "beta: float", ("settings",)),
    Edit(
        "freeze a dataclass", _MODELS, "dataclasses.dataclass\n", "dataclasses.dataclass(frozen=True)\n", ("settings",)
    ),
    Edit("change an enum member", _MODELS, "EXACT = 2", "EXACT = 3", ("mode",)),
    Edit("add an enum member", _MODELS, "    EXACT = 2\n", "    EXACT = 2\n    ROUGH = 3\n", ("mode",)),
    Edit("change a decorator of the project", _DECO, "fn(x) * by", "fn(x) + by", ("decorated",)),
    Edit("change a decorator's argument", _TASKS, "@scaled(2)", "@scaled(3)", ("decorated",)),
    Edit("remove a decorator", _TASKS, "@scaled(2)\n", "", ("decorated",)),
    Edit("change a decorated function", _TASKS, "x + 3", "x + 4", ("decorated",)),
    Edit("change a cached helper", _HELPERS, "x * 5", "x * 6", ("cached",)),
    Edit("change one of two that call each other", _HELPERS, "n != 0 and", "n != 1 and", ("parity",)),
    Edit("change the other of the two", _HELPERS, "n == 0 or", "n == 1 or", ("parity",)),
    Edit("change a generator", _HELPERS, "n -= 1", "n -= 2", ("generator",)),
    Edit("change a coroutine", _HELPERS, "x * 7", "x * 8", ("coroutine",)),
    Edit("change a tuple", _TASKS, "(1, 2, 3)", "(1, 2, 4)", ("weights",)),
    Edit("change a tuple to a list", _TASKS, "(1, 2, 3)", "[1, 2, 3]", ("weights",)),
    Edit("change a dict", _TASKS, '"b": 2}', '"b": 3}', ("table",)),
    Edit("change a list", _TASKS, '["load", "fit"]', '["load", "fit", "save"]', ("stages",)),
    Edit(
        "change a function held in a dict",
        _HELPERS,
        "def slow(x):\n    return x + 0",
        "def slow(x):\n    return x",
        ("choice",),
    ),
    Edit("exchange functions held in a dict", _TASKS, '"slow": helpers.slow', '"slow": helpers.nobody', ("choice",)),
    Edit("change a nested function", _TASKS, "return y * 2", "return y * 3", ("nested",)),
    Edit("change a comprehension", _TASKS, "x: x**2 for", "x: x**3 for", ("comprehension",)),
    Edit("change a comprehension's condition", _TASKS, "if x > 1}", "if x > 2}", ("comprehension",)),
    Edit("change an assignment expression", _TASKS, "(y := x * 2)", "(y := x * 3)", ("walrus",)),
    Edit("change a pattern", _TASKS, '{"kind": "a"', '{"kind": "b"', ("matched",)),
    Edit("change what a pattern binds", _TASKS, "[first, *_]", "[_, first, *_]", ("matched",)),
    Edit("change an f-string's text", _TASKS, "value: {", "value; {", ("formatted",)),
    Edit("change an f-string's format", _TASKS, ">10.3f", ">10.4f", ("formatted",)),
    Edit("change an f-string's conversion", _TASKS, "{x:>10.3f}", "{x!r:>10.3f}", ("formatted",)),
    Edit("change space inside a string", _TASKS, '"one two"', '"one  two"', ("text",)),
    Edit("change a string to bytes", _TASKS, '"one two"', 'b"one two"', ("text",)),
    Edit("change the order of keywords", _TASKS, "dict(a=x, b=2)", "dict(b=2, a=x)", ("keywords",)),
    Edit("call another library function", _TASKS, "math.sqrt", "math.exp", ("library",)),
    Edit("import another library under the same name", _TASKS, "import math", "import cmath as math", ("library",)),
    Edit("change a recursive function", _TASKS, "n < 2", "n < 3", ("recursive",)),
    Edit("change a lambda", _TASKS, "lambda x: x * x", "lambda x: x + x", ("square",)),
    Edit("change one of two lambdas on a line", _TASKS, "x**4", "x**5", ("fourth",)),
    Edit(
        "exchange two lambdas on a line",
        _TASKS,
        "lambda x: x**3, lambda x: x**4",
        "lambda x: x**4, lambda x: x**3",
        ("cube", "fourth"),
    ),
    Edit("change what a closure holds", _TASKS, "adder(10)", "adder(11)", ("closure",)),
    Edit("change a closure's code", _HELPERS, "return x + n", "return x - n", ("closure",)),
    Edit("change a partial's argument", _TASKS, "helpers.scale, 4", "helpers.scale, 5", ("partial",)),
    Edit("rebind a name after its definition", _TASKS, "square = ", "THRESHOLD = 5\nsquare = ", ("constant",)),
    Edit("shadow a builtin", _TASKS, "unrelated = 1", "def len(x):\n    return 0", ("stages",)),
    Edit("make a local global", _TASKS, "    if (y := x * 2)", "    global y\n    if (y := x * 2)", ("walrus",)),
)
"""Edits that change what some functions compute, or may."""

EDITS = (*HARMLESS, *HARMFUL)
