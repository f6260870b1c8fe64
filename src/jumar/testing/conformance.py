"""A neutral suite for keys: does a system that reuses results tell apart what it must, and nothing else?

Any system can be judged. It is described by a `Keyer` in a script of its own::

    # my_keys.py
    from jumar.testing.conformance import answer

    class Mine:
        def key_of_value(self, value):
            return my_system.hash(value)

        def key_of_function(self, function, name):
            return my_system.task(name=name)(function).hash

    if __name__ == "__main__":
        answer(Mine())

and judged from outside, because keys have to hold between processes: every question is put to a new process, each with
another hash seed. The script can run in a Python environment of its own; there it needs jumar, NumPy and the system::

    subject = Subject([sys.executable, "my_keys.py"])
    for verdict in [*judge_values(subject), *judge_edits(subject)]:
        print(verdict.table, verdict.name, verdict.found, verdict.detail)

Five tables are run: values that must differ, values that must be equal, both found again by a later process, functions
of a small project, and edits to its files. There are two mistakes. A *wrong hit* gives the result of something else; a
*needless miss* computes what is known. A system that says that it cannot tell makes neither: it *refuses*.
"""

from __future__ import annotations

import enum
import functools
import importlib
import itertools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from jumar.testing.conformance_edits import EDITS, Edit
from jumar.testing.conformance_project import FUNCTIONS, PROJECT
from jumar.testing.conformance_values import MUST_DIFFER, MUST_EQUAL, Pair
from jumar.testing.conformance_values_libraries import LIBRARIES


class Keyer(Protocol):
    """What a system says about identity. Whatever either method raises counts as a refusal."""

    def key_of_value(self, value: Any) -> str | bytes:
        """What stands for this argument in the key of a call."""

    def key_of_function(self, function: Callable[..., Any], name: str) -> str | bytes:
        """What stands for the code of a task made of this function, which its module calls ``name``."""


class Found(enum.StrEnum):
    """What a system did, compared with what is expected of it."""

    RIGHT = "right"
    WRONG_HIT = "wrong hit"
    NEEDLESS_MISS = "needless miss"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one line of a table.

    Args:
        table: ``must differ``, ``must be equal``, ``found again``, ``functions`` or ``edits``.
        name: The line's name within its table.
        expected: What a key has to do here, and why.
        found: What it did.
        detail: Which functions are concerned, or how the system refused; may be empty.
        choice: Why another answer than the expected one can be defended; empty where none can.
    """

    table: str
    name: str
    expected: str
    found: Found
    detail: str = ""
    choice: str = ""


class Answer(NamedTuple):
    """A key, or why there is none."""

    key: str | None
    error: str = ""


@dataclass(frozen=True)
class Subject:
    """A system that is judged: a script that ends in `answer`, and how it is run.

    Args:
        command: What runs the script, such as ``[sys.executable, "my_keys.py"]``.
        environment: Variables that are set for it, beside those of this process.
        timeout_s: How long one process may take.
    """

    command: Sequence[str]
    environment: Mapping[str, str] | None = None
    timeout_s: float = 300.0

    def ask(self, question: str, *arguments: str, hash_seed: int) -> Any:
        """What a new process answers.

        Raises:
            RuntimeError: The process failed; the text has the end of what it wrote to its standard error.
            subprocess.TimeoutExpired: It took longer than ``timeout_s``.
        """
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "answer.json")
            done = subprocess.run(
                [*self.command, question, str(file), *arguments],
                env={
                    **os.environ,
                    "PYTHONDONTWRITEBYTECODE": "1",  # files are edited within the resolution of their times
                    "PYTHONHASHSEED": str(hash_seed),
                    **(self.environment or {}),
                },
                capture_output=True,
                text=True,
                timeout=self.timeout_s,
                check=False,
            )
            if done.returncode != 0 or not file.exists():
                raise RuntimeError(
                    f"{' '.join(self.command)} gave no {question}: it ended with status {done.returncode}. Does it end in "
                    f"answer(...), with all that it imports installed? It wrote: {done.stderr[-2000:].strip() or 'nothing'}"
                )
            return json.loads(file.read_text(encoding="utf-8"))


def answer(keyer: Keyer) -> None:
    """Answers the question on this process's command line: the last line of a script that describes a system.

    Args:
        keyer: The system.
    """
    question, file, folder, *libraries = sys.argv[1:]
    sys.path.insert(0, folder)
    answers: Any
    if question == "values":
        answers = [
            [table, pair.name, pair.why, _key(keyer.key_of_value, pair.left()), _key(keyer.key_of_value, pair.right())]
            for table, pair in _pairs(libraries)
        ]
    else:
        module = importlib.import_module("lab.tasks")
        answers = {name: _key(keyer.key_of_function, getattr(module, name), name) for name in FUNCTIONS}
    Path(file).write_text(json.dumps(answers), encoding="utf-8")


def judge_values(subject: Subject, libraries: Sequence[str] = ()) -> list[Verdict]:
    """Verdicts on the pairs that must differ, those that must be equal, and the values of both in a later process.

    Pairs with a value that is refused have no line in the table of later processes.

    Args:
        subject: The system.
        libraries: Import names of libraries, installed where the script runs, whose values are tried as well: see
            `jumar.testing.conformance_values_libraries`.

    Raises:
        RuntimeError: The script failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "strategies.py").write_text(STRATEGIES, encoding="utf-8")
        first, later = (subject.ask("values", folder, *libraries, hash_seed=seed) for seed in (1, 2))
    verdicts: list[Verdict] = []
    again: list[Verdict] = []
    expected = "the keys of both values are the same in a process with another hash seed"
    for (table, name, why, *sides), (*_, left_later, right_later) in zip(first, later, strict=True):
        verdict = _of_pair(table, name, why, *(Answer(*side) for side in sides))
        verdicts.append(verdict)
        if verdict.found is not Found.REFUSED:
            found = Found.RIGHT if sides == [left_later, right_later] else Found.NEEDLESS_MISS
            again.append(Verdict("found again", f"{name} ({table})", expected, found))
    return verdicts + again


