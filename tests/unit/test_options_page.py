"""The page of all options says what is so: each column is compared with what the options do."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

import jumar
from jumar.graph.options import NAMES, Options

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "options.md"
ROWS = {
    cells[0].strip("`"): cells[1:]
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if line.startswith("| `")
    for cells in [[cell.strip() for cell in line.strip("|").split(" | ")]]
}
VALUES, DEFAULT, SAID_FOR, PASSED_ON, IN_KEY, MEANING = range(6)

OTHER = {
    "name": {"name": "another name"},
    "version": {"version": "2"},
    "checkpoint": {"checkpoint": False},
    "restore": {"restore": lambda call: None},
    "exists": {"restore": lambda call: None, "exists": lambda call: False},
    "checkpoint_errors": {"checkpoint_errors": True},
    "retries": {"retries": 2},
    "retry_on": {"retry_on": ValueError},
    "backoff": {"backoff": 0.5},
    "timeout_s": {"timeout_s": 60.0},
    "catch": {"catch": True},
    "priority": {"priority": 2},
    "resources": {"resources": {"gpu": 1}},
    "executor": {"executor": "io"},
    "reuse": {"reuse": "run"},
    "refresh": {"refresh": True},
    "ttl_s": {"ttl_s": 60.0},
    "ignore": {"ignore": ["y"]},
    "key": {"key": lambda x, y: x},
    "code": {"code": "own"},
    "uses": {"uses": [len]},
    "env": {"env": ["pytest"]},
    "persist": {"persist": True},
    "cache": {"cache": True},
    "meta": {"meta": True},
    "step": {"step": True},
}
"""For each option what makes it another than by default."""


def offset():
    return 1


@jumar.task
def add(x, y):
    return x + y + offset()


@jumar.task
def makes_another(x=1, y=2):
    return facts(add.spawn(1, 2)._call)


def facts(call):
    """What the options of a call have made of it."""
    held = call.task._held
    return repr((call.keep, call.look, call.executor, call.priority, call.demand, held))


@pytest.fixture
def session():
    with jumar.Session(
        jumar.Store.in_memory(), "threads", 1, executors={"io": "threads"}, resources={"gpu": 1}
    ) as opened:
        yield opened


def test_every_option_has_a_row_and_every_row_is_an_option():
    assert list(ROWS) == list(NAMES) == list(OTHER)
    assert all(all(row) and len(row) == MEANING + 1 for row in ROWS.values())


@pytest.mark.parametrize("name", NAMES)
def test_the_default_is_the_one_that_is_shown(name):
    default = next(field.default for field in fields(Options) if field.name == name)
    shown = default.__name__ if isinstance(default, type) else repr(default).replace("'", '"')
    assert ROWS[name][DEFAULT] == f"`{shown}`"


@pytest.mark.parametrize("name", NAMES)
def test_it_may_be_said_where_the_page_says(name):
    value = OTHER[name][name]
    places = ["task"]
    for place, say in {
        "block": lambda: jumar.options(**{name: value}),
        "session": lambda: jumar.Session(jumar.Store.in_memory(), "inline", options={name: value}).close(),
    }.items():
        try:
            say()
        except jumar.DeclarationError as error:
            assert "cannot be said for" in str(error)  # noqa: PT017  (some are refused, and how is the point)
        else:
            places.append(place)
    assert ROWS[name][SAID_FOR] == ", ".join(places)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_passed_on_where_the_page_says(session, name):
    plain = makes_another.spawn().result()
    anew = makes_another if name == "step" else makes_another.options(refresh=True)  # a step is another call anyway
    given = anew.options(**OTHER[name]).spawn().result()
    is_passed_on = (given[0] if name == "catch" else given) != plain
    assert ROWS[name][PASSED_ON] == ("yes" if is_passed_on else "no")


@pytest.mark.parametrize("name", NAMES)
def test_it_joins_the_key_where_the_page_says(session, name):
    given, plain = (task.spawn(1, 2) for task in (add.options(**OTHER[name]), add))
    is_in_key = given.key != plain.key
    assert ROWS[name][IN_KEY] == ("yes" if is_in_key else "no")


def test_the_docstring_of_options_describes_each():
    assert set(re.findall(r"^        (\w+): ", Options.__doc__, re.MULTILINE)) - {"said"} == set(NAMES)