def judge_edits(subject: Subject, edits: Sequence[Edit] = EDITS, processes: int = 2) -> list[Verdict]:
    """Verdicts on the functions of the small project, and on each edit to it.

    The files are really edited, and a new process takes the keys after each edit. A function without a key, or with
    another one in each process, is judged once, in the table ``functions``; what edits do to it is not counted again.

    Args:
        subject: The system.
        edits: The edits.
        processes: How many processes run at the same time.

    Raises:
        RuntimeError: The script failed.
    """
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(processes) as pool:
        # Each of them edits a directory of its own in place, so that a path within a key is no difference.
        shares = [edits[start::processes] for start in range(processes)]
        folders = [Path(folder, str(number)) for number in range(processes)]
        judged = list(pool.map(functools.partial(_edited, subject), folders, shares))
    in_turn = itertools.chain.from_iterable(itertools.zip_longest(*(verdicts for _, verdicts in judged)))
    return [*judged[0][0], *(verdict for verdict in in_turn if verdict is not None)]


def _key(take: Callable[..., str | bytes], *arguments: Any) -> Answer:
    try:
        key = take(*arguments)
    except Exception as error:  # noqa: BLE001  (whatever a system raises is its way to refuse)
        text = str(error).strip().partition("\n")[0]
        return Answer(None, f"{type(error).__name__}: {text}"[:200])
    return Answer(key.hex() if isinstance(key, bytes) else key)


def _error(*answers: Answer) -> str:
    return next((answer.error for answer in answers if answer.key is None), "")


def _pairs(libraries: Sequence[str]) -> Iterator[tuple[str, Pair]]:
    strategies = importlib.import_module("strategies")
    pairs: list[tuple[str, Sequence[Pair], Sequence[Pair]]] = [
        ("", MUST_DIFFER, MUST_EQUAL),
        ("", [Pair(*line) for line in strategies.MUST_DIFFER], [Pair(*line) for line in strategies.MUST_EQUAL]),
        *((f"{library}: ", *LIBRARIES[library]()) for library in libraries),
    ]
    for prefix, differ, equal in pairs:
        for table, of_table in (("must differ", differ), ("must be equal", equal)):
            yield from ((table, replace(pair, name=prefix + pair.name)) for pair in of_table)


def _of_pair(table: str, name: str, why: str, left: Answer, right: Answer) -> Verdict:
    differ = table == "must differ"
    expected = f"{'two keys' if differ else 'one key'}: {why}"
    found = Found.RIGHT
    if error := _error(left, right):
        found = Found.REFUSED
    elif (left.key != right.key) != differ:
        found = Found.WRONG_HIT if differ else Found.NEEDLESS_MISS
    return Verdict(table, name, expected, found, error, CHOICES.get((table, name), ""))


def _keys(subject: Subject, folder: Path, files: Mapping[str, str], hash_seed: int) -> dict[str, Answer]:
    for path in folder.rglob("*.py"):
        path.unlink()
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    answers = subject.ask("functions", str(folder), hash_seed=hash_seed)
    return {name: Answer(*of_function) for name, of_function in answers.items()}


def _edited(subject: Subject, folder: Path, edits: Sequence[Edit]) -> tuple[list[Verdict], list[Verdict]]:
    before = _keys(subject, folder, PROJECT, hash_seed=1)
    functions = _of_functions(before, _keys(subject, folder, PROJECT, hash_seed=2))
    unusable = {it.name: it.found for it in functions if it.found in (Found.REFUSED, Found.NEEDLESS_MISS)}
    return functions, [
        _of_edit(edit, before, _keys(subject, folder, edit.applied(), hash_seed=seed), unusable)
        for seed, edit in enumerate(edits, start=3)
    ]


def _of_functions(before: Mapping[str, Answer], later: Mapping[str, Answer]) -> list[Verdict]:
    verdicts = []
    for name in FUNCTIONS:
        here, there = before[name], later[name]
        twins = [other for other in FUNCTIONS if other != name and before[other].key == here.key]
        found, detail = Found.RIGHT, ""
        if detail := _error(here, there):
            found = Found.REFUSED
        elif here.key != there.key:
            found, detail = Found.NEEDLESS_MISS, "another key in each process"
        elif twins:
            found, detail = Found.WRONG_HIT, f"has the key of {', '.join(twins)}"
        verdicts.append(Verdict("functions", name, "a key of its own, in every process", found, detail))
    return verdicts


def _of_edit(
    edit: Edit, before: Mapping[str, Answer], after: Mapping[str, Answer], unusable: Mapping[str, Found]
) -> Verdict:
    judged = [name for name in FUNCTIONS if name not in unusable]
    same = [name for name in judged if name in edit.changes and before[name].key == after[name].key]
    refused = [name for name in judged if after[name].key is None]
    lost = [name for name in judged if name not in (*edit.changes, *refused) and before[name].key != after[name].key]
    found, detail = Found.RIGHT, ""
    if same:
        found, detail = Found.WRONG_HIT, f"old result for {', '.join(same)}"
    elif lost:
        found, detail = Found.NEEDLESS_MISS, f"runs {', '.join(lost)} again"
    elif refused:
        found, detail = Found.REFUSED, f"{refused[0]}: {after[refused[0]].error}"
    elif edit.changes and unusable.keys() >= set(edit.changes):
        found = unusable[edit.changes[0]]
        detail = f"no lasting key for {', '.join(edit.changes)}"
    expected = f"other keys for {', '.join(edit.changes)} only" if edit.changes else "every key stays"
    return Verdict("edits", edit.name, expected, found, detail, CHOICES.get(("edits", edit.name), ""))


STRATEGIES = """\
import functools


class Scale:
    def __init__(self, factor):
        self.factor = factor

    def apply(self, x): return x * self.factor
    def undo(self, x): return x / self.factor


def adder(n):
    def add(x): return x + n
    return add


def one():
    class Model:
        def fit(self): return 1
    return Model()


def two():
    class Model:
        def fit(self): return 2
    return Model()


MUST_DIFFER = [
    ("lambdas", lambda: lambda x: x + 1, lambda: lambda x: x + 2, "other results"),
    ("closures", lambda: adder(1), lambda: adder(2), "the same text, with another number in it"),
    ("defaults of lambdas", lambda: lambda x, n=1: x + n, lambda: lambda x, n=2: x + n, "other results"),
    ("methods", lambda: Scale(2.0).apply, lambda: Scale(2.0).undo, "other results"),
    ("methods of other instances", lambda: Scale(2.0).apply, lambda: Scale(3.0).apply, "other results"),
    ("instances", lambda: Scale(2.0), lambda: Scale(3.0), "other state"),
    ("classes of one name", lambda: type(one()), lambda: type(two()), "other methods"),
    ("instances of classes of one name", one, two, "other methods"),
    ("partials", lambda: functools.partial(adder(1), 1), lambda: functools.partial(adder(2), 1), "other results"),
]
MUST_EQUAL = [
    ("identical lambdas", lambda: lambda x: x + 1, lambda: lambda x: x + 1, "the same text, written twice"),
    ("closures made twice", lambda: adder(1), lambda: adder(1), "the same text and number"),
    ("methods of equal instances", lambda: Scale(2.0).apply, lambda: Scale(2.0).apply, "the same code and state"),
    ("equal instances", lambda: Scale(2.0), lambda: Scale(2.0), "the same class and state"),
    ("instances of a class made twice", one, one, "the same code and state"),
]
"""
"""A user's module with pairs of functions, methods and classes, as a strategy or a model is handed to a task.

A text, because code inside this package would be a library's to the systems that are judged, not a user's.
"""

# fmt: off
_EQUAL_VALUES = [
    "int and bool", "int and float", "int and NumPy int", "float and NumPy float", "bool and NumPy bool",
    "signed zeros", "signed zeros in arrays", "set and frozenset", "bytes and bytearray", "default factory",
    "deque bound", "decimal digits", "time zones of one instant", "time units", "array byte order", "array precision",
    "array of no dimensions and scalar", "record array",
]
# fmt: on
CHOICES: Mapping[tuple[str, str], str] = {
    **{("must differ", name): "they are ==" for name in _EQUAL_VALUES},
    ("must be equal", "dict order"): "a loop sees the order",
    ("must be equal", "mixed keys"): "a loop sees the order",
    ("must be equal", "counter order"): "a loop sees the order",
    ("must be equal", "NaN"): "math.copysign sees the sign",
    ("must be equal", "shared and copied parts"): "a change to one part is seen in the other",
    ("must be equal", "C and Fortran order"): "flags and ravel('K') see the layout",
    ("must be equal", "read-only array"): "writing to it raises",
    ("edits", "change parameter annotations"): "a function can read its annotations",
    ("edits", "remove annotations"): "a function can read its annotations",
    ("edits", "move a function to another module"): "the place may be part of what a task is",
    ("edits", "rename a recursive function"): "the name may be part of what a task is",
    ("edits", "change what a written list holds at first"): "the list is global state",
    ("edits", "change the size of a cache"): "a cache changes no result",
    ("edits", "swap operands"): "for numbers the sum is the same",
    ("edits", "rename a parameter"): "positional calls give the same",
    ("edits", "make a parameter keyword-only"): "calls that are still allowed give the same",
    ("edits", "add a default"): "calls that were allowed give the same",
    ("edits", "change a dataclass field's type"): "nothing checks it",
    ("edits", "freeze a dataclass"): "only writing to it differs",
    ("edits", "add an enum member"): "this function uses the others",
    ("edits", "change the order of keywords"): "the dicts are ==",
    ("edits", "make a local global"): "the function returns the same",
}
"""Lines where another answer than the expected one can be defended, by table and name, with the reason for it.

The expected answers are on the safe side: what functions that people write tell apart is two. Orders of dicts and
layouts of arrays are the exceptions, because they change without anybody's intention.
"""
